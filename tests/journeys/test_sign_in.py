"""The suite with sign-in: people and programs come in by their accounts, and see what is theirs."""

import time
from contextlib import ExitStack

import httpx
import pytest

PASSWORD = "correct-horse-battery"
CUSTOMERS = "/customer/v1/customers"
OUT_WITHIN_S = 60


@pytest.fixture
def guarded(own_suite):
    """A suite that asks for tokens, with the first administrator's password."""
    own_suite.environment["FAIRWAY_ADMIN_PASSWORD"] = PASSWORD
    own_suite.start("--empty", "--sign-in")
    return own_suite


@pytest.fixture
def sign_in(guarded):
    """Makes clients that are signed in; the password is tried once."""
    with ExitStack() as stack:

        def make(username: str, password: str = PASSWORD) -> httpx.Client:
            client = stack.enter_context(
                httpx.Client(base_url=guarded.url, timeout=30, trust_env=False)
            )
            answer = client.post(
                "/channel/v1/sign-in/token",
                data={"grant_type": "password", "username": username, "password": password},
            )
            assert answer.status_code == 200, answer.text
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            return client

        yield make


def a_dealer(administrator: httpx.Client, name: str) -> tuple[str, str]:
    """A partner with one account; the partner's id and the account's name."""
    (region,) = [
        administrator.post(
            "/channel/v1/territories", json={"code": f"R-{name}", "name": name}
        ).json()
    ]
    partner = administrator.post(
        "/channel/v1/partners", json={"name": name, "kind": "dealer", "region_id": region["id"]}
    ).json()
    roles = administrator.get("/channel/v1/roles", params={"limit": 200}).json()["data"]
    (dealer,) = [role["id"] for role in roles if role["code"] == "dealer"]
    account = administrator.post(
        "/channel/v1/accounts",
        json={
            "username": name,
            "kind": "person",
            "password": PASSWORD,
            "partner_id": partner["id"],
            "role_ids": [dealer],
        },
    )
    assert account.status_code == 201, account.text
    return partner["id"], name


@pytest.mark.capability("X-02")
@pytest.mark.capability("X-05")
def test_two_dealers_on_one_system_see_nothing_of_each_other(guarded, sign_in):
    with httpx.Client(base_url=guarded.url, trust_env=False) as nobody:
        assert nobody.get(CUSTOMERS).status_code == 401
        assert nobody.get("/reporting/dashboard").status_code == 200
    administrator = sign_in("admin")
    dealers = []
    for name in ("haida", "jinqiao"):
        partner, username = a_dealer(administrator, name)
        guarded.settle()
        client = sign_in(username)
        made = client.post(CUSTOMERS, json={"name": f"customer of {name}"})
        assert made.status_code == 201, made.text
        assert made.json()["partner_id"] == partner
        dealers.append((client, made.json()["id"]))

    (ours, our_id), (theirs, their_id) = dealers
    assert [row["id"] for row in ours.get(CUSTOMERS).json()["data"]] == [our_id]
    assert ours.get(f"{CUSTOMERS}/{their_id}").status_code == 404
    assert theirs.get(f"{CUSTOMERS}/{our_id}").status_code == 404
    everything = administrator.get(CUSTOMERS, params={"include": "total"}).json()
    assert everything["total"] == 2
    assert ours.get("/channel/v1/accounts").status_code == 403

    # What is taken from an account is gone everywhere within a minute.
    accounts = administrator.get("/channel/v1/accounts").json()["data"]
    (account,) = [account for account in accounts if account["username"] == "haida"]
    assert administrator.post(f"/channel/v1/accounts/{account['id']}:disable").is_success
    began = time.monotonic()
    while ours.get(CUSTOMERS).status_code != 401:
        assert time.monotonic() - began < OUT_WITHIN_S
        time.sleep(0.5)
    assert theirs.get(CUSTOMERS).status_code == 200


@pytest.mark.capability("X-02")
def test_the_commands_sign_in_by_themselves(guarded):
    token = guarded.command("token").stdout.strip()
    with httpx.Client(base_url=guarded.url, trust_env=False) as client:
        answer = client.get(CUSTOMERS, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200

    done = guarded.command("demo", "lead-to-cash", "--json", "--within", "60")
    assert done.returncode == 0, done.stderr
