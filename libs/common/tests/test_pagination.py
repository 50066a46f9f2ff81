"""A walk over the pages of a list sees every row once, whatever others do meanwhile."""

import base64
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text

from common.access import gate
from common.auth import LOCAL_OPERATOR, Actor
from common.errors import BadRequest
from common.ids import new_id
from common.pagination import PageRequest, paginate
from common.testing.databases import as_owner

from .shop.__main__ import ENTRY
from .shop.main import create
from .shop.model import Basket
from .shop.routes import SORT_KEYS
from .statements import recorded

BASKETS = "/shop/v1/baskets"
KEY = b"a key of the shop"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

# Few values, so that many rows are equal in what they are sorted by.
rows = st.builds(
    lambda **values: {
        "id": new_id(),
        "version": 1,
        "created_at": NOW + timedelta(microseconds=values.pop("age")),
        "updated_at": NOW,
        **values,
    },
    age=st.integers(0, 3),
    name=st.sampled_from(["", "a", "B", "é", "远航", "a b", "a'b"]),
    weight=st.none() | st.sampled_from([-(2**31), -1, 0, 7, 2**31 - 1]),
    price=st.none() | st.sampled_from([Decimal("0.000001"), Decimal("-1"), Decimal("99999999999")]),
    placed_at=st.none() | st.sampled_from([NOW, NOW + timedelta(microseconds=1)]),
)
sorts = st.sampled_from([f"{sign}{key}" for key in SORT_KEYS for sign in ("", "-")])


async def page_of(database, limit, cursor, sort):
    request = PageRequest(limit, cursor, sort, with_total=False, filters="", key=KEY)
    async with database.reading() as session:
        return await paginate(
            session,
            select(Basket),
            request,
            id_column=Basket.id,
            sort_keys=SORT_KEYS,
            default_sort="-created_at",
        )


async def add(database, baskets):
    # Beside the session, which wants an event for every basket.
    async with database.engine.begin() as connection:
        if baskets:
            await connection.execute(insert(Basket.__table__), baskets)


@pytest.mark.capability("C-06")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first=st.lists(rows, max_size=25),
    added=st.lists(st.lists(rows, max_size=3), max_size=8),
    taken=st.sets(st.integers(0, 24), max_size=8),
    limit=st.integers(1, 7),
    sort=sorts,
)
async def test_every_row_that_stays_is_seen_once_and_in_order(
    database, first, added, taken, limit, sort
):
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM baskets"))
    await add(database, first)
    doomed = [first[place]["id"] for place in taken if place < len(first)]
    additions = iter(added)

    seen, cursor = [], None
    while True:
        page = await page_of(database, limit, cursor, sort)
        assert len(page.data) <= limit
        assert page.has_more == (page.next_cursor is not None)
        seen += [basket.id for basket in page.data]
        if not page.has_more:
            break
        cursor = page.next_cursor
        await add(database, next(additions, []))
        async with database.engine.begin() as connection:
            await connection.execute(delete(Basket.__table__).where(Basket.id.in_(doomed[-1:])))
        doomed = doomed[:-1]

    in_order = [basket.id for basket in (await page_of(database, 10_000, None, sort)).data]
    stayed = [basket["id"] for basket in first if basket["id"] in in_order]
    assert len(seen) == len(set(seen))
    assert set(stayed) <= set(seen)
    assert [row for row in in_order if row in seen] == [row for row in seen if row in in_order]


async def walk(client, **params):
    seen, cursor = [], {}
    while True:
        page = (await client.get(BASKETS, params=params | cursor)).json()
        seen += page["data"]
        if not page["has_more"]:
            assert page["next_cursor"] is None
            return seen
        cursor = {"cursor": page["next_cursor"]}


@pytest.fixture
async def seven(database):
    """Seven baskets, four of one name."""
    ids = sorted(new_id() for _ in range(7))
    stamps = {"version": 1, "created_at": NOW, "updated_at": NOW}
    await add(
        database,
        [{"id": each, "name": "a" if n % 2 == 0 else "b", **stamps} for n, each in enumerate(ids)],
    )
    return [str(each) for each in ids]


async def test_a_list_is_walked_over_http_with_and_without_filters(client, seven):
    assert [row["id"] for row in await walk(client, limit=2, sort="id")] == seven
    assert [row["id"] for row in await walk(client, limit=3, sort="-id")] == seven[::-1]
    assert len(await walk(client, limit=1, name="a", sort="weight")) == 4


