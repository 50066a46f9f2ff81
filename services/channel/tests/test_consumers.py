from uuid import uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import text

WON = {"won_on": "2026-02-10", "amount": "1250.50", "currency": "CNY"}
LOST = {"lost_on": "2026-02-11"}
ANSWERED = {"score": 4, "answered_at": "2026-02-28T17:30:00Z"}


async def kept(session):
    rows = await session.execute(
        text("SELECT * FROM scorecard_inputs ORDER BY occurred_on, received_at")
    )
    return rows.all()


@pytest.mark.capability("CHN-10")
async def test_won_lost_and_answered_are_kept_as_inputs_once(session, hear):
    partner_id = uuid4()

    heard = [
        await hear("sales.opportunity.won.v1", partner_id=partner_id, **WON),
        await hear("sales.opportunity.lost.v1", partner_id=partner_id, **LOST),
        await hear("service_desk.survey.answered.v1", partner_id=partner_id, **ANSWERED),
    ]
    for one in heard:
        await hear.again(one)

    rows = await kept(session)
    assert [(row.kind, row.source_id) for row in rows] == [
        (kind, one.envelope.subject)
        for kind, one in zip(("won_deal", "lost_deal", "survey"), heard, strict=True)
    ]
    assert {row.partner_id for row in rows} == {partner_id}
    assert (rows[0].amount, rows[0].currency, rows[2].answer) == (1250.5, "CNY", 4)
    # Half past five in the afternoon in London is the next day for the organisation.
    assert str(rows[2].occurred_on) == "2026-03-01"


async def test_the_same_fact_told_again_changes_nothing(session, hear):
    deal, partner_id = uuid4(), uuid4()

    await hear("sales.opportunity.won.v1", subject=deal, partner_id=partner_id, **WON)
    await hear("sales.opportunity.won.v1", subject=deal, partner_id=partner_id, **WON)

    assert len(await kept(session)) == 1


async def test_what_was_sold_without_a_partner_counts_for_nobody(session, hear):
    await hear("sales.opportunity.won.v1", **WON)
    await hear("sales.opportunity.lost.v1", partner_id=None, **LOST)
    await hear("service_desk.survey.answered.v1", **ANSWERED)

    assert await kept(session) == []


async def test_an_answer_off_the_scale_is_not_counted(session, hear):
    with pytest.raises(ValidationError):
        await hear(
            "service_desk.survey.answered.v1", partner_id=uuid4(), **{**ANSWERED, "score": 6}
        )

    assert await kept(session) == []
