"""The scorecard endpoints."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query

from channel.scorecards import use_cases as scorecards
from channel.scorecards.model import Scorecard, ScorecardRevision
from channel.scorecards.schemas import (
    PublishedScorecards,
    ScorecardExplanation,
    ScorecardInputRead,
    ScorecardRead,
    ScorecardRevisionRead,
    ScorecardsPublish,
    ScorePartRead,
)
from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging

router = service_router("channel", "scorecards")


@router.post(":publish", response_model=PublishedScorecards)
async def publish_scorecards(
    period: ScorecardsPublish, session: Session, actor: CurrentActor, now: Now
) -> scorecards.PublishedPeriod:
    return await scorecards.publish_scorecards(session, actor=actor, now=now, **period.model_dump())


@router.get("", response_model=PageOf[ScorecardRead])
async def list_scorecards(
    session: Session,
    page: Paging,
    partner_id: UUID | None = None,
    period_start: date | None = None,
    period_end: date | None = None,
    region_id: UUID | None = None,
    department_id: UUID | None = None,
    owner_id: UUID | None = None,
) -> Page[Scorecard]:
    equal = {
        Scorecard.partner_id: partner_id,
        Scorecard.period_start: period_start,
        Scorecard.period_end: period_end,
        Scorecard.region_id: region_id,
        Scorecard.department_id: department_id,
        Scorecard.owner_id: owner_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    return await scorecards.list_scorecards(session, page, filters=filters)


@router.get("/{scorecard_id}", response_model=ScorecardRead)
async def get_scorecard(scorecard_id: UUID, session: Session) -> Scorecard:
    return await scorecards.get_scorecard(session, scorecard_id)


@router.get("/{scorecard_id}/revisions", response_model=list[ScorecardRevisionRead])
async def list_scorecard_revisions(scorecard_id: UUID, session: Session) -> list[ScorecardRevision]:
    return list(await scorecards.list_revisions(session, scorecard_id))


@router.get("/{scorecard_id}/explanation", response_model=ScorecardExplanation)
async def explain_scorecard(
    scorecard_id: UUID,
    session: Session,
    revision: Annotated[int | None, Query(ge=1, description="The last one when not given")] = None,
) -> ScorecardExplanation:
    card, explained, inputs = await scorecards.explain_scorecard(
        session, scorecard_id, revision=revision
    )
    return ScorecardExplanation(
        **ScorecardRevisionRead.model_validate(explained).model_dump(),
        scorecard_id=card.id,
        partner_id=card.partner_id,
        period_start=card.period_start,
        period_end=card.period_end,
        best_amount=explained.best_amount,
        parts=[ScorePartRead(**part) for part in explained.parts],
        inputs=[ScorecardInputRead.model_validate(one) for one in inputs],
    )
