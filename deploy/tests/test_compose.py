"""docker-compose.yml: every service stands in it, waits for what it needs, and keeps its secrets."""

import json
import re
from ipaddress import ip_network
from typing import Any

import pytest
import yaml

from .manifests import PRODUCTION, ROOT, SERVICES, compose_file, of_kind, package_of, render
from .promises import paths_of

TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE = compose_file()
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
ALWAYS = {name: container for name, container in CONTAINERS.items() if "profiles" not in container}
ONE_SHOT = {"broker-users", *(f"{service}-setup" for service in SERVICES)}
LASTING = set(CONTAINERS) - ONE_SHOT


def secret(service: str, kind: str) -> str:
    return f"${{{package_of(service).upper()}_{kind}_PASSWORD:?run make env}}"


def test_every_service_has_its_three_containers():
    wanted = {f"{service}-{part}" for service in SERVICES for part in ("api", "worker", "setup")}

    assert set(ALWAYS) == wanted | {"gateway", "postgres", "rabbitmq", "broker-users"}


@pytest.mark.parametrize("service", SERVICES)
def test_the_containers_of_a_service_are_one_image_built_once(service):
    parts = [CONTAINERS[f"{service}-{part}"] for part in ("setup", "api", "worker")]

    assert {part["image"] for part in parts} == {f"fairway/{service}:${{FAIRWAY_VERSION:-0.1.0}}"}
    assert [part["command"] for part in parts] == [["setup"], ["api"], ["worker"]]
    assert parts[0]["build"]["dockerfile"] == f"services/{service}/Dockerfile"
    assert parts[0]["build"]["context"] == "."
    assert not any("build" in part for part in parts[1:])


@pytest.mark.parametrize("service", SERVICES)
def test_the_containers_of_a_service_know_their_own_database_and_broker_user(service):
    setup, api, worker = (CONTAINERS[f"{service}-{part}"] for part in ("setup", "api", "worker"))
    package = package_of(service)
    database = f"postgresql://{package}:{secret(service, 'DATABASE')}@postgres:5432/{package}"

    for part in (setup, api, worker):
        assert part["environment"]["DATABASE_URL"] == database
        assert part["environment"]["FAIRWAY_DECLARE_TOPOLOGY"] == "false"
    broker = "rabbitmq:5672/fairway"
    assert setup["environment"]["AMQP_URL"] == (
        f"amqp://fairway_setup:${{SETUP_BROKER_PASSWORD:?run make env}}@{broker}"
    )
    assert worker["environment"]["AMQP_URL"] == (
        f"amqp://{package}:{secret(service, 'BROKER')}@{broker}"
    )
    assert "AMQP_URL" not in api["environment"]
    assert worker["environment"]["PORT"] == "8001"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_after_its_setup_and_that_after_healthy_servers(service):
    done, healthy = "service_completed_successfully", "service_healthy"

    for part in ("api", "worker"):
        assert CONTAINERS[f"{service}-{part}"]["depends_on"] == {
            f"{service}-setup": {"condition": done}
        }
    assert CONTAINERS[f"{service}-setup"]["depends_on"] == {
        "postgres": {"condition": healthy},
        "broker-users": {"condition": done},
    }
    assert CONTAINERS["gateway"]["depends_on"][f"{service}-api"] == {"condition": healthy}


def test_the_broker_has_its_users_before_anybody_comes():
    assert CONTAINERS["broker-users"]["depends_on"] == {
        "rabbitmq": {"condition": "service_healthy"}
    }


@pytest.mark.parametrize("name", sorted(LASTING))
def test_whatever_lasts_is_watched_by_its_number_and_not_by_its_name(name):
    check = CONTAINERS[name]["healthcheck"]
    words = " ".join(check["test"])

    assert check["test"][0] == "CMD"
    assert "localhost" not in words
    assert "127.0.0.1" in words or name == "rabbitmq"
    assert set(check) == {"test", "interval", "timeout", "retries", "start_period"}


def test_one_port_is_published_on_loopback_unless_told_otherwise():
    published = {name: item["ports"] for name, item in ALWAYS.items() if "ports" in item}

    assert published == {"gateway": ["${FAIRWAY_ADDRESS:-127.0.0.1}:${FAIRWAY_PORT:-8080}:8080"]}


def test_what_a_profile_publishes_is_for_this_machine_only():
    for name in set(CONTAINERS) - set(ALWAYS):
        for port in CONTAINERS[name].get("ports", []):
            assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_a_container_is_hardened(name):
    container = CONTAINERS[name]

    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "cap_add" not in container
    assert "privileged" not in container
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["pids_limit"] > 0
    assert re.fullmatch(r"\d+[mg]", container["mem_limit"])
    assert container["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")
    assert container["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    user = container.get("user", "10001:10001")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert name in ONE_SHOT or re.fullmatch(r"\d+s", container["stop_grace_period"])


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_an_image_has_an_exact_name(name):
    image = CONTAINERS[name]["image"]

    assert re.search(r":[^:/]+$", image)
    assert not image.endswith(":latest")


def test_a_secret_has_no_default_and_no_value():
    variables = re.findall(r"\$\{([A-Z_]+)([^}]*)\}", TEXT)
    secrets = {(name, rest) for name, rest in variables if re.search("PASSWORD|TOKEN", name)}

    assert secrets
    assert {rest for _, rest in secrets} == {":?run make env"}
    for container in CONTAINERS.values():
        for name, value in container.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET|_PASS$", name):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?run make env\}", value)
    assert not re.search(r"://[^/\s$]+:[^@$\s]+@", TEXT), "a password in a URL"


