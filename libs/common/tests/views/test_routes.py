"""A view is saved once and used by whoever sees it, with every list of the service."""

import asyncio

import httpx
import pytest

from common.access import gate
from common.access.rights import Grant, Scope
from common.auth import LOCAL_OPERATOR, Actor
from common.ids import new_id
from common.views import use_cases

pytestmark = pytest.mark.capability("P-09")

VIEWS, BASKETS = "/shop/v1/views", "/shop/v1/baskets"
READ = Grant("reader", ("shop.baskets.*",), Scope.ALL)
SHARE = Grant("sharer", ("shop.views.share",), Scope.ALL)
EAST, WEST = new_id(), new_id()


def person(name, department_id=EAST, *grants):
    return Actor(id=name, grants=(READ, *grants), department_id=department_id)


@pytest.fixture
def sign_in(monkeypatch):
    """`sign_in(actor)`: requests are theirs from now on."""

    def become(actor):
        async def found(_):
            return actor

        monkeypatch.setattr(gate, "_actor_of", found)

    yield become
    become(LOCAL_OPERATOR)


async def save(client, **view) -> httpx.Response:
    return await client.post(VIEWS, json={"name": "mine", "list": "baskets"} | view)


async def a_view(client, **view):
    answer = await save(client, **view)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def some_baskets(client):
    for name, weight in (("pear", 1), ("apple", 3), ("pear", 2), ("pear", 3)):
        await client.post(BASKETS, json={"name": name, "weight": weight})


