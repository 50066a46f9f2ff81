"""Who may do what at the broker: the script of docker compose and the objects of production agree."""

import importlib.util
import re
import subprocess
import sys

import pytest

from .manifests import PRODUCTION, ROOT, SERVICES, of_kind, package_of, render

specification = importlib.util.spec_from_file_location("users", ROOT / "deploy/broker/users.py")
assert specification
assert specification.loader
users = importlib.util.module_from_spec(specification)
sys.modules["users"] = users
specification.loader.exec_module(users)

ENVIRONMENT = {
    "SETUP_BROKER_PASSWORD": "s" * 40,
    "SCALER_BROKER_PASSWORD": "c" * 40,
    "PATH": "/bin",
    **{f"{package_of(service).upper()}_BROKER_PASSWORD": service * 8 for service in SERVICES},
}


@pytest.fixture(name="made")
def made_users():
    return {user.name: user for user in users.users_of(ENVIRONMENT)}


def may(pattern: str, name: str) -> bool:
    return re.search(pattern, name) is not None


def test_every_service_has_a_user_of_its_own(made):
    assert set(made) == {
        *(package_of(service) for service in SERVICES),
        "fairway_setup",
        "fairway_scaler",
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_speaks_in_its_own_name_only(made, service):
    user = made[package_of(service)]

    assert may(user.write, f"{user.name}.events")
    for other in [*made, "amq", "dead"]:
        if other != user.name:
            assert not may(user.write, f"{other}.events")
    # Through the default exchange a message could be put into anybody's queue.
    assert not may(user.write, "amq.default")
    assert not may(user.write, "")
    assert not may(user.write, "dead")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_its_own_queues_only_and_declares_nothing(made, service):
    user = made[package_of(service)]

    assert may(user.read, f"{user.name}.inbox")
    assert may(user.read, f"{user.name}.dead")
    for other in made:
        if other != user.name:
            assert not may(user.read, f"{other}.inbox")
    assert not may(user.configure, f"{user.name}.inbox")


def test_the_scaler_looks_and_touches_nothing(made):
    scaler = made["fairway_scaler"]

    assert scaler.tags == "monitoring"
    assert not any(
        may(pattern, "sales.inbox") for pattern in (scaler.configure, scaler.write, scaler.read)
    )


def test_production_gives_the_same_permissions(made):
    permissions = {
        item["spec"]["user"]: item["spec"] for item in of_kind(render(PRODUCTION), "Permission")
    }

    assert {name: spec["permissions"] for name, spec in permissions.items()} == {
        user.name: {"configure": user.configure, "write": user.write, "read": user.read}
        for user in made.values()
    }
    assert {spec["vhost"] for spec in permissions.values()} == {users.VHOST}


def test_production_gives_the_same_tags(made):
    tags = {
        item["spec"]["importCredentialsSecret"]["name"]: ",".join(item["spec"].get("tags", []))
        for item in of_kind(render(PRODUCTION), "User")
    }

    assert tags == {
        **{f"{service}-broker": "" for service in SERVICES},
        "fairway-setup-broker": made["fairway_setup"].tags,
        "fairway-scaler-broker": made["fairway_scaler"].tags,
    }


def test_an_empty_password_is_refused():
    with pytest.raises(SystemExit, match="SALES_BROKER_PASSWORD is empty"):
        users.users_of({"SALES_BROKER_PASSWORD": ""})


def test_the_script_needs_nothing_but_python():
    result = subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "deploy/broker/users.py"],
        capture_output=True,
        text=True,
        env={},
    )

    assert "RABBITMQ_MANAGEMENT_URL" in result.stderr
