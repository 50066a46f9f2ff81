"""Definitions, and what they make of the records of a list."""

import asyncio

import pytest
from sqlalchemy import text

from common.access import gate
from common.access.rights import Grant, Scope
from common.auth import Actor
from common.testing.service import said

from ..statements import recorded

pytestmark = pytest.mark.capability("P-18")

FIELDS, CRATES, VIEWS = "/shop/v1/custom-fields", "/shop/v1/crates", "/shop/v1/views"
GRADES = [
    {"code": code, "label_zh": f"等级 {code}", "label_en": f"Grade {code}"} for code in ("a", "b")
]


async def define(client, key, kind="text", **parts):
    body = {"entity": "crates", "key": key, "kind": kind, "label_zh": "字段", "label_en": "Field"}
    return await client.post(FIELDS, json=body | parts)


async def a_field(client, key, kind="text", **parts):
    answer = await define(client, key, kind, **parts)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def pack(client, name="crate", **custom):
    return await client.post(CRATES, json={"name": name, "custom": custom})


async def a_crate(client, name="crate", **custom):
    answer = await pack(client, name, **custom)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def change(client, crate, **custom):
    return await client.patch(f"{CRATES}/{crate['id']}", json={"custom": custom})


async def names(client, **parameters):
    answer = await client.get(CRATES, params=parameters)
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in answer.json()["data"]]


def refusal(answer):
    """Status, code and pointer."""
    problem = answer.json()
    return answer.status_code, problem["code"], problem["errors"][0]["pointer"]


# ------------------------------------------------------------------------------------- definitions


async def test_a_definition_is_made_changed_and_told(client, session):
    made = await a_field(client, "grade", "choice", options=GRADES, position=3)
    path = f"{FIELDS}/{made['id']}"
    retired = {**GRADES[1], "is_retired": True}
    stale = await client.patch(path, json={"label_en": "Class"}, headers={"If-Match": '"7"'})
    changed = await client.patch(
        path, json={"label_en": "Class", "options": [retired]}, headers={"If-Match": '"1"'}
    )
    listed = (await client.get(FIELDS, params={"entity": "crates"})).json()["data"]

    assert stale.status_code == 412
    assert changed.headers["etag"] == '"2"'
    assert [option["is_retired"] for option in changed.json()["options"]] == [False, True]
    assert listed == [changed.json()]
    told = await said(session, "shop.custom_field.changed.v1")
    assert [event["label_en"] for event in told] == ["Field", "Class"]
    trail = await client.get("/shop/v1/audit-entries", params={"record_id": made["id"]})
    assert trail.json()["data"][0]["changes"]["label_en"] == ["Field", "Class"]


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        ({"entity": "boxes"}, "/entity"),
        ({"kind": "choice"}, "/options"),
        ({"kind": "integer", "options": GRADES}, "/options"),
        ({"kind": "integer", "scale": 2}, "/scale"),
        ({"kind": "text", "minimum": 2}, "/minimum"),
        ({"kind": "integer", "minimum": 5, "maximum": 4}, "/maximum"),
        ({"kind": "integer", "minimum": "five"}, "/minimum"),
        ({"kind": "integer", "maximum": 5, "default_value": 6}, "/default_value"),
        ({"kind": "text", "max_length": 501, "is_indexed": True}, "/is_indexed"),
        ({"kind": "link", "is_indexed": True}, "/is_indexed"),
    ],
)
async def test_a_definition_whose_parts_do_not_fit_is_refused(client, parts, pointer):
    refused = await define(client, "field", **parts)

    status, _, where = refusal(refused)
    assert (status, where) == (422, pointer)


async def test_a_key_is_never_used_again(client):
    made = await a_field(client, "grade", "integer")
    await client.post(f"{FIELDS}/{made['id']}:retire")

    again = await define(client, "grade", "text")

    assert (again.status_code, again.json()["code"]) == (409, "custom_field_key_taken")
    assert again.json()["existing_id"] == made["id"]


async def test_whoever_signed_in_reads_definitions_and_a_right_is_needed_to_write_them(
    client, monkeypatch
):
    made = await a_field(client, "grade")
    reader = Actor(id="li", grants=(Grant("reader", ("shop.crates.*",), Scope.ALL),))

    async def found(_):
        return reader

    monkeypatch.setattr(gate, "_actor_of", found)
    read = await client.get(f"{FIELDS}/{made['id']}")
    refused = await define(client, "other")
    retired = await client.post(f"{FIELDS}/{made['id']}:retire")

    assert read.status_code == 200
    assert {answer.json()["right"] for answer in (refused, retired)} == {"shop.custom_fields.write"}


# ------------------------------------------------------------------------------------------ values


