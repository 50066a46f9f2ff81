"""Whether the trail is whole: what was done to it is found, and the entry is named."""

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import selectinload

from common.audit.schema import CONTENT, V1
from common.audit.trail import written
from common.audit.verify import heads, verify
from common.testing.databases import truncate_all

from .harness import Parcel, ParcelLine, change, entries, faults, pack, say, tamper

pytestmark = pytest.mark.capability("P-17")

REHASH = f"""
    UPDATE audit_entries e SET hash = sha256(
        coalesce(e.previous_hash, '') || convert_to({CONTENT}, 'UTF8'))
    WHERE e.record_id = :id AND e.version = :version
"""


async def three_versions(parcels):
    parcel_id = await pack(parcels, pieces=1)
    await change(parcels, parcel_id, pieces=2)
    await change(parcels, parcel_id, pieces=3)
    return parcel_id


async def test_a_trail_that_nobody_touched_is_whole(parcels):
    await three_versions(parcels)
    await three_versions(parcels)

    found = await verify(parcels, ["parcels"])

    assert (found.entries, found.records, found.faults) == (6, 2, [])


@pytest.mark.parametrize(
    "what",
    [
        "changes = '{}'",
        "actor_id = 'somebody'",
        "recorded_at = recorded_at - interval '1 day'",
        "action = 'restored'",
        "events = '{}'",
        "request_id = 'other'",
        "causation_id = 'other'",
        "correlation_id = 'other'",
        "record_type = 'sales.other'",
        "id = gen_random_uuid()",
        "hash = sha256('x')",
    ],
)
async def test_an_altered_entry_is_named(parcels, what):
    parcel_id = await three_versions(parcels)
    await three_versions(parcels)

    await tamper(
        parcels,
        f"UPDATE audit_entries SET {what} WHERE record_id = :id AND version = 2",
        id=parcel_id,
    )

    found = await faults(parcels)
    assert (parcel_id, 2, "was altered: its content does not give its hash") in found
    assert {record_id for record_id, _, _ in found} == {parcel_id}


async def test_an_entry_that_was_altered_with_its_hash_no_longer_leads_to_the_next(parcels):
    parcel_id = await three_versions(parcels)

    await tamper(
        parcels,
        "UPDATE audit_entries SET actor_id = 'x' WHERE record_id = :id AND version = 2",
        id=parcel_id,
    )
    await tamper(parcels, REHASH, id=parcel_id, version=2)

    ((found_id, version, fault),) = await faults(parcels)
    assert (found_id, version) == (parcel_id, 3)
    assert fault.startswith("does not follow from version 2")


@pytest.mark.parametrize(
    ("removed", "version", "fault"),
    [
        ("= 1", 2, "is not a first entry"),
        ("= 2", 3, "does not follow from version 1"),
        ("= 3", 2, "the last entry; the record is at version 3"),
        ("> 0", None, "there is no entry; the record is at version 3"),
    ],
)
async def test_a_removed_entry_is_missed(parcels, removed, version, fault):
    parcel_id = await three_versions(parcels)
    await three_versions(parcels)

    await tamper(
        parcels,
        f"DELETE FROM audit_entries WHERE record_id = :id AND version {removed}",
        id=parcel_id,
    )

    ((found_id, found_version, said),) = await faults(parcels)
    assert (found_id, found_version) == (parcel_id, version)
    assert said.startswith(fault)


async def test_a_record_that_is_gone_with_its_entries_is_missed(parcels):
    parcel_id = await three_versions(parcels)

    await tamper(parcels, "DELETE FROM audit_entries WHERE record_id = :id", id=parcel_id)
    await tamper(parcels, "DELETE FROM parcels WHERE id = :id", id=parcel_id)

    ((found_id, _, fault),) = await faults(parcels)
    assert found_id == parcel_id
    assert fault.startswith("there is no entry")


