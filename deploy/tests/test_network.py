"""What the network policies let through is exactly what the services need, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from .manifests import (
    OVERLAYS,
    PRODUCTION,
    ROOT,
    SERVICES,
    Object,
    of_kind,
    render,
    selects,
    workloads,
)
from .promises import heard_by

Edge = tuple[str, str, int]
"""From, to, and the port of the second."""

# The Kubernetes API and an object store have no pods to choose, so two operators' pods may go out.
ANYWHERE = "anywhere"


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere pods are: ours, an operator's, or another namespace's."""

    name: str
    labels: dict[str, str]
    namespace: str = ""
    """Empty for our own."""


def places_of(objects: list[Object]) -> list[Place]:
    places = [
        Place(f"{item.service}/{item.component}" if item.is_ours else item.service, item.labels)
        for item in workloads(objects)
    ]
    if of_kind(objects, "Cluster"):
        # What the operators put on the pods they make.
        places += [
            Place("database", {"cnpg.io/cluster": "database", "fairway-role": "database"}),
            Place("pooler", {"cnpg.io/poolerName": "database-pool", "fairway-role": "pooler"}),
            Place(
                "rabbitmq",
                {
                    "app.kubernetes.io/name": "rabbitmq",
                    "app.kubernetes.io/component": "rabbitmq",
                    "app.kubernetes.io/part-of": "rabbitmq",
                },
            ),
        ]
    outside = ["gateway", "monitoring", "observability", "keda", "cnpg-system", "rabbitmq-system"]
    places += [Place(name, {"any": "pod"}, namespace=name) for name in outside]
    places.append(Place("stranger", {"any": "pod"}, namespace="default"))
    places.append(Place("dns", {"k8s-app": "kube-dns"}, namespace="kube-system"))
    return places


def meets(peer: dict[str, Any], place: Place) -> bool:
    if "namespaceSelector" in peer:
        namespace = {"kubernetes.io/metadata.name": place.namespace or "ours"}
        if not selects(peer["namespaceSelector"], namespace):
            return False
    elif place.namespace:
        return False
    return selects(peer.get("podSelector", {}), place.labels)


def ports_of(rule: dict[str, Any]) -> set[int]:
    return {
        port
        for entry in rule["ports"]
        for port in range(entry["port"], entry.get("endPort", entry["port"]) + 1)
    }


def opened(objects: list[Object], place: Place, direction: str) -> Iterator[tuple[Any, set[int]]]:
    """Peers with the ports that some policy opens for a place of ours; None stands for anyone."""
    field, end = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    for policy in of_kind(objects, "NetworkPolicy"):
        spec = policy["spec"]
        if direction in spec["policyTypes"] and selects(spec["podSelector"], place.labels):
            for rule in spec.get(field) or []:
                for peer in rule.get(end) or [None]:
                    yield peer, ports_of(rule)


def allowed_edges(objects: list[Object]) -> set[Edge]:
    places = places_of(objects)
    edges: set[Edge] = set()
    for source in places:
        for target in places:
            if source.namespace and target.namespace:
                continue
            leaving: set[int] | None = None
            if not source.namespace:
                leaving = set()
                for peer, ports in opened(objects, source, "Egress"):
                    if peer is not None and meets(peer, target):
                        leaving |= ports
            entering: set[int] | None = None
            if not target.namespace:
                entering = set()
                for peer, ports in opened(objects, target, "Ingress"):
                    if peer is None or meets(peer, source):
                        entering |= ports
            # In another namespace, its own policies decide.
            both = entering if leaving is None else leaving
            if leaving is not None and entering is not None:
                both = leaving & entering
            edges |= {(source.name, target.name, port) for port in both or set()}
        for peer, ports in () if source.namespace else opened(objects, source, "Egress"):
            if peer is None:
                edges |= {(source.name, ANYWHERE, port) for port in ports}
    return edges


def values_of(service: str) -> dict[str, Any]:
    path = ROOT / "deploy/k8s/base/services" / service / "values.yaml"
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    return values


def calls() -> dict[str, set[str]]:
    """The declared graph: whose feed of past events a service's worker reads."""
    return {service: set(values_of(service)["calls"]) for service in SERVICES}


