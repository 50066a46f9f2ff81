"""Figures of deals: what was won and lost, what came in for it, and where open ones stand."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    SQLColumnExpression,
    case,
    func,
    literal_column,
    null,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.rows import rows_of
from reporting.projections.model import (
    STAGES,
    Opportunity,
    Order,
    Receipt,
    WonLine,
    won_product_rollup,
    won_rollup,
)
from reporting.reports.questions import AnySelect, Figures, Question, Source, merged

Expression = SQLColumnExpression[Any]
Dimensions = Mapping[str, Expression]

OTHER_STAGE = "other"
"""The stage of open deals whose stage this release does not know."""


def dimensions_of(table: Any) -> dict[str, Expression]:
    """The columns of a table of facts that answer to region, partner and person."""
    return {"region": table.region_id, "partner": table.partner_id, "person": table.owner_id}


_DEAL: Dimensions = {**dimensions_of(Opportunity), "product": Opportunity.product_id}
_LINE: Dimensions = {**_DEAL, "product": WonLine.product_id}
_CLOSED = Opportunity.state.in_(("won", "lost"))
_WON = Opportunity.state == "won"
_LOST = Opportunity.state == "lost"
_OPEN = Opportunity.state == "open"


async def sum_up(
    session: AsyncSession,
    question: Question,
    *,
    dimensions: Dimensions,
    day: Expression,
    figures: Mapping[str, Expression],
    source: FromClause | None = None,
    where: tuple[ColumnElement[bool], ...] = (),
) -> Figures:
    """Aggregate facts as the question asks, by the column of its grouping or the month of `day`."""
    query: AnySelect = select(
        key_of(question, dimensions, day).label("key"),
        *(figure.label(name) for name, figure in figures.items()),
    ).where(*where, *conditions(question, dimensions, day))
    if source is not None:
        query = query.select_from(source)
    if question.group_by is not None:
        query = query.group_by(literal_column("1"))
    rows = (await session.execute(query)).all()
    return {row.key: {name: getattr(row, name) or 0 for name in figures} for row in rows}


def key_of(question: Question, dimensions: Dimensions, day: Expression) -> Expression:
    """What the question groups by."""
    if question.group_by is None:
        return null()
    if question.group_by == "month":
        return func.to_char(day, literal_column("'YYYY-MM'"))
    return dimensions[question.group_by]


def conditions(
    question: Question, dimensions: Dimensions, day: Expression
) -> list[ColumnElement[bool]]:
    """The period, the filters and the partners of the question."""
    limits = [dimensions[name] == wanted for name, wanted in question.filters.items()]
    if question.first_day is not None:
        limits.append(day >= question.first_day)
    if question.last_day is not None:
        limits.append(day <= question.last_day)
    if question.partners_only:
        limits.append(dimensions["partner"].is_not(None))
    return limits


# --- closed deals


async def closed_deals(session: AsyncSession, question: Question) -> Figures:
    """`won_revenue`, `won_deals`, `lost_deals`, by the day on which the deal was closed."""
    # The monthly sums are of everybody's deals.
    if question.is_of_whole_months and rows_of(session) is None:
        return await closed_deals_by_rollup(session, question)
    return await closed_deals_by_facts(session, question)


async def closed_deals_by_rollup(session: AsyncSession, question: Question) -> Figures:
    """The same from the monthly sums; the period must begin and end with a month."""
    sums = (won_product_rollup if question.is_by_product else won_rollup).c
    dimensions = {"region": sums.region_id, "partner": sums.partner_id, "person": sums.owner_id}
    if question.is_by_product:
        dimensions["product"] = sums.product_id
    return await sum_up(
        session,
        question,
        dimensions=dimensions,
        day=sums.month,
        where=(sums.currency == question.currency, (sums.won_deals != 0) | (sums.lost_deals != 0)),
        figures={
            "won_revenue": func.sum(sums.won_revenue),
            "won_deals": func.sum(sums.won_deals),
            "lost_deals": func.sum(sums.lost_deals),
        },
    )


async def closed_deals_by_facts(session: AsyncSession, question: Question) -> Figures:
    """The same from the deals themselves, for any period."""
    lost: dict[str, Expression] = {"lost_deals": func.count().filter(_LOST)}
    in_currency = Opportunity.currency == question.currency
    if not question.is_by_product:
        won: dict[str, Expression] = {
            "won_revenue": func.sum(Opportunity.amount).filter(_WON),
            "won_deals": func.count().filter(_WON),
        }
        return await sum_up(
            session,
            question,
            dimensions=_DEAL,
            day=Opportunity.closed_on,
            where=(_CLOSED, in_currency),
            figures={**won, **lost},
        )
    won_lines = await sum_up(
        session,
        question,
        dimensions=_LINE,
        day=Opportunity.closed_on,
        source=_lines_of_deals(),
        where=(_WON, in_currency),
        figures={
            "won_revenue": func.sum(WonLine.amount),
            "won_deals": func.count(Opportunity.id.distinct()),
        },
    )
    lost_deals = await sum_up(
        session,
        question,
        dimensions=_DEAL,
        day=Opportunity.closed_on,
        where=(_LOST, in_currency),
        figures=lost,
    )
    return merged(won_lines, lost_deals)


def _lines_of_deals() -> FromClause:
    lines, deals = WonLine.__table__, Opportunity.__table__
    return lines.join(deals, WonLine.opportunity_id == Opportunity.id)


async def received_for_won_deals(session: AsyncSession, question: Question) -> Figures:
    """`received`: receipts that stayed, of the deals that the question counts as won.

    Money is not received by product, so a question by product gets nothing.
    """
    if question.is_by_product:
        return {}
    receipts, orders, deals = Receipt.__table__, Order.__table__, Opportunity.__table__
    # One query for receipts that name their deal and one for those that name an order of it: each
    # join has its index, so that the plan is a good one before the tables were ever analysed.
    named = receipts.join(deals, Opportunity.id == Receipt.opportunity_id)
    by_order = receipts.join(orders, Order.id == Receipt.order_id).join(
        deals, Opportunity.id == Order.opportunity_id
    )
    parts = [
        await sum_up(
            session,
            question,
            dimensions=_DEAL,
            day=Opportunity.closed_on,
            source=source,
            where=(
                *where,
                _WON,
                Opportunity.currency == question.currency,
                Receipt.currency == question.currency,
                Receipt.reversed_on.is_(None),
            ),
            figures={"received": func.sum(Receipt.amount)},
        )
        for source, where in (
            (named, ()),
            (by_order, (Receipt.opportunity_id.is_(None),)),
        )
    ]
    return merged(*parts)


def closed_days(question: Question) -> AnySelect:
    """The first and last day on which a deal was closed."""
    query: AnySelect = select(
        func.min(Opportunity.closed_on).label("first"),
        func.max(Opportunity.closed_on).label("last"),
    ).where(_CLOSED, Opportunity.currency == question.currency)
    if question.partners_only:
        query = query.where(Opportunity.partner_id.is_not(None))
    return query


# --- the funnel


async def opened_deals(session: AsyncSession, question: Question) -> Figures:
    """Deals by the day on which they were opened, as they stand now.

    `open_deals`, `open_pipeline`, `won_deals`, `lost_deals`; grouped by stage also `deals`,
    `reached_deals`, `passing_deals` with those that went on, and `amount`; lost deals under None.
    """
    if question.group_by == "stage":
        return await _stages(session, question)
    return await sum_up(
        session,
        question,
        dimensions=_DEAL,
        day=Opportunity.opened_on,
        where=(Opportunity.currency == question.currency,),
        figures={
            "open_deals": func.count().filter(_OPEN),
            "open_pipeline": func.sum(Opportunity.expected_amount).filter(_OPEN),
            "won_deals": func.count().filter(_WON),
            "lost_deals": func.count().filter(_LOST),
        },
    )


async def _stages(session: AsyncSession, question: Question) -> Figures:
    stage = case((_OPEN, Opportunity.stage), else_=Opportunity.state)
    query = (
        select(
            stage.label("stage"),
            Opportunity.furthest_rank,
            func.count().label("deals"),
            func.sum(Opportunity.expected_amount).label("expected"),
            func.sum(Opportunity.amount).label("amount"),
        )
        .where(
            Opportunity.currency == question.currency,
            *conditions(question, _DEAL, Opportunity.opened_on),
        )
        .group_by(literal_column("1"), Opportunity.furthest_rank)
    )
    rows = (await session.execute(query)).all()
    if not rows:
        return {}
    # From the last stage a deal goes nowhere: there is nothing to divide by.
    figures: Figures = {
        name: {"reached_deals": 0, "passing_deals": 0, "went_on_deals": 0} for name in STAGES
    }
    parts: list[Figures] = []
    for row in rows:
        for rank, name in enumerate(STAGES):
            reached = row.deals if row.furthest_rank >= rank else 0
            figures[name]["reached_deals"] += reached
            figures[name]["passing_deals"] += reached if name != STAGES[-1] else 0
            figures[name]["went_on_deals"] += row.deals if row.furthest_rank > rank else 0
        if row.stage == "lost":
            parts.append({None: {"lost_deals": row.deals}})
        elif row.stage == "won":
            amount = row.amount or 0
            parts.append({"won": {"deals": row.deals, "won_deals": row.deals, "amount": amount}})
        else:
            key = row.stage if row.stage in STAGES else OTHER_STAGE
            expected = row.expected or 0
            parts.append(
                {
                    key: {
                        "deals": row.deals,
                        "open_deals": row.deals,
                        "amount": expected,
                        "open_pipeline": expected,
                    }
                }
            )
    return merged(figures, *parts)


def opened_days(question: Question) -> AnySelect:
    """The first and last day on which a deal was opened."""
    query: AnySelect = select(
        func.min(Opportunity.opened_on).label("first"),
        func.max(Opportunity.opened_on).label("last"),
    ).where(Opportunity.currency == question.currency)
    return query


CLOSED_DEALS = Source(closed_deals, closed_days)
RECEIVED = Source(received_for_won_deals, closed_days)
OPENED_DEALS = Source(opened_deals, opened_days)
