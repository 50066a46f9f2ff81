"""Many things in one request: each with its own result, all in one transaction."""

import pytest
from sqlalchemy import text

from common.testing.service import published

BASKETS = "/shop/v1/baskets"
BATCH = f"{BASKETS}:batch"

pytestmark = pytest.mark.capability("P-15")


async def create(client, *items, **headers):
    return await client.post(BATCH, json={"items": items}, headers=headers)


async def names(client):
    return sorted(row["name"] for row in (await client.get(BASKETS)).json()["data"])


async def test_each_item_gets_the_answer_it_would_have_got_alone(client, session):
    items = [
        {"name": "apples"},
        {"name": 7, "colour": "red"},
        {"name": "forbidden"},
        "no basket",
        {"name": "too long for the column"},
        {"name": "pears"},
    ]

    response = await create(client, *items)

    results = response.json()["results"]
    assert response.status_code == 200
    assert [result["index"] for result in results] == [0, 1, 2, 3, 4, 5]
    assert [result["status"] for result in results] == [201, 422, 409, 422, 422, 201]
    for result, item in zip(results, items, strict=True):
        alone = await client.post(BASKETS, json=item)
        if result["status"] == 201:
            assert result["error"] is None
            read = await client.get(f"{BASKETS}/{result['id']}")
            assert read.json()["name"] == item["name"]
        elif result["index"] in (1, 3):
            refusal = alone.json()
            assert result["id"] is None
            assert result["error"]["code"] == refusal["code"]
            faults = [(fault["pointer"], fault["code"]) for fault in refusal["errors"]]
            said = [(fault["pointer"], fault["code"]) for fault in result["error"]["errors"]]
            assert said == faults
    assert results[2]["error"]["code"] == "conflict"
    assert results[2]["error"]["existing_id"]
    assert results[1]["error"]["errors"][0]["pointer"] in ("/name", "/colour")
    assert results[4]["error"]["code"] == "not_storable"


async def test_what_was_refused_leaves_nothing_behind(client, session):
    await create(client, {"name": "forbidden"}, {"name": "apples"}, {"name": "forbidden"})

    assert await names(client) == ["apples"]
    assert await published(session) == ["shop.basket.filled.v1"]
    entries = await session.execute(text("SELECT count(*) FROM audit_entries"))
    assert entries.scalar_one() == 1


async def test_a_fault_undoes_the_whole_batch(client, session):
    response = await create(client, {"name": "apples"}, {"name": "cursed"}, {"name": "pears"})

    assert response.status_code == 500
    assert await names(client) == []
    assert await published(session) == []


async def test_a_repetition_has_no_second_effect(client, session):
    items = [{"name": "apples"}, {"name": "forbidden"}]

    first = await create(client, *items, **{"Idempotency-Key": "k"})
    again = await create(client, *items, **{"Idempotency-Key": "k"})

    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert await names(client) == ["apples"]


async def test_a_hundred_are_done_and_a_hundred_and_one_are_not(client, session):
    hundred = [{"name": f"basket {n}"} for n in range(100)]

    done = await create(client, *hundred)
    too_many = await create(client, *hundred, {"name": "one more"})
    none = await create(client)

    assert {result["status"] for result in done.json()["results"]} == {201}
    assert [too_many.status_code, none.status_code] == [422, 422]
    assert too_many.json()["errors"][0]["pointer"] == "/items"
    assert len(await published(session)) == 100


async def test_the_promise_shows_what_an_item_is(client):
    document = (await client.get("/shop/openapi.json")).json()
    (name,) = [name for name in document["components"]["schemas"] if name.startswith("Batch_")]

    items = document["components"]["schemas"][name]["properties"]["items"]
    assert items["items"] == {"$ref": "#/components/schemas/BasketCreate"}
    assert (items["minItems"], items["maxItems"]) == (1, 100)