@pytest.mark.parametrize(
    ("kind", "parts", "given", "kept"),
    [
        ("text", {}, "  冷藏 ", "冷藏"),
        ("integer", {}, -7, -7),
        ("decimal", {"scale": 3}, "12.500", "12.5"),
        ("decimal", {}, 0.25, "0.25"),
        ("decimal", {}, "-0.0", "0"),
        ("boolean", {}, False, False),
        ("date", {}, "2026-03-02", "2026-03-02"),
        ("moment", {}, "2026-03-02T09:30:00+08:00", "2026-03-02T01:30:00.000000Z"),
        ("choice", {"options": GRADES}, "b", "b"),
        ("choice", {"options": GRADES, "allows_many": True}, ["b", "a", "b"], ["a", "b"]),
        ("link", {}, "https://example.com/一", "https://example.com/一"),
        ("email", {}, "wang@example.com", "wang@example.com"),
        ("phone", {}, "+86 571 8888 0000", "+86 571 8888 0000"),
    ],
)
async def test_a_value_is_kept_in_its_one_spelling(client, kind, parts, given, kept):
    await a_field(client, "value", kind, **parts)

    crate = await a_crate(client, value=given)

    assert crate["custom"] == {"value": kept}
    assert (await client.get(CRATES)).json()["data"][0]["custom"] == {"value": kept}


@pytest.mark.parametrize(
    ("kind", "parts", "given", "code"),
    [
        ("text", {"max_length": 3}, "four", "custom_value_too_long"),
        ("text", {}, 4, "custom_value_of_another_kind"),
        ("text", {}, "   ", "custom_value_of_another_kind"),
        ("integer", {}, "4", "custom_value_of_another_kind"),
        ("integer", {}, True, "custom_value_of_another_kind"),
        ("integer", {}, 4.0, "custom_value_of_another_kind"),
        ("integer", {}, 2**53, "custom_value_out_of_range"),
        ("integer", {"minimum": 3}, 2, "custom_value_out_of_range"),
        ("decimal", {"scale": 1}, "0.25", "custom_value_out_of_range"),
        ("decimal", {"maximum": "9.5"}, "10", "custom_value_out_of_range"),
        ("decimal", {}, "1e3", "custom_value_of_another_kind"),
        ("decimal", {}, 1e300, "custom_value_out_of_range"),
        ("boolean", {}, "true", "custom_value_of_another_kind"),
        ("date", {}, "2026-02-30", "custom_value_of_another_kind"),
        ("date", {}, "20260302", "custom_value_of_another_kind"),
        ("date", {"minimum": "2026-01-01"}, "2025-12-31", "custom_value_out_of_range"),
        ("moment", {}, "2026-03-02T09:30:00", "custom_value_of_another_kind"),
        ("choice", {"options": GRADES}, "c", "custom_option_unknown"),
        ("choice", {"options": [{**GRADES[0], "is_retired": True}]}, "a", "custom_option_retired"),
        ("choice", {"options": GRADES}, ["a", "b"], "custom_value_of_another_kind"),
        ("link", {}, "javascript:alert(1)", "custom_value_of_another_kind"),
        ("email", {}, "wang", "custom_value_of_another_kind"),
        ("phone", {}, "call me", "custom_value_of_another_kind"),
    ],
)
async def test_a_bad_value_is_refused_where_it_stands_and_nothing_is_changed(
    client, kind, parts, given, code
):
    await a_field(client, "value", kind, **parts)
    crate = await a_crate(client)

    created, changed = await pack(client, value=given), await change(client, crate, value=given)

    assert refusal(created) == refusal(changed) == (422, code, "/custom/value")
    assert [row["version"] for row in (await client.get(CRATES)).json()["data"]] == [1]


async def test_an_unknown_key_is_refused(client):
    assert refusal(await pack(client, grade="a")) == (
        422,
        "unknown_custom_field",
        "/custom/grade",
    )


async def test_all_values_together_fit_into_an_event(client):
    for place in range(6):
        await a_field(client, f"text_{place}", "text", max_length=4000)

    refused = await pack(client, **{f"text_{place}": "长" * 3000 for place in range(6)})

    assert refusal(refused) == (422, "custom_values_too_large", "/custom")


async def test_a_required_field_is_asked_of_new_records_and_stays_with_old_ones(client):
    old = await a_crate(client)
    await a_field(client, "grade", "choice", options=GRADES, is_required=True)
    await a_field(client, "seal", default_value="red")

    without, cleared = await pack(client), await pack(client, grade=None)
    new = await a_crate(client, grade="a")
    other = await change(client, old, seal="blue")
    emptied = await change(client, new, grade=None)

    assert refusal(without) == refusal(cleared) == (422, "custom_value_missing", "/custom/grade")
    assert new["custom"] == {"grade": "a", "seal": "red"}
    assert other.json()["custom"] == {"seal": "blue"}
    assert refusal(emptied) == (422, "custom_value_missing", "/custom/grade")


