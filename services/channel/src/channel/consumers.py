"""Everything the channel service hears."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from channel.scorecards import use_cases as scorecards
from channel.scorecards.schemas import HeardInput
from channel.scorecards.scoring import HIGHEST_ANSWER, LOWEST_ANSWER, InputKind
from common.access.consumers import ACCESS
from common.days import day_of
from common.events import Consumed, Id
from common.messaging.consumers import ConsumersTable, batch
from common.money import Amount, Currency


class OpportunityWon(Consumed):
    """A deal won through a partner counts for it."""

    type = "sales.opportunity.won.v1"

    partner_id: Id | None = None
    won_on: date
    amount: Amount
    currency: Currency


class OpportunityLost(Consumed):
    """A lost deal counts in the partner's win rate."""

    type = "sales.opportunity.lost.v1"

    partner_id: Id | None = None
    lost_on: date


class SurveyAnswered(Consumed):
    """An answer tells how satisfied a customer of the partner is."""

    type = "service_desk.survey.answered.v1"

    partner_id: Id | None = None
    score: Annotated[int, Field(ge=LOWEST_ANSWER, le=HIGHEST_ANSWER)]
    answered_at: datetime


async def count_won_deals(session: AsyncSession, events: Sequence[OpportunityWon]) -> None:
    await scorecards.keep_inputs(
        session,
        [
            HeardInput(
                partner_id=event.partner_id,
                kind=InputKind.WON_DEAL,
                source_id=event.subject,
                occurred_on=event.won_on,
                amount=event.amount,
                currency=event.currency,
            )
            for event in events
            if event.partner_id is not None
        ],
    )


async def count_lost_deals(session: AsyncSession, events: Sequence[OpportunityLost]) -> None:
    await scorecards.keep_inputs(
        session,
        [
            HeardInput(
                partner_id=event.partner_id,
                kind=InputKind.LOST_DEAL,
                source_id=event.subject,
                occurred_on=event.lost_on,
            )
            for event in events
            if event.partner_id is not None
        ],
    )


async def count_survey_answers(session: AsyncSession, events: Sequence[SurveyAnswered]) -> None:
    await scorecards.keep_inputs(
        session,
        [
            HeardInput(
                partner_id=event.partner_id,
                kind=InputKind.SURVEY,
                source_id=event.subject,
                occurred_on=day_of(event.answered_at),
                answer=event.score,
            )
            for event in events
            if event.partner_id is not None
        ],
    )


CONSUMERS: ConsumersTable = {
    **ACCESS,
    OpportunityWon: batch(count_won_deals),
    OpportunityLost: batch(count_lost_deals),
    SurveyAnswered: batch(count_survey_answers),
}
