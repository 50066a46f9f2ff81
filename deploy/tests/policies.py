"""The rules that every rendered overlay keeps, one function a rule.

Each looks at all objects of an overlay and says what breaks it, in words that name the object.
test_policies.py asks that they say nothing; test_policies_catch.py breaks each on purpose.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import ip_network

from .manifests import (
    SERVICES,
    Object,
    called,
    environment,
    every_field,
    of_kind,
    package_of,
    selects,
    workloads,
)

Policy = Callable[[list[Object]], Iterator[str]]

LABELS = {
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
}
SELECTOR_LABELS = {"app.kubernetes.io/name", "app.kubernetes.io/component"}
CRITICALITIES = {"critical", "high", "medium", "low"}
MADE_ELSEWHERE = {"database-ca", "database-backup", "fairway-tls"}
"""Secrets that an operator or the place itself makes."""
MADE_BY_OPERATORS = {"database", "database-pool", "rabbitmq"}
"""Pods that come from a Cluster, a Pooler and a RabbitmqCluster, by the object's name."""


def labels_are_complete(objects: list[Object]) -> Iterator[str]:
    for workload in workloads(objects):
        for missing in LABELS - set(workload.labels):
            yield f"{workload.name}: its pods lack the label {missing}"
        for missing in LABELS - set(workload.source["metadata"]["labels"]):
            yield f"{workload.name} lacks the label {missing}"


def selectors_never_change(objects: list[Object]) -> Iterator[str]:
    """A selector cannot be changed later, so nothing that changes may stand in it."""
    for item in objects:
        selector = item.get("spec", {}).get("selector", {})
        if item["kind"] in {"Deployment", "StatefulSet"}:
            used = set(selector["matchLabels"])
        elif item["kind"] == "Service":
            used = set(selector)
        else:
            continue
        if used != SELECTOR_LABELS:
            yield f"{called(item)} selects by {sorted(used)}"


def images_are_exact(objects: list[Object]) -> Iterator[str]:
    for workload in workloads(objects):
        for container in workload.all_containers:
            image = container["image"]
            tag = image.rpartition("/")[2].partition(":")[2]
            if "@sha256:" in image:
                continue
            if not tag or tag == "latest":
                yield f"{workload.name}: the image {image} has no exact tag"
            elif workload.is_ours and not re.fullmatch(r"\d+\.\d+\.\d+\S*", tag):
                yield f"{workload.name}: {image} is not a release"
            if container.get("imagePullPolicy") != "IfNotPresent":
                yield f"{workload.name}: imagePullPolicy of {container['name']}"
    for item in of_kind(objects, "RabbitmqCluster"):
        if not re.search(r":\d+\.\d+\.\d+", item["spec"].get("image", "")):
            yield f"{called(item)}: the image has no exact tag"


def versions_agree(objects: list[Object]) -> Iterator[str]:
    """The label tells a person what runs, so it must be the image's own tag."""
    for workload in workloads(objects):
        for container in workload.all_containers if workload.is_ours else []:
            image = container["image"]
            version = workload.labels["app.kubernetes.io/version"]
            if "@sha256:" not in image and image.rpartition(":")[2] != version:
                yield f"{workload.name}: the label says {version}, the image is {image}"


def rollouts_lose_no_pod(objects: list[Object]) -> Iterator[str]:
    for workload in workloads(objects, "Deployment"):
        spec = workload.source["spec"]
        rolling = spec.get("strategy", {}).get("rollingUpdate", {})
        if rolling.get("maxUnavailable") != 0 or rolling.get("maxSurge") != 1:
            yield f"{workload.name}: rollingUpdate is {rolling}"
        if spec.get("revisionHistoryLimit") != 5 or spec.get("minReadySeconds") != 5:
            yield f"{workload.name}: revisionHistoryLimit or minReadySeconds"


