"""Nobody's requests leave none for the others."""

import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import rate_limits
from common.access import gate
from common.auth import LOCAL_OPERATOR, Actor
from common.rate_limits import RateLimit
from common.testing.service import published

from .shop.__main__ import ENTRY
from .shop.main import create

BASKETS = "/shop/v1/baskets"
OFF = {
    "FAIRWAY_RATE_LIMIT": 0,
    "FAIRWAY_ADDRESS_RATE_LIMIT": 0,
    "FAIRWAY_EXPENSIVE_RATE_LIMIT": 0,
}


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def acting(monkeypatch):
    """Makes every request that of the person named."""

    def act(name):
        somebody = Actor(id=name, grants=LOCAL_OPERATOR.grants)
        monkeypatch.setattr(gate, "LOCAL_OPERATOR", somebody)

    return act


def client_of(database, address="10.0.0.1", **settings):
    app = create(ENTRY.settings(DATABASE_URL=database.dsn, **(OFF | settings)), database)
    return clients_of(app)(address)


def clients_of(app):
    def client_at(address):
        transport = httpx.ASGITransport(app=app, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url="http://test")

    return client_at


# ---------------------------------------------------------------------------------- the bucket


def test_a_full_bucket_lets_a_burst_through_and_then_the_rate():
    clock = Clock()
    limit = RateLimit("principal", 8, clock=clock)

    assert [limit.count("a").retry_after_s for _ in range(17)] == [None] * 16 + [1]
    clock.now_s += 0.125
    assert [limit.count("a").retry_after_s for _ in range(2)] == [None, 1]
    clock.now_s += 3600
    assert [limit.count("a").retry_after_s for _ in range(17)] == [None] * 16 + [1]


def test_a_refused_request_costs_nothing():
    clock = Clock()
    limit = RateLimit("principal", 1, clock=clock)
    for _ in range(50):
        limit.count("a")

    clock.now_s += 1

    assert limit.count("a").retry_after_s is None


@given(st.lists(st.floats(0, 2), min_size=1, max_size=200), st.integers(1, 20))
def test_never_more_than_the_burst_and_what_came_since(pauses, per_s):
    clock = Clock()
    limit = RateLimit("principal", per_s, clock=clock)
    let_through = 0
    for pause in pauses:
        clock.now_s += pause
        standing = limit.count("a")
        let_through += standing.retry_after_s is None
        assert 0 <= standing.remaining < standing.quota == 2 * per_s
        assert standing.retry_after_s in (None, 1)

    assert let_through <= 2 * per_s + per_s * sum(pauses) + 1e-6


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(rate_limits, "MOST_KEYS", 3)
    limit = RateLimit("address", 1)
    for key in "abcabd":
        limit.count(key)

    assert limit.count("c").remaining == 1
    assert limit.count("d").remaining == 0


# ----------------------------------------------------------------------------------- requests


async def test_who_asks_too_often_is_told_when_to_come_back(database, session, acting):
    acting("anna")
    async with client_of(database, FAIRWAY_RATE_LIMIT=1) as client:
        answers = [await client.post(BASKETS, json={"name": "a"}) for _ in range(3)]
        acting("bert")
        other = await client.get(BASKETS)

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    refused = answers[2]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "rate_limited"
    assert refused.headers["retry-after"] == "1"
    assert [answer.headers["ratelimit-policy"] for answer in answers] == ['"principal";q=2;w=2'] * 3
    standing = [answer.headers["ratelimit"] for answer in answers]
    assert [re.findall(r'^"principal";r=(\d);t=\d$', one) for one in standing] == [
        ["1"],
        ["0"],
        ["0"],
    ]
    assert other.status_code == 200
    assert len(await published(session)) == 2


async def test_an_expensive_route_has_a_limit_of_its_own(database, acting):
    acting("anna")
    settings = {"FAIRWAY_RATE_LIMIT": 100, "FAIRWAY_EXPENSIVE_RATE_LIMIT": 1}
    async with client_of(database, **settings) as client:
        reports = [await client.get(f"{BASKETS}:report") for _ in range(3)]
        cheap = await client.get(BASKETS)

    assert [answer.status_code for answer in reports] == [200, 200, 429]
    assert reports[0].headers["ratelimit-policy"] == '"principal";q=200;w=2, "expensive";q=2;w=2'
    assert cheap.status_code == 200
    assert cheap.headers["ratelimit-policy"] == '"principal";q=200;w=2'