@pytest.mark.capability("C-07")
async def test_a_total_is_exact_and_only_there_when_asked_for(client, seven):
    plain = (await client.get(BASKETS, params={"limit": 2})).json()
    first = (await client.get(BASKETS, params={"limit": 2, "include": "total"})).json()
    second = await client.get(
        BASKETS, params={"limit": 2, "include": "total", "cursor": plain["next_cursor"]}
    )
    filtered = (await client.get(BASKETS, params={"include": "total", "name": "a"})).json()

    assert plain["total"] is None
    assert first["total"] == second.json()["total"] == 7
    assert filtered["total"] == 4


async def test_an_empty_list_is_one_empty_page(client):
    page = (await client.get(BASKETS, params={"include": "total"})).json()

    assert page == {"data": [], "has_more": False, "next_cursor": None, "total": 0}


@pytest.mark.capability("C-07")
@pytest.mark.parametrize("limit", ["0", "-1", "abc", "1.5", "", "1e9"])
async def test_a_limit_that_is_no_count_is_refused(client, limit):
    response = await client.get(BASKETS, params={"limit": limit})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/limit"


@pytest.mark.capability("C-07")
async def test_a_limit_above_the_largest_is_taken_as_the_largest(client, database):
    await add(
        database,
        [
            {"id": new_id(), "version": 1, "created_at": NOW, "updated_at": NOW, "name": ""}
            for _ in range(203)
        ],
    )

    page = (await client.get(BASKETS, params={"limit": 1_000_000_000})).json()

    assert len(page["data"]) == 200
    assert page["has_more"]
    assert len((await client.get(BASKETS)).json()["data"]) == 50


async def test_a_cursor_is_good_for_its_own_list_only(client, seven):
    sealed = {"name": "a", "sort": "name", "limit": 2}
    cursor = (await client.get(BASKETS, params=sealed)).json()["next_cursor"]

    for other in (
        {"sort": "name"},
        {"name": "b", "sort": "name"},
        {"name": "a"},
        {"name": "a", "sort": "-name"},
        {"name": "a", "sort": "id"},
    ):
        response = await client.get(BASKETS, params={**other, "cursor": cursor})
        assert response.status_code == 400, other
        assert response.json()["code"] == "bad_request"
    # How much of the list is asked for is no part of it.
    wider = await client.get(BASKETS, params={**sealed, "limit": 5, "cursor": cursor})
    assert wider.status_code == 200


async def test_the_following_page_is_linked_with_everything_that_was_asked(client, seven):
    asked = {"name": "a", "sort": "-name", "limit": 3, "include": "total"}
    first = await client.get(BASKETS, params=asked)
    (address,) = re.findall(r'^<([^>]+)>; rel="next"$', first.headers["link"])

    second = await client.get(address)

    assert address.startswith(f"{BASKETS}?")
    assert dict(second.request.url.params) == {
        **{name: str(value) for name, value in asked.items()},
        "cursor": first.json()["next_cursor"],
    }
    assert len(first.json()["data"] + second.json()["data"]) == second.json()["total"] == 4
    assert "link" not in second.headers


async def test_the_promise_names_the_link(client):
    paths = (await client.get("/shop/openapi.json")).json()["paths"]

    assert "Link" in paths[BASKETS]["get"]["responses"]["200"]["headers"]


async def test_a_cursor_is_good_for_whom_it_was_made_only(client, seven, monkeypatch):
    asked = {"limit": 2}
    cursor = (await client.get(BASKETS, params=asked)).json()["next_cursor"]
    somebody_else = Actor(id="somebody-else", grants=LOCAL_OPERATOR.grants)
    monkeypatch.setattr(gate, "LOCAL_OPERATOR", somebody_else)

    refused = await client.get(BASKETS, params={**asked, "cursor": cursor})

    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")
    own = (await client.get(BASKETS, params=asked)).json()["next_cursor"]
    assert (await client.get(BASKETS, params={**asked, "cursor": own})).status_code == 200


async def test_a_cursor_that_was_altered_anywhere_is_refused(client, seven):
    cursor = (await client.get(BASKETS, params={"limit": 2})).json()["next_cursor"]
    sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))

    for place in range(len(sealed)):
        altered = bytearray(sealed)
        altered[place] ^= 1
        asked = {"limit": 2, "cursor": base64.urlsafe_b64encode(altered).decode()}
        assert (await client.get(BASKETS, params=asked)).status_code == 400, place


