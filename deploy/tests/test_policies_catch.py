"""Each rule finds the accident it is there for: it is made here on purpose."""

from collections.abc import Callable

import pytest

from . import policies
from .manifests import PRODUCTION, Object, of_kind, render, workloads


def named(objects: list[Object], kind: str, name: str) -> Object:
    return next(item for item in of_kind(objects, kind) if item["metadata"]["name"] == name)


def deployment(objects: list[Object], name: str = "sales-api") -> Object:
    return named(objects, "Deployment", name)


def pod(objects: list[Object], name: str = "sales-api"):
    return deployment(objects, name)["spec"]["template"]["spec"]


def container(objects: list[Object], name: str = "sales-api"):
    return pod(objects, name)["containers"][0]


def variable(objects: list[Object], name: str, of: str = "sales-api"):
    return next(entry for entry in container(objects, of)["env"] if entry["name"] == name)


def without(objects: list[Object], kind: str, name: str) -> None:
    objects.remove(named(objects, kind, name))


def trigger(objects: list[Object]):
    return named(objects, "ScaledObject", "sales-worker")["spec"]["triggers"][0]["metadata"]


def operators_pod(objects: list[Object]):
    spec = named(objects, "RabbitmqCluster", "rabbitmq")["spec"]
    return spec["override"]["statefulSet"]["spec"]["template"]["spec"]


def cluster(objects: list[Object]):
    return named(objects, "Cluster", "database")["spec"]


def additional(objects: list[Object], line: str) -> None:
    settings = named(objects, "RabbitmqCluster", "rabbitmq")["spec"]["rabbitmq"]
    settings["additionalConfig"] += f"{line}\n"


def settings(objects: list[Object], service: str = "sales"):
    named_so = (item["metadata"]["name"] for item in of_kind(objects, "ConfigMap"))
    name = next(name for name in named_so if name.startswith(f"{service}-config"))
    return named(objects, "ConfigMap", name)["data"]


