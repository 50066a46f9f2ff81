"""What is written down: each change of each record, whoever makes it, and nothing else."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from operator import itemgetter
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import defer, selectinload

from common import context
from common.aggregate import ChangedInSilence
from common.testing.databases import as_owner, truncate_all

from ..statements import recorded
from .harness import Parcel, ParcelLine, change, entries, pack, say

pytestmark = pytest.mark.capability("P-17")

PARCELS = Parcel.metadata.tables["parcels"]
PARTNER = UUID("01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f")


class Undone(Exception):
    """Ends a transaction."""


async def changes(parcels, parcel_id):
    return [row.changes for row in await entries(parcels, parcel_id)]


async def test_a_new_record_has_all_its_values_from_nothing(parcels):
    parcel_id = await pack(
        parcels,
        value=Decimal("1250.50"),
        pieces=3,
        sent_on=date(2026, 3, 2),
        sent_at=datetime(2026, 3, 2, 17, 30, tzinfo=timezone(timedelta(hours=8))),
        partner_id=PARTNER,
        notes=[{"by": "王芳", "n": 1.5}],
    )

    (entry,) = await entries(parcels, parcel_id)
    assert entry.record_type == "sales.parcel"
    assert (entry.action, entry.version) == ("created", 1)
    assert entry.events == ["sales.parcel.changed.v1"]
    assert entry.changes == {
        "name": [None, "books"],
        "state": [None, "packed"],
        "value": [None, "1250.5"],
        "pieces": [None, 3],
        "fragile": [None, False],
        "sent_on": [None, "2026-03-02"],
        "sent_at": [None, "2026-03-02T09:30:00.000000Z"],
        "partner_id": [None, str(PARTNER)],
        "notes": [None, [{"by": "王芳", "n": 1.5}]],
    }


async def test_a_change_has_the_fields_that_are_otherwise_now_and_no_others(parcels):
    parcel_id = await pack(parcels, value=Decimal(10), pieces=3)

    await change(parcels, parcel_id, value=Decimal("10.000000"), pieces=None, name="papers")

    entry = (await entries(parcels, parcel_id))[-1]
    assert (entry.action, entry.version) == ("updated", 2)
    assert entry.changes == {"pieces": [3, None], "name": ["books", "papers"]}


async def test_an_amount_is_written_as_the_database_rounds_it(parcels):
    parcel_id = await pack(parcels, value=Decimal("0.0000005"))

    async with parcels.reading() as session:
        stored = (await session.execute(select(Parcel.value))).scalar_one()
    assert (await changes(parcels, parcel_id))[0]["value"] == [None, f"{stored:f}"]


async def test_taking_away_and_back_is_named_so(parcels):
    parcel_id = await pack(parcels)

    await change(parcels, parcel_id, deleted_at=datetime(2026, 3, 2, tzinfo=UTC))
    await change(parcels, parcel_id, deleted_at=None)

    assert [row.action for row in await entries(parcels, parcel_id)] == [
        "created",
        "deleted",
        "restored",
    ]


async def test_what_comes_as_deleted_already_is_created_all_the_same(parcels):
    parcel_id = await pack(parcels, deleted_at=datetime(2026, 3, 2, tzinfo=UTC))

    assert [row.action for row in await entries(parcels, parcel_id)] == ["created"]


async def test_a_row_that_is_deleted_leaves_its_last_values(parcels):
    parcel_id = await pack(parcels, pieces=3)

    async with parcels.transaction() as session:
        parcel = await session.get_one(
            Parcel, parcel_id, options=[selectinload(Parcel.lines)], with_for_update=True
        )
        say(session, parcel)
        await session.delete(parcel)

    entry = (await entries(parcels, parcel_id))[-1]
    assert (entry.action, entry.version) == ("deleted", 2)
    assert entry.changes["pieces"] == [3, None]


async def test_a_row_is_not_deleted_without_an_event(parcels):
    parcel_id = await pack(parcels)

    with pytest.raises(ChangedInSilence, match="deleted"):
        async with parcels.transaction() as session:
            parcel = await session.get_one(Parcel, parcel_id, options=[selectinload(Parcel.lines)])
            await session.delete(parcel)


async def test_several_flushes_of_one_transaction_are_one_entry(parcels):
    parcel_id = await pack(parcels, pieces=1)

    async with parcels.transaction() as session:
        parcel = await session.get_one(Parcel, parcel_id)
        for pieces, name in ((2, "papers"), (3, "books")):
            parcel.pieces, parcel.name = pieces, name
            say(session, parcel)
            await session.flush()

    entry = (await entries(parcels, parcel_id))[-1]
    assert (entry.version, len(entry.events)) == (3, 2)
    assert entry.changes == {"pieces": [1, 3]}


async def test_who_it_was_and_through_what_stands_beside_it(parcels):
    here = context.Context(
        actor_id="wang", request_id="r-1", correlation_id="c-1", causation_id="e-1"
    )
    with context.working_in(here):
        parcel_id = await pack(parcels)

    (entry,) = await entries(parcels, parcel_id)
    assert (entry.actor_id, entry.request_id) == ("wang", "r-1")
    assert (entry.correlation_id, entry.causation_id) == ("c-1", "e-1")


async def test_each_record_of_a_batch_has_the_cause_of_its_own_event(parcels):
    async with parcels.transaction() as session:
        for cause in ("e-1", "e-2"):
            with context.working_in(context.Context(causation_id=cause)):
                parcel = Parcel(name=cause)
                session.add(parcel)
                say(session, parcel)

    assert {row.changes["name"][1]: row.causation_id for row in await entries(parcels)} == {
        "e-1": "e-1",
        "e-2": "e-2",
    }


async def test_what_is_rolled_back_leaves_no_entry(parcels):
    parcel_id = await pack(parcels)

    with pytest.raises(Undone):
        async with parcels.transaction() as session:
            parcel = await session.get_one(Parcel, parcel_id)
            parcel.name = "papers"
            say(session, parcel)
            await session.flush()
            raise Undone

    assert len(await entries(parcels)) == 1


async def test_a_session_that_rolled_back_goes_on_without_what_it_changed_before(parcels):
    parcel_id = await pack(parcels, pieces=1)

    async with parcels._writing() as session:
        parcel = await session.get_one(Parcel, parcel_id)
        parcel.pieces, parcel.name = 2, "papers"
        say(session, parcel)
        await session.flush()
        await session.rollback()
        await session.refresh(parcel)
        parcel.pieces = 3
        say(session, parcel)
        await session.commit()

    assert (await changes(parcels, parcel_id))[-1] == {"pieces": [1, 3]}


async def test_a_savepoint_that_is_undone_leaves_nothing_of_it(parcels):
    parcel_id = await pack(
        parcels, pieces=1, lines=[ParcelLine(line_no=1, what="pen", quantity=Decimal(1))]
    )

    async with parcels.transaction() as session:
        parcel = await session.get_one(Parcel, parcel_id, options=[selectinload(Parcel.lines)])
        parcel.pieces = 2
        say(session, parcel)
        with pytest.raises(Undone):
            async with session.begin_nested():
                parcel.name = "papers"
                parcel.lines = []
                session.add(other := Parcel(name="other"))
                say(session, other)
                say(session, parcel)
                await session.flush()
                raise Undone
        await session.refresh(parcel)
        parcel.fragile = True
        say(session, parcel)

    created, changed = await entries(parcels)
    assert changed.changes == {"pieces": [1, 2], "fragile": [False, True]}
    assert (created.version, changed.version) == (1, 3)


async def test_the_values_of_a_secret_are_not_kept(parcels):
    parcel_id = await pack(parcels, secret="argon2id$one")

    await change(parcels, parcel_id, secret="argon2id$two")
    await change(parcels, parcel_id, secret=None)
    await change(parcels, parcel_id, name="papers")

    first, *later = await changes(parcels, parcel_id)
    assert first["secret"] == [None, None]
    assert later == [
        {"secret": [None, None]},
        {"secret": [None, None]},
        {"name": ["books", "papers"]},
    ]


async def test_lines_that_went_and_came_stand_under_their_collection(parcels):
    parcel_id = await pack(
        parcels,
        lines=[
            ParcelLine(line_no=1, what="pen", quantity=Decimal("1.500")),
            ParcelLine(line_no=2, what="ink", quantity=Decimal(2)),
            ParcelLine(line_no=3, what="cap", quantity=Decimal(1)),
        ],
    )

    async with parcels.transaction() as session:
        parcel = await session.get_one(Parcel, parcel_id, options=[selectinload(Parcel.lines)])
        parcel.lines[0].quantity = Decimal(4)
        parcel.lines = [
            parcel.lines[0],
            parcel.lines[2],
            ParcelLine(line_no=4, what="box", quantity=Decimal(1)),
        ]
        say(session, parcel)

    created, changed = await changes(parcels, parcel_id)
    assert created["lines"] == [
        [],
        [
            {"line_no": 1, "what": "pen", "quantity": "1.5"},
            {"line_no": 2, "what": "ink", "quantity": "2"},
            {"line_no": 3, "what": "cap", "quantity": "1"},
        ],
    ]
    went, came = changed["lines"]
    assert sorted(went, key=itemgetter("line_no")) == [
        {"line_no": 1, "what": "pen", "quantity": "1.5"},
        {"line_no": 2, "what": "ink", "quantity": "2"},
    ]
    assert sorted(came, key=itemgetter("line_no")) == [
        {"line_no": 1, "what": "pen", "quantity": "4"},
        {"line_no": 4, "what": "box", "quantity": "1"},
    ]


async def test_lines_do_not_change_without_an_event_of_their_record(parcels):
    parcel_id = await pack(parcels, lines=[ParcelLine(line_no=1, what="pen", quantity=Decimal(1))])

    with pytest.raises(ChangedInSilence, match="lines"):
        async with parcels.transaction() as session:
            parcel = await session.get_one(Parcel, parcel_id, options=[selectinload(Parcel.lines)])
            parcel.lines[0].what = "ink"


async def test_a_field_that_was_set_without_being_read_has_its_value_before(parcels):
    parcel_id = await pack(parcels, name="books", pieces=3)

    async with parcels.transaction() as session:
        parcel = await session.get_one(Parcel, parcel_id, options=[defer(Parcel.pieces)])
        parcel.pieces = 4
        say(session, parcel)

    assert (await changes(parcels, parcel_id))[-1] == {"pieces": [3, 4]}


@pytest.mark.parametrize(
    "statement",
    [
        update(Parcel).values(name="papers"),
        update(PARCELS).values(name="papers"),
        insert(Parcel).values(name="papers"),
        delete(PARCELS),
    ],
)
async def test_records_are_not_written_past_the_trail(parcels, statement):
    await pack(parcels)

    with pytest.raises(ChangedInSilence, match="parcels"):
        async with parcels.transaction() as session:
            await session.execute(statement)


async def test_a_write_has_as_many_statements_as_without_a_trail(parcels):
    statements = []
    with recorded(parcels, statements):
        async with parcels.transaction() as session:
            for n in range(200):
                parcel = Parcel(name=f"parcel {n}")
                session.add(parcel)
                say(session, parcel)

    # The rows, and all that is beside them.
    assert len(statements) == 2
    assert "audit_entries" in statements[1][0]
    assert len(await entries(parcels)) == 200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor_id = 'nobody'",
        "DELETE FROM audit_entries",
        "DELETE FROM audit_entries WHERE false",
        "TRUNCATE audit_entries",
        "TRUNCATE audit_entries, parcels CASCADE",
    ],
)
async def test_the_table_refuses_everything_but_more_entries(parcels, statement):
    await pack(parcels)

    with pytest.raises(DBAPIError, match="append-only") as refused:
        async with parcels.transaction() as session:
            await as_owner(session)
            await session.execute(text(statement))

    assert refused.value.orig.sqlstate == "42501"
    assert len(await entries(parcels)) == 1


async def test_tests_begin_with_an_empty_trail(parcels):
    await pack(parcels)

    await truncate_all(parcels.dsn)

    assert await entries(parcels) == []