async def test_an_address_is_limited_before_anybody_is_recognised(database):
    app = create(
        ENTRY.settings(DATABASE_URL=database.dsn, **(OFF | {"FAIRWAY_ADDRESS_RATE_LIMIT": 1})),
        database,
    )
    client_at = clients_of(app)
    async with client_at("10.0.0.1") as one, client_at("10.0.0.2") as other:
        answers = [await one.get("/shop/v1/nothing") for _ in range(3)]
        elsewhere = await other.get(BASKETS)

    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert answers[2].json()["code"] == "rate_limited"
    assert answers[2].headers["retry-after"] == "1"
    assert answers[2].headers["x-request-id"] == answers[2].json()["request_id"]
    assert answers[2].headers["ratelimit"].startswith('"address";r=0;t=')
    assert elsewhere.status_code == 200


@pytest.mark.parametrize(
    ("proxies", "limited"),
    [("", True), ("10.9.0.0/16", True), ("10.0.0.0/24", False)],
    ids=["nobody is believed", "another is believed", "this proxy is believed"],
)
async def test_an_address_is_what_a_proxy_says_only_where_that_proxy_is_believed(
    database, proxies, limited
):
    settings = {"FAIRWAY_ADDRESS_RATE_LIMIT": 1, "FAIRWAY_TRUSTED_PROXIES": proxies}
    async with client_of(database, "10.0.0.1", **settings) as proxy:
        answers = [
            await proxy.get(BASKETS, headers={"X-Forwarded-For": f"203.0.113.{n}"})
            for n in range(3)
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 429 if limited else 200]


async def test_what_a_client_told_the_proxy_of_its_address_is_not_believed(database):
    """A proxy writes the address it saw at the end, behind whatever came in the header."""
    settings = {"FAIRWAY_ADDRESS_RATE_LIMIT": 1, "FAIRWAY_TRUSTED_PROXIES": "10.0.0.1"}
    async with client_of(database, "10.0.0.1", **settings) as proxy:
        answers = [
            await proxy.get(BASKETS, headers={"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.7"})
            for n in range(3)
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_behind_a_proxy_a_principal_has_one_limit_from_wherever_it_asks(database, acting):
    acting("anna")
    settings = {"FAIRWAY_RATE_LIMIT": 1, "FAIRWAY_TRUSTED_PROXIES": "10.0.0.1"}
    async with client_of(database, "10.0.0.1", **settings) as proxy:
        answers = [
            await proxy.get(BASKETS, headers={"X-Forwarded-For": f"203.0.113.{n}"})
            for n in range(3)
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_what_keeps_a_process_alive_is_never_limited(database):
    settings = {"FAIRWAY_ADDRESS_RATE_LIMIT": 1, "FAIRWAY_RATE_LIMIT": 1}
    async with client_of(database, **settings) as client:
        for path in ("/livez", "/readyz", "/metrics", "/shop/internal/events", "/shop/docs"):
            for _ in range(5):
                response = await client.get(path)
                assert response.status_code != 429, path
                assert "ratelimit" not in response.headers


async def test_without_sign_in_nobody_in_particular_is_limited_by_name(database):
    async with client_of(database, FAIRWAY_RATE_LIMIT=1, FAIRWAY_EXPENSIVE_RATE_LIMIT=1) as client:
        answers = [await client.get(f"{BASKETS}:report") for _ in range(5)]

    assert {answer.status_code for answer in answers} == {200}


async def test_a_limit_of_nothing_is_no_limit(database, acting):
    acting("anna")
    async with client_of(database) as client:
        answers = [await client.get(BASKETS) for _ in range(10)]

    assert {answer.status_code for answer in answers} == {200}
    assert not any("ratelimit" in answer.headers for answer in answers)