async def test_what_is_retired_stays_where_it_is_and_comes_nowhere_else(client):
    seal = await a_field(client, "seal")
    grade = await a_field(client, "grade", "choice", options=GRADES, allows_many=True)
    crate = await a_crate(client, seal="red", grade=["a"])
    await client.post(f"{FIELDS}/{seal['id']}:retire")
    await client.patch(
        f"{FIELDS}/{grade['id']}",
        json={"options": [{**GRADES[0], "is_retired": True}]},
        headers={"If-Match": '"1"'},
    )

    kept = await change(client, crate, seal="red", grade=["a", "b"])
    repainted, graded = await change(client, crate, seal="blue"), await pack(client, grade=["a"])
    found = await names(client, **{"custom.seal": "red", "custom.grade": "a"})
    cleared = await change(client, crate, seal=None)
    await client.post(f"{FIELDS}/{seal['id']}:reinstate")
    again = await change(client, crate, seal="blue")

    assert kept.json()["custom"] == {"seal": "red", "grade": ["a", "b"]}
    assert refusal(repainted) == (422, "custom_field_retired", "/custom/seal")
    assert refusal(graded) == (422, "custom_option_retired", "/custom/grade")
    assert found == ["crate"]
    assert cleared.json()["custom"] == {"grade": ["a", "b"]}
    assert again.json()["custom"]["seal"] == "blue"


# ------------------------------------------------------------------------- several processes at once


async def test_another_process_refuses_and_takes_by_the_definitions_in_force(client, elsewhere):
    await a_crate(elsewhere)
    grade = await a_field(client, "grade", is_required=True)

    taken = await pack(elsewhere, grade="a")
    without = await pack(elsewhere)
    await client.post(f"{FIELDS}/{grade['id']}:retire")
    retired, free = await pack(elsewhere, grade="a"), await pack(elsewhere)

    assert taken.status_code == 201
    assert refusal(without) == (422, "custom_value_missing", "/custom/grade")
    assert refusal(retired) == (422, "custom_field_retired", "/custom/grade")
    assert free.status_code == 201


async def test_a_default_that_another_process_gave_is_not_left_out_in_silence(client, elsewhere):
    await a_crate(elsewhere)
    await a_field(client, "seal", default_value="red")

    first, second = await pack(elsewhere), await pack(elsewhere)

    assert (first.status_code, first.json()["code"]) == (409, "custom_fields_changed")
    assert second.json()["custom"] == {"seal": "red"}


async def test_custom_fields_cost_a_write_no_statement(client, database):
    await a_field(client, "grade", "choice", options=GRADES, is_required=True)
    crate = await a_crate(client, grade="a")

    def counted(statements):
        return [
            statement for statement, _ in statements if statement.startswith(("WITH", "SELECT"))
        ]

    made, renamed, graded = [], [], []
    with recorded(database, made):
        await a_crate(client, grade="b")
    with recorded(database, renamed):
        await client.patch(f"{CRATES}/{crate['id']}", json={"name": "other"})
    with recorded(database, graded):
        await change(client, crate, grade="b")

    assert len(counted(made)) == 1
    assert "custom_field_revisions" in counted(made)[0]
    assert len(renamed) == len(graded)
    assert not any("custom_field" in statement for statement, _ in renamed)


async def test_of_two_who_define_the_same_key_at_once_one_is_refused(client, elsewhere):
    answers = await asyncio.gather(
        define(client, "grade", "integer"), define(elsewhere, "grade", "text")
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409]


# ------------------------------------------------------------------------------------------- lists


async def some_crates(client):
    await a_field(client, "weight", "decimal", position=1)
    await a_field(client, "packed_at", "moment", position=2)
    await a_field(client, "sealed", "boolean", position=3)
    await a_field(client, "grade", "choice", options=GRADES, allows_many=True, position=4)
    await a_crate(client, "light", weight="9", packed_at="2026-03-02T08:00:00Z", sealed=True)
    await a_crate(client, "heavy", weight="10.5", packed_at="2026-03-02T09:00:00Z", grade=["a"])
    await a_crate(client, "empty", sealed=False, grade=["a", "b"])


