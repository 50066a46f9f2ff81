from datetime import timedelta

import pytest
from sqlalchemy import text

from common.ids import new_id
from common.testing.databases import as_owner
from reporting.event_log.use_cases import note_worker_seen, prepare_partitions

from ..builders import NOW, a_report, a_won_deal, an_opened_deal


async def test_a_deal_can_be_followed_from_its_first_event_on(client, hear):
    deal = new_id()
    await hear("sales.opportunity.opened.v1", subject=deal, **an_opened_deal())
    await hear("sales.opportunity.won.v1", subject=deal, **a_won_deal())
    await hear("sales.opportunity.opened.v1", **an_opened_deal())

    page = (
        await client.get("/reporting/v1/events", params={"aggregate_id": str(deal), "sort": "time"})
    ).json()

    assert [(event["type"], event["version"]) for event in page["data"]] == [
        ("sales.opportunity.opened.v1", 1),
        ("sales.opportunity.won.v1", 2),
    ]
    assert page["data"][1]["data"]["amount"] == "1000.00"


@pytest.mark.parametrize(
    ("parameter", "value", "count"),
    [
        ("type", "sales.opportunity.won.v1", 1),
        ("since", NOW.isoformat(), 2),
        ("since", (NOW + timedelta(seconds=1)).isoformat(), 1),
        ("correlation_id", "nobody-asked", 0),
    ],
)
async def test_events_are_found_by(client, hear, parameter, value, count):
    await hear("sales.opportunity.opened.v1", at=NOW, **an_opened_deal())
    await hear("sales.opportunity.won.v1", at=NOW + timedelta(minutes=1), **a_won_deal())

    page = (await client.get("/reporting/v1/events", params={parameter: value})).json()

    assert len(page["data"]) == count


async def test_a_walk_over_the_pages_sees_every_event_once_the_latest_first(client, hear):
    for number in range(7):
        # Two at a time are said at the same moment.
        await hear("sales.quote.expired.v1", at=NOW + timedelta(seconds=number // 2))

    seen, cursor = [], ""
    while True:
        page = (await client.get(f"/reporting/v1/events?limit=2{cursor}")).json()
        seen += [(event["time"], event["event_id"]) for event in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert len(set(seen)) == 7
    assert seen == sorted(seen, reverse=True)


async def test_scope_ids_that_are_none_do_not_stop_the_others(client, hear):
    await hear("sales.quote.expired.v1", region_id="not an id", partner_id=str(new_id()))

    (event,) = (await client.get("/reporting/v1/events")).json()["data"]

    assert event["region_id"] is None
    assert event["partner_id"] is not None


async def test_events_without_a_partition_are_kept_and_move_into_it_later(database, hear):
    async with database.transaction() as session:
        await as_owner(session)
        month = (await session.execute(text("SELECT to_char(now(), 'YYYYMM')"))).scalar()
        await session.execute(text(f"DROP TABLE events_{month}"))
    await hear("sales.quote.expired.v1")

    async with database.transaction() as session:
        await as_owner(session)
        before = (await session.execute(text("SELECT count(*) FROM events_default"))).scalar()
    async with database.transaction() as session:
        await prepare_partitions(session)
        await prepare_partitions(session)
    async with database.transaction() as session:
        await as_owner(session)
        after = (await session.execute(text("SELECT count(*) FROM events_default"))).scalar()
        moved = (await session.execute(text(f"SELECT count(*) FROM events_{month}"))).scalar()

    assert (before, after, moved) == (1, 0, 1)
    await hear("sales.quote.expired.v1")


async def test_before_the_first_event_nothing_is_said_of_freshness(client):
    answer = await a_report(client, "won-revenue")

    assert (answer["as_of"], answer["lag_seconds"]) == (None, None)


async def test_figures_are_as_of_the_newest_event_and_behind_by_its_way_here(client, hear):
    await hear("sales.opportunity.won.v1", at=NOW, **a_won_deal())

    answer = await a_report(client, "won-revenue")

    assert answer["as_of"] == "2026-03-02T09:30:00.000000Z"
    assert answer["lag_seconds"] > 0


async def test_when_nothing_came_for_a_while_and_nothing_waits_figures_are_not_behind(
    client, hear, database
):
    await hear("sales.opportunity.won.v1", at=NOW, **a_won_deal())
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE events SET received_at = received_at - interval '11 seconds'")
        )
        await note_worker_seen(session)

    assert (await a_report(client, "won-revenue"))["lag_seconds"] == 0


async def test_an_event_that_waits_makes_the_figures_old(client, hear, database):
    await hear("sales.opportunity.won.v1", **a_won_deal())
    async with database.transaction() as session:
        await session.execute(
            text("""
                INSERT INTO inbox_event (aggregate_type, aggregate_id, aggregate_version, event_id,
                    type, state, received_at, body)
                VALUES ('sales.quote', gen_random_uuid(), 2, gen_random_uuid(),
                    'sales.quote.sent.v1', 'gap', now() - interval '7 minutes', '')
            """)
        )

    assert 419 < (await a_report(client, "won-revenue"))["lag_seconds"] < 440


async def test_a_worker_that_is_gone_makes_the_figures_old(client, hear, database):
    await hear("sales.opportunity.won.v1", **a_won_deal())
    async with database.transaction() as session:
        await note_worker_seen(session)
        await session.execute(text("UPDATE worker_seen SET seen_at = seen_at - interval '1 hour'"))

    assert (await a_report(client, "won-revenue"))["lag_seconds"] >= 3600