def probes_are_right(objects: list[Object]) -> Iterator[str]:
    for workload in workloads(objects, "Deployment", "StatefulSet"):
        for container in workload.containers:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if probe not in container:
                    yield f"{workload.name}: {container['name']} has no {probe}"
            if not workload.is_ours:
                continue
            paths = {
                probe: container.get(probe, {}).get("httpGet", {}).get("path")
                for probe in ("startupProbe", "livenessProbe", "readinessProbe")
            }
            # Liveness never asks database or broker: a restart cannot mend their outage.
            if paths != {
                "startupProbe": "/livez",
                "livenessProbe": "/livez",
                "readinessProbe": "/readyz",
            }:
                yield f"{workload.name}: probes ask {paths}"
            startup = container.get("startupProbe", {})
            if (startup.get("periodSeconds"), startup.get("failureThreshold")) != (2, 30):
                yield f"{workload.name}: the startup probe is not 30 times every 2 s"
            ports = {port["name"] for port in container.get("ports", [])}
            for probe in paths:
                port = container.get(probe, {}).get("httpGet", {}).get("port")
                if port not in ports:
                    yield f"{workload.name}: {probe} asks the port {port}"


def pods_end_gracefully(objects: list[Object]) -> Iterator[str]:
    for workload in workloads(objects, "Deployment"):
        if workload.pod.get("terminationGracePeriodSeconds") != 60:
            yield f"{workload.name}: terminationGracePeriodSeconds"
        for container in workload.containers:
            if container.get("lifecycle", {}).get("preStop") != {"sleep": {"seconds": 5}}:
                yield f"{workload.name}: {container['name']} does not sleep before it stops"


def pods_are_restricted(objects: list[Object]) -> Iterator[str]:
    """All fields of the Pod Security Standard `restricted`, and a read-only root besides."""
    for workload in workloads(objects):
        pod = workload.pod
        security = pod.get("securityContext", {})
        if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
            yield f"{workload.name}: may run as root"
        if workload.is_ours and (
            {security.get("runAsUser"), security.get("runAsGroup"), security.get("fsGroup")}
            != {10001}
        ):
            yield f"{workload.name}: the user is not 10001"
        if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{workload.name}: no seccomp profile"
        for host in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.get(host):
                yield f"{workload.name}: {host}"
        for container in workload.all_containers:
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
                yield f"{workload.name}: {container['name']} may gain privileges"
            if own.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{workload.name}: {container['name']} keeps capabilities"
            if own.get("readOnlyRootFilesystem") is not True:
                yield f"{workload.name}: {container['name']} can write to its root"
            if any("hostPort" in port for port in container.get("ports", [])):
                yield f"{workload.name}: {container['name']} takes a port of the node"
        for volume in pod.get("volumes", []):
            if "hostPath" in volume:
                yield f"{workload.name}: mounts {volume['hostPath']} of the node"
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{workload.name}: the volume {volume['name']} has no limit"
    for namespace in of_kind(objects, "Namespace"):
        labels = namespace["metadata"].get("labels", {})
        if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{called(namespace)} does not enforce `restricted`"


def operators_pods_are_restricted(objects: list[Object]) -> Iterator[str]:
    """The namespace enforces `restricted`, so pods that operators make must keep to it as well."""
    for item in of_kind(objects, "RabbitmqCluster"):
        pod = item["spec"]["override"]["statefulSet"]["spec"]["template"]["spec"]
        if pod["securityContext"].get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{called(item)}: no seccomp profile"
        names = [part["name"] for part in [*pod["containers"], *pod["initContainers"]]]
        if names != ["rabbitmq", "setup-container"]:
            yield f"{called(item)}: the operator's containers are not named {names}"
        for container in [*pod["containers"], *pod["initContainers"]]:
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities") != {
                "drop": ["ALL"]
            }:
                yield f"{called(item)}: {container['name']} may gain privileges"


def accounts_have_no_power(objects: list[Object]) -> Iterator[str]:
    accounts = {item["metadata"]["name"]: item for item in of_kind(objects, "ServiceAccount")}
    for account in accounts.values():
        if account.get("automountServiceAccountToken") is not False:
            yield f"{called(account)} hands out its token"
    for item in objects:
        if item["apiVersion"].startswith("rbac.authorization.k8s.io/"):
            yield f"{called(item)}: nothing of ours speaks to the Kubernetes API"
    users: dict[str, set[str]] = {}
    for workload in workloads(objects):
        name = workload.pod.get("serviceAccountName", "default")
        if name not in accounts:
            yield f"{workload.name}: there is no account {name}"
        if workload.pod.get("automountServiceAccountToken") is not False:
            yield f"{workload.name} mounts a token"
        users.setdefault(name, set()).add(workload.service)
    for name, services in users.items():
        if len(services) > 1:
            yield f"the account {name} is shared by {sorted(services)}"