async def test_a_list_is_filtered_and_sorted(client):
    await some_crates(client)

    assert await names(client, sort="custom.weight") == ["light", "heavy", "empty"]
    assert await names(client, sort="-custom.weight") == ["heavy", "light", "empty"]
    assert await names(client, sort="-custom.packed_at") == ["heavy", "light", "empty"]
    assert await names(client, sort="custom.sealed") == ["empty", "light", "heavy"]
    assert await names(client, **{"custom.weight": "9.00"}) == ["light"]
    assert await names(client, **{"custom.weight[gte]": "9.5"}) == ["heavy"]
    assert await names(client, **{"custom.packed_at[lte]": "2026-03-02T16:00:00+08:00"}) == [
        "light"
    ]
    assert await names(client, **{"custom.sealed": "false"}) == ["empty"]
    assert await names(client, **{"custom.weight[in]": "9,10.5"}) == ["light", "heavy"]
    assert await names(client, **{"custom.grade": "b"}) == ["empty"]
    assert await names(client, **{"custom.grade": "a", "name": "heavy"}) == ["heavy"]
    assert await names(client, **{"custom.sealed[exists]": "false"}) == ["heavy"]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"custom.colour": "red"}, "unknown_parameter"),
        ({"custom.weight[near]": "9"}, "unknown_parameter"),
        ({"custom.sealed[gte]": "true"}, "unknown_parameter"),
        ({"custom.weight": "heavy"}, "custom_value_of_another_kind"),
        ({"custom.grade": "z"}, "custom_option_unknown"),
        ({"custom.weight": ""}, "custom_value_of_another_kind"),
        ({"custom.weight[exists]": "maybe"}, "filter_not_valid"),
        ({"sort": "custom.colour"}, "unknown_sort_key"),
        ({"sort": "custom.grade"}, "unknown_sort_key"),
        ({"fields": "custom.colour"}, "unknown_field"),
        ({"colour": "red"}, "unknown_parameter"),
    ],
)
async def test_what_a_list_cannot_be_asked_is_refused(client, parameters, code):
    await some_crates(client)

    refused = await client.get(CRATES, params=parameters)

    assert (refused.status_code, refused.json()["code"]) == (422, code)


async def test_custom_parameters_are_unknown_to_lists_without_custom_fields(client):
    refused = await client.get(FIELDS, params={"custom.weight": "1"})

    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_parameter")


async def test_a_cursor_is_bound_to_the_filter(client):
    await some_crates(client)
    first = await client.get(CRATES, params={"custom.weight[exists]": "true", "limit": 1})
    cursor = first.json()["next_cursor"]

    other = await client.get(CRATES, params={"custom.sealed[exists]": "true", "cursor": cursor})

    assert other.status_code == 400


async def test_fields_and_columns_narrow_the_rows(client):
    await some_crates(client)

    rows = await client.get(CRATES, params={"fields": "custom.weight,name", "limit": 1})
    file = await client.get(
        CRATES,
        params={"fields": "name,custom.sealed,custom.grade"},
        headers={"Accept": "text/csv"},
    )
    whole = await client.get(CRATES, headers={"Accept": "text/csv"})

    (row,) = rows.json()["data"]
    assert row == {"id": row["id"], "custom": {"weight": "9"}, "name": "light"}
    assert [line.split(",", 1)[1] for line in file.text.splitlines()] == [
        "name,custom.sealed,custom.grade",
        "light,true,",
        'heavy,,"[""a""]"',
        'empty,false,"[""a"",""b""]"',
    ]
    assert whole.text.splitlines()[0].endswith(
        "id,version,name,custom.weight,custom.packed_at,custom.sealed,custom.grade"
    )


@pytest.mark.capability("P-09")
async def test_a_view_holds_them(client):
    await some_crates(client)
    saved = {"name": "heavy", "list": "crates", "columns": ["name", "custom.weight"]}
    view = await client.post(
        VIEWS,
        json={**saved, "query": {"custom.weight[gte]": "1"}, "sort": "-custom.weight"},
    )
    refused = [
        await client.post(VIEWS, json={**saved, **wrong})
        for wrong in (
            {"columns": ["custom.colour"]},
            {"query": {"custom.colour": "red"}},
            {"sort": "custom.colour"},
        )
    ]

    rows = (await client.get(CRATES, params={"view": view.json()["id"]})).json()["data"]

    assert [row["custom"] for row in rows] == [{"weight": "10.5"}, {"weight": "9"}]
    assert [answer.status_code for answer in refused] == [422] * 3


async def test_equality_is_answered_by_the_index_over_all_values(client, database):
    await some_crates(client)
    statements = []
    with recorded(database, statements):
        await names(client, **{"custom.weight": "9"})
    asked = next(statement for statement, _ in statements if "FROM crates" in statement)
    condition = asked.partition("WHERE ")[2].partition("ORDER BY")[0]
    condition = condition.replace("$1::JSONB", '\'{"weight": "9"}\'')

    async with database.engine.begin() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await connection.execute(text(f"EXPLAIN SELECT id FROM crates WHERE {condition}"))
        lines = "\n".join(plan.scalars())

    assert "ix_crates_custom" in lines
