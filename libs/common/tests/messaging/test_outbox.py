"""Saying an event: with its change or not at all, and never a change without one."""

import asyncio
import json

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from common import context
from common.aggregate import ChangedInSilence
from common.messaging.envelope import LARGEST_EVENT_BYTES, EventTooLarge, decode
from common.messaging.outbox import (
    IdempotentAnswer,
    keep_answer,
    part_of,
    record,
)

from ..statements import recorded
from .harness import Counted, Counter, count_up


async def logged(database):
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT aggregate_id, aggregate_version, type, body FROM event_log ORDER BY seq")
        )
        return [(row.aggregate_id, row.aggregate_version) for row in rows]


async def values(database):
    async with database.reading() as session:
        return {row.id: row for row in (await session.execute(select(Counter))).scalars()}


def count(session, counter, note=""):
    counter.value += 1
    record(session, counter, Counted(value=counter.value, note=note))


async def a_new_counter(session):
    counter = Counter(value=0)
    session.add(counter)
    count(session, counter)
    return counter


class Undone(Exception):
    """Ends a transaction."""


async def test_a_transaction_that_is_undone_says_nothing_and_the_next_one_only_its_own(producer):
    with pytest.raises(Undone):
        async with producer.transaction() as session:
            await a_new_counter(session)
            await session.flush()
            raise Undone

    told = await count_up(producer)

    assert await logged(producer) == [(told, 1)]


async def test_a_session_that_rolled_back_goes_on_without_what_it_said_before(producer):
    async with producer._writing() as session:
        await a_new_counter(session)
        await session.rollback()
        counter = await a_new_counter(session)
        await session.commit()

    assert await logged(producer) == [(counter.id, 1)]


async def test_a_savepoint_that_is_undone_forgets_only_what_was_said_in_it(producer):
    async with producer.transaction() as session:
        before = await a_new_counter(session)
        with pytest.raises(Undone):
            async with session.begin_nested():
                count(session, before)
                await a_new_counter(session)
                await session.flush()
                raise Undone
        await session.refresh(before)
        count(session, before)
        async with session.begin_nested():
            kept = await a_new_counter(session)
        after = await a_new_counter(session)

    assert await logged(producer) == [(before.id, 1), (before.id, 2), (kept.id, 1), (after.id, 1)]
    assert {each: row.version for each, row in (await values(producer)).items()} == {
        before.id: 2,
        kept.id: 1,
        after.id: 1,
    }


async def test_a_write_that_fails_in_a_savepoint_forgets_only_what_was_said_in_it(producer):
    taken = await count_up(producer)
    async with producer.transaction() as session:
        before = await a_new_counter(session)
        with pytest.raises(IntegrityError):
            async with session.begin_nested():
                await a_new_counter(session)
                twin = Counter(id=taken, value=0)
                session.add(twin)
                count(session, twin)
                await session.flush()
        after = await a_new_counter(session)

    assert await logged(producer) == [(taken, 1), (before.id, 1), (after.id, 1)]


async def test_savepoints_within_savepoints_each_forget_their_own(producer):
    async with producer.transaction() as session:
        outer = await a_new_counter(session)
        async with session.begin_nested():
            middle = await a_new_counter(session)
            with pytest.raises(Undone):
                async with session.begin_nested():
                    await a_new_counter(session)
                    raise Undone
            last = await a_new_counter(session)
        with pytest.raises(Undone):
            async with session.begin_nested():
                async with session.begin_nested():
                    await a_new_counter(session)
                raise Undone

    assert await logged(producer) == [(counter.id, 1) for counter in (outer, middle, last)]


async def test_a_new_thing_without_an_event_is_not_written(producer):
    with pytest.raises(ChangedInSilence, match="new Counter"):
        async with producer.transaction() as session:
            session.add(Counter(value=1))

    assert await values(producer) == {}


async def test_a_change_without_an_event_is_not_written(producer):
    counter_id = await count_up(producer)

    with pytest.raises(ChangedInSilence, match="Counter changed"):
        async with producer.transaction() as session:
            counter = await session.get(Counter, counter_id)
            counter.value = 42

    assert (await values(producer))[counter_id].value == 1


async def test_a_change_after_the_events_were_written_needs_another_event(producer):
    with pytest.raises(ChangedInSilence):
        async with producer.transaction() as session:
            counter = await a_new_counter(session)
            await session.flush()
            counter.value = 42

    assert await logged(producer) == []


async def test_a_value_set_to_what_it_was_is_no_change(producer):
    counter_id = await count_up(producer)

    async with producer.transaction() as session:
        counter = await session.get(Counter, counter_id)
        counter.value = 1

    assert await logged(producer) == [(counter_id, 1)]