def resources_are_said(objects: list[Object]) -> Iterator[str]:
    for workload in workloads(objects):
        for container in workload.all_containers:
            resources = container.get("resources", {})
            requests, limits = resources.get("requests", {}), resources.get("limits", {})
            if set(requests) != {"cpu", "memory"} or "memory" not in limits:
                yield f"{workload.name}: {container['name']} asks for {resources}"
            # A limit on the processor slows a pod down that could have had idle cores.
            if "cpu" in limits:
                yield f"{workload.name}: {container['name']} has a limit on the processor"
    for item in of_kind(objects, "RabbitmqCluster"):
        resources = item["spec"]["resources"]
        if resources["requests"] != resources["limits"]:
            yield f"{called(item)}: requests are not limits"


def pods_are_spread(objects: list[Object]) -> Iterator[str]:
    for workload in workloads(objects, "Deployment"):
        if not workload.is_ours:
            continue
        spread = {
            rule["topologyKey"]: rule for rule in workload.pod.get("topologySpreadConstraints", [])
        }
        if set(spread) != {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}:
            yield f"{workload.name}: spread over {sorted(spread)}"
        affinity = workload.pod.get("affinity", {}).get("podAntiAffinity", {})
        terms = affinity.get("preferredDuringSchedulingIgnoredDuringExecution", [])
        selectors = [rule["labelSelector"] for rule in spread.values()]
        selectors += [term["podAffinityTerm"]["labelSelector"] for term in terms]
        if not terms:
            yield f"{workload.name}: no anti-affinity"
        for selector in selectors:
            chosen = [
                other.name
                for other in workloads(objects, "Deployment")
                if selects(selector, other.labels)
            ]
            if chosen != [workload.name]:
                yield f"{workload.name}: is spread against {chosen}"


def priorities_follow_criticality(objects: list[Object]) -> Iterator[str]:
    classes = {
        item["metadata"]["name"]: item["value"] for item in of_kind(objects, "PriorityClass")
    }
    order = [classes.get(f"fairway-{name}", -1) for name in ("critical", "high", "medium", "low")]
    if order != sorted(order, reverse=True) or len(set(order)) != 4:
        yield f"priority classes are not in order: {order}"
    for workload in workloads(objects):
        name = workload.pod.get("priorityClassName", "")
        if name not in classes:
            yield f"{workload.name}: there is no priority class {name!r}"
        for container in workload.containers if workload.is_ours else []:
            said = environment(container)["SERVICE_CRITICALITY"]["value"]
            if said not in CRITICALITIES or name != f"fairway-{said}":
                yield f"{workload.name}: says {said}, runs as {name}"


def disruption_budgets_fit(objects: list[Object]) -> Iterator[str]:
    budgets = of_kind(objects, "PodDisruptionBudget")
    guarded: Counter[str] = Counter()
    for budget in budgets:
        spec = budget["spec"]
        if spec.get("maxUnavailable") != 1 or "minAvailable" in spec:
            yield f"{called(budget)} can block the draining of a node"
        if spec.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{called(budget)} keeps sick pods in the way"
        if budget["metadata"]["name"] in MADE_BY_OPERATORS:
            continue
        chosen = [
            workload.name
            for workload in workloads(objects, "Deployment", "StatefulSet")
            if selects(spec["selector"], workload.labels)
        ]
        guarded.update(chosen)
        if len(chosen) != 1:
            yield f"{called(budget)} selects {chosen}"
    for workload in workloads(objects, "Deployment", "StatefulSet"):
        own = workload.source["metadata"]["name"] in MADE_BY_OPERATORS
        if guarded[workload.name] != 1 and not own:
            yield f"{workload.name} has {guarded[workload.name]} disruption budgets"


