"""Events over which the process dies: they are tried a counted number of times, and alone."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy import text

from common import operations
from common.db import Database
from common.ids import new_id, stable_hash
from common.messaging import consumer
from common.messaging.consumer import LANES, MOST_ATTEMPTS, SUSPECT_FROM, Consumer
from common.messaging.envelope import CONTENT_TYPE
from common.messaging.in_process import InProcessBus
from common.messaging.inbox import Received
from common.messaging.transport import Delivery, Transport
from common.testing.service import received_event

from .harness import Behaviour, CountedHeard, a_consumer, effects_in, subscriptions

DELIVERIES = 20 - SUSPECT_FROM
"""So often an event comes back as a suspect before the broker gives it up."""


class Death(BaseException):
    """The end of the process, as far as it can be had in a test's own."""


class Deadly(Behaviour):
    """Dies over an event with the note `deadly`."""

    async def apply(self, session, event):
        if event.note == "deadly":
            raise Death
        await super().apply(session, event)


def a_deadly_consumer(database: Database) -> Consumer:
    return a_consumer(database, Deadly(), InProcessBus().transport(subscriptions()[1]))[1]


def an_event(subject, version: int, note: str = "") -> Received:
    return received_event(
        CountedHeard.type, subject=subject, version=version, data={"value": 1, "note": note}
    )


async def make_due(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("UPDATE inbox_event SET next_attempt_at = now()"))


async def store(database: Database, event: Received, state: str) -> None:
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO inbox_event (aggregate_type, aggregate_id, aggregate_version,"
                " event_id, type, state, next_attempt_at, body) VALUES"
                " (:aggregate_type, :id, :version, :event_id, :type, :state,"
                " CASE WHEN :state = 'retry' THEN now() END, :body)"
            ),
            {
                "aggregate_type": event.envelope.aggregatetype,
                "id": event.envelope.subject,
                "version": event.version,
                "event_id": event.envelope.id,
                "type": event.envelope.type,
                "state": state,
                "body": event.body,
            },
        )


@pytest.mark.parametrize("state", ["retry", "gap"])
async def test_a_stored_event_that_ends_the_process_is_given_up_in_the_end(
    consumer_database: Database, state: str
) -> None:
    sick, well = new_id(), new_id()
    await a_deadly_consumer(consumer_database)._apply_all([an_event(sick, 1), an_event(well, 1)])
    await store(consumer_database, an_event(sick, 2, "deadly"), state)
    await store(consumer_database, an_event(well, 2), state)
    deaths = 0

    for _ in range(MOST_ATTEMPTS + 1):
        try:
            await a_deadly_consumer(consumer_database).sweep_once()
        except Death:
            deaths += 1
            (row,) = [
                row
                for row in await operations.list_parked(consumer_database)
                if row["attempts"] == deaths
            ]
            assert row["state"] == state
        # Between two deaths there is time for the others.
        await a_deadly_consumer(consumer_database).sweep_once()
        await make_due(consumer_database)

    (row,) = await operations.list_parked(consumer_database)
    assert deaths == MOST_ATTEMPTS
    assert (row["state"], row["error_class"]) == ("dead", "DiedOverIt")
    assert (await effects_in(consumer_database)).versions == {sick: [1], well: [1, 2]}


class Returning:
    """A transport that gives back, at the start of each life, what was not acknowledged."""

    def __init__(self, events: Sequence[Received]) -> None:
        self.pending = {event.envelope.subject: event for event in events}
        self.lives = 0

    async def consume(self, deliver: Callable[[Delivery], Awaitable[None]]) -> None:
        returns = SUSPECT_FROM + self.lives
        self.lives += 1
        for subject, event in list(self.pending.items()):
            await deliver(
                Delivery(
                    event.body,
                    CONTENT_TYPE,
                    partial(self._acknowledge, subject),
                    partial(self._acknowledge, subject),
                    returns=returns,
                )
            )
        await asyncio.Event().wait()

    async def _acknowledge(self, subject: UUID) -> None:
        del self.pending[subject]


def of_lane(lane: int) -> UUID:
    """The id of an aggregate whose events go through this lane."""
    return next(
        subject
        for subject in (new_id() for _ in itertools.count())
        if stable_hash(subject.bytes) // 16 % LANES == lane
    )


async def test_what_stands_beside_a_deadly_event_gets_through_whatever_its_lane(
    consumer_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "SUSPECT_LINGER_S", 0.02)
    deadly = an_event(of_lane(0), 1, "deadly")
    # Alone in its lane: nothing there can be chosen instead.
    good = [an_event(of_lane(1), 1) for _ in range(30)]
    transport = Returning([deadly, *good])

    while len(transport.pending) > 1 and transport.lives < DELIVERIES:
        living = a_consumer(consumer_database, Deadly(), cast("Transport", transport))[1]
        with pytest.raises(BaseExceptionGroup):
            await living.run()

    assert list(transport.pending) == [deadly.envelope.subject]
    applied = (await effects_in(consumer_database)).versions
    assert applied == {event.envelope.subject: [1] for event in good}