def needed_edges(overlay: str) -> set[Edge]:
    edges: set[Edge] = set()
    apis = [f"{service}/api" for service in SERVICES]
    workers = [f"{service}/worker" for service in SERVICES]
    setups = [f"{service}/setup" for service in SERVICES]
    ours = [*apis, *workers, *setups]
    edges |= {("gateway", api, 8000) for api in apis}
    edges |= {("monitoring", api, 8000) for api in apis}
    edges |= {("monitoring", worker, 8001) for worker in workers}
    edges |= {(name, "observability", 4318) for name in [*apis, *workers]}
    edges |= {(name, "database", 5432) for name in ours}
    edges |= {(name, "rabbitmq", 5672) for name in [*workers, *setups]}
    edges |= {
        (f"{service}/worker", f"{peer}/api", 8000)
        for service, peers in calls().items()
        for peer in peers
    }
    # The keys of tokens are read at the channel service, by itself as well.
    edges |= {(api, "channel/api", 8000) for api in apis}
    places = {place.name for place in places_of(render(overlay)) if not place.namespace}
    edges |= {(name, "dns", 53) for name in places}
    if overlay == PRODUCTION:
        clustering = {4369, 25672, *range(35672, 35683)}
        edges |= {(api, "pooler", 5432) for api in apis}
        edges |= {("pooler", "database", 5432)}
        edges |= {("database", "database", port) for port in (5432, 8000)}
        edges |= {("cnpg-system", "database", port) for port in (5432, 8000)}
        edges |= {("rabbitmq", "rabbitmq", port) for port in clustering}
        edges |= {("rabbitmq-system", "rabbitmq", 15672), ("keda", "rabbitmq", 15672)}
        edges |= {("monitoring", "database", 9187), ("monitoring", "pooler", 9127)}
        edges |= {("monitoring", "rabbitmq", 15692)}
        edges |= {
            (name, ANYWHERE, port)
            for name in ("database", "pooler", "rabbitmq")
            for port in (443, 6443)
        }
    else:
        edges |= {("broker-users", "rabbitmq", 15672)}
        everyone = places_of(render(overlay))
        edges |= {(place.name, "gateway", 8080) for place in everyone if place.namespace}
    return edges


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_open_connections_are_those_that_are_needed(overlay):
    allowed, needed = allowed_edges(render(overlay)), needed_edges(overlay)

    assert {"open and not needed": allowed - needed, "needed and closed": needed - allowed} == {
        "open and not needed": set(),
        "needed and closed": set(),
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_calls_those_whose_events_it_hears(service):
    assert calls()[service] == heard_by(service), (
        f"`calls` of deploy/k8s/base/services/{service}/values.yaml, and `called_by` of the others,"
        " follow the CONSUMERS of the service"
    )


@pytest.mark.parametrize("service", SERVICES)
def test_both_ends_of_a_call_are_declared_alike(service):
    callers = {other for other, peers in calls().items() if service in peers}

    assert set(values_of(service)["called_by"]) == (callers or {"nobody"})


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_stranger_reaches_nobody_but_the_gateway(overlay):
    reached = {
        target for source, target, _ in allowed_edges(render(overlay)) if source == "stranger"
    }

    assert reached <= {"gateway"}


def test_a_policy_that_opens_too_much_is_found():
    objects = render(PRODUCTION)
    policy = next(
        item
        for item in of_kind(objects, "NetworkPolicy")
        if item["metadata"]["name"] == "customer-api"
    )
    del policy["spec"]["ingress"][1]["from"]

    opened_too_much = allowed_edges(objects) - needed_edges(PRODUCTION)

    assert ("stranger", "customer/api", 8000) in opened_too_much


def test_a_policy_that_opens_too_little_is_found():
    objects = render(PRODUCTION)
    policy = next(
        item
        for item in of_kind(objects, "NetworkPolicy")
        if item["metadata"]["name"] == "reporting-worker"
    )
    policy["spec"]["egress"].pop(1)

    closed = needed_edges(PRODUCTION) - allowed_edges(objects)

    assert closed == {("reporting/worker", "rabbitmq", 5672)}