@pytest.mark.parametrize(
    ("version", "named", "fault"),
    [
        (0, 1, "does not follow from version 0"),
        (2, 3, "does not follow from version 2"),
        (9, 9, "the last entry; the record is at version 3 only"),
    ],
)
async def test_an_inserted_entry_is_found_though_its_hash_is_right(parcels, version, named, fault):
    parcel_id = await pack(parcels)
    async with parcels.transaction() as session:
        parcel = await session.get_one(Parcel, parcel_id)
        say(session, parcel)
        say(session, parcel)

    await tamper(
        parcels,
        """
        INSERT INTO audit_entries SELECT gen_random_uuid(), now(), record_type, record_id,
            :version, 'created', events, 'x', NULL, NULL, NULL, '{}',
            (SELECT hash FROM audit_entries p WHERE p.record_id = :id AND p.version < :version
             ORDER BY version DESC LIMIT 1), ''
        FROM audit_entries WHERE record_id = :id AND version = 1
        """,
        id=parcel_id,
        version=version,
    )
    await tamper(parcels, REHASH, id=parcel_id, version=version)

    found = await faults(parcels)
    assert [(each[0], each[1]) for each in found] == [(parcel_id, named)]
    assert found[0][2].startswith(fault)


async def test_an_entry_of_a_record_that_never_was_is_found(parcels):
    parcel_id = await pack(parcels)
    await tamper(parcels, "DELETE FROM event_log")
    await tamper(parcels, "DELETE FROM parcels")

    assert await faults(parcels) == [(parcel_id, 1, "there is no such record")]


async def test_one_record_can_be_looked_at_alone(parcels):
    good, bad = await three_versions(parcels), await three_versions(parcels)
    await tamper(parcels, "DELETE FROM audit_entries WHERE record_id = :id AND version = 3", id=bad)

    assert await faults(parcels, record_id=good) == []
    assert [each[0] for each in await faults(parcels, record_id=bad)] == [bad]


async def test_a_chain_that_was_computed_anew_differs_from_what_was_kept_elsewhere(parcels):
    parcel_id = await three_versions(parcels)
    kept = await heads(parcels)
    await change(parcels, parcel_id, pieces=4)
    assert await faults(parcels, kept=kept) == []

    await tamper(
        parcels, "UPDATE audit_entries SET actor_id = 'x' WHERE record_id = :id", id=parcel_id
    )
    for version in (1, 2, 3, 4):
        await tamper(
            parcels,
            """
            UPDATE audit_entries SET previous_hash = (SELECT hash FROM audit_entries p
                WHERE p.record_id = :id AND p.version = :version - 1)
            WHERE record_id = :id AND version = :version
            """,
            id=parcel_id,
            version=version,
        )
        await tamper(parcels, REHASH, id=parcel_id, version=version)

    assert await faults(parcels) == []
    assert await faults(parcels, kept=kept) == [
        (parcel_id, 3, "is another than the one kept elsewhere")
    ]


async def test_what_was_there_before_the_trail_is_adopted_and_goes_on(parcels):
    parcel_id = await three_versions(parcels)
    await tamper(parcels, "DELETE FROM audit_entries")

    async with parcels.transaction() as session:
        await session.execute(text(V1[-1]))
    await change(parcels, parcel_id, pieces=4)

    assert [(row.action, row.version) for row in await entries(parcels)] == [
        ("adopted", 3),
        ("updated", 4),
    ]
    assert await faults(parcels) == []


TEXTS = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12
)
AMOUNTS = st.decimals(-(10**9), 10**9, places=7)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXTS,
        "value": st.none() | AMOUNTS,
        "pieces": st.none() | st.integers(-(2**31), 2**31 - 1),
        "fragile": st.booleans(),
        "sent_on": st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31)),
        "sent_at": st.none()
        | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
        "partner_id": st.none() | st.uuids(),
        "notes": st.lists(
            st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers() | TEXTS, max_size=3),
            max_size=2,
        ),
        "lines": st.dictionaries(
            st.integers(1, 4), st.tuples(TEXTS, st.decimals(0, 999, places=3)), max_size=4
        ),
    },
)


