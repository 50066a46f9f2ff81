import pytest

from common.testing.service import said

from ..builders import an_opened_opportunity, posted

REASONS = "/sales/v1/lost-reasons"
PRICE = {"code": "price", "name_zh": "价格", "name_en": "Price"}


async def lose(client, **lost):
    deal = await an_opened_opportunity(client)
    return await client.post(f"/sales/v1/opportunities/{deal['id']}:lose", json=lost)


@pytest.mark.capability("SAL-12")
async def test_every_lost_deal_is_counted_under_a_code_of_the_list(client, session):
    await posted(client, "lost-reasons", **PRICE)

    by_code = await lose(client, reason_code="price")
    by_word = await lose(client, reason="Price")
    in_words = await lose(client, reason="the plant was sold")

    assert [
        (answer.json()["lost_reason_code"], answer.json()["lost_reason"])
        for answer in (by_code, by_word, in_words)
    ] == [("price", "price"), ("price", "Price"), ("other", "the plant was sold")]
    told = await said(session, "sales.opportunity.lost.v1")
    assert [event["reason_code"] for event in told] == ["price", "price", "other"]


@pytest.mark.capability("SAL-12")
@pytest.mark.parametrize(
    ("lost", "code"),
    [
        ({"reason_code": "weather"}, "lost_reason_not_known"),
        ({"reason_code": "other"}, "lost_reason_needed"),
        ({}, "lost_reason_needed"),
    ],
)
async def test_a_loss_without_a_reason_is_refused(client, lost, code):
    answer = await lose(client, **lost)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.capability("SAL-12")
async def test_a_retired_reason_is_no_longer_given(client):
    reason = await posted(client, "lost-reasons", **PRICE)
    await client.patch(f"{REASONS}/{reason['id']}", json={"state": "retired"})

    assert (await lose(client, reason_code="price")).json()["code"] == "lost_reason_not_known"
    assert (await client.post(REASONS, json=PRICE)).json()["code"] == "lost_reason_taken"


@pytest.mark.capability("SAL-12", "SAL-24")
async def test_a_deal_that_is_lost_to_a_competitor_says_to_whom(client):
    await posted(
        client,
        "lost-reasons",
        code="competitor",
        name_zh="竞争对手",
        name_en="A competitor won",
        needs_competitor=True,
    )
    competitor = await posted(client, "competitors", name="华瑞机电")

    silent = await lose(client, reason_code="competitor")
    said_so = await lose(client, reason_code="competitor", competitor_id=competitor["id"])

    assert silent.json()["code"] == "competitor_needed"
    assert said_so.json()["lost_to_id"] == competitor["id"]
