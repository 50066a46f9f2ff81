"""The replay feed and who catches up from it: nothing skipped, nothing twice, in version order."""

import asyncio
import base64
import contextlib
import json

import httpx
import pytest
from sqlalchemy import text

from common.app import create_app
from common.errors import Conflict, Unavailable
from common.messaging import feed as feed_module
from common.messaging.catch_up import catch_up
from common.messaging.consumer import Consumer
from common.messaging.consumers import Consumers
from common.messaging.envelope import decode
from common.messaging.feed import FeedClient, FeedCursor, feed_horizon
from common.messaging.in_process import InProcessBus
from common.messaging.inbox import Inbox, Received
from common.messaging.outbox import record
from common.settings import ServiceSettings

from ..shop.db import MIGRATIONS
from .harness import (
    CONSUMER,
    PRODUCER,
    Behaviour,
    Counted,
    Counter,
    PoisonError,
    count_up,
    effects_in,
    eventually,
    subscriptions,
    waiting_states,
)

FEED = "/sales/internal/events"
TOKEN = "a-token-of-at-least-24-characters"


def settings_of(database, **more):
    return ServiceSettings(DATABASE_URL=database.dsn, **more)


def app_of(database, **more):
    return create_app(
        PRODUCER,
        title="Sales",
        routers=[],
        settings=settings_of(database, **more),
        migrations=MIGRATIONS,
        policy={},
        database=database,
    )


@pytest.fixture
async def feed(producer):
    transport = httpx.ASGITransport(app=app_of(producer))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def versions_in(feed, **params):
    page = (await feed.get(FEED, params=params)).json()
    events = [decode(body.encode()) for body in page["events"]]
    return [(event.subject, event.aggregateversion) for event in events], page


# ------------------------------------------------------------------------------------- the feed


async def test_the_feed_has_the_bytes_that_were_said(feed, producer):
    await count_up(producer, note='远航 "\\ \u2028')
    async with producer.reading() as session:
        body = (await session.execute(text("SELECT body FROM event_log"))).scalar_one()

    page = (await feed.get(FEED)).json()

    assert [event.encode() for event in page["events"]] == [body]
    assert page["has_more"] is False


async def test_the_feed_is_walked_in_pages_and_read_on_later(feed, producer):
    ids = [await count_up(producer, times=3) for _ in range(4)]

    seen, cursor = [], {}
    while True:
        events, page = await versions_in(feed, limit=5, **cursor)
        seen += events
        cursor = {"cursor": page["next_cursor"]}
        if not page["has_more"]:
            break
    assert seen == [(each, version) for each in ids for version in (1, 2, 3)]

    assert (await versions_in(feed, **cursor))[0] == []
    later = await count_up(producer)
    assert (await versions_in(feed, **cursor))[0] == [(later, 1)]


async def test_the_feed_of_chosen_aggregates_has_no_others(feed, producer):
    counter_id = await count_up(producer)

    assert (await versions_in(feed, aggregates="sales.quote"))[0] == []
    assert (await versions_in(feed, aggregates="sales.quote,sales.counter"))[0] == [(counter_id, 1)]


async def test_an_event_of_a_transaction_that_commits_late_is_never_skipped(feed, producer):
    first = await count_up(producer)
    async with producer._writing() as late_session:
        late = Counter(value=1)
        late_session.add(late)
        record(late_session, late, Counted(value=1))
        await late_session.execute(text("SELECT pg_current_xact_id()"))
        later = await count_up(producer)

        before, page = await versions_in(feed)
        assert (later, 1) not in before
        assert page["horizon"] < page["newest"]
        await late_session.commit()

    after, page = await versions_in(feed, cursor=page["next_cursor"])
    assert set(before + after) == {(first, 1), (late.id, 1), (later, 1)}
    assert len(before + after) == 3
    assert page["horizon"] == page["newest"] == await feed_horizon(producer)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        base64.urlsafe_b64encode(b"1").decode(),
        base64.urlsafe_b64encode(b"1.2.3").decode(),
        base64.urlsafe_b64encode(b"a.b").decode(),
        base64.urlsafe_b64encode(b"\xff.1").decode(),
        base64.urlsafe_b64encode(b"9" * 30 + b".1").decode(),
        base64.urlsafe_b64encode(b"9" * 5000 + b".1").decode(),
    ],
    ids=lambda cursor: cursor[:12],
)
async def test_a_cursor_of_something_else_is_refused(feed, cursor):
    response = await feed.get(FEED, params={"cursor": cursor})

    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_cursor_is_read_back_as_it_was_written():
    assert FeedCursor.parse(str(FeedCursor(2**62, 7))) == FeedCursor(2**62, 7)