def put_lines(parcel, wanted):
    """Bring the lines to what is wanted, keeping those that stay."""
    there = {line.line_no: line for line in parcel.lines}
    for number, (what, quantity) in wanted.items():
        line = there.get(number)
        if line is None:
            line = there[number] = ParcelLine(line_no=number)
        line.what, line.quantity = what, quantity
    parcel.lines = [there[number] for number in sorted(wanted)]


def replayed(trail):
    """The values that the entries lead to, from nothing."""
    values, lines = {}, {}
    for entry in trail:
        for name, (before, after) in entry.changes.items():
            if name == "lines":
                for line in before:
                    assert lines.pop(line["line_no"]) == line
                lines |= {line["line_no"]: line for line in after}
            else:
                assert values.get(name) == before
                values[name] = after
    return {name: value for name, value in values.items() if value is not None}, lines


async def stored(parcels, parcel_id):
    """The values that the database has."""
    async with parcels.reading() as session:
        query = select(Parcel).where(Parcel.id == parcel_id).options(selectinload(Parcel.lines))
        parcel = (await session.execute(query)).scalar_one()
    values = {
        column.key: written(getattr(parcel, column.key), column)
        for column in Parcel.__table__.columns
        if column.key not in {"id", "version", "created_at", "updated_at"}
    }
    lines = {
        line.line_no: {
            "line_no": line.line_no,
            "what": line.what,
            "quantity": written(line.quantity, ParcelLine.__table__.c.quantity),
        }
        for line in parcel.lines
    }
    return {name: value for name, value in values.items() if value is not None}, lines


def put(parcel, values):
    for name, value in values.items():
        if name == "lines":
            put_lines(parcel, value)
        else:
            setattr(parcel, name, value)


DAMAGES = st.sampled_from(["altered", "altered with its hash", "removed", "inserted"])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(st.lists(VALUES, min_size=1, max_size=3), min_size=1, max_size=5),
    damage=DAMAGES,
    place=st.integers(0, 100),
)
async def test_the_entries_lead_from_nothing_to_what_is_there_and_any_damage_is_found(
    parcels, steps, damage, place
):
    await truncate_all(parcels.dsn)
    parcel_id = await pack(parcels)
    for flushes in steps:
        async with parcels.transaction() as session:
            parcel = await session.get_one(
                Parcel, parcel_id, options=[selectinload(Parcel.lines)], with_for_update=True
            )
            for values in flushes:
                put(parcel, values)
                say(session, parcel)
                await session.flush()

    trail = await entries(parcels, parcel_id)
    # As a client has it: through JSON.
    assert json.dumps(replayed(trail), sort_keys=True) == json.dumps(
        await stored(parcels, parcel_id), sort_keys=True
    )
    assert await faults(parcels) == []

    # The newest entry can be altered together with its hash: see the package's docstring.
    damaged = trail[place % (len(trail) - (damage == "altered with its hash"))].version
    which = {"id": parcel_id, "version": damaged}
    row = "WHERE record_id = :id AND version = :version"
    match damage:
        case "removed":
            await tamper(parcels, f"DELETE FROM audit_entries {row}", **which)
        case "inserted":
            await tamper(
                parcels,
                f"""
                INSERT INTO audit_entries SELECT gen_random_uuid(), recorded_at, 'sales.parcel',
                    record_id, -version, action, events, actor_id, request_id, correlation_id,
                    causation_id, changes, previous_hash, hash FROM audit_entries {row}
                """,
                **which,
            )
        case _:
            await tamper(parcels, f"UPDATE audit_entries SET actor_id = 'x' {row}", **which)
            if damage == "altered with its hash":
                await tamper(parcels, REHASH, **which)
    assert {found[0] for found in await faults(parcels)} == {parcel_id}
