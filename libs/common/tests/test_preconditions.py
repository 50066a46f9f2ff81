"""A thing's version is its ETag: readers are spared a body, writers a lost change."""

import asyncio
import collections
import gc

import pytest
from sqlalchemy import text
from sqlalchemy.event import registry

from common.ids import new_id
from common.preconditions import is_known
from common.testing.service import published

BASKETS = "/shop/v1/baskets"

pytestmark = pytest.mark.capability("P-12")


@pytest.fixture
async def basket(client):
    """A basket at version 1."""
    return f"{BASKETS}/{(await client.post(BASKETS, json={'name': 'apples'})).json()['id']}"


async def rename(client, path, name="pears", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.patch(path, json={"name": name}, headers=names)


async def test_every_answer_of_one_thing_carries_its_version_as_etag(client, basket):
    created = await client.post(BASKETS, json={"name": "apples"})
    read = await client.get(basket)
    changed = await rename(client, basket)
    touched = await client.post(f"{basket}:touch")

    answers = [created, read, changed, touched]
    assert [answer.headers["etag"] for answer in answers] == ['"1"', '"1"', '"2"', '"3"']
    assert [answer.json()["version"] for answer in answers] == [1, 1, 2, 3]
    assert "etag" not in (await client.get(BASKETS)).headers
    assert "etag" not in (await client.get(f"{BASKETS}/{new_id()}")).headers


async def test_a_reader_who_has_the_version_gets_no_body(client, basket):
    for asked in ('"1"', 'W/"1"', '"0", "1"', "*"):
        response = await client.get(basket, headers={"If-None-Match": asked})
        assert (response.status_code, response.content) == (304, b""), asked
        assert response.headers["etag"] == '"1"'
        assert response.headers["x-request-id"]

    for asked in ('"2"', "1", '"11"', '""', ""):
        response = await client.get(basket, headers={"If-None-Match": asked})
        assert (response.status_code, response.json()["version"]) == (200, 1), asked


async def test_an_answer_that_changes_with_the_time_is_always_sent(client, basket):
    """Its version says what may be changed, and not that the reader has seen it all."""
    response = await client.get(f"{basket}/age", headers={"If-None-Match": "*"})

    assert (response.status_code, response.headers["etag"]) == (200, '"1"')
    operation = (await client.get("/shop/openapi.json")).json()["paths"][
        f"{BASKETS}/{{basket_id}}/age"
    ]["get"]
    assert "304" not in operation["responses"]
    assert "ETag" in operation["responses"]["200"]["headers"]


async def test_an_answer_in_another_format_has_no_version(client, basket):
    response = await client.get(f"{basket}/label", headers={"If-None-Match": "*"})

    assert (response.status_code, response.text) == (200, "apples")
    assert "etag" not in response.headers


async def test_the_version_that_is_there_may_be_changed(client, basket):
    assert (await rename(client, basket, If_Match='"1"')).status_code == 200
    assert (await rename(client, basket, If_Match='"1", "2"')).status_code == 200
    assert (await rename(client, basket, If_Match="*")).status_code == 200
    touched = await client.post(f"{basket}:touch", headers={"If-Match": '"4"'})
    assert touched.status_code == 200
    deleted = await client.delete(basket, headers={"If-Match": '"5"'})
    assert (deleted.status_code, deleted.content) == (204, b"")


@pytest.mark.parametrize("asked", ['"0"', '"2"', 'W/"1"', "1", '""', '"1', "W/*", '"*"', ""])
async def test_another_version_is_refused_with_the_present_one_and_nothing_changes(
    client, session, basket, asked
):
    headers = {"If-Match": asked}

    refused = [
        await client.patch(basket, json={"name": "pears"}, headers=headers),
        await client.post(f"{basket}:touch", headers=headers),
        await client.delete(basket, headers=headers),
    ]

    for response in refused:
        problem = response.json()
        assert response.status_code == problem["status"] == 412
        assert (problem["code"], problem["current_version"]) == ("precondition_failed", 1)
    assert (await client.get(basket)).json()["name"] == "apples"
    assert await published(session) == ["shop.basket.filled.v1"]


async def test_several_headers_are_one_list(client, basket):
    headers = [("If-Match", '"7"'), ("If-Match", '"1"')]

    assert (await client.post(f"{basket}:touch", headers=headers)).status_code == 200


async def test_a_thing_that_is_not_there_is_not_found_whatever_version_is_asked_for(client):
    for asked in ('"1"', "*"):
        response = await rename(client, f"{BASKETS}/{new_id()}", If_Match=asked)
        assert response.json()["code"] == "basket_not_found"
    assert (await rename(client, f"{BASKETS}/nothing", If_Match="*")).status_code == 422


async def test_a_thing_that_is_not_for_the_caller_does_not_tell_its_version(client):
    hidden = (await client.post(BASKETS, json={"name": "hidden"})).json()

    for asked in ('"1"', '"9"', "*"):
        response = await rename(client, f"{BASKETS}/{hidden['id']}", If_Match=asked)
        assert (response.status_code, response.json()["code"]) == (404, "basket_not_found")
        assert "etag" not in response.headers


async def test_watching_a_session_leaves_nothing_behind(client, basket):
    def watched():
        gc.collect()
        return len(registry._key_to_collection)

    await client.post(f"{basket}:touch", headers={"If-Match": "*"})
    before = watched()
    for _ in range(20):
        await client.post(f"{basket}:touch", headers={"If-Match": "*"})

    assert watched() <= before + 1


async def test_who_read_an_older_version_is_told_so_before_what_the_newer_one_refuses(
    client, basket
):
    refused = f"{basket}:break"

    assert (await client.post(refused, headers={"If-Match": '"1"'})).status_code == 409
    assert (await client.post(refused, headers={"If-Match": '"9"'})).status_code == 412


async def test_a_write_that_changes_nothing_is_compared_as_well(client, basket, session):
    weigh = f"{basket}:weigh"

    assert (await client.post(weigh, headers={"If-Match": '"1"'})).status_code == 200
    assert (await client.post(weigh, headers={"If-Match": '"9"'})).status_code == 412


async def test_a_version_that_nothing_was_compared_with_is_no_match(client, basket, database):
    """A route that changes rows behind the session's back cannot keep the promise."""
    response = await client.post(f"{basket}:overwrite", headers={"If-Match": '"1"'})

    assert response.status_code == 412
    assert (await client.get(basket)).json()["name"] == "apples"


async def test_of_twenty_writers_of_one_version_one_wins(client, session, basket):
    answers = await asyncio.gather(
        *(client.post(f"{basket}:touch", headers={"If-Match": '"1"'}) for _ in range(20))
    )

    counted = collections.Counter(answer.status_code for answer in answers)
    assert counted == {200: 1, 412: 19}
    assert len(await published(session)) == 2


async def test_a_repetition_gets_its_first_answer_and_not_a_stale_version(client, basket):
    headers = {"If-Match": '"1"', "Idempotency-Key": "k"}

    first = await client.post(f"{basket}:touch", headers=headers)
    again = await client.post(f"{basket}:touch", headers=headers)

    assert first.status_code == again.status_code == 200
    assert again.headers["etag"] == first.headers["etag"] == '"2"'
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_list_is_replaced_only_by_who_says_which_one(client, session, basket):
    items = {"names": ["a", "b"]}

    missing = await client.patch(f"{basket}/contents", json=items)
    blank = await client.patch(f"{basket}/contents", json=items, headers={"If-Match": " "})

    for response in (missing, blank):
        assert response.status_code == 428
        assert response.json()["code"] == "precondition_required"
    assert await published(session) == ["shop.basket.filled.v1"]


async def test_the_promise_names_the_headers(client):
    paths = (await client.get("/shop/openapi.json")).json()["paths"]
    one = paths[f"{BASKETS}/{{basket_id}}"]

    def headers_of(operation):
        return {
            parameter["name"]: parameter["required"]
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "header"
        }

    assert headers_of(one["get"]) == {"If-None-Match": False}
    assert headers_of(one["patch"]) == headers_of(one["delete"]) == {"If-Match": False}
    assert headers_of(paths[f"{BASKETS}/{{basket_id}}/contents"]["patch"]) == {"If-Match": True}
    assert headers_of(paths[BASKETS]["post"]) == {}
    assert "ETag" in one["get"]["responses"]["200"]["headers"]
    assert "304" in one["get"]["responses"]
    assert "ETag" in paths[BASKETS]["post"]["responses"]["201"]["headers"]


@pytest.mark.parametrize(
    ("has", "known"), [('"3"', True), ('W/"3"', True), ("*", True), ('"33"', False), ("3", False)]
)
def test_for_reading_a_weak_tag_is_as_good(has, known):
    assert is_known('"3"', has) is known


async def test_a_version_read_before_somebody_changed_it_is_stale(client, basket, database):
    etag = (await client.get(basket)).headers["etag"]
    async with database.transaction() as other:
        await other.execute(text("UPDATE baskets SET version = version + 1"))

    response = await rename(client, basket, If_Match=etag)

    assert response.status_code == 412
    assert response.json()["current_version"] == 2
