"""One effect for one idempotency key, whatever happens to the request and to its answer."""

import asyncio
import collections
import os
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

import common
from common.access import gate
from common.auth import LOCAL_OPERATOR, Actor
from common.local_processes import free_port
from common.testing.processes import Supervisor
from common.testing.service import published

BASKETS = "/shop/v1/baskets"

pytestmark = pytest.mark.capability("P-13", "C-16")


async def kept(session):
    rows = await session.execute(text("SELECT key FROM idempotency_keys ORDER BY created_at, key"))
    return [row.key for row in rows]


async def create(client, key, *, path=BASKETS, name="apples", **request):
    return await client.post(path, json={"name": name}, headers={"Idempotency-Key": key}, **request)


async def test_a_repetition_gets_the_first_answer_whole(client, session):
    first = await create(client, "k")

    again = await create(client, "k")

    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    for name in ("location", "content-type", "content-length"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert len(await published(session)) == 1


async def test_an_answer_without_a_body_is_repeated_as_well(client):
    request = {"json": ["a"], "headers": {"Idempotency-Key": "k"}}

    first = await client.post(f"{BASKETS}:import", **request)
    again = await client.post(f"{BASKETS}:import", **request)

    assert first.status_code == again.status_code == 204
    assert again.content == b""
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_key_is_good_for_one_body_path_and_query_only(client, session):
    basket = (await create(client, "k")).json()
    touch = f"{BASKETS}/{basket['id']}:touch"
    assert (await create(client, "t", path=touch, params={"by": "me"})).status_code == 200

    others = [
        await create(client, "k", name="pears"),
        await client.post(f"{BASKETS}:import", json=["a"], headers={"Idempotency-Key": "k"}),
        await create(client, "t", path=touch, params={"by": "you"}),
    ]

    for other in others:
        assert other.status_code == 422
        assert other.json()["code"] == "idempotency_key_reused"
    assert len(await published(session)) == 2


async def test_a_key_is_its_owners_alone(client, session, monkeypatch):
    first = await create(client, "k")
    somebody_else = Actor(id="somebody-else", grants=LOCAL_OPERATOR.grants)
    monkeypatch.setattr(gate, "LOCAL_OPERATOR", somebody_else)

    other = await create(client, "k", name="pears")
    again = await create(client, "k", name="pears")

    assert other.status_code == 201
    assert other.json()["id"] == again.json()["id"] != first.json()["id"]
    assert "idempotency-replayed" not in other.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await published(session)) == 2


async def test_without_a_key_every_request_has_its_effect(client, session):
    answers = [await client.post(BASKETS, json={"name": "apples"}) for _ in range(2)]

    assert {answer.status_code for answer in answers} == {201}
    assert len(await published(session)) == 2
    assert await kept(session) == []


@pytest.mark.parametrize("key", ["", "x" * 256, "x" * 300])
async def test_a_key_that_is_empty_or_too_long_is_refused(client, session, key):
    response = await create(client, key)

    assert response.status_code == 400
    assert response.json()["code"] == "bad_request"
    assert await published(session) == []


async def test_the_longest_key_is_kept(client, session):
    assert (await create(client, "x" * 255)).status_code == 201

    assert await kept(session) == ["x" * 255]


async def test_keys_in_any_script_are_kept_apart(client):
    answers = [await create(client, key.encode()) for key in ("k", "K", "é", "订单-1", "订单-2")]

    assert len({answer.json()["id"] for answer in answers}) == 5


async def test_an_attempt_that_was_refused_may_be_repeated_with_its_key(client, session):
    refused = await client.post(
        BASKETS, json={"name": "a", "colour": "red"}, headers={"Idempotency-Key": "k"}
    )
    failed = await create(client, "k", name="cursed")

    mended = await create(client, "k")

    assert [refused.status_code, failed.status_code, mended.status_code] == [422, 500, 201]
    assert await kept(session) == ["k"]


async def test_twenty_at_once_with_one_key_have_one_effect(client, session):
    answers = await asyncio.gather(*(create(client, "k") for _ in range(20)))

    counted = collections.Counter(answer.status_code for answer in answers)
    assert set(counted) <= {201, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "request_in_flight"
            assert answer.headers["retry-after"] == "1"
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert len(await published(session)) == 1
    assert (await create(client, "k")).headers["idempotency-replayed"] == "true"


async def test_keys_that_are_different_do_not_wait_for_each_other(client, session):
    answers = await asyncio.gather(*(create(client, f"k{n}") for n in range(20)))

    assert {answer.status_code for answer in answers} == {201}
    assert len(await published(session)) == 20


async def test_a_key_on_a_request_that_is_repeatable_by_itself_is_passed_over(client, session):
    basket = (await create(client, "k")).json()
    path, headers = f"{BASKETS}/{basket['id']}", {"Idempotency-Key": "k"}

    changed = await client.patch(path, json={"name": "pears"}, headers=headers)

    assert changed.json()["name"] == "pears"
    assert (await client.get(path, headers=headers)).json()["name"] == "pears"


@pytest.mark.fault(2)
async def test_a_crash_before_the_commit_leaves_neither_effect_nor_key(
    database_url, session, tmp_path, verdict
):
    port = free_port()
    env = os.environ | {
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "PYTHONPATH": f"{Path(common.__file__).parents[1]}:{Path(__file__).parent}",
    }
    request = {"json": {"name": "apples"}, "headers": {"Idempotency-Key": "k"}}
    async with (
        Supervisor(tmp_path) as supervisor,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        api = supervisor.start(
            "shop",
            [sys.executable, "-m", "shop", "api"],
            env=env | {"FAIRWAY_FAULT": "before_commit:kill"},
        )
        await api.wait_for_http(f"http://127.0.0.1:{port}/readyz")
        with pytest.raises(httpx.TransportError):
            await client.post(BASKETS, **request)
        assert await api.wait(20) == -9
        left = len(await published(session)) + len(await kept(session))
        assert left == 0

        api.start(env={"FAIRWAY_FAULT": ""})
        await api.wait_for_http(f"http://127.0.0.1:{port}/readyz")
        assert (await client.post(BASKETS, **request)).status_code == 201
        again = await client.post(BASKETS, **request)

    effects = len(await published(session))
    verdict("2 killed before the commit, then repeated", left=left, effects=effects)
    assert again.headers["idempotency-replayed"] == "true"
    assert await kept(session) == ["k"]
    assert effects == 1
