"""Keeping and reading forecasts."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy import Date as SqlDate
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from common.days import day_of
from common.money import rounded
from common.pagination import Page, PageRequest, paginate
from sales.forecasts.model import (
    KEPT,
    ForecastLine,
    ForecastNotKept,
    ForecastSnapshot,
    GroupBy,
    group_column,
)
from sales.forecasts.schemas import ForecastDeal, ForecastRow
from sales.opportunities.model import OPEN_STAGES, ForecastCategory, Opportunity, Stage
from sales.targets.model import PeriodKind


async def take_snapshot(session: AsyncSession, *, now: datetime) -> bool:
    """Keep today's forecast, once a day however often it is asked; whether it was kept now.

    Days that were missed are not made up for: nobody knows what was expected on them.
    """
    today = day_of(now)
    taken = await session.execute(
        insert(ForecastSnapshot)
        .values(taken_on=today, taken_at=now)
        .on_conflict_do_nothing()
        .returning(ForecastSnapshot.taken_on)
    )
    if taken.scalar() is None:
        return False
    same = and_(
        Opportunity.id == ForecastLine.opportunity_id,
        *_forecast_now(),
        *(
            getattr(Opportunity, name).is_not_distinct_from(getattr(ForecastLine, name))
            for name in KEPT
        ),
    )
    await session.execute(
        update(ForecastLine)
        .where(ForecastLine.until_on.is_(None), ~select(Opportunity.id).where(same).exists())
        .values(until_on=today)
        .execution_options(synchronize_session=False)
    )
    standing = aliased(ForecastLine)
    await session.execute(
        insert(ForecastLine).from_select(
            ["id", "opportunity_id", "from_on", *KEPT],
            select(
                func.gen_random_uuid(),
                Opportunity.id,
                literal(today, SqlDate),
                *(getattr(Opportunity, name) for name in KEPT),
            ).where(
                *_forecast_now(),
                ~select(standing.id)
                .where(standing.opportunity_id == Opportunity.id, standing.until_on.is_(None))
                .exists(),
            ),
        )
    )
    return True


async def list_forecast_snapshots(
    session: AsyncSession, *, since: date | None
) -> Sequence[ForecastSnapshot]:
    """The days whose forecasts were kept, the last one first; a year of them."""
    query = select(ForecastSnapshot).order_by(ForecastSnapshot.taken_on.desc()).limit(366)
    if since is not None:
        query = query.where(ForecastSnapshot.taken_on >= since)
    return (await session.execute(query)).scalars().all()


async def get_forecast(
    session: AsyncSession,
    *,
    by: GroupBy,
    period: PeriodKind,
    starts_on: date,
    ends_on: date,
    as_of: date | None,
) -> list[ForecastRow]:
    """What open deals will bring in the periods between two days, now or as it was on a day, and
    what was won in them by now."""
    deal, conditions = await _deals(session, as_of)
    nothing, none = literal(Decimal(0)), literal(0)
    counts = deal.forecast_category != ForecastCategory.OMITTED
    expected = select(
        _period(deal.expected_close_on, period).label("period_starts_on"),
        group_column(deal, by).label("group_id"),
        deal.currency.label("currency"),
        literal(1).label("deal_count"),
        deal.expected_amount.label("open_amount"),
        case((counts, deal.expected_amount * deal.probability), else_=nothing).label("weighted"),
        _of(deal, ForecastCategory.COMMIT).label("committed"),
        _of(deal, ForecastCategory.BEST_CASE).label("best_case"),
        nothing.label("won_amount"),
        none.label("won_count"),
    ).where(*conditions, deal.expected_close_on.between(starts_on, ends_on))
    won = select(
        _period(Opportunity.closed_on, period),
        group_column(Opportunity, by),
        Opportunity.currency,
        none,
        nothing,
        nothing,
        nothing,
        nothing,
        Opportunity.amount,
        literal(1),
    ).where(Opportunity.stage == Stage.WON, Opportunity.closed_on.between(starts_on, ends_on))
    facts = union_all(expected, won).subquery("facts")
    sums = [func.sum(facts.c[name]) for name in list(facts.c.keys())[3:]]
    key = (facts.c.period_starts_on, facts.c.group_id, facts.c.currency)
    found = await session.execute(select(*key, *sums).group_by(*key).order_by(*key))
    return [
        ForecastRow(
            period_starts_on=row[0],
            group_id=row[1],
            currency=row[2],
            deal_count=row[3],
            open_amount=row[4],
            weighted_amount=rounded(row[5]),
            committed_amount=row[6],
            best_case_amount=row[7],
            won_amount=row[8],
            won_count=row[9],
        )
        for row in found
    ]


async def list_forecast_deals(
    session: AsyncSession,
    page: PageRequest,
    *,
    starts_on: date,
    ends_on: date,
    as_of: date | None,
    by: GroupBy | None,
    group_id: UUID | None,
    currency: str | None,
    forecast_category: str | None,
) -> Page[ForecastDeal]:
    """The deals behind the figures, with the filters of a figure; none but those count in it."""
    deal, conditions = await _deals(session, as_of)
    filters = [*conditions, deal.expected_close_on.between(starts_on, ends_on)]
    if by is not None:
        filters.append(group_column(deal, by).is_not_distinct_from(group_id))
    if currency is not None:
        filters.append(deal.currency == currency)
    if forecast_category is not None:
        filters.append(deal.forecast_category == forecast_category)
    found = await paginate(
        session,
        select(deal).where(*filters),
        page,
        id_column=deal.id,
        sort_keys={"expected_close_on": deal.expected_close_on},
        default_sort="expected_close_on",
    )
    return found.showing(_shown)


async def _deals(
    session: AsyncSession, as_of: date | None
) -> tuple[Any, list[ColumnElement[bool]]]:
    """The deals of a forecast: those that are open, or were when the day's snapshot was taken."""
    if as_of is None:
        return Opportunity, _forecast_now()
    kept = await session.execute(
        select(func.max(ForecastSnapshot.taken_on)).where(ForecastSnapshot.taken_on <= as_of)
    )
    nearest = kept.scalar()
    if nearest != as_of:
        raise ForecastNotKept(
            f"no forecast was kept on {as_of}", nearest=str(nearest) if nearest else None
        )
    stood = or_(ForecastLine.until_on.is_(None), ForecastLine.until_on > as_of)
    return ForecastLine, [ForecastLine.from_on <= as_of, stood]