async def rows(client, **parameters):
    answer = await client.get(BASKETS, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_a_view_gives_a_list_its_filter_order_and_columns(client):
    await some_baskets(client)
    view = await a_view(client, query={"name": "pear"}, sort="-weight", columns=["weight", "name"])

    found = await rows(client, view=view["id"])

    assert [(row["name"], row["weight"]) for row in found] == [
        ("pear", 3),
        ("pear", 2),
        ("pear", 1),
    ]
    assert [list(row) for row in found] == [["id", "weight", "name"]] * 3


async def test_what_the_request_says_itself_wins_over_the_view(client):
    await some_baskets(client)
    view = await a_view(client, query={"name": "pear"}, sort="-weight", columns=["weight"])

    by_weight = await rows(client, view=view["id"], sort="weight")
    apples = await rows(client, view=view["id"], name="apple", fields="name")

    assert [row["weight"] for row in by_weight] == [1, 2, 3]
    assert [list(row) for row in apples] == [["id", "name"]]
    assert apples[0]["name"] == "apple"


async def test_pages_of_a_view_are_walked_and_end_with_its_filters(client):
    await some_baskets(client)
    view = await a_view(client, query={"name": "pear"}, sort="weight")
    path = f"{VIEWS}/{view['id']}"

    first = await client.get(BASKETS, params={"view": view["id"], "limit": 1})
    second = await client.get(first.headers["link"].split(";")[0].strip("<>"))
    cursor = second.json()["next_cursor"]
    by_hand = await rows(client, name="pear", sort="weight", limit=1, cursor=cursor)
    await client.patch(path, json={"query": {"name": "apple"}})
    after = await client.get(BASKETS, params={"view": view["id"], "limit": 1, "cursor": cursor})

    assert f"view={view['id']}" in first.headers["link"]
    assert first.json()["data"][0]["weight"] == 1
    assert second.json()["data"][0]["weight"] == 2
    assert by_hand[0]["weight"] == 3
    assert after.status_code == 400


async def test_fields_narrow_the_rows_of_any_list(client):
    await some_baskets(client)

    found = await client.get(BASKETS, params={"fields": "price,name", "limit": 2})
    unknown = await client.get(BASKETS, params={"fields": "name,created_at"})
    nothing = await client.get(BASKETS, params={"fields": ""})

    assert [list(row) for row in found.json()["data"]] == [["id", "price", "name"]] * 2
    assert found.json()["has_more"] is True
    for refused in (unknown, nothing):
        assert refused.status_code == 422
        assert refused.json()["code"] == "unknown_field"


@pytest.mark.parametrize(
    ("view", "code", "pointer"),
    [
        ({"list": "crates"}, "unknown_list", "/list"),
        ({"list": "failures/slow"}, "unknown_list", "/list"),
        ({"query": {"colour": "red"}}, "unknown_filter", "/query/colour"),
        ({"query": {"limit": "3"}}, "unknown_filter", "/query/limit"),
        ({"query": {"sort": "name"}}, "unknown_filter", "/query/sort"),
        ({"query": {"view": str(new_id())}}, "unknown_filter", "/query/view"),
        ({"sort": "notes"}, "unknown_sort_key", "/sort"),
        ({"columns": ["name", "notes"]}, "unknown_column", "/columns/1"),
        (
            {"list": "audit-entries", "query": {"record_id": "x"}},
            "filter_not_valid",
            "/query/record_id",
        ),
        ({"columns": []}, "not_valid", "/columns"),
        ({"name": " "}, "not_valid", "/name"),
    ],
)
async def test_a_view_of_what_the_list_does_not_have_is_refused(client, view, code, pointer):
    refused = await save(client, **view)

    assert refused.status_code == 422
    assert refused.json()["code"] == code
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert (await client.get(VIEWS)).json()["data"] == []


async def test_a_view_is_changed_only_to_what_the_list_has(client):
    view = await a_view(client, query={"name": "pear"}, sort="name")
    path = f"{VIEWS}/{view['id']}"

    refused = [
        await client.patch(path, json={"sort": "notes"}),
        await client.patch(path, json={"columns": ["notes"]}),
        await client.patch(path, json={"query": {"colour": "red"}}),
        await client.patch(path, json={"name": None}),
        await client.patch(path, json={"list": "views"}),
    ]

    assert [answer.status_code for answer in refused] == [422] * 5
    assert (await client.get(path)).json() == view


async def test_a_change_leaves_what_it_does_not_name(client):
    view = await a_view(client, list="audit-entries", query={"field": "name", "actor_id": "a"})
    path = f"{VIEWS}/{view['id']}"

    changed = await client.patch(path, json={"query": {"field": None}, "sort": "recorded_at"})
    again = await client.patch(path, json={"sort": "recorded_at"})

    assert changed.json()["query"] == {"actor_id": "a"}
    assert changed.json()["sort"] == "recorded_at"
    assert changed.headers["etag"] == again.headers["etag"] == '"2"'


async def test_a_view_has_an_etag_and_is_changed_at_the_version_that_was_read(client):
    view = await a_view(client)
    path = f"{VIEWS}/{view['id']}"
    read = await client.get(path)
    etag = {"If-Match": read.headers["etag"]}

    known = await client.get(path, headers={"If-None-Match": read.headers["etag"]})
    first = await client.patch(path, json={"name": "other"}, headers=etag)
    stale = await client.patch(path, json={"name": "third"}, headers=etag)
    not_removed = await client.delete(path, headers=etag)
    removed = await client.delete(path, headers={"If-Match": first.headers["etag"]})

    assert [known.status_code, first.status_code, stale.status_code] == [304, 200, 412]
    assert [not_removed.status_code, removed.status_code] == [412, 204]
    assert (await client.get(path)).status_code == 404


async def test_a_name_is_used_once_by_one_person_for_one_list(client, sign_in):
    view = await a_view(client)

    same = await save(client, sort="name")
    other = await a_view(client, name="other")
    renamed = await client.patch(f"{VIEWS}/{other['id']}", json={"name": "mine"})
    of_another_list = await save(client, list="audit-entries")
    sign_in(person("li"))
    somebody_elses = await save(client)

    for refused in (same, renamed):
        assert refused.status_code == 409
        assert refused.json()["code"] == "view_name_taken"
        assert refused.json()["existing_id"] == view["id"]
    assert [of_another_list.status_code, somebody_elses.status_code] == [201, 201]


async def test_nobody_has_more_than_the_most_views_also_at_once(client, monkeypatch):
    monkeypatch.setattr(use_cases, "MOST_VIEWS", 3)

    answers = await asyncio.gather(*(save(client, name=f"view {n}") for n in range(6)))

    refused = [answer for answer in answers if answer.status_code != 201]
    assert len(refused) == 3
    assert {answer.json()["code"] for answer in refused} == {"too_many_views"}


async def test_a_view_is_seen_by_those_it_is_shared_with_and_by_nobody_else(client, sign_in):
    sign_in(person("wang", EAST, SHARE))
    own = await a_view(client)
    teams = await a_view(client, name="team", shared_with={"department_id": str(EAST)})
    all_ours = await a_view(client, name="all", shared_with="everybody")
    for actor, seen in (
        (person("wang", EAST), [all_ours, own, teams]),
        (person("li", EAST), [all_ours, teams]),
        (person("zhao", WEST), [all_ours]),
        (person("service", None), [all_ours]),
    ):
        sign_in(actor)
        listed = (await client.get(VIEWS)).json()["data"]
        assert listed == seen
        for view in (own, teams, all_ours):
            status = 200 if view in seen else 404
            assert (await client.get(f"{VIEWS}/{view['id']}")).status_code == status
            used = await client.get(BASKETS, params={"view": view["id"]})
            assert used.status_code == status
            if status == 404:
                assert used.json()["code"] == "view_not_found"


async def test_only_who_made_a_view_changes_it(client, sign_in):
    sign_in(person("wang"))
    teams = await a_view(client, shared_with={"department_id": str(EAST)})
    own = await a_view(client, name="own")

    sign_in(person("li"))
    seen = f"{VIEWS}/{teams['id']}"
    unseen = f"{VIEWS}/{own['id']}"
    refused = [await client.patch(seen, json={"name": "li's"}), await client.delete(seen)]
    hidden = [await client.patch(unseen, json={"name": "li's"}), await client.delete(unseen)]

    assert {answer.json()["code"] for answer in refused} == {"not_your_view"}
    assert {answer.status_code for answer in refused} == {403}
    assert {answer.status_code for answer in hidden} == {404}
    sign_in(person("wang"))
    assert (await client.get(seen)).json() == teams


async def test_sharing_beyond_the_own_department_needs_the_right(client, sign_in):
    everybody = {"shared_with": "everybody"}
    west = {"shared_with": {"department_id": str(WEST)}}
    sign_in(person("wang"))
    own = await a_view(client, name="own")
    path = f"{VIEWS}/{own['id']}"

    refused = [
        await save(client, **everybody),
        await save(client, **west),
        await client.patch(path, json=everybody),
    ]
    sign_in(person("wang", EAST, SHARE))
    shared = await client.patch(path, json=everybody)
    withdrawn = await client.patch(path, json={"shared_with": None})

    assert {answer.status_code for answer in refused} == {403}
    assert {answer.json()["right"] for answer in refused} == {"shop.views.share"}
    assert shared.json()["shared_with"] == "everybody"
    assert withdrawn.json()["shared_with"] is None


async def test_a_manager_shares_with_departments_below(client, sign_in):
    manager = Actor(
        id="chen", grants=(READ,), department_id=EAST, subtree_ids=frozenset({EAST, WEST})
    )
    sign_in(manager)

    view = await a_view(client, shared_with={"department_id": str(WEST)})

    assert view["shared_with"] == {"department_id": str(WEST)}


async def test_a_view_of_a_list_that_one_may_not_read_is_refused(client, sign_in):
    sign_in(person("wang"))

    refused = await save(client, list="audit-entries")

    assert refused.status_code == 403
    assert refused.json()["right"] == "shop.audit.inspect"


async def test_a_view_is_tried_with_the_rows_of_its_list(client, sign_in):
    inspector = Grant("inspector", ("shop.audit.inspect",), Scope.ALL)
    own_only = Grant("inspector", ("shop.audit.inspect",), Scope.OWN)

    sign_in(Actor(id="wang", grants=(inspector,)))
    saved = await save(client, list="audit-entries")
    sign_in(Actor(id="li", grants=(own_only,)))
    refused = await save(client, list="audit-entries")

    assert saved.status_code == 201
    assert (refused.status_code, refused.json()["code"]) == (403, "trail_needs_all_rows")


async def test_a_view_belongs_to_one_list(client):
    view = await a_view(client)

    other = await client.get("/shop/v1/audit-entries", params={"view": view["id"]})
    unknown = await client.get(BASKETS, params={"view": str(new_id())})
    no_id = await client.get(BASKETS, params={"view": "mine"})

    assert (other.status_code, other.json()["code"]) == (422, "view_of_another_list")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "view_not_found")
    assert (no_id.status_code, no_id.json()["errors"][0]["pointer"]) == (422, "/view")


