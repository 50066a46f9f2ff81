"""Row 50: outbox, relay and inbox as a state machine, driven by hypothesis into every corner.

Real PostgreSQL on both sides; the bus in between is a list that may lose acknowledgements, repeat,
reorder and drop, as long as the relay has not been told that it took the event.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from common import operations
from common.db import Database
from common.messaging.consumer import Consumer
from common.messaging.consumers import Consumers
from common.messaging.envelope import decode
from common.messaging.inbox import Inbox, Received
from common.messaging.relay import Relay
from common.messaging.transport import BusDown, Outgoing, Refused, Transport
from common.testing.databases import truncate_all

from .harness import (
    CONSUMER,
    PRODUCER,
    Behaviour,
    PoisonError,
    count_up,
    effects_in,
)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class UnreliableBus(Transport):
    """Keeps what it takes; fails as the machine tells it to."""

    keeps_order = False

    def __init__(self) -> None:
        self.queue: list[bytes] = []
        self.down = False
        self.loses_confirms = False
        self.refuses: set[UUID] = set()

    async def publish(self, events: Any) -> list[Refused | None]:
        if self.down:
            raise BusDown("down")
        taken: list[Outgoing] = [e for e in events if e.aggregate_id not in self.refuses]
        self.queue += [event.body for event in taken]
        if self.loses_confirms:
            raise BusDown("the answer was lost")
        return [Refused("full") if event.aggregate_id in self.refuses else None for event in events]

    async def consume(self, deliver: Any) -> None:
        raise AssertionError("the machine delivers by itself")

    async def close(self) -> None:
        return None


class Messaging(RuleBasedStateMachine):
    """Emit, relay, crash, repeat, reorder, park, drive again; nothing lost, nothing twice."""

    producer_url = ""
    consumer_url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.producer = Database(PRODUCER, self.producer_url, pool_size=4)
        self.consumer_database = Database(CONSUMER, self.consumer_url, pool_size=6)
        self.bus = UnreliableBus()
        self.poisoned: set[str] = set()
        self.behaviour = Behaviour(
            raise_on=lambda event: PoisonError() if event.note in self.poisoned else None
        )
        inbox = Inbox(self.consumer_database, Consumers(CONSUMER, self.behaviour.table))
        self.consumer = Consumer(self.consumer_database, inbox, self.bus)
        self.relay = Relay(PRODUCER, self.producer_url, self.bus)
        self.relay._owned = set(range(16))
        self.said: dict[UUID, int] = {}

    def run(self, act: Awaitable[Any]) -> Any:
        return self.loop.run_until_complete(act)

    def teardown(self) -> None:
        async def close() -> None:
            await self.producer.close()
            await self.consumer_database.close()

        try:
            self.heal_and_drain()
        finally:
            self.run(close())
            self.loop.close()

    @initialize()
    def empty(self) -> None:
        self.run(truncate_all(self.producer_url))
        self.run(truncate_all(self.consumer_url))

    @rule(times=st.integers(1, 3), poison=st.booleans(), pick=st.integers(0, 4))
    def emit(self, times: int, poison: bool, pick: int) -> None:
        existing = list(self.said)
        target = existing[pick] if pick < len(existing) and pick < 3 else None
        note = f"n{len(self.said)}" if poison else ""
        if poison:
            self.poisoned.add(note)
        subject = self.run(count_up(self.producer, target, times=times, note=note))
        self.said[subject] = self.said.get(subject, 0) + times

    @rule(down=st.booleans(), loses_confirms=st.booleans(), refuse=st.booleans())
    def relay_once(self, down: bool, loses_confirms: bool, refuse: bool) -> None:
        self.bus.down, self.bus.loses_confirms = down, loses_confirms
        self.bus.refuses = set(list(self.said)[:1]) if refuse else set()
        self.run(self._relay_once())

    async def _relay_once(self) -> None:
        connection = await asyncpg.connect(self.producer_url)
        try:
            await self.relay._send(connection, await self.relay._read(connection))
        except BusDown:
            pass
        finally:
            await connection.close()

    @rule(data=st.data())
    def deliver_some(self, data: st.DataObject) -> None:
        if not self.bus.queue:
            return
        count = data.draw(st.integers(1, len(self.bus.queue)))
        taken = data.draw(st.permutations(self.bus.queue))[:count]
        # What is delivered may be delivered again: its acknowledgement may have been lost.
        repeated = data.draw(st.booleans())
        for body in taken:
            self.bus.queue.remove(body)
        self.run(self._apply(list(taken) * (2 if repeated else 1)))

    async def _apply(self, bodies: list[bytes]) -> None:
        await self.consumer._apply_all([Received(body, decode(body)) for body in bodies])

    @rule()
    def cure_and_redrive(self) -> None:
        self.poisoned.clear()
        self.run(self._redrive())

    async def _redrive(self) -> None:
        parked = await operations.list_parked(
            self.consumer_database, states=["dead", "retry"], limit=1000
        )
        await operations.redrive_parked(self.consumer_database, [row["event_id"] for row in parked])
        await self.consumer.sweep_once()

    @rule()
    def say_everything_again(self) -> None:
        async def republish() -> None:
            await operations.republish(
                self.producer, since=LONG_AGO, aggregates=None, dry_run=False
            )

        self.run(republish())

    @rule()
    def forget_what_may_be_forgotten(self) -> None:
        async def prune() -> None:
            async with self.consumer_database.transaction() as session:
                await session.execute(text("DELETE FROM operator_action"))

        self.run(prune())

    @invariant()
    def no_effect_twice_and_none_out_of_order(self) -> None:
        effects = self.run(effects_in(self.consumer_database))
        assert effects.disorder() == []

    def heal_and_drain(self) -> None:
        """Faults end; then every event said has had its effect."""
        self.bus.down = self.bus.loses_confirms = False
        self.bus.refuses = set()
        self.poisoned.clear()

        async def unblock() -> None:
            await operations.unblock_outbox(self.producer)

        self.run(unblock())
        for _ in range(10):
            self.run(self._relay_once())
            bodies, self.bus.queue = self.bus.queue, []
            self.run(self._apply(bodies))
            self.run(self._redrive())
        effects = self.run(effects_in(self.consumer_database))
        assert {subject: len(v) for subject, v in effects.versions.items()} == self.said
        assert effects.disorder() == []


Run = Callable[[], None]


@pytest.mark.fault(50)
def test_nothing_is_lost_and_nothing_happens_twice_whatever_happens(
    state_machine_databases: tuple[str, str],
) -> None:
    Messaging.producer_url, Messaging.consumer_url = state_machine_databases
    run_state_machine_as_test(
        Messaging,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