async def test_where_a_token_is_configured_the_feed_is_for_those_who_have_it(producer):
    await count_up(producer)
    transport = httpx.ASGITransport(app=app_of(producer, FAIRWAY_INTERNAL_TOKEN=TOKEN))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for wrong in ({}, {"Authorization": TOKEN}, {"Authorization": "Bearer wrong"}):
            refused = await client.get(FEED, headers=wrong)
            assert refused.status_code == 403
            assert refused.json()["code"] == "forbidden"
        right = await client.get(FEED, headers={"Authorization": f"Bearer {TOKEN}"})
        assert len(right.json()["events"]) == 1

    stranger = FeedClient(settings_of(producer), {PRODUCER: transport})
    with pytest.raises(Unavailable):
        await all_pages(stranger)
    peer = FeedClient(settings_of(producer, FAIRWAY_INTERNAL_TOKEN=TOKEN), {PRODUCER: transport})
    assert len(await all_pages(peer)) == 1


async def all_pages(client, start=FeedCursor()):
    return [body async for bodies, _ in client.pages(PRODUCER, None, start) for body in bodies]


async def test_who_reads_everything_waits_for_the_transactions_that_were_open(
    producer, monkeypatch
):
    monkeypatch.setattr(feed_module, "WAIT_FOR_HORIZON_S", 0.02)
    client = FeedClient(
        settings_of(producer), {PRODUCER: httpx.ASGITransport(app=app_of(producer))}
    )
    async with producer._writing() as late_session:
        late = Counter(value=1)
        late_session.add(late)
        record(late_session, late, Counted(value=1))
        await late_session.execute(text("SELECT pg_current_xact_id()"))
        # This one may have been sent long before anybody asked for the feed.
        sent = await count_up(producer)
        reading = asyncio.create_task(all_pages(client))
        await asyncio.sleep(0.2)
        assert not reading.done()
        await late_session.commit()
        bodies = await asyncio.wait_for(reading, 20)

    assert {decode(body).subject for body in bodies} == {late.id, sent}


# ------------------------------------------------------------------------------ who catches up


class Reading:
    """A consumer that catches up, with a feed that can fail."""

    def __init__(self, producer, consumer_database, *, page=1000):
        self.database = consumer_database
        self.behaviour = Behaviour()
        self.requests = 0
        self.fail_at = None
        self._page = page
        self._app = httpx.ASGITransport(app=app_of(producer))
        _, heard = subscriptions()
        inbox = Inbox(consumer_database, Consumers(CONSUMER, self.behaviour.table))
        self.consumer = Consumer(consumer_database, inbox, InProcessBus().transport(heard))
        self._client = FeedClient(
            settings_of(producer), {PRODUCER: httpx.MockTransport(self._answer)}
        )

    async def _answer(self, request):
        self.requests += 1
        if self.requests == self.fail_at:
            raise httpx.ConnectError("the feed is gone")
        url = request.url.copy_merge_params({"limit": str(self._page)})
        answer = await self._app.handle_async_request(
            httpx.Request("GET", url, headers=request.headers)
        )
        return httpx.Response(answer.status_code, content=await answer.aread())

    async def catch_up(self):
        return await catch_up(self.database, self.consumer, self._client)

    async def versions(self):
        return (await effects_in(self.database)).versions


async def test_who_subscribes_later_gets_the_whole_history_once(producer, consumer_database):
    ids = [await count_up(producer, times=4) for _ in range(6)]
    reading = Reading(producer, consumer_database, page=5)

    assert await reading.catch_up() == ["sales.counter"]
    assert await reading.catch_up() == []

    assert await reading.versions() == {each: [1, 2, 3, 4] for each in ids}
    assert reading.behaviour.calls == 24


async def test_what_comes_from_the_bus_as_well_has_no_second_effect(producer, consumer_database):
    counter_id = await count_up(producer, times=3)
    reading = Reading(producer, consumer_database)
    await reading.catch_up()
    bodies = await all_pages(reading._client)

    await reading.consumer.apply_history([Received(body, decode(body)) for body in bodies])

    assert await reading.versions() == {counter_id: [1, 2, 3]}


