"""What people do with surveys."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from service_desk.surveys.model import Survey, SurveyNotFound, SurveyState
from service_desk.surveys.schemas import SurveyAnswer


def ask(session: AsyncSession, *, at: datetime, **about: Any) -> Survey:
    """Ask how a ticket was closed; `about` are the columns that say which closing it is."""
    survey, asked = Survey.ask(token=secrets.token_urlsafe(24), at=at, **about)
    session.add(survey)
    record(session, survey, asked)
    return survey


async def void_unanswered(session: AsyncSession, ticket_id: UUID, *, at: datetime) -> None:
    """Withdraw what is still asked about a ticket."""
    found = await session.execute(
        select(Survey)
        .where(Survey.ticket_id == ticket_id, Survey.state == SurveyState.OPEN)
        .with_for_update()
    )
    for survey in found.scalars():
        voided = survey.void(at)
        if voided is not None:
            record(session, survey, voided)


async def get_survey(session: AsyncSession, survey_id: UUID) -> Survey:
    """The survey."""
    survey = await session.get(Survey, survey_id)
    if survey is None:
        raise SurveyNotFound(f"no survey {survey_id}")
    return survey


async def answer_survey(
    session: AsyncSession, token: str | Survey, answer: SurveyAnswer, *, at: datetime
) -> Survey:
    """Take the answer of whoever holds the token; an import hands over the survey itself."""
    survey = await _get_by_token(session, token) if isinstance(token, str) else token
    record(
        session,
        survey,
        survey.answer(score=answer.score, answers=answer.answers, comment=answer.comment, at=at),
    )
    return survey


async def list_surveys(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[Survey]:
    """A page of surveys, the latest first."""
    return await paginate(
        session,
        select(Survey).where(*filters),
        page,
        id_column=Survey.id,
        sort_keys={"asked_at": Survey.asked_at},
        default_sort="-asked_at",
    )


async def _get_by_token(session: AsyncSession, token: str) -> Survey:
    found = await session.execute(select(Survey).where(Survey.token == token).with_for_update())
    survey = found.scalar_one_or_none()
    if survey is None:
        # The token is not repeated: it is the right to answer, and this text is logged.
        raise SurveyNotFound("no survey has this token")
    return survey