ACCIDENTS: list[tuple[Callable, Callable[[list[Object]], object], str]] = [
    (
        policies.accounts_have_no_power,
        lambda all_: pod(all_).update(serviceAccountName="customer-pods"),
        "is shared by",
    ),
    (
        policies.accounts_have_no_power,
        lambda all_: pod(all_).pop("automountServiceAccountToken"),
        "mounts a token",
    ),
    (
        policies.apis_scale_by_load,
        lambda all_: named(all_, "HorizontalPodAutoscaler", "sales-api")["spec"].update(
            minReplicas=1
        ),
        "from 1 to 6",
    ),
    (
        policies.broker_survives_a_node,
        lambda all_: additional(all_, "cluster_partition_handling = ignore"),
        "cluster_partition_handling is ignore",
    ),
    (
        policies.broker_survives_a_node,
        lambda all_: named(all_, "RabbitmqCluster", "rabbitmq")["spec"].update(replicas=2),
        "2 nodes",
    ),
    (
        policies.database_has_room,
        lambda all_: cluster(all_)["postgresql"]["parameters"].update(max_connections="100"),
        "the server has 100",
    ),
    (
        policies.database_is_safe,
        lambda all_: without(all_, "Database", "sales"),
        "the databases are",
    ),
    (
        policies.database_is_safe,
        lambda all_: without(all_, "ScheduledBackup", "database-nightly"),
        "nobody makes backups",
    ),
    (
        policies.disruption_budgets_fit,
        lambda all_: without(all_, "PodDisruptionBudget", "sales-api"),
        "has 0 disruption budgets",
    ),
    (
        policies.disruption_budgets_fit,
        lambda all_: named(all_, "PodDisruptionBudget", "sales-api")["spec"]["selector"][
            "matchLabels"
        ].pop("app.kubernetes.io/component"),
        "selects ['Deployment/sales-api', 'Deployment/sales-worker']",
    ),
    (
        policies.every_service_is_whole,
        lambda all_: without(all_, "Job", "sales-setup"),
        "sales has no setup",
    ),
    (
        policies.every_service_is_whole,
        lambda all_: variable(all_, "DATABASE_NAME").update(value="customer"),
        "the database customer",
    ),
    (
        policies.everybody_signs_in,
        lambda all_: settings(all_).pop("FAIRWAY_ISSUER"),
        "has no FAIRWAY_ISSUER",
    ),
    (
        policies.everybody_signs_in,
        lambda all_: settings(all_).update(FAIRWAY_ISSUER="https://elsewhere.example"),
        "several issuers",
    ),
    (
        policies.everybody_signs_in,
        lambda all_: settings(all_).update(FAIRWAY_TRUSTED_PROXIES="0.0.0.0/0"),
        "believes 0.0.0.0/0",
    ),
    (
        policies.everything_is_closed_at_first,
        lambda all_: without(all_, "NetworkPolicy", "default-deny"),
        "0 policies close everything",
    ),
    (
        policies.everything_is_closed_at_first,
        lambda all_: without(all_, "NetworkPolicy", "sales-worker"),
        "Deployment/sales-worker: Egress is opened by []",
    ),
    (
        policies.images_are_exact,
        lambda all_: container(all_).update(image="fairway/sales:latest"),
        "has no exact tag",
    ),
    (
        policies.images_are_exact,
        lambda all_: container(all_).update(image="fairway/sales"),
        "has no exact tag",
    ),
    (
        policies.labels_are_complete,
        lambda all_: deployment(all_)["spec"]["template"]["metadata"]["labels"].pop(
            "app.kubernetes.io/version"
        ),
        "lack the label app.kubernetes.io/version",
    ),
    (
        policies.migrations_run_once,
        lambda all_: pod(all_)["initContainers"][0].update(args=["migrate"]),
        "before it starts, [['migrate']]",
    ),
    (
        policies.migrations_run_once,
        lambda all_: variable(all_, "DATABASE_URL", "sales-worker").update(
            value="postgresql://a@database-pool:5432/sales"
        ),
        "goes through the pooler",
    ),
    (
        policies.monitors_find_their_pods,
        lambda all_: named(all_, "ServiceMonitor", "sales-api")["spec"]["selector"][
            "matchLabels"
        ].pop("app.kubernetes.io/name"),
        "ServiceMonitor/sales-api selects",
    ),
    (
        policies.monitors_find_their_pods,
        lambda all_: without(all_, "PodMonitor", "sales-worker"),
        "Deployment/sales-worker is scraped 0 times",
    ),
    (
        policies.no_placeholder_is_left,
        lambda all_: variable(all_, "DATABASE_NAME").update(value="PACKAGE"),
        "PACKAGE",
    ),
    (
        policies.no_placeholder_is_left,
        lambda all_: container(all_).update(image="fairway/SERVICE:1"),
        "fairway/SERVICE:1",
    ),
    (
        policies.one_owner_of_replicas,
        lambda all_: deployment(all_)["spec"].update(replicas=2),
        "2 owners",
    ),
    (
        policies.one_owner_of_replicas,
        lambda all_: without(all_, "ScaledObject", "sales-worker"),
        "0 owners",
    ),
    (
        policies.only_who_must_reaches_the_broker,
        lambda all_: variable(all_, "BROKER_PASSWORD", "sales-worker")["valueFrom"][
            "secretKeyRef"
        ].update(name="fairway-setup-broker"),
        "is fairway-setup-broker at the broker",
    ),
    (
        policies.operators_pods_are_restricted,
        lambda all_: operators_pod(all_)["containers"][0].pop("securityContext"),
        "rabbitmq may gain privileges",
    ),
    (
        policies.pods_are_restricted,
        lambda all_: container(all_)["securityContext"].update(readOnlyRootFilesystem=False),
        "can write to its root",
    ),
    (
        policies.pods_are_restricted,
        lambda all_: pod(all_)["initContainers"][0]["securityContext"].pop("capabilities"),
        "schema keeps capabilities",
    ),
    (
        policies.pods_are_restricted,
        lambda all_: pod(all_)["securityContext"].pop("runAsNonRoot"),
        "may run as root",
    ),
    (
        policies.pods_are_restricted,
        lambda all_: pod(all_)["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
        "of the node",
    ),
    (
        policies.pods_are_spread,
        lambda all_: pod(all_)["topologySpreadConstraints"].pop(),
        "spread over",
    ),
    (
        policies.pods_end_gracefully,
        lambda all_: container(all_).pop("lifecycle"),
        "does not sleep",
    ),
    (
        policies.priorities_follow_criticality,
        lambda all_: pod(all_).update(priorityClassName="fairway-low"),
        "says critical, runs as fairway-low",
    ),
    (
        policies.probes_are_right,
        lambda all_: container(all_)["livenessProbe"]["httpGet"].update(path="/readyz"),
        "probes ask",
    ),
    (
        policies.probes_are_right,
        lambda all_: container(all_).pop("startupProbe"),
        "has no startupProbe",
    ),
    (
        policies.resources_are_said,
        lambda all_: container(all_)["resources"]["requests"].pop("memory"),
        "service asks for",
    ),
    (
        policies.rollouts_lose_no_pod,
        lambda all_: deployment(all_)["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1),
        "rollingUpdate is",
    ),
    (
        policies.selectors_never_change,
        lambda all_: deployment(all_)["spec"]["selector"]["matchLabels"].update(
            {"app.kubernetes.io/version": "1"}
        ),
        "selects by",
    ),
    (
        policies.services_lead_to_pods,
        lambda all_: named(all_, "Service", "sales-api")["spec"]["selector"].pop(
            "app.kubernetes.io/name"
        ),
        "leads to",
    ),
    (
        policies.settings_come_by_reference,
        lambda all_: container(all_)["env"].append({"name": "SMTP_PASSWORD", "value": "hello"}),
        "SMTP_PASSWORD does not come from a Secret",
    ),
    (
        policies.settings_come_by_reference,
        lambda all_: variable(all_, "DATABASE_URL").update(value="postgresql://sales:sales@db/s"),
        "a password in a URL",
    ),
    (
        policies.settings_come_by_reference,
        lambda all_: all_.append({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"}}),
        "Secret/s stands in the repository",
    ),
    (
        policies.variables_are_defined_before_use,
        lambda all_: container(all_)["env"].reverse(),
        "before it is defined",
    ),
    (
        policies.versions_agree,
        lambda all_: container(all_).update(image="fairway/sales:0.2.0"),
        "the label says 0.1.0",
    ),
    (
        policies.workers_scale_by_queue,
        lambda all_: trigger(all_).update(queueName="sales"),
        "watches the queue sales",
    ),
    (
        policies.workers_scale_by_queue,
        lambda all_: trigger(all_).update(host="http://rabbitmq:15672/"),
        "from another namespace",
    ),
]


@pytest.mark.parametrize(
    ("policy", "accident", "complaint"),
    ACCIDENTS,
    ids=[f"{policy.__name__}: {complaint}" for policy, _, complaint in ACCIDENTS],
)
def test_the_rule_finds_the_accident(policy, accident, complaint):
    objects = render(PRODUCTION)
    accident(objects)

    said = list(policy(objects))

    assert any(complaint in sentence for sentence in said), said


def test_every_rule_was_broken_once():
    assert {policy for policy, _, _ in ACCIDENTS} == set(policies.POLICIES)


def test_a_secret_that_nobody_makes_is_found():
    objects = render(PRODUCTION)
    made = {"fairway-internal"}

    said = list(policies.references_lead_somewhere(objects, made))

    assert any("nobody makes the Secret sales-database" in sentence for sentence in said)


def test_the_rules_look_at_real_pods():
    assert len([item for item in workloads(render(PRODUCTION)) if item.is_ours]) >= 18
