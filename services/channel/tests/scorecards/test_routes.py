import asyncio
from datetime import date
from uuid import uuid4

import pytest

from channel.scorecards import monthly
from common.testing.service import published, said

from ..builders import NOW, an_onboarded_partner

SCORECARDS = "/channel/v1/scorecards"
QUARTER = {"period_start": "2026-01-01", "period_end": "2026-03-31"}


@pytest.fixture
def won(hear):
    async def hear_won(partner, amount, on="2026-02-10", currency="CNY"):
        return await hear(
            "sales.opportunity.won.v1",
            partner_id=partner["id"],
            won_on=on,
            amount=amount,
            currency=currency,
        )

    return hear_won


@pytest.fixture
def lost(hear):
    async def hear_lost(partner, on="2026-02-10"):
        return await hear("sales.opportunity.lost.v1", partner_id=partner["id"], lost_on=on)

    return hear_lost


@pytest.fixture
def answered(hear):
    async def hear_answered(partner, score, at="2026-02-10T02:00:00Z"):
        return await hear(
            "service_desk.survey.answered.v1",
            partner_id=partner["id"],
            score=score,
            answered_at=at,
        )

    return hear_answered


async def publish(client, **values):
    response = await client.post(f"{SCORECARDS}:publish", json={**QUARTER, **values})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.capability("CHN-10")
async def test_every_partner_with_inputs_gets_a_card(client, session, won, lost, answered):
    best, other = await an_onboarded_partner(client), await an_onboarded_partner(client)
    idle = await an_onboarded_partner(client)
    await won(best, "800.50")
    await won(best, "199.50")
    await answered(best, 5)
    await won(other, "250")
    await lost(other)

    outcome = await publish(client)

    cards = {card["partner_id"]: card for card in outcome["published"]}
    assert set(cards) == {best["id"], other["id"]}
    assert idle["id"] not in cards
    assert float(cards[best["id"]]["score"]) == 100
    # 25 of 100 points weigh 50, 50 points weigh 25, and the 25 of satisfaction are shared out.
    assert cards[other["id"]]["score"] == "33.34"
    told = {row["partner_id"]: row for row in await said(session, "channel.scorecard.published.v1")}
    row = told[other["id"]]
    assert (row["won_deals"], row["lost_deals"], row["win_rate"]) == (1, 1, "0.5000")
    assert (row["satisfaction"], row["region_id"]) == (None, other["region_id"])
    assert (row["revision"], row["policy_version"], row["currency"]) == (1, 0, "CNY")


@pytest.mark.capability("CHN-10")
async def test_both_ends_of_the_period_belong_to_it(client, won, answered):
    partner = await an_onboarded_partner(client)
    for day in ("2025-12-31", "2026-01-01", "2026-03-31", "2026-04-01"):
        await won(partner, "100", on=day)
    # 31 March, 17:00 in London, is 1 April for the organisation.
    await answered(partner, 1, at="2026-03-31T16:00:00Z")

    (card,) = (await publish(client))["published"]

    assert (card["won_deals"], card["satisfaction"]) == (2, None)


@pytest.mark.capability("CHN-10")
async def test_every_input_of_a_card_is_shown(client, won, lost, answered):
    partner = await an_onboarded_partner(client)
    heard = [await won(partner, "100"), await lost(partner), await answered(partner, 4)]
    await won(await an_onboarded_partner(client), "400")
    await publish(client)
    page = (
        await client.get(
            SCORECARDS, params={"partner_id": partner["id"], "period_start": "2026-01-01"}
        )
    ).json()

    (card,) = page["data"]
    shown = (await client.get(f"{SCORECARDS}/{card['id']}/explanation")).json()

    assert {(row["kind"], row["source_id"]) for row in shown["inputs"]} == {
        ("won_deal", str(heard[0].envelope.subject)),
        ("lost_deal", str(heard[1].envelope.subject)),
        ("survey", str(heard[2].envelope.subject)),
    }
    assert float(shown["best_amount"]) == 400
    assert [(part["indicator"], part["points"]) for part in shown["parts"]] == [
        ("won_amount", "25.00"),
        ("win_rate", "50.00"),
        ("satisfaction", "75.00"),
    ]
    assert sum(float(part["contribution"]) for part in shown["parts"]) == float(shown["score"])


