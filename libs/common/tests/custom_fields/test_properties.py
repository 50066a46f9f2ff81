"""Whatever is defined and written: it is read, exported, imported, and met once in every walk."""

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.csv_lines import csv_line
from common.custom_fields.values import LARGEST_INTEGER, Definition, FieldKind
from common.exports import _cells
from common.ids import new_id
from common.imports.jobs import ImportRunner
from common.imports.reading import read

from .crates import TARGETS
from .test_routes import CRATES, FIELDS, a_crate, a_field, change

pytestmark = pytest.mark.capability("P-18")

CODES = ["a", "b", "c_1", "9"]
A_TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40
).filter(lambda text: text.strip())
FORMULAS = st.sampled_from(["=1+1", "'=1", "''+2", "@x", "-1", "-a", "'", "＝", '"quoted", twice'])
AMOUNTS = st.decimals(-(10**12), 10**12, places=4, allow_nan=False, allow_infinity=False)

VALUES = {
    FieldKind.TEXT: A_TEXT | FORMULAS,
    FieldKind.INTEGER: st.integers(-LARGEST_INTEGER, LARGEST_INTEGER),
    FieldKind.DECIMAL: AMOUNTS.map(lambda amount: format(amount, "f")),
    FieldKind.BOOLEAN: st.booleans(),
    FieldKind.DATE: st.dates().map(lambda day: day.isoformat()),
    FieldKind.MOMENT: st.datetimes(timezones=st.timezones())
    .map(lambda at: at.isoformat())
    .filter(lambda text: len(text) < 33 and "0001-01-01" not in text and "9999-12-31" not in text),
    FieldKind.CHOICE: st.sampled_from(CODES),
    FieldKind.LINK: st.sampled_from(["https://例子.example/一?a=1", "http://x"]),
    FieldKind.EMAIL: st.sampled_from(["a@b.cn", "'=x@b.cn"]),
    FieldKind.PHONE: st.sampled_from(["+86 571 8888 0000", "13812345678"]),
}


@st.composite
def definitions(draw):
    kind = draw(st.sampled_from(FieldKind))
    return Definition(
        "crates",
        "value",
        kind,
        scale=4,
        max_length=100 if kind == FieldKind.TEXT else None,
        options=dict.fromkeys(CODES, False) if kind == FieldKind.CHOICE else {},
        allows_many=kind == FieldKind.CHOICE and draw(st.booleans()),
    )


@st.composite
def fields_with_values(draw):
    definition = draw(definitions())
    one = VALUES[definition.kind]
    return definition, draw(st.lists(one, min_size=1) if definition.allows_many else one)


@settings(max_examples=500)
@given(fields_with_values())
def test_a_value_is_itself_again_when_it_is_kept_exported_and_read(drawn):
    definition, given_value = drawn
    kept = definition.taken(given_value)

    (cell,) = _cells({"custom": {"value": kept}}, ["custom.value"])
    file = csv_line(["name", "custom.value"]) + csv_line(["crate", cell])
    (row,) = read(file.encode("utf-8-sig"), "crates.csv").rows

    assert definition.taken(json.loads(json.dumps(kept))) == kept
    assert definition.read_cell(row.cells[1]) == kept


@given(st.lists(fields_with_values().filter(lambda drawn: not drawn[0].allows_many), max_size=20))
def test_dates_and_moments_stand_in_the_order_of_their_texts(drawn):
    for kind in (FieldKind.DATE, FieldKind.MOMENT):
        kept = [one.taken(value) for one, value in drawn if one.kind == kind]
        assert all(len(text) == len(kept[0]) for text in kept)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_every_row_is_met_once_in_a_walk_with_ties_and_blanks(client, database, data):
    kinds = [kind for kind in FieldKind if kind not in (FieldKind.LINK,)]
    kind = data.draw(st.sampled_from(kinds))
    key = f"f{new_id().hex}"
    options = [{"code": code, "label_zh": code, "label_en": code} for code in CODES]
    parts = {"scale": 4} if kind == FieldKind.DECIMAL else {}
    parts |= {"options": options} if kind == FieldKind.CHOICE else {}
    await a_field(client, key, kind, **parts)
    some = data.draw(st.lists(VALUES[kind], min_size=1, max_size=3))
    values = data.draw(st.lists(st.sampled_from([None, *some]), min_size=3, max_size=8))
    made = [
        await a_crate(client, key, **({key: value} if value is not None else {}))
        for value in values
    ]

    for sort in (f"custom.{key}", f"-custom.{key}"):
        met, cursor = [], None
        while True:
            parameters = {"sort": sort, "limit": 2, "name": key}
            answer = await client.get(
                CRATES, params=parameters | ({"cursor": cursor} if cursor else {})
            )
            assert answer.status_code == 200, answer.text
            met += answer.json()["data"]
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                break
        assert sorted(row["id"] for row in met) == sorted(crate["id"] for crate in made)
        found = [row["custom"].get(key) for row in met]
        there = [value for value in found if value is not None]
        assert found == there + [None] * (len(found) - len(there))
        if kind in (FieldKind.INTEGER, FieldKind.DECIMAL, FieldKind.DATE, FieldKind.MOMENT):
            by = Decimal if kind == FieldKind.DECIMAL else lambda value: value
            assert there == sorted(there, key=by, reverse=sort.startswith("-"))
        for value in there:
            text = json.dumps(value) if isinstance(value, bool) else str(value)
            same = await client.get(CRATES, params={f"custom.{key}": text, "name": key})
            assert {row["id"] for row in same.json()["data"]} == {
                row["id"] for row in met if row["custom"].get(key) == value
            }


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_what_is_written_read_exported_and_imported_is_equal(client, database, data):
    drawn = data.draw(st.lists(fields_with_values(), min_size=1, max_size=4))
    name = new_id().hex
    options = [{"code": code, "label_zh": code, "label_en": code} for code in CODES]
    values = {}
    for place, (definition, value) in enumerate(drawn):
        key = f"f{name}_{place}"
        parts = {"allows_many": definition.allows_many}
        parts |= {"scale": 4} if definition.kind == FieldKind.DECIMAL else {}
        parts |= {"options": options} if definition.kind == FieldKind.CHOICE else {}
        await a_field(client, key, definition.kind, **parts)
        values[key] = value
    crate = await a_crate(client, name, **values)
    same = await change(client, crate, **values)

    columns = [f"custom.{key}" for key in values]
    exported = await client.get(
        CRATES,
        params={"fields": ",".join(columns), "name": name},
        headers={"Accept": "text/csv"},
    )
    again = f"{name} again"
    mapping = {
        "external_source": "export",
        "fields": {"name": {"value": again}, **{name: {"column": name} for name in columns}},
    }
    await client.post(
        "/shop/v1/imports",
        files={"file": ("crates.csv", exported.content)},
        data={"target": "crates", "mapping": json.dumps(mapping)},
    )
    runner = ImportRunner(TARGETS)
    while await runner(database):
        pass

    assert same.json()["version"] == 1
    (row,) = (await client.get(CRATES, params={"name": again})).json()["data"]
    assert row["custom"] == crate["custom"]
    assert len((await client.get(FIELDS)).json()["data"]) >= len(values)
