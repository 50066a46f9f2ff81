"""What a service promises is reachable from outside, through both gateways, and nothing else is."""

import re

import pytest

from .manifests import (
    PRODUCTION,
    ROOT,
    SERVICES,
    compose_file,
    environment,
    of_kind,
    render,
    workloads,
)
from .promises import paths_of

NGINX = (ROOT / "deploy/gateway/nginx.conf.template").read_text()
PAGES = {
    "reporting": {"/reporting/dashboard", "/reporting/dashboard/anything"},
}
"""What is for people and so stands in no OpenAPI document."""
OF_OWN_PAGES = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "\"frame-ancestors 'none'\"",
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "$fairway_hsts_of_errors",
}
NOBODY = "255.255.255.255/32"
HIDDEN = {"/{}/internal/events", "/{}/internal", "/{}", "/livez", "/readyz", "/metrics", "/nowhere"}


def routes_of(path: str) -> list[str]:
    """The HTTPRoutes of services that take a path, once for each match."""
    found = []
    for route in of_kind(render(PRODUCTION), "HTTPRoute"):
        for rule in route["spec"]["rules"]:
            for match in rule["matches"]:
                kind, value = match["path"]["type"], match["path"]["value"]
                below = path == value or path.startswith(f"{value}/")
                if rule.get("backendRefs") and (below if kind == "PathPrefix" else path == value):
                    found.append(route["metadata"]["name"])
    return found


def outside(path: str) -> str:
    """A path of an OpenAPI document as a client asks for it."""
    return re.sub(r"\{[^}]+\}", "0192", path)


@pytest.mark.parametrize("service", SERVICES)
def test_every_promised_path_has_exactly_one_route(service):
    promised = {outside(path) for path in paths_of(service)}
    promised |= {f"/{service}/docs", f"/{service}/docs-assets/x.js", f"/{service}/openapi.json"}
    promised |= PAGES.get(service, set())

    found = {path: routes_of(path) for path in promised}

    assert {path: names for path, names in found.items() if names != [f"{service}-api"]} == {}


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_internal_has_no_route(service):
    for path in (hidden.format(service) for hidden in HIDDEN):
        assert routes_of(path) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_route_leads_to_its_own_service_and_waits_as_long_as_the_gateway(service):
    route = next(
        item
        for item in of_kind(render(PRODUCTION), "HTTPRoute")
        if item["metadata"]["name"] == f"{service}-api"
    )

    for rule in route["spec"]["rules"]:
        assert rule["backendRefs"] == [{"name": f"{service}-api", "port": 8000}]
        assert set(rule["timeouts"]) == {"request", "backendRequest"}
        assert "filters" not in rule, "services know their prefix: no rewrite"


def test_routes_answer_over_tls_only():
    routes = of_kind(render(PRODUCTION), "HTTPRoute")

    plain = [
        item["metadata"]["name"]
        for item in routes
        if any(parent.get("sectionName") != "https" for parent in item["spec"]["parentRefs"])
    ]

    assert plain == ["to-https"]


def test_nginx_knows_every_service():
    upstreams = set(re.findall(r"^    upstream ([\w-]+) \{", NGINX, re.M))
    servers = set(
        re.findall(r"server ([\w-]+)-api\$\{FAIRWAY_UPSTREAM_DOMAIN\}:8000 resolve", NGINX)
    )
    locations = re.findall(r"location ~ \^/\(\?<to>([\w|-]+)\)/", NGINX)

    assert upstreams == servers == set(SERVICES)
    assert locations
    assert all(set(location.split("|")) == set(SERVICES) for location in locations)


def test_nginx_closes_the_internal_paths_before_it_opens_any():
    refused = NGINX.index("location ~* /internal(/|$) {\n            return 404;")

    assert refused < NGINX.index("proxy_pass")


def test_nginx_says_its_own_errors_as_problem_documents():
    for status in (400, 404, 408, 413, 414, 500, 502, 503, 504):
        assert f"error_page {status} /problem/{status};" in NGINX
        page = NGINX[NGINX.index(f"location = /problem/{status} {{") :].partition("\n        }")[0]
        assert "default_type application/problem+json;" in page
        assert f'"status":{status}' in page
        assert "internal;" in page
        for header, value in OF_OWN_PAGES.items():
            assert f"add_header {header} {value} always;" in page


def test_nginx_believes_one_proxy_about_the_client_and_tells_the_services_anew():
    assert NGINX.count("set_real_ip_from ${FAIRWAY_PROXY};") == 1
    assert NGINX.count("set_real_ip_from") == 1
    assert "proxy_set_header X-Forwarded-For   $remote_addr;" in NGINX
    assert "proxy_set_header X-Forwarded-Proto $fairway_scheme;" in NGINX
    assert "server_tokens off;" in NGINX
    compose = compose_file()["services"]["gateway"]["environment"]["FAIRWAY_PROXY"]
    assert compose == f"${{FAIRWAY_PROXY:-{NOBODY}}}"
    (gateway,) = [item for item in workloads(render("dev")) if item.service == "gateway"]
    assert environment(gateway.containers[0])["FAIRWAY_PROXY"]["value"] == NOBODY


def test_nginx_takes_large_bodies_for_imports_only():
    assert NGINX.count("client_max_body_size 2m;") == 1
    assert NGINX.count("client_max_body_size 64m;") == 1
    imports = NGINX[NGINX.index("client_max_body_size 64m;") - 400 :]
    assert "/v1/(imports(/|$)|" in imports[:400]