def test_whatever_is_needed_from_the_environment_is_a_secret_that_make_env_makes():
    needed = set(re.findall(r"\$\{([A-Z_]+):\?", TEXT))

    assert needed == {
        "FAIRWAY_ADMIN_PASSWORD",
        "FAIRWAY_CLIENT_SECRET",
        "FAIRWAY_INTERNAL_TOKEN",
        "FAIRWAY_KEY_SECRET",
        "POSTGRES_PASSWORD",
        "RABBITMQ_ADMIN_PASSWORD",
        "SETUP_BROKER_PASSWORD",
        *(f"{package_of(service).upper()}_DATABASE_PASSWORD" for service in SERVICES),
        *(f"{package_of(service).upper()}_BROKER_PASSWORD" for service in SERVICES),
    }


def test_database_and_broker_cannot_be_reached_from_outside():
    assert COMPOSE["networks"]["back"] == {"internal": True}
    for name in ("postgres", "rabbitmq", "broker-users"):
        assert CONTAINERS[name]["networks"] == ["back"]
    assert CONTAINERS["gateway"]["networks"] == ["front"]


def test_services_find_each_other_as_they_do_in_kubernetes():
    config = of_kind(render(PRODUCTION), "ConfigMap")[0]["data"]
    in_kubernetes = json.loads(config["FAIRWAY_PEERS"])

    assert in_kubernetes == {service: f"http://{service}-api:8000" for service in SERVICES}
    for service in SERVICES:
        here = CONTAINERS[f"{service}-worker"]["environment"]["FAIRWAY_PEERS"]
        assert json.loads(here) == in_kubernetes


KEYS_AT_CHANNEL = "http://channel-api:8000/channel/v1/sign-in/jwks"


@pytest.mark.capability("X-02")
def test_every_process_asks_for_tokens_of_one_issuer():
    for service in SERVICES:
        for part in ("api", "worker", "setup"):
            asked = CONTAINERS[f"{service}-{part}"]["environment"]
            assert asked["ENVIRONMENT"] == "${FAIRWAY_ENVIRONMENT:-production}"
            assert asked["FAIRWAY_ISSUER"].startswith("${FAIRWAY_ISSUER:-http://localhost:")
            assert asked["FAIRWAY_JWKS_URL"] == f"${{FAIRWAY_JWKS_URL:-{KEYS_AT_CHANNEL}}}"
            assert asked["FAIRWAY_AUDIENCE"] == "${FAIRWAY_AUDIENCE:-fairway}"
    assert "/channel/v1/sign-in/jwks" in paths_of("channel")


@pytest.mark.capability("X-02")
def test_the_first_password_is_known_to_the_setup_that_needs_it_and_to_nobody_else():
    for secret_name in ("FAIRWAY_ADMIN_PASSWORD", "FAIRWAY_CLIENT_SECRET"):
        knowing = {
            name for name, item in CONTAINERS.items() if secret_name in item.get("environment", {})
        }
        assert knowing == {"channel-setup"}


def test_what_the_gateway_says_of_the_client_is_believed_and_nobody_else_outside():
    for service in SERVICES:
        asked = CONTAINERS[f"{service}-api"]["environment"]
        believed = [ip_network(part) for part in asked["FAIRWAY_TRUSTED_PROXIES"].split(",")]
        assert all(network.is_private for network in believed)
        assert "FORWARDED_ALLOW_IPS" not in asked
    assert "front" in COMPOSE["networks"]


def test_the_database_and_the_broker_know_every_service():
    for service in SERVICES:
        name = package_of(service).upper()
        assert f"{name}_DATABASE_PASSWORD" in CONTAINERS["postgres"]["environment"]
        assert f"{name}_BROKER_PASSWORD" in CONTAINERS["broker-users"]["environment"]


def test_prometheus_asks_every_process():
    settings = yaml.safe_load((ROOT / "deploy/compose/prometheus.yml").read_text())
    targets = {
        target
        for job in settings["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    }

    wanted = {f"{service}-api:8000" for service in SERVICES}
    wanted |= {f"{service}-worker:8001" for service in SERVICES}
    assert wanted | {"rabbitmq:15692"} <= targets
    assert {target.partition(":")[0] for target in targets} <= {*CONTAINERS, "127.0.0.1"}


def test_mounted_files_exist():
    for container in CONTAINERS.values():
        for volume in container.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (ROOT / source).is_file()
                assert volume.endswith(":ro")
            else:
                assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_image_is_built_from_the_one_text(service):
    text = (ROOT / "services" / service / "Dockerfile").read_text()
    first = SERVICES[0]
    common = (ROOT / "services" / first / "Dockerfile").read_text()

    as_first = re.sub(rf'"-m", "{package_of(service)}"', f'"-m", "{package_of(first)}"', text)
    as_first = as_first.replace(f"SERVICE={service}", f"SERVICE={first}")
    as_first = as_first.replace(f"services/{service}/", f"services/{first}/")
    as_first = as_first.replace(f"fairway/{service} .", f"fairway/{first} .")
    assert as_first == common
    assert f'ENTRYPOINT ["python", "-m", "{package_of(service)}"]' in text


def test_the_image_is_small_hashed_and_nobody_special():
    text = (ROOT / "services" / SERVICES[0] / "Dockerfile").read_text()

    assert "# syntax" not in text
    assert "<<" not in text
    assert "--mount" not in text, "the classic builder must be able to build it"
    installs = re.findall(r"pip [^\n]*install(?: \\\n)?[^\n]*(?:\\\n[^\n]*)*", text)
    assert len([line for line in installs if "--require-hashes" in line]) == 2
    assert all("--no-deps" in line for line in installs if "uninstall" not in line)
    last = text[text.rindex("FROM base") :]
    assert "USER 10001:10001" in last
    assert "EXPOSE 8000" in last
    assert "/opt/build" not in last
    assert last.index("COPY") < last.index("ARG REVISION"), "or every build would copy anew"
