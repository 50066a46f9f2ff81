"""The suite with sign-in: people and programs come in by their accounts, and see what is theirs."""

import json
import re
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
    own_suite.start("--empty")
    return own_suite


@pytest.fixture
def sign_in(guarded):
    """Makes clients that are signed in; the password is tried once."""
    with ExitStack() as stack:

        def make(username: str, password: str = PASSWORD) -> httpx.Client:
            return stack.enter_context(signed_in(guarded.url, username, password))

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


@pytest.fixture(scope="module")
def demo_accounts(suite):
    """The demo accounts of the running suite, as the command tells them; each with a client."""
    told = suite.command("demo", "accounts", "--json")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    suite.settle()
    with ExitStack() as stack:
        yield {
            account["username"]: stack.enter_context(
                signed_in(suite.url, account["username"], found["password"])
            )
            for account in found["accounts"]
        }


def signed_in(url: str, username: str, password: str) -> httpx.Client:
    """A client with a token for the account; not opened yet."""
    answer = httpx.post(
        f"{url}/channel/v1/sign-in/token",
        data={"grant_type": "password", "username": username, "password": password},
        timeout=30,
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return httpx.Client(base_url=url, timeout=30, trust_env=False, headers=headers)


def partners_in(client: httpx.Client) -> set[str | None]:
    """The partners whose deals somebody sees in the report."""
    report = client.get(
        "/reporting/v1/reports/won-revenue", params={"group_by": "partner", "currency": "CNY"}
    )
    assert report.status_code == 200, report.text
    return {row["partner_id"] for row in report.json()["rows"]}


@pytest.mark.capability("X-02")
@pytest.mark.capability("X-05")
def test_a_dealer_of_the_demo_sees_the_dealers_figures_and_no_others(demo_accounts):
    seen = {name: partners_in(client) for name, client in demo_accounts.items()}
    own = {
        name: demo_accounts[name].get("/channel/v1/me").json()["partner"]["id"]
        for name in ("demo-mingze", "demo-hanyu")
    }

    assert own["demo-mingze"] != own["demo-hanyu"]
    for name, partner_id in own.items():
        assert seen[name] == {partner_id}
    # The one sells in the East, the other does not.
    assert own["demo-mingze"] in seen["demo-east"]
    assert own["demo-hanyu"] not in seen["demo-east"]
    assert seen["demo-sales"] <= seen["demo-east"] < seen["demo-hq"]
    assert set(own.values()) < seen["demo-hq"]


@pytest.mark.capability("X-05")
def test_no_demo_account_may_give_rights(demo_accounts):
    for name, client in demo_accounts.items():
        assert client.get("/channel/v1/accounts").status_code in (200, 403)
        for path in ("/channel/v1/accounts", "/channel/v1/roles"):
            assert client.post(path, json={}).status_code == 403, (name, path)


@pytest.mark.capability("X-02")
def test_the_first_password_is_told_once_and_another_one_whenever_it_is_asked_for(own_suite):
    def started() -> str:
        done = own_suite.command("up", "--empty", "--detach")
        assert done.returncode == 0, done.stderr
        return done.stderr

    try:
        first = started()
        (password,) = re.findall(r"Sign in as admin with the password (\S+)", first)
        url = own_suite.running.url
        signed_in(url, "admin", password).close()
        log = (own_suite.home / "suite.log").read_text(encoding="utf-8")
        assert password not in log

        own_suite.command("down")
        second = started()
        assert "Sign in as admin" in second
        assert password not in second

        another = own_suite.command("password").stdout.strip()
        signed_in(url, "admin", another).close()
        nobody = own_suite.command("password", "nobody")
        assert (nobody.returncode, nobody.stdout) == (1, "")
    finally:
        own_suite.command("down")


def test_an_open_suite_says_so_and_asks_nobody(own_suite):
    done = own_suite.command("up", "--empty", "--open", "--detach")
    try:
        assert "Open mode" in done.stderr
        with httpx.Client(base_url=own_suite.running.url, trust_env=False) as client:
            assert client.get(CUSTOMERS).status_code == 200
        assert own_suite.command("token").returncode == 3
        assert own_suite.command("demo", "accounts").returncode == 1
    finally:
        own_suite.command("down")