async def test_a_view_older_than_its_list_says_what_the_list_no_longer_has(client, database):
    view = await a_view(client, query={"name": "pear"})
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql('UPDATE views SET query = \'{"colour": "red"}\'')

    refused = await client.get(BASKETS, params={"view": view["id"]})

    assert refused.status_code == 422
    assert refused.json()["code"] == "unknown_parameter"


async def test_views_are_a_list_as_any_other(client):
    for name in ("c", "a", "b"):
        await a_view(client, name=name)
    await a_view(client, name="entries", list="audit-entries")
    of_views = await a_view(
        client, name="all", list="views", query={"list": "baskets"}, sort="-name", columns=["name"]
    )

    found = await client.get(VIEWS, params={"view": of_views["id"]})

    assert [row["name"] for row in found.json()["data"]] == ["c", "b", "a"]
    assert set(found.json()["data"][0]) == {"id", "name"}


@pytest.mark.capability("P-17")
async def test_who_saved_changed_shared_or_removed_a_view_stands_in_the_trail(client, sign_in):
    sign_in(person("fang", EAST))
    view = await a_view(client, name="light ones", query={"name": "pear"})
    await client.patch(f"{VIEWS}/{view['id']}", json={"shared_with": {"department_id": str(EAST)}})
    await client.patch(f"{VIEWS}/{view['id']}", json={"name": "light ones"})
    await client.delete(f"{VIEWS}/{view['id']}")
    sign_in(LOCAL_OPERATOR)

    answer = await client.get(
        "/shop/v1/audit-entries", params={"record_id": view["id"], "sort": "version"}
    )

    entries = answer.json()["data"]
    assert [(entry["version"], entry["action"]) for entry in entries] == [
        (1, "created"),
        (2, "updated"),
        (3, "deleted"),
    ]
    assert {entry["record_type"] for entry in entries} == {"views.view"}
    assert entries[0]["changes"]["query"] == [None, {"name": "pear"}]
    assert entries[1]["changes"] == {"department_id": [None, str(EAST)]}
    assert entries[2]["changes"]["name"] == ["light ones", None]
    assert all(entry["actor_id"] for entry in entries)