@pytest.mark.capability("CHN-10")
async def test_publishing_again_makes_a_revision_only_where_figures_differ(
    client, session, won, lost
):
    steady, late = await an_onboarded_partner(client), await an_onboarded_partner(client)
    await won(steady, "500")
    await won(late, "100")
    await publish(client)

    again = await publish(client)
    await lost(late)
    third = await publish(client)

    assert (again["published"], again["unchanged"]) == ([], 2)
    assert [card["partner_id"] for card in third["published"]] == [late["id"]]
    (card,) = third["published"]
    assert card["revision"] == 2
    revisions = (await client.get(f"{SCORECARDS}/{card['id']}/revisions")).json()
    assert [(row["revision"], row["lost_deals"]) for row in revisions] == [(2, 1), (1, 0)]
    first = (await client.get(f"{SCORECARDS}/{card['id']}/explanation?revision=1")).json()
    assert [row["kind"] for row in first["inputs"]] == ["won_deal"]
    assert len(await said(session, "channel.scorecard.published.v1")) == 3


async def test_publishing_twice_at_once_gives_one_card(client, session, won):
    await won(await an_onboarded_partner(client), "100")

    await asyncio.gather(publish(client), publish(client))

    assert (await published(session)).count("channel.scorecard.published.v1") == 1


@pytest.mark.capability("CHN-10")
async def test_the_policy_of_the_periods_end_counts_and_is_named(client, won, lost):
    partner = await an_onboarded_partner(client)
    await won(partner, "100")
    await lost(partner)
    for weights, valid_from in (
        ({"won_amount": 100}, "2026-01-01"),
        ({"win_rate": 100}, "2026-04-01"),
    ):
        await client.post(
            "/channel/v1/scorecard-policies", json={"weights": weights, "valid_from": valid_from}
        )

    (quarter,) = (await publish(client))["published"]
    (half_year,) = (await publish(client, period_end="2026-06-30"))["published"]

    assert (quarter["policy_version"], float(quarter["score"])) == (1, 100)
    assert (half_year["policy_version"], float(half_year["score"])) == (2, 50)


async def test_several_currencies_need_a_word(client, won):
    partner = await an_onboarded_partner(client)
    await won(partner, "100", currency="CNY")
    await won(partner, "700", currency="USD")

    refused = await client.post(f"{SCORECARDS}:publish", json=QUARTER)
    (card,) = (await publish(client, currency="USD"))["published"]

    assert (refused.status_code, refused.json()["currencies"]) == (409, ["CNY", "USD"])
    assert (float(card["won_amount"]), card["won_deals"]) == (700, 2)


async def test_inputs_of_a_partner_nobody_knows_are_named_and_not_published(client, won):
    nobody = {"id": str(uuid4())}
    await won(nobody, "100")

    outcome = await publish(client)

    assert (outcome["published"], outcome["unknown_partner_ids"]) == ([], [nobody["id"]])


async def test_a_period_that_ends_before_it_starts_is_refused(client):
    response = await client.post(
        f"{SCORECARDS}:publish", json={"period_start": "2026-02-01", "period_end": "2026-01-31"}
    )

    assert (response.status_code, response.json()["code"]) == (422, "period_not_valid")


async def test_an_empty_installation_publishes_nothing(client, session):
    assert (await publish(client))["published"] == []
    assert await published(session) == []


async def test_cards_are_ranked_by_score(client, won):
    for amount in ("100", "300", "200"):
        await won(await an_onboarded_partner(client), amount)
    await publish(client)

    ranked, cursor = [], ""
    while True:
        page = (await client.get(f"{SCORECARDS}?sort=-won_amount&limit=1{cursor}")).json()
        ranked += [float(card["won_amount"]) for card in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert ranked == [300, 200, 100]


@pytest.mark.parametrize("path", ["", "/explanation", "/revisions"])
async def test_a_card_nobody_knows_is_not_found(client, path):
    response = await client.get(f"{SCORECARDS}/{uuid4()}{path}")

    assert (response.status_code, response.json()["code"]) == (404, "scorecard_not_found")


async def test_the_worker_publishes_the_month_that_is_over(client, database, won, monkeypatch):
    monkeypatch.setattr(monthly, "utc_now", lambda: NOW)
    partner = await an_onboarded_partner(client)
    await won(partner, "100", on="2026-02-28")
    await won(partner, "100", on="2026-03-01")

    for _ in range(2):
        async with database.transaction() as session:
            await monthly.publish_last_month(session)

    (card,) = (await client.get(SCORECARDS)).json()["data"]
    assert (card["period_start"], card["period_end"], card["won_deals"], card["revision"]) == (
        str(date(2026, 2, 1)),
        str(date(2026, 2, 28)),
        1,
        1,
    )


async def test_the_worker_waits_for_a_policy_where_currencies_are_mixed(
    client, database, won, monkeypatch
):
    monkeypatch.setattr(monthly, "utc_now", lambda: NOW)
    partner = await an_onboarded_partner(client)
    for currency in ("CNY", "USD"):
        await won(partner, "100", currency=currency)

    async with database.transaction() as session:
        await monthly.publish_last_month(session)

    assert (await client.get(SCORECARDS)).json()["data"] == []
