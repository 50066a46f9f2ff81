"""Figures of service and of partners: tickets, surveys, scorecards."""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.rows import rows_of
from reporting.projections.model import Partner, Scorecard, Survey, Ticket
from reporting.reports.deals import conditions, dimensions_of, key_of, sum_up
from reporting.reports.questions import AnySelect, Figures, Question, Source

_TICKET = dimensions_of(Ticket)
_SURVEY = dimensions_of(Survey)
_SCORECARD = dimensions_of(Scorecard)


async def tickets(session: AsyncSession, question: Question) -> Figures:
    """Tickets by the day on which they were opened, as they stand now.

    An answer is due, `due_answers`, when it was given or its clock ran out.
    """
    due = Ticket.responded_at.is_not(None) | Ticket.response_breached
    return await sum_up(
        session,
        question,
        dimensions=_TICKET,
        day=Ticket.opened_on,
        where=(Ticket.opened_on.is_not(None),),
        figures={
            "tickets": func.count(),
            "due_answers": func.count().filter(due),
            "answers_in_time": func.count().filter(due & Ticket.responded_within_sla.is_(True)),
            "answers": func.count(Ticket.response_minutes),
            "answer_minutes": func.sum(Ticket.response_minutes),
            "solutions": func.count(Ticket.closed_within_sla),
            "solutions_in_time": func.count().filter(Ticket.closed_within_sla.is_(True)),
            "solution_minutes": func.sum(Ticket.solution_minutes),
            "reopened": func.count().filter(Ticket.times_reopened > 0),
        },
    )


def ticket_days(question: Question) -> AnySelect:
    """The first and last day on which a ticket was opened."""
    query: AnySelect = select(
        func.min(Ticket.opened_on).label("first"), func.max(Ticket.opened_on).label("last")
    )
    return query.where(Ticket.partner_id.is_not(None)) if question.partners_only else query


async def surveys(session: AsyncSession, question: Question) -> Figures:
    """`surveys` and the sum of their `points`, by the day of the answer."""
    return await sum_up(
        session,
        question,
        dimensions=_SURVEY,
        day=Survey.answered_on,
        figures={"surveys": func.count(), "points": func.sum(Survey.score)},
    )


def survey_days(question: Question) -> AnySelect:
    """The first and last day on which a survey was answered."""
    query: AnySelect = select(
        func.min(Survey.answered_on).label("first"), func.max(Survey.answered_on).label("last")
    )
    return query.where(Survey.partner_id.is_not(None)) if question.partners_only else query


async def latest_scores(session: AsyncSession, question: Question) -> Figures:
    """`scores` and their sum `score_points`: of each partner the last one whose period ended then.

    Asked by month, the last one of each month.
    """
    key = key_of(question, _SCORECARD, Scorecard.period_end)
    month = func.date_trunc("month", Scorecard.period_end)
    one_for = (
        (Scorecard.partner_id, month) if question.group_by == "month" else (Scorecard.partner_id,)
    )
    latest = (
        select(key.label("key"), Scorecard.score)
        .ext(distinct_on(*one_for))
        .where(*conditions(question, _SCORECARD, Scorecard.period_end))
        .order_by(*one_for, Scorecard.period_end.desc(), Scorecard.published_at.desc())
        .subquery()
    )
    query = select(
        latest.c.key,
        func.count(latest.c.score).label("scores"),
        func.sum(latest.c.score).label("sum"),
    ).group_by(latest.c.key)
    rows = (await session.execute(query)).all()
    return {row.key: {"scores": row.scores, "score_points": row.sum} for row in rows if row.scores}


def scorecard_days(_: Question) -> AnySelect:
    """The last days of the first and last period of a scorecard."""
    query: AnySelect = select(
        func.min(Scorecard.period_end).label("first"), func.max(Scorecard.period_end).label("last")
    )
    return query


async def active_partners(session: AsyncSession, question: Question) -> Figures:
    """No figures: a row for each active partner, so that who sold nothing is seen too."""
    if question.group_by != "partner":
        return {}
    query = select(Partner.id).where(Partner.state == "active")
    rows = rows_of(session)
    if rows is not None:
        query = query.where(
            Partner.id == rows.wall if rows.wall else Partner.region_id.in_(rows.region_ids)
        )
    if "region" in question.filters:
        query = query.where(Partner.region_id == question.filters["region"])
    if "partner" in question.filters:
        query = query.where(Partner.id == question.filters["partner"])
    return {partner_id: {} for partner_id in (await session.execute(query)).scalars()}


TICKETS = Source(tickets, ticket_days)
SURVEYS = Source(surveys, survey_days)
SCORES = Source(latest_scores, scorecard_days)
ACTIVE_PARTNERS = Source(active_partners, scorecard_days)