async def test_a_cursor_opens_in_every_process_with_the_same_key(database, seven):
    async def page(cursor=None, **keys):
        app = create(ENTRY.settings(DATABASE_URL=database.dsn, **keys), database)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            return await client.get(BASKETS, params=asked)

    key, token = {"FAIRWAY_CURSOR_KEY": "k" * 24}, {"FAIRWAY_INTERNAL_TOKEN": "t" * 24}
    for keys in ({}, key, token):
        cursor = (await page(**keys)).json()["next_cursor"]
        assert (await page(cursor, **keys)).status_code == 200
        others = [other for other in ({}, key, token) if other != keys]
        assert {(await page(cursor, **other)).status_code for other in others} == {400}


def sealed_by_hand(content, key=KEY):
    text = json.dumps(content, ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(hmac.digest(key, text, "sha256")[:16] + text).decode()


SOMEBODY = "01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f"


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "=",
        "é",
        "🙂",
        sealed_by_hand(None),
        sealed_by_hand([]),
        sealed_by_hand({"filters": ""}),
        sealed_by_hand(["", "weight", 1]),
        sealed_by_hand(["", "weight", 1, SOMEBODY, 1]),
        sealed_by_hand(["", "weight", 1, "nobody"]),
        sealed_by_hand(["", "weight", 1, 1]),
        sealed_by_hand(["", "weight", "heavy", SOMEBODY]),
        sealed_by_hand(["", "weight", True, SOMEBODY]),
        sealed_by_hand(["", "weight", 1.5, SOMEBODY]),
        sealed_by_hand(["", "weight", [1], SOMEBODY]),
        sealed_by_hand(["", "weight", {"a": 1}, SOMEBODY]),
        base64.urlsafe_b64encode(b"[" * 50_000).decode(),
        base64.urlsafe_b64encode(json.dumps(["", "weight", 1, SOMEBODY]).encode()).decode(),
        sealed_by_hand(["", "weight", 1, SOMEBODY], key=b"another key"),
        sealed_by_hand(["", "weight", 1, SOMEBODY])[:-8],
    ],
    ids=lambda cursor: cursor[:12],
)
async def test_a_cursor_that_was_not_made_here_is_refused(database, cursor):
    with pytest.raises(BadRequest):
        await page_of(database, 2, cursor, "weight")


@pytest.mark.parametrize(
    ("sort", "value"),
    [
        ("created_at", None),
        ("created_at", "yesterday"),
        ("created_at", 1),
        ("name", None),
        ("name", 1),
        ("price", 1),
        ("price", "dear"),
        ("price", ["1"]),
        ("placed_at", "2026-13-01"),
        ("id", 1),
    ],
)
async def test_a_cursor_with_a_value_of_another_kind_is_refused(database, sort, value):
    with pytest.raises(BadRequest):
        await page_of(database, 2, sealed_by_hand(["", sort, value, SOMEBODY]), sort)


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "weight", "-weight"])
async def test_a_page_is_found_through_an_index(database, sort):
    """A walk over a long list must not sort all of it for every page."""
    async with database.transaction() as session:
        await as_owner(session)
        await session.execute(text("CREATE INDEX by_age ON baskets (created_at, id)"))
        await session.execute(text("CREATE INDEX by_weight ON baskets (weight, id)"))
        await session.execute(
            text("CREATE INDEX by_weight_down ON baskets (weight DESC NULLS LAST, id DESC)")
        )
        await session.execute(
            text("""
                INSERT INTO baskets (id, version, created_at, updated_at, name, weight)
                SELECT gen_random_uuid(), 1, now() + make_interval(secs => n), now(), 'n', n
                FROM generate_series(1, 3000) n
            """)
        )
        await session.execute(text("ANALYZE baskets"))
    try:
        statements = []
        cursor = (await page_of(database, 5, None, sort)).next_cursor
        with recorded(database, statements):
            await page_of(database, 5, cursor, sort)
        async with database.reading() as session:
            connection = await session.connection()
            plan = await connection.exec_driver_sql("EXPLAIN " + statements[0][0], statements[0][1])
            plan = "\n".join(row[0] for row in plan)
    finally:
        async with database.transaction() as session:
            await as_owner(session)
            for name in ("by_age", "by_weight", "by_weight_down"):
                await session.execute(text(f"DROP INDEX {name}"))

    assert "Sort" not in plan, plan
    assert "Index Scan" in plan, plan