async def test_an_event_that_is_too_large_fails_the_write(producer):
    with pytest.raises(EventTooLarge, match="at most 65536"):
        await count_up(producer, note="x" * LARGEST_EVENT_BYTES)
    with pytest.raises(EventTooLarge):
        await count_up(producer, note="长" * (LARGEST_EVENT_BYTES // 3))

    fits = await count_up(producer, note="x" * (LARGEST_EVENT_BYTES - 900))

    assert await logged(producer) == [(fits, 1)]
    assert set(await values(producer)) == {fits}


async def test_several_events_of_one_command_have_versions_without_a_gap(producer):
    first = await count_up(producer, times=3)
    async with producer.transaction() as session:
        counter = await session.get(Counter, first, with_for_update=True)
        counter.value += 2
        record(session, counter, Counted(value=4), Counted(value=5))
    await count_up(producer, first)

    assert await logged(producer) == [(first, version) for version in range(1, 7)]
    assert (await values(producer))[first].version == 6


async def test_versions_stay_without_a_gap_over_many_flushes(producer):
    async with producer.transaction() as session:
        counter = await a_new_counter(session)
        for _ in range(4):
            await session.flush()
            count(session, counter)

    assert await logged(producer) == [(counter.id, version) for version in range(1, 6)]


async def test_writers_of_one_thing_at_once_take_turns_and_the_log_is_in_order(producer):
    counter_id = await count_up(producer)

    await asyncio.gather(*(count_up(producer, counter_id, times=1 + n % 3) for n in range(24)))

    assert await logged(producer) == [(counter_id, version) for version in range(1, 50)]
    assert (await values(producer))[counter_id].version == 49


async def test_writers_that_do_not_lock_lose_no_version_and_write_none_twice(producer):
    counter_id = await count_up(producer)

    async def write():
        async with producer.transaction() as session:
            count(session, await session.get(Counter, counter_id))

    outcomes = await asyncio.gather(*(write() for _ in range(12)), return_exceptions=True)

    succeeded = outcomes.count(None)
    assert succeeded >= 1
    assert await logged(producer) == [(counter_id, n) for n in range(1, succeeded + 2)]
    assert (await values(producer))[counter_id].version == succeeded + 1


@pytest.mark.parametrize("events", [1, 5])
async def test_the_bookkeeping_of_a_write_is_one_round_trip(producer, events):
    counter_id = await count_up(producer)
    statements = []

    async with producer.transaction() as session:
        counter = await session.get(Counter, counter_id, with_for_update=True)
        for _ in range(events):
            count(session, counter)
        answer = IdempotentAnswer("me", "k", b"f", 201, "{}", b"body")
        keep_answer(session, answer)
        with recorded(producer, statements):
            await session.commit()

    bookkeeping = [statement for statement, _ in statements if "event_log" in statement]
    updates = [statement for statement, _ in statements if statement.startswith("UPDATE")]
    assert len(bookkeeping) == 1
    assert "outbox_pending" in bookkeeping[0]
    assert "idempotency_keys" in bookkeeping[0]
    assert len(statements) == len(bookkeeping) + len(updates) == 2


async def test_a_transaction_that_says_nothing_costs_no_bookkeeping(producer):
    statements = []
    with recorded(producer, statements):
        async with producer.transaction() as session:
            await session.execute(text("SELECT 1"))

    assert [statement for statement, _ in statements] == ["SELECT 1"]


async def test_the_log_has_the_bytes_that_travel_and_where_they_belong(producer):
    here = context.Context(
        actor_id="somebody",
        correlation_id="c-1",
        causation_id="e-1",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    with context.working_in(here):
        counter_id = await count_up(producer, note="远航")

    async with producer.reading() as session:
        row = (await session.execute(text("SELECT * FROM event_log"))).one()
        pending = (await session.execute(text("SELECT * FROM outbox_pending"))).one()
    envelope = decode(row.body)
    assert envelope.id == row.event_id
    assert envelope.subject == row.aggregate_id == counter_id == pending.aggregate_id
    assert envelope.type == row.type == Counted.type
    assert envelope.aggregatetype == row.aggregate_type == "sales.counter"
    assert envelope.aggregateversion == row.aggregate_version == 1
    assert envelope.data == {"value": 1, "note": "远航"}
    assert (envelope.actorid, envelope.correlationid) == ("somebody", "c-1")
    assert (envelope.causationid, envelope.traceparent) == ("e-1", here.traceparent)
    assert row.part == pending.part == part_of(counter_id)
    assert (row.seq, row.xid, row.recorded_at) == (pending.seq, pending.xid, pending.recorded_at)
    assert json.loads(row.body)["partitionkey"] == str(counter_id)


async def test_the_relay_is_told_once_after_a_commit_and_not_after_anything_else(producer):
    told = []

    def remember():
        told.append(len(told))

    producer.on_said = remember
    async with producer.transaction() as session:
        await session.execute(text("SELECT 1"))
    with pytest.raises(Undone):
        async with producer.transaction() as session:
            await a_new_counter(session)
            raise Undone
    async with producer.transaction() as session:
        async with session.begin_nested():
            await a_new_counter(session)
        assert told == []

    assert told == [0]


async def test_an_event_without_a_cause_starts_its_own_correlation(producer):
    await count_up(producer)

    async with producer.reading() as session:
        envelope = decode((await session.execute(text("SELECT body FROM event_log"))).scalar_one())
    assert envelope.correlationid == str(envelope.id)
    assert envelope.causationid is None


async def test_one_version_of_one_thing_can_be_said_once_only(producer):
    """The tripwire in the table, should ever two writers get past the optimistic lock."""
    counter_id = await count_up(producer)

    with pytest.raises(IntegrityError, match=r"event_log_\d+_version|audit_entries_pkey"):
        async with producer.transaction() as session:
            twin = Counter(id=counter_id, value=1)
            record(session, twin, Counted(value=1))

    assert await logged(producer) == [(counter_id, 1)]
