"""Events over which the process dies: they are tried a counted number of times, and alone."""

import pytest
from sqlalchemy import text

from common import operations
from common.db import Database
from common.ids import new_id
from common.messaging.consumer import (
    MOST_ATTEMPTS,
    SUSPECT_FROM,
    Consumer,
    _portions,
    _Waiting,
)
from common.messaging.in_process import InProcessBus
from common.messaging.inbox import Received
from common.messaging.transport import Delivery
from common.testing.service import received_event

from .harness import Behaviour, CountedHeard, a_consumer, effects_in, subscriptions


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


async def test_what_came_back_again_and_again_is_applied_alone() -> None:
    async def nothing() -> None:
        return None

    def waiting(returns: int) -> _Waiting:
        event = an_event(new_id(), 1)
        return _Waiting(event, Delivery(event.body, None, nothing, nothing, returns=returns))

    fresh = [waiting(0), waiting(SUSPECT_FROM - 1)]
    suspects = [waiting(SUSPECT_FROM), waiting(SUSPECT_FROM + 5)]

    together, *alone = _portions([suspects[0], *fresh, suspects[1]])

    assert together == fresh
    assert sorted(map(id, suspects)) == sorted(id(item) for (item,) in alone)
    assert _portions(suspects[:1]) == [suspects[:1]]
    assert _portions(fresh) == [fresh]