def one_owner_of_replicas(objects: list[Object]) -> Iterator[str]:
    """Whoever else writes `replicas` undoes the scaling at every apply."""
    owners: Counter[str] = Counter()
    for item in of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject"):
        owners[item["spec"]["scaleTargetRef"]["name"]] += 1
    for workload in workloads(objects, "Deployment"):
        name = workload.source["metadata"]["name"]
        count = owners.pop(name, 0) + ("replicas" in workload.source["spec"])
        if count != 1:
            yield f"{workload.name}: {count} owners of its number of pods"
    for name in owners:
        yield f"there is no Deployment {name} to scale"


def apis_scale_by_load(objects: list[Object]) -> Iterator[str]:
    for item in of_kind(objects, "HorizontalPodAutoscaler"):
        spec = item["spec"]
        if spec["minReplicas"] < 2 or spec["maxReplicas"] <= spec["minReplicas"]:
            yield f"{called(item)}: from {spec['minReplicas']} to {spec['maxReplicas']}"
        if [metric["resource"] for metric in spec["metrics"]] != [
            {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
        ]:
            yield f"{called(item)}: not by 70 % of the processor"
        down = spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"]
        up = spec["behavior"]["scaleUp"]["stabilizationWindowSeconds"]
        if (up, down) != (0, 300):
            yield f"{called(item)}: up after {up} s, down after {down} s"


def workers_scale_by_queue(objects: list[Object]) -> Iterator[str]:
    logins = {item["metadata"]["name"]: item for item in of_kind(objects, "TriggerAuthentication")}
    namespace = next(iter(of_kind(objects, "Namespace")))["metadata"]["name"]
    vhosts = {item["spec"]["name"] for item in of_kind(objects, "Vhost")}
    for item in of_kind(objects, "ScaledObject"):
        spec = item["spec"]
        service = item["metadata"]["labels"]["app.kubernetes.io/name"]
        if spec.get("minReplicaCount", 0) < 1:
            yield f"{called(item)}: nobody would relay what is said meanwhile"
        for trigger in spec["triggers"]:
            metadata = trigger["metadata"]
            if metadata.get("queueName") != f"{package_of(service)}.inbox":
                yield f"{called(item)}: watches the queue {metadata.get('queueName')}"
            if metadata.get("mode") != "QueueLength" or "queueLength" in metadata:
                yield f"{called(item)}: mode {metadata.get('mode')}"
            # Only over HTTP do messages count that are delivered and not yet acknowledged.
            if metadata.get("protocol") != "http":
                yield f"{called(item)}: protocol {metadata.get('protocol')}"
            if metadata.get("host") != f"http://rabbitmq.{namespace}.svc:15672/":
                yield f"{called(item)}: asks {metadata.get('host')}, from another namespace"
            if metadata.get("vhostName") not in vhosts:
                yield f"{called(item)}: there is no vhost {metadata.get('vhostName')}"
            login = logins.get(trigger.get("authenticationRef", {}).get("name", ""), {})
            given = {
                entry["parameter"] for entry in login.get("spec", {}).get("secretTargetRef", [])
            }
            if given != {"username", "password"}:
                yield f"{called(item)}: logs in with {sorted(given)}"


def everything_is_closed_at_first(objects: list[Object]) -> Iterator[str]:
    closed = [
        item
        for item in of_kind(objects, "NetworkPolicy")
        if item["spec"]["podSelector"] == {}
        and set(item["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        and not item["spec"].get("ingress")
        and not item["spec"].get("egress")
    ]
    if len(closed) != 1:
        yield f"{len(closed)} policies close everything"
    for workload in workloads(objects):
        for direction in ("Ingress", "Egress"):
            own = [
                called(policy)
                for policy in of_kind(objects, "NetworkPolicy")
                if policy["spec"]["podSelector"]
                and direction in policy["spec"]["policyTypes"]
                and selects(policy["spec"]["podSelector"], workload.labels)
            ]
            if len(own) != 1:
                yield f"{workload.name}: {direction} is opened by {own}"


def settings_come_by_reference(objects: list[Object]) -> Iterator[str]:
    for item in of_kind(objects, "Secret"):
        yield f"{called(item)} stands in the repository"
    for workload in workloads(objects):
        for container in workload.all_containers:
            for name, entry in environment(container).items():
                is_secret = re.search(r"PASSWORD|TOKEN|SECRET|_PASS$", name)
                if is_secret and "secretKeyRef" not in entry.get("valueFrom", {}):
                    yield f"{workload.name}: {name} does not come from a Secret"
    for item in objects:
        for path, value in every_field(item):
            if isinstance(value, str) and re.search(r"://[^/\s$]*:[^@$/\s]+@", value):
                yield f"{called(item)}{path}: a password in a URL"
            if isinstance(value, str) and re.search(r"\b(guest|changeme|password123)\b", value):
                yield f"{called(item)}{path}: a default password"
    for item in of_kind(objects, "ConfigMap"):
        if not re.search(r"-[a-z0-9]{10}$", item["metadata"]["name"]):
            yield f"{called(item)} has no hash: a change would not roll out"


def everybody_signs_in(objects: list[Object]) -> Iterator[str]:
    """Every process knows one issuer, and believes no address outside about who asks."""
    maps = {item["metadata"]["name"]: item["data"] for item in of_kind(objects, "ConfigMap")}
    issuers = set()
    for workload in workloads(objects):
        for container in workload.all_containers if workload.is_ours else []:
            settings: dict[str, str] = {}
            for source in container.get("envFrom", []):
                settings |= maps.get(source.get("configMapRef", {}).get("name"), {})
            for name in ("FAIRWAY_ISSUER", "FAIRWAY_JWKS_URL", "FAIRWAY_AUDIENCE"):
                if not settings.get(name):
                    yield f"{workload.name}: {container['name']} has no {name}"
            issuers.add(settings.get("FAIRWAY_ISSUER"))
            for network in settings.get("FAIRWAY_TRUSTED_PROXIES", "").split(","):
                # 100.64.0.0/10 is shared by providers: neither private nor global.
                if network and ip_network(network).is_global:
                    yield f"{workload.name}: believes {network} about the client's address"
    if len(issuers) > 1:
        yield f"several issuers: {sorted(map(str, issuers))}"


def references_lead_somewhere(objects: list[Object], secrets: set[str]) -> Iterator[str]:
    """`secrets`: the names that make_secrets.py makes."""
    maps = {item["metadata"]["name"] for item in of_kind(objects, "ConfigMap")}
    for workload in workloads(objects):
        named_maps, named_secrets = set(), set()
        for volume in workload.pod.get("volumes", []):
            named_maps |= {volume.get("configMap", {}).get("name")}
            named_secrets |= {volume.get("secret", {}).get("secretName")}
        for container in workload.all_containers:
            for source in container.get("envFrom", []):
                named_maps |= {source.get("configMapRef", {}).get("name")}
                named_secrets |= {source.get("secretRef", {}).get("name")}
            for entry in container.get("env", []):
                source = entry.get("valueFrom", {})
                named_maps |= {source.get("configMapKeyRef", {}).get("name")}
                named_secrets |= {source.get("secretKeyRef", {}).get("name")}
            mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
            known = {volume["name"] for volume in workload.pod.get("volumes", [])}
            claims = workload.source["spec"].get("volumeClaimTemplates", [])
            known |= {claim["metadata"]["name"] for claim in claims}
            for missing in mounted - known:
                yield f"{workload.name}: there is no volume {missing}"
        for missing in named_maps - maps - {None}:
            yield f"{workload.name}: there is no ConfigMap {missing}"
        for missing in named_secrets - secrets - MADE_ELSEWHERE - {None}:
            yield f"{workload.name}: nobody makes the Secret {missing}"
    for item in objects:
        for path, value in every_field(item.get("spec", {})):
            about_secret = re.search(
                r"(passwordSecret|importCredentialsSecret|certificateRefs\[\d+\]|accessKeyId"
                r"|secretAccessKey|secretTargetRef\[\d+\])\.name$",
                path,
            )
            if about_secret and value not in secrets | MADE_ELSEWHERE:
                yield f"{called(item)}{path}: nobody makes the Secret {value}"


def variables_are_defined_before_use(objects: list[Object]) -> Iterator[str]:
    """Kubernetes leaves $(NAME) as it is when NAME does not stand further up in the list."""
    for workload in workloads(objects):
        for container in workload.all_containers:
            known: set[str] = set()
            for entry in container.get("env", []):
                for used in re.findall(r"\$\((\w+)\)", str(entry.get("value", ""))):
                    if used not in known:
                        yield f"{workload.name}: {entry['name']} uses {used} before it is defined"
                known.add(entry["name"])


def no_placeholder_is_left(objects: list[Object]) -> Iterator[str]:
    """The words in capitals of base/service are replaced by the values of a service."""
    for item in objects:
        for path, value in every_field(item):
            if isinstance(value, str) and re.search(
                r"(?<![A-Z_$(])(SERVICE|PACKAGE|CRITICALITY|CALLS|CALLED-BY)(?![A-Z_)])", value
            ):
                yield f"{called(item)}{path}: {value}"


def every_service_is_whole(objects: list[Object]) -> Iterator[str]:
    found = {(workload.service, workload.component) for workload in workloads(objects)}
    for service in SERVICES:
        for component in ("api", "worker", "setup"):
            if (service, component) not in found:
                yield f"{service} has no {component}"
    for service, component in found:
        if component in {"api", "worker", "setup"} and service not in SERVICES:
            yield f"{service}/{component} is no service of this tree"
    for workload in workloads(objects):
        if not workload.is_ours:
            continue
        for container in workload.all_containers:
            values = environment(container)
            if values["DATABASE_NAME"]["value"] != package_of(workload.service):
                yield f"{workload.name}: the database {values['DATABASE_NAME']['value']}"
            secret = values["DATABASE_PASSWORD"]["valueFrom"]["secretKeyRef"]["name"]
            if secret != f"{workload.service}-database":
                yield f"{workload.name}: logs in with {secret}"
            if not container["image"].startswith(f"fairway/{workload.service}:"):
                yield f"{workload.name}: runs {container['image']}"


def only_who_must_reaches_the_broker(objects: list[Object]) -> Iterator[str]:
    """An api says things through its database; only `setup` may declare queues."""
    expected = {"api": None, "worker": "{}-broker", "setup": "fairway-setup-broker"}
    for workload in workloads(objects):
        for container in workload.containers if workload.is_ours else []:
            password = environment(container).get("BROKER_PASSWORD", {}).get("valueFrom", {})
            name = password.get("secretKeyRef", {}).get("name")
            wanted = expected[workload.component]
            if name != (wanted and wanted.format(workload.service)):
                yield f"{workload.name}: is {name} at the broker"


def migrations_run_once(objects: list[Object]) -> Iterator[str]:
    for workload in workloads(objects, "Job"):
        spec = workload.source["spec"]
        if "ttlSecondsAfterFinished" not in spec or "backoffLimit" not in spec:
            yield f"{workload.name}: stays for ever or gives up at once"
        if workload.component == "setup" and workload.containers[0].get("args") != ["setup"]:
            yield f"{workload.name}: runs {workload.containers[0].get('args')}"
    for workload in workloads(objects, "Deployment"):
        if not workload.is_ours:
            continue
        waits = [container.get("args") for container in workload.pod.get("initContainers", [])]
        if waits != [["migrate", "--check"]]:
            yield f"{workload.name}: before it starts, {waits}"
        for container in workload.all_containers:
            url = environment(container)["DATABASE_URL"]["value"]
            # Locks and prepared sessions do not survive a pooler.
            if "@database-pool:" in url and (workload.component, container["name"]) != (
                "api",
                "service",
            ):
                yield f"{workload.name}: {container['name']} goes through the pooler"


def monitors_find_their_pods(objects: list[Object]) -> Iterator[str]:
    monitored: Counter[str] = Counter()
    for monitor in of_kind(objects, "ServiceMonitor", "PodMonitor"):
        if monitor["metadata"]["name"] in MADE_BY_OPERATORS:
            continue
        selector = monitor["spec"]["selector"]
        endpoints = monitor["spec"].get("endpoints") or monitor["spec"].get("podMetricsEndpoints")
        # `service` is a label of ours, and Prometheus would push it aside.
        if not all(endpoint.get("honorLabels") for endpoint in endpoints):
            yield f"{called(monitor)}: our own label `service` is lost"
        if monitor["kind"] == "ServiceMonitor":
            services = [
                item
                for item in of_kind(objects, "Service")
                if selects(selector, item["metadata"]["labels"])
            ]
            if len(services) != 1:
                yield f"{called(monitor)} selects {[called(item) for item in services]}"
            for service in services:
                ports = {port["name"] for port in service["spec"]["ports"]}
                if not {endpoint["port"] for endpoint in endpoints} <= ports:
                    yield f"{called(monitor)}: {called(service)} has no such port"
            chosen = [
                workload
                for workload in workloads(objects)
                if any(
                    selects({"matchLabels": item["spec"]["selector"]}, workload.labels)
                    for item in services
                )
            ]
        else:
            chosen = [item for item in workloads(objects) if selects(selector, item.labels)]
            for workload in chosen:
                ports = {port["name"] for port in workload.containers[0].get("ports", [])}
                if not {endpoint["port"] for endpoint in endpoints} <= ports:
                    yield f"{called(monitor)}: {workload.name} has no such port"
        monitored.update(workload.name for workload in chosen)
    if of_kind(objects, "ServiceMonitor"):
        for workload in workloads(objects, "Deployment"):
            if workload.is_ours and monitored[workload.name] != 1:
                yield f"{workload.name} is scraped {monitored[workload.name]} times"


def services_lead_to_pods(objects: list[Object]) -> Iterator[str]:
    for service in of_kind(objects, "Service"):
        selector = {"matchLabels": service["spec"]["selector"]}
        chosen = [workload for workload in workloads(objects) if selects(selector, workload.labels)]
        if len(chosen) != 1:
            yield f"{called(service)} leads to {[workload.name for workload in chosen]}"
            continue
        ports = {port["name"] for port in chosen[0].containers[0]["ports"]}
        for port in service["spec"]["ports"]:
            if port["targetPort"] not in ports:
                yield f"{called(service)}: {chosen[0].name} has no port {port['targetPort']}"


def _handed_down(name: str, roles: dict[str, Object]) -> set[str]:
    """The roles whose rights a role has without becoming them."""
    role = roles.get(name, {})
    if role.get("inherit", True) is False:
        return set()
    held = set(role.get("inRoles", ()))
    return held.union(*(_handed_down(other, roles) for other in held))


def database_is_safe(objects: list[Object]) -> Iterator[str]:
    clusters = of_kind(objects, "Cluster")
    for cluster in clusters:
        spec = cluster["spec"]
        if spec["instances"] < 3 or spec["enableSuperuserAccess"]:
            yield f"{called(cluster)}: {spec['instances']} instances, or an open superuser"
        if not any(plugin.get("isWALArchiver") for plugin in spec.get("plugins", [])):
            yield f"{called(cluster)}: its log is not archived"
        every = {role["name"]: role for role in spec["managed"]["roles"]}
        roles = {name: role for name, role in every.items() if role["login"]}
        if set(roles) != {package_of(service) for service in SERVICES}:
            yield f"{called(cluster)}: the roles are {sorted(roles)}"
        for name, role in every.items():
            if role["superuser"] or role["createdb"] or role["createrole"]:
                yield f"{called(cluster)}: {name} has power over others"
        for name, role in roles.items():
            for held in _handed_down(name, every):
                if held.endswith("_owner") or held == "fairway_all_rows":
                    yield f"{called(cluster)}: {name} is {held} without saying so"
            if not {"fairway_partner", "fairway_service"} <= set(role.get("inRoles", ())):
                yield f"{called(cluster)}: {name} cannot become what it works as"
            if role["passwordSecret"]["name"] != f"{name.replace('_', '-')}-database":
                yield f"{called(cluster)}: {name} logs in with {role['passwordSecret']['name']}"
    if not clusters:
        return
    databases = {item["spec"]["name"]: item["spec"] for item in of_kind(objects, "Database")}
    if set(databases) != {package_of(service) for service in SERVICES}:
        yield f"the databases are {sorted(databases)}"
    for name, database in databases.items():
        if database["owner"] != f"{name}_owner" or database["databaseReclaimPolicy"] != "retain":
            yield f"the database {name} belongs to {database['owner']}, or goes with its object"
    backups = [
        item
        for item in of_kind(objects, "ScheduledBackup")
        if item["spec"]["cluster"]["name"] == clusters[0]["metadata"]["name"]
    ]
    if not backups:
        yield "nobody makes backups"


WORKER_CONNECTIONS = 14
"""A worker's pool (12), its relay's own connection, and one for a command by hand."""
KEPT_FOR_PEOPLE = 20


def database_has_room(objects: list[Object]) -> Iterator[str]:
    """Poolers and workers at their largest open no more connections than the server has."""
    for cluster in of_kind(objects, "Cluster"):
        limit = int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])
        pooled = sum(
            item["spec"]["instances"]
            * int(item["spec"]["pgbouncer"]["parameters"]["default_pool_size"])
            for item in of_kind(objects, "Pooler")
        )
        working = {
            item["spec"]["scaleTargetRef"]["name"]: item["spec"]["maxReplicaCount"]
            for item in of_kind(objects, "ScaledObject")
        }
        # In a rollout there is one worker more.
        of_one = pooled + (max(working.values()) + 1) * WORKER_CONNECTIONS
        for role in cluster["spec"]["managed"]["roles"]:
            if role["login"] and of_one > role["connectionLimit"]:
                yield f"{role['name']} may open {role['connectionLimit']}, and needs {of_one}"
        total = len(SERVICES) * (pooled + max(working.values()) * WORKER_CONNECTIONS)
        if total + KEPT_FOR_PEOPLE > limit:
            yield f"{total} connections and {KEPT_FOR_PEOPLE} for people; the server has {limit}"


def broker_survives_a_node(objects: list[Object]) -> Iterator[str]:
    for item in of_kind(objects, "RabbitmqCluster"):
        spec = item["spec"]
        settings = {
            name.strip(): value.strip()
            for name, _, value in (
                line.partition("=") for line in spec["rabbitmq"]["additionalConfig"].splitlines()
            )
        }
        if spec["replicas"] != 3:
            yield f"{called(item)}: {spec['replicas']} nodes"
        wanted = {
            "cluster_partition_handling": "pause_minority",
            "disk_free_limit.relative": "1.0",
            "default_queue_type": "quorum",
        }
        for name, value in wanted.items():
            if settings.get(name) != value:
                yield f"{called(item)}: {name} is {settings.get(name)}"
        pod = spec["override"]["statefulSet"]["spec"]["template"]["spec"]
        keys = {rule["topologyKey"] for rule in pod["topologySpreadConstraints"]}
        if "topology.kubernetes.io/zone" not in keys:
            yield f"{called(item)}: not spread over zones"


POLICIES: list[Policy] = [
    accounts_have_no_power,
    apis_scale_by_load,
    broker_survives_a_node,
    database_has_room,
    database_is_safe,
    disruption_budgets_fit,
    every_service_is_whole,
    everybody_signs_in,
    everything_is_closed_at_first,
    images_are_exact,
    labels_are_complete,
    migrations_run_once,
    monitors_find_their_pods,
    no_placeholder_is_left,
    one_owner_of_replicas,
    only_who_must_reaches_the_broker,
    operators_pods_are_restricted,
    pods_are_restricted,
    pods_are_spread,
    pods_end_gracefully,
    priorities_follow_criticality,
    probes_are_right,
    resources_are_said,
    rollouts_lose_no_pod,
    selectors_never_change,
    services_lead_to_pods,
    settings_come_by_reference,
    variables_are_defined_before_use,
    versions_agree,
    workers_scale_by_queue,
]
