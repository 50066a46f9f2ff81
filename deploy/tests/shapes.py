"""The shapes of the custom resources we use, strict: a field that is not listed is a mistake.

Kubernetes' own kinds are held against their published schemas. For the kinds of operators there is
no package of schemas that a Python test could install, so the part of them that our manifests use
is written down here. A new field is looked up in the operator's reference before it is added.

A shape is a type; a set of allowed texts; a list with the shape of its items; a dictionary of
fields, in which `!` marks a required one and `*` stands for any name; or the name of a Kubernetes
definition, which is then held against its schema.
"""

from collections.abc import Callable, Iterator
from typing import Any

Shape = Any
CheckCore = Callable[[str, Any], Iterator[str]]
"""Holds a value against a definition of Kubernetes' own, as `io.k8s.api.core.v1.Affinity`."""

CORE = "io.k8s.api.core.v1."
RESOURCES = CORE + "ResourceRequirements"
SPREAD = [CORE + "TopologySpreadConstraint"]
SELECTOR = "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"

NAMED = {"name!": str}
KEY = {"name!": str, "key!": str}
RABBITMQ = {"name!": str}

_PARENTS = [{"name!": str, "namespace": str, "sectionName": str, "port": int}]
_PATH = {"type!": {"Exact", "PathPrefix"}, "value!": str}
_REDIRECT = {
    "scheme": {"http", "https"},
    "hostname": str,
    "statusCode": int,
    "path": {"type!": {"ReplaceFullPath", "ReplacePrefixMatch"}, "replaceFullPath": str},
}
_ENDPOINT = {
    "port!": str,
    "path": str,
    "interval": str,
    "scrapeTimeout": str,
    "honorLabels": bool,
    "params": {"*": [str]},
}