def _forecast_now() -> list[ColumnElement[bool]]:
    """Open deals with an amount and a day; without these nothing can be forecast."""
    return [
        Opportunity.stage.in_(OPEN_STAGES),
        Opportunity.expected_amount.is_not(None),
        Opportunity.expected_close_on.is_not(None),
    ]


def _period(day: Any, period: PeriodKind) -> ColumnElement[date]:
    return cast(func.date_trunc(period.value, day), SqlDate)


def _of(deal: Any, category: ForecastCategory) -> ColumnElement[Decimal]:
    return case(
        (deal.forecast_category == category, deal.expected_amount), else_=literal(Decimal(0))
    )


def _shown(deal: Opportunity | ForecastLine) -> ForecastDeal:
    assert deal.expected_amount is not None
    assert deal.expected_close_on is not None
    weighted = deal.expected_amount * deal.probability
    if deal.forecast_category == ForecastCategory.OMITTED:
        weighted = Decimal(0)
    return ForecastDeal(
        id=deal.id,
        opportunity_id=deal.opportunity_id if isinstance(deal, ForecastLine) else deal.id,
        stage=deal.stage,
        probability=deal.probability,
        expected_amount=deal.expected_amount,
        weighted_amount=weighted,
        currency=deal.currency,
        expected_close_on=deal.expected_close_on,
        forecast_category=deal.forecast_category,
        product_id=deal.product_id,
        **deal.scope,
    )