async def test_catching_up_resumes_where_it_was_interrupted(producer, consumer_database):
    ids = [await count_up(producer, times=2) for _ in range(6)]
    reading = Reading(producer, consumer_database, page=3)
    reading.fail_at = 3

    with pytest.raises(Unavailable):
        await reading.catch_up()
    applied_before = reading.behaviour.calls
    assert applied_before == 6
    assert await reading.catch_up() == ["sales.counter"]

    assert await reading.versions() == {each: [1, 2] for each in ids}
    assert reading.behaviour.calls == 12
    # Two pages before, and after it the remaining two with the empty one at the end.
    assert reading.requests == 3 + 3


async def test_where_the_first_versions_are_gone_the_oldest_held_is_the_base(
    producer, consumer_database
):
    old, young = await count_up(producer, times=3), await count_up(producer, times=2)
    async with producer.transaction() as session:
        await session.execute(
            text("DELETE FROM event_log WHERE aggregate_id = :old AND aggregate_version < 3"),
            {"old": old},
        )
    await count_up(producer, old)
    reading = Reading(producer, consumer_database, page=2)

    await reading.catch_up()

    assert await reading.versions() == {old: [3, 4], young: [1, 2]}
    assert await waiting_states(consumer_database) == {}


async def test_the_order_of_transactions_is_put_into_the_order_of_versions(
    producer, consumer_database
):
    """A transaction that began first may say the second version of what another one made."""
    async with producer._writing() as early:
        await early.execute(text("SELECT pg_current_xact_id()"))
        made = await count_up(producer)
        counter = await early.get(Counter, made)
        counter.value += 1
        record(early, counter, Counted(value=2))
        await early.commit()
    reading = Reading(producer, consumer_database, page=1)
    bodies = await all_pages(reading._client)
    assert [decode(body).aggregateversion for body in bodies] == [2, 1]

    await reading.catch_up()

    assert await reading.versions() == {made: [1, 2]}
    assert await waiting_states(consumer_database) == {}


async def test_a_poison_event_in_the_history_is_parked_and_the_rest_goes_on(
    producer, consumer_database
):
    sick, well = await count_up(producer), await count_up(producer, times=2)
    await count_up(producer, sick, note="poison")
    await count_up(producer, sick, times=2)
    reading = Reading(producer, consumer_database)
    reading.behaviour.refuse_notes = {"poison"}

    assert await reading.catch_up() == ["sales.counter"]

    assert await reading.versions() == {sick: [1], well: [1, 2]}
    assert await waiting_states(consumer_database) == {"dead": 1, "gap": 2}


async def test_a_poison_event_that_is_the_first_of_its_kind_stays_the_base(
    producer, consumer_database
):
    sick = await count_up(producer, note="poison")
    await count_up(producer, sick, times=2)
    reading = Reading(producer, consumer_database)
    reading.behaviour.raise_on = lambda event: Conflict("no") if event.note == "poison" else None

    await reading.catch_up()

    assert await reading.versions() == {}
    assert await waiting_states(consumer_database) == {"dead": 1, "gap": 2}


async def test_a_worker_that_is_stopped_while_catching_up_repeats_nothing(
    producer, consumer_database
):
    ids = [await count_up(producer, times=5) for _ in range(20)]
    for _ in range(6):
        reading = Reading(producer, consumer_database, page=10)
        reading.behaviour.raise_on = lambda event: None
        task = asyncio.create_task(reading.catch_up())

        async def some_more(reading=reading, task=task):
            return reading.behaviour.calls >= 10 or task.done()

        await eventually(some_more)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, PoisonError):
            await task
    reading = Reading(producer, consumer_database, page=10)
    await reading.catch_up()

    assert await reading.versions() == {each: [1, 2, 3, 4, 5] for each in ids}
    assert (await effects_in(consumer_database)).disorder() == []


async def test_a_feed_that_answers_nonsense_is_unavailable(producer, consumer_database):
    def nonsense(_):
        return httpx.Response(500, content=json.dumps({"status": 500}))

    client = FeedClient(settings_of(producer), {PRODUCER: httpx.MockTransport(nonsense)})
    reading = Reading(producer, consumer_database)

    with pytest.raises(Unavailable):
        await catch_up(consumer_database, reading.consumer, client)
