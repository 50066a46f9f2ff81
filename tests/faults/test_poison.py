"""Rows 25 and 27: events that kill the consumer, and messages that are no events at all."""

import json
import random
from typing import Any
from uuid import uuid4

import aio_pika
import asyncpg
import httpx
import pytest

from common.messaging.consumer import MOST_ATTEMPTS
from common.messaging.envelope import CONTENT_TYPE, LARGEST_ACCEPTED_BYTES
from common.messaging.rabbitmq import DELIVERY_LIMIT
from common.testing.pytest_plugin import Verdict

from .brittle.consumers import BADLY, DEADLY, REFUSED
from .conftest import SUBSCRIPTIONS
from .findings import eventually, fetch
from .services import Pair, Service

BRITTLE = "tests.faults.brittle"


async def say_customers(pair: Pair, names: list[str]) -> list[str]:
    """Write customers of these names and wait until the broker has their events; their ids."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answers = [
            await client.post(f"{pair.api.url}/customer/v1/customers", json={"name": name})
            for name in names
        ]

    async def is_sent() -> bool:
        return (await pair.databases.levels())["unsent"] == 0

    await eventually(is_sent, what="everything is sent", check=pair.check)
    return [answer.json()["id"] for answer in answers]


async def applied_by_brittle(database: str) -> list[str]:
    rows = await fetch(database, "SELECT aggregate_id FROM events ORDER BY seq")
    return [str(row["aggregate_id"]) for row in rows]


def deaths(brittle: Service) -> int:
    return brittle.process.log.read_text().count("the worker ended with 13")


@pytest.mark.fault(25)
async def test_an_event_that_kills_its_consumer_ends_in_the_dead_letters_alone(
    pair: Pair, brittle_database: str, seed: int, verdict: Verdict
) -> None:
    pair.launch("customer api")
    pair.launch("customer worker")
    await pair.ready()
    place = random.Random(seed).randrange(60)
    names = [DEADLY if number == place else f"客户 {number}" for number in range(120)]
    good = await say_customers(pair, names)
    deadly = good.pop(place)
    brittle = pair.launch("brittle tireless", module=BRITTLE, database=brittle_database)

    async def is_given_up() -> bool:
        return deaths(brittle) > DELIVERY_LIMIT

    await eventually(is_given_up, what="the poison is given up", within_s=100, check=pair.check)
    # Whoever is alive now stays alive.
    await brittle.ready()
    good += await say_customers(pair, ["after it"])

    async def is_applied() -> bool:
        return good[-1] in await applied_by_brittle(brittle_database)

    await eventually(is_applied, what="later ones are applied", check=pair.check)
    applied = await applied_by_brittle(brittle_database)
    dead = await pair.run(BRITTLE, "dlq", "peek", "--limit", "200", database=brittle_database)
    (told,) = await fetch(
        pair.databases.customer, "SELECT event_id FROM event_log WHERE aggregate_id = $1", deadly
    )

    verdict(
        "25 poison that kills the process",
        deaths=deaths(brittle),
        good=len(good),
        applied=len(applied),
        dead=len(dead),
    )
    assert [(letter["message_id"], letter["reason"]) for letter in dead] == [
        (str(told["event_id"]), "broker: delivery_limit")
    ]
    assert sorted(applied) == sorted(good)
    assert deaths(brittle) == DELIVERY_LIMIT + 1


@pytest.mark.fault(25)
async def test_a_parked_event_that_kills_its_consumer_is_not_tried_for_ever(
    pair: Pair, brittle_database: str, verdict: Verdict
) -> None:
    pair.launch("customer api")
    pair.launch("customer worker")
    brittle = pair.launch("brittle tireless", module=BRITTLE, database=brittle_database)
    await pair.ready()
    (refused, *good) = await say_customers(pair, [REFUSED, "one", "two"])

    async def rows() -> list[asyncpg.Record]:
        return await fetch(brittle_database, "SELECT state, attempts, event_id FROM inbox_event")

    (parked,) = await eventually(rows, what="it is parked", check=pair.check)
    await fetch(brittle_database, "INSERT INTO mended VALUES ($1)", BADLY)
    await pair.run(
        BRITTLE,
        *("parked", "redrive", "--event-ids", str(parked["event_id"]), "--yes"),
        database=brittle_database,
    )

    async def has_died() -> bool:
        return deaths(brittle) == 1

    await eventually(has_died, what="the process dies over it", check=pair.check)
    (after_death,) = await rows()
    good += await say_customers(pair, ["three"])

    async def others_are_applied() -> bool:
        return sorted(await applied_by_brittle(brittle_database)) == sorted(good)

    await eventually(others_are_applied, what="the others are applied", check=pair.check)
    # Twelve deaths take half an hour; what is due after them takes a moment.
    await fetch(
        brittle_database,
        "UPDATE inbox_event SET attempts = $1, next_attempt_at = now()",
        MOST_ATTEMPTS,
    )

    async def is_dead() -> bool:
        return (await rows())[0]["state"] == "dead"

    await eventually(is_dead, what="it is given up", check=pair.check)

    verdict("25 parked poison", deaths=deaths(brittle), applied=len(good))
    assert parked["state"] == "dead"
    assert (after_death["state"], after_death["attempts"]) == ("retry", 1)
    assert deaths(brittle) == 1
    assert refused not in await applied_by_brittle(brittle_database)


def envelope(**changes: Any) -> dict[str, Any]:
    """A good event, with these attributes changed; None leaves one out."""
    good = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "/fairway/customer",
        "type": "customer.customer.deleted.v1",
        "subject": str(uuid4()),
        "time": "2026-01-01T00:00:00Z",
        "datacontenttype": "application/json",
        "aggregatetype": "customer.customer",
        "aggregateversion": 1,
        "data": {"customer_id": str(uuid4())},
    }
    return {key: value for key, value in (good | changes).items() if value is not None}


def as_json(**changes: Any) -> bytes:
    return json.dumps(envelope(**changes)).encode()


# What comes, under which content type, and a word of the reason under which it lies there.
MALFORMED: dict[str, tuple[bytes, str | None, str]] = {
    "no JSON": (b'{"id": ', CONTENT_TYPE, "not JSON"),
    "empty": (b"", CONTENT_TYPE, "not JSON"),
    "wrong content type": (as_json(), "application/json", "content type"),
    "no content type": (as_json(), None, "content type"),
    "no id": (as_json(id=None), CONTENT_TYPE, "id: missing"),
    "no data": (as_json(data=None), CONTENT_TYPE, "data: missing"),
    "data is a list": (as_json(data=[1]), CONTENT_TYPE, "data"),
    "type without version": (as_json(type="customer.customer.deleted"), CONTENT_TYPE, "type"),
    "version zero": (as_json(type="customer.customer.deleted.v0"), CONTENT_TYPE, "type"),
    "aggregate version as text": (as_json(aggregateversion="1"), CONTENT_TYPE, "aggregateversion"),
    "aggregate version zero": (as_json(aggregateversion=0), CONTENT_TYPE, "aggregateversion"),
    "aggregate version huge": (as_json(aggregateversion=10**30), CONTENT_TYPE, "aggregateversion"),
    "aggregate of another type": (
        as_json(aggregatetype="sales.lead"),
        CONTENT_TYPE,
        "aggregatetype",
    ),
    "time without zone": (as_json(time="2026-01-01T00:00:00"), CONTENT_TYPE, "time"),
    "foreign source": (as_json(source="https://example.com"), CONTENT_TYPE, "source"),
    "not UTF-8": (as_json().replace(b"deleted", b"del\xff\xfeted"), CONTENT_TYPE, "not JSON"),
    "a lone surrogate": (as_json(correlationid="\ud800"), CONTENT_TYPE, "not JSON"),
    "deep nesting": (b"[" * 100_000, CONTENT_TYPE, "not JSON"),
    "huge integer": (
        as_json().replace(b'"data": {', b'"data": {"n": ' + b"9" * 20_000 + b", "),
        CONTENT_TYPE,
        "not JSON",
    ),
    "not a number": (
        as_json().replace(b'"data": {', b'"data": {"n": NaN, '),
        CONTENT_TYPE,
        "not JSON",
    ),
    "a list": (b"[]", CONTENT_TYPE, "not an event"),
    "null": (b"null", CONTENT_TYPE, "not an event"),
    "binary": (bytes(range(256)), CONTENT_TYPE, "not JSON"),
    "too large": (b" " * (LARGEST_ACCEPTED_BYTES + 1), CONTENT_TYPE, "bytes"),
    "ten megabytes": (b" " * 10 * 1024 * 1024, CONTENT_TYPE, "bytes"),
}


@pytest.mark.fault(27)
async def test_what_is_no_event_lies_in_the_dead_letters_with_its_reason(
    pair: Pair, seed: int, verdict: Verdict
) -> None:
    await pair.start()
    subscription = SUBSCRIPTIONS["reporting"]

    async with pair.load(seed) as load:
        await load.writes(20)
        connection = await aio_pika.connect(pair.amqp_url)
        async with connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange("customer.events")
            for name, (body, content_type, _) in MALFORMED.items():
                await exchange.publish(
                    aio_pika.Message(body, content_type=content_type, message_id=name),
                    routing_key="customer.customer.created.v1",
                )
            queue = await channel.get_queue(subscription.dead)

            async def all_dead() -> bool:
                declared = await queue.declare()
                return (declared.message_count or 0) >= len(MALFORMED)

            await eventually(all_dead, what="all are rejected", check=pair.check)
        await load.writes(20)
        found, _ = await pair.settle(load)
    dead = await pair.run(
        "reporting", "dlq", "peek", "--limit", "100", database=pair.databases.reporting
    )
    reasons = {letter["message_id"]: letter["reason"] for letter in dead}
    unexplained = {
        name: reasons.get(name)
        for name, (_, _, word) in MALFORMED.items()
        if word not in (reasons.get(name) or "")
    }
    reconnects = await pair.consumer.metric("fairway_amqp_reconnects_total", service="reporting")

    verdict("27 malformed messages", **found.counts, malformed=len(MALFORMED), dead=len(dead))
    found.assert_sound()
    assert unexplained == {}
    assert len(dead) == len(MALFORMED)
    assert reconnects == 0
