"""The order of commit and response: what was answered is committed, what failed was not answered."""

import asyncio
import json

import pytest
from sqlalchemy import text

from common.testing.service import published

from .shop.__main__ import ENTRY
from .shop.main import create


async def count(session, table="baskets"):
    return (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


async def test_the_row_and_its_event_are_committed_before_the_first_byte_of_the_response(
    database, session
):
    app = create(ENTRY.settings(DATABASE_URL=database.dsn), database)
    seen_at_first_byte = []
    body = json.dumps({"name": "apples"}).encode()

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        if message["type"] == "http.response.start":
            seen = await count(session), await published(session)
            seen_at_first_byte.append((message["status"], *seen))

    await app(
        {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/shop/v1/baskets",
            "raw_path": b"/shop/v1/baskets",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"content-type", b"application/json"), (b"host", b"test")],
            "client": ("127.0.0.1", 1),
            "server": ("test", 80),
        },
        receive,
        send,
    )

    assert seen_at_first_byte == [(201, 1, ["shop.basket.filled.v1"])]


async def test_a_commit_that_fails_is_not_a_success_and_leaves_nothing(client, session):
    response = await client.post("/shop/v1/baskets", json={"name": "cursed"})

    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "internal_error"
    assert await count(session) == 0
    assert await published(session) == []


async def test_a_response_that_cannot_be_made_writes_nothing(client, session):
    response = await client.post("/shop/v1/failures/unshapable")

    assert response.status_code == 500
    assert response.json()["code"] == "internal_error"
    assert await count(session) == 0
    assert await published(session) == []


@pytest.mark.parametrize(
    ("family", "status", "code"),
    [
        ("bad_request", 400, "bad_request"),
        ("forbidden", 403, "forbidden"),
        ("not_found", 404, "basket_not_found"),
        ("conflict", 409, "conflict"),
        ("invalid", 422, "invalid"),
        ("unavailable", 503, "unavailable"),
        ("fault", 500, "internal_error"),
        ("file", 500, "internal_error"),
    ],
)
async def test_what_refuses_or_fails_undoes_all_and_is_said_by_its_status(
    client, session, family, status, code
):
    response = await client.post(f"/shop/v1/failures/refused/{family}")

    problem = response.json()
    assert response.status_code == problem["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["code"] == code
    assert problem["type"] == f"/errors/{code}"
    assert problem["instance"] == f"/shop/v1/failures/refused/{family}"
    assert problem["request_id"] == response.headers["x-request-id"]
    assert ("because" in problem["detail"]) == (status != 500)
    assert ("retry-after" in response.headers) == (status == 503)
    assert await count(session) == 0
    assert await published(session) == []


async def test_a_race_that_the_database_decides_is_a_conflict(client, session):
    await client.post("/shop/v1/baskets", json={"name": "only one"})

    response = await client.post("/shop/v1/baskets", json={"name": "only one"})

    assert response.status_code == 409
    assert response.json()["code"] == "already_there"
    assert response.json()["constraint"] == "uq_baskets_name"
    assert len(await published(session)) == 1


async def test_two_changes_of_one_thing_at_once_are_one_change_and_one_conflict(client, session):
    basket = (await client.post("/shop/v1/baskets", json={"name": "one"})).json()
    path = f"/shop/v1/baskets/{basket['id']}"

    answers = await asyncio.gather(
        *(client.patch(path, json={"name": f"by {n}"}) for n in range(6))
    )

    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {200, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {
        "concurrent_change"
    }
    shown = (await client.get(path)).json()
    assert shown["version"] == 1 + statuses.count(200)
    assert len(await published(session)) == shown["version"]


async def test_changes_that_lock_wait_for_each_other_and_are_told_in_order(client, session):
    basket = (await client.post("/shop/v1/baskets", json={"name": "one"})).json()
    path = f"/shop/v1/baskets/{basket['id']}:touch"

    answers = await asyncio.gather(*(client.post(path, params={"by": n}) for n in range(12)))

    assert {answer.status_code for answer in answers} == {200}
    rows = await session.execute(text("SELECT aggregate_version FROM event_log ORDER BY seq"))
    assert [row.aggregate_version for row in rows] == list(range(1, 14))


async def test_a_client_that_leaves_before_the_answer_leaves_a_whole_effect_or_none(
    client, session
):
    tasks = [
        asyncio.create_task(client.post("/shop/v1/baskets", json={"name": f"n{n}"}))
        for n in range(30)
    ]
    for n, task in enumerate(tasks):
        await asyncio.sleep(0.0007 * (n % 5))
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert (await client.post("/shop/v1/baskets", json={"name": "last"})).status_code == 201
    assert len(await published(session)) == await count(session)