SHAPES: dict[tuple[str, str], Shape] = {
    ("keda.sh/v1alpha1", "ScaledObject"): {
        "scaleTargetRef!": {"name!": str, "kind": str, "apiVersion": str},
        "minReplicaCount": int,
        "maxReplicaCount": int,
        "pollingInterval": int,
        "cooldownPeriod": int,
        "fallback": {"failureThreshold!": int, "replicas!": int},
        "triggers!": [
            {
                "type!": {"rabbitmq"},
                "name": str,
                # The scaler's own settings are texts, also the numbers.
                "metadata!": {
                    "host!": str,
                    "protocol!": {"http", "amqp"},
                    "vhostName": str,
                    "queueName!": str,
                    "mode!": {"QueueLength", "MessageRate"},
                    "value!": str,
                    "activationValue": str,
                },
                "authenticationRef": {
                    "name!": str,
                    "kind": {"TriggerAuthentication", "ClusterTriggerAuthentication"},
                },
            }
        ],
    },
    ("keda.sh/v1alpha1", "TriggerAuthentication"): {
        "secretTargetRef": [{"parameter!": str, "name!": str, "key!": str}],
    },
    ("gateway.networking.k8s.io/v1", "Gateway"): {
        "gatewayClassName!": str,
        "listeners!": [
            {
                "name!": str,
                "protocol!": {"HTTP", "HTTPS"},
                "port!": int,
                "hostname": str,
                "tls": {"mode": {"Terminate"}, "certificateRefs": [NAMED]},
                "allowedRoutes": {"namespaces": {"from": {"Same", "All", "Selector"}}},
            }
        ],
    },
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): {
        "parentRefs!": _PARENTS,
        "hostnames": [str],
        "rules!": [
            {
                "matches!": [{"path!": _PATH}],
                "filters": [
                    {"type!": {"RequestRedirect"}, "requestRedirect": _REDIRECT},
                ],
                "timeouts": {"request": str, "backendRequest": str},
                "backendRefs": [{"name!": str, "port!": int, "weight": int}],
            }
        ],
    },
    ("monitoring.coreos.com/v1", "ServiceMonitor"): {
        "selector!": SELECTOR,
        "endpoints!": [_ENDPOINT],
    },
    ("monitoring.coreos.com/v1", "PodMonitor"): {
        "selector!": SELECTOR,
        "podMetricsEndpoints!": [_ENDPOINT],
    },
    ("postgresql.cnpg.io/v1", "Cluster"): {
        "instances!": int,
        "imageCatalogRef": {"apiGroup!": str, "kind!": str, "name!": str, "major!": int},
        "inheritedMetadata": {"labels": {"*": str}, "annotations": {"*": str}},
        "primaryUpdateStrategy": {"unsupervised", "supervised"},
        "primaryUpdateMethod": {"switchover", "restart"},
        "enableSuperuserAccess": bool,
        "enablePDB": bool,
        "priorityClassName": str,
        "stopDelay": int,
        "switchoverDelay": int,
        "storage!": {"size!": str, "storageClass": str},
        "walStorage": {"size!": str, "storageClass": str},
        "resources": RESOURCES,
        "affinity": {
            "enablePodAntiAffinity": bool,
            "podAntiAffinityType": {"required", "preferred"},
            "topologyKey": str,
        },
        "topologySpreadConstraints": SPREAD,
        "postgresql": {
            "synchronous": {
                "method!": {"any", "first"},
                "number!": int,
                "dataDurability": {"required", "preferred"},
            },
            # PostgreSQL's own settings are texts, also the numbers.
            "parameters": {"*": str},
        },
        "bootstrap": {
            "initdb": {
                "database": str,
                "owner": str,
                "encoding": str,
                "localeCType": str,
                "localeCollate": str,
                "dataChecksums": bool,
            }
        },
        "managed": {
            "roles": [
                {
                    "name!": str,
                    "ensure": {"present", "absent"},
                    "login": bool,
                    "superuser": bool,
                    "createdb": bool,
                    "createrole": bool,
                    "connectionLimit": int,
                    "inherit": bool,
                    "inRoles": [str],
                    "passwordSecret": NAMED,
                }
            ]
        },
        "plugins": [{"name!": str, "isWALArchiver": bool, "parameters": {"*": str}}],
    },
    ("postgresql.cnpg.io/v1", "Database"): {
        "cluster!": NAMED,
        "name!": str,
        "owner!": str,
        "ensure": {"present", "absent"},
        "databaseReclaimPolicy": {"retain", "delete"},
    },
    ("postgresql.cnpg.io/v1", "Pooler"): {
        "cluster!": NAMED,
        "instances": int,
        "type": {"rw", "ro", "r"},
        "pgbouncer!": {"poolMode": {"session", "transaction"}, "parameters": {"*": str}},
        "template": CORE + "PodTemplateSpec",
    },
    ("postgresql.cnpg.io/v1", "ScheduledBackup"): {
        "schedule!": str,
        "immediate": bool,
        "backupOwnerReference": {"none", "self", "cluster"},
        "method": {"barmanObjectStore", "volumeSnapshot", "plugin"},
        "pluginConfiguration": {"name!": str, "parameters": {"*": str}},
        "cluster!": NAMED,
    },
    ("barmancloud.cnpg.io/v1", "ObjectStore"): {
        "retentionPolicy": str,
        "configuration!": {
            "destinationPath!": str,
            "endpointURL": str,
            "s3Credentials": {"accessKeyId": KEY, "secretAccessKey": KEY, "region": KEY},
            "wal": {"compression": {"gzip", "bzip2", "snappy", "zstd", "lz4"}, "maxParallel": int},
            "data": {"compression": {"gzip", "bzip2", "snappy"}},
        },
        "instanceSidecarConfiguration": {"resources": RESOURCES},
    },
    ("rabbitmq.com/v1beta1", "RabbitmqCluster"): {
        "replicas": int,
        "image": str,
        "terminationGracePeriodSeconds": int,
        "resources": RESOURCES,
        "persistence": {"storage!": str, "storageClassName": str},
        "affinity": CORE + "Affinity",
        "rabbitmq": {"additionalConfig": str, "additionalPlugins": [str]},
        "override": {
            "statefulSet": {
                "spec": {
                    "template": {
                        "spec": {
                            "priorityClassName": str,
                            "securityContext": CORE + "PodSecurityContext",
                            "containers!": [
                                {"name!": str, "securityContext": CORE + "SecurityContext"}
                            ],
                            "initContainers": [
                                {"name!": str, "securityContext": CORE + "SecurityContext"}
                            ],
                            "topologySpreadConstraints": SPREAD,
                        }
                    }
                }
            }
        },
    },
    ("rabbitmq.com/v1beta1", "Vhost"): {
        "name!": str,
        "defaultQueueType": {"quorum", "classic", "stream"},
        "deletionPolicy": {"delete", "retain"},
        "rabbitmqClusterReference!": RABBITMQ,
    },
    ("rabbitmq.com/v1beta1", "User"): {
        "tags": [{"management", "policymaker", "monitoring", "administrator"}],
        "importCredentialsSecret": NAMED,
        "rabbitmqClusterReference!": RABBITMQ,
    },
    ("rabbitmq.com/v1beta1", "Permission"): {
        "vhost!": str,
        "user": str,
        "permissions!": {"configure": str, "write": str, "read": str},
        "rabbitmqClusterReference!": RABBITMQ,
    },
}


def faults(value: Any, shape: Shape, check_core: CheckCore, path: str = "spec") -> Iterator[str]:
    """What is wrong with a value that should have this shape."""
    if isinstance(shape, str):
        yield from (f"{path}{fault}" for fault in check_core(shape, value))
    elif isinstance(shape, set):
        if value not in shape:
            yield f"{path}: {value!r} is none of {', '.join(sorted(shape))}"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{path}: not a list"
            return
        for index, item in enumerate(value):
            yield from faults(item, shape[0], check_core, f"{path}[{index}]")
    elif isinstance(shape, dict):
        yield from _faults_of_fields(value, shape, check_core, path)
    # bool is an int in Python, and is not one in Kubernetes.
    elif not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        yield f"{path}: {value!r} is not {shape.__name__}"


def _faults_of_fields(
    value: Any, shape: dict[str, Shape], check_core: CheckCore, path: str
) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: not an object"
        return
    fields = {name.removesuffix("!"): item for name, item in shape.items()}
    for name in shape:
        if name.endswith("!") and name.removesuffix("!") not in value:
            yield f"{path}: {name.removesuffix('!')} is missing"
    for name, item in value.items():
        if name in fields:
            yield from faults(item, fields[name], check_core, f"{path}.{name}")
        elif "*" in fields:
            yield from faults(item, fields["*"], check_core, f"{path}.{name}")
        else:
            yield f"{path}: there is no field {name}"
