"""Running a report: ask its sources, add up, compute the columns, name the rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.rows import rows_of
from common.errors import Invalid, NotFound
from common.money import rounded
from reporting.days import months_between
from reporting.event_log.use_cases import find_freshness
from reporting.projections.model import STAGES, Opportunity, Partner, Person, Product, Region
from reporting.reports.deals import OTHER_STAGE
from reporting.reports.definitions import DIMENSIONS, REPORTS, Column, Kind, Report
from reporting.reports.questions import AnySelect, Base, Figures, Key, Question, added, merged

Value = str | int | float | None
ShownRow = dict[str, Value]

_BY_NAME = {report.name: report for report in REPORTS}
_NAMES: dict[str, Any] = {"region": Region, "product": Product, "person": Person}

# Open deals may be all there is in a currency; the partial index makes their part cheap.
_CURRENCIES = text("""
    SELECT currency, sum(won) AS won FROM (
        SELECT currency, sum(won_revenue) AS won FROM won_rollup
        WHERE won_deals <> 0 OR lost_deals <> 0 GROUP BY currency
        UNION ALL
        SELECT DISTINCT currency, 0 FROM opportunities WHERE state = 'open' AND currency IS NOT NULL
    ) AS used
    GROUP BY currency ORDER BY won DESC, currency
""")

# The same for who sees a part only: the session narrows it to the deals of that part.
_OWN_CURRENCIES = (
    select(Opportunity.currency)
    .where(Opportunity.currency.is_not(None))
    .group_by(Opportunity.currency)
    .order_by(
        func.coalesce(func.sum(Opportunity.amount).filter(Opportunity.state == "won"), 0).desc(),
        Opportunity.currency,
    )
)


class ReportNotFound(NotFound):
    """There is no such report."""

    code = "report_not_found"


class UnknownGrouping(Invalid):
    """The report cannot be grouped by this."""

    code = "unknown_group_by"


class UnknownFilter(Invalid):
    """The report cannot be narrowed by this."""

    code = "unknown_filter"


class PeriodReversed(Invalid):
    """The period ends before it begins."""

    code = "period_reversed"


@dataclass(frozen=True, slots=True)
class Answer:
    """A report that was run; the fields are those of the API."""

    report: Report
    group_by: str
    filters: Mapping[str, UUID]
    first_day: date | None
    last_day: date | None
    currency: str | None
    other_currencies: Sequence[str]
    columns: Sequence[Column]
    rows: Sequence[ShownRow]
    totals: ShownRow
    as_of: datetime | None
    lag_seconds: float | None

    @property
    def name(self) -> str:
        """The report's name."""
        return self.report.name


def list_reports() -> Sequence[Report]:
    """Every report, in the order in which they are shown."""
    return REPORTS


def get_report(name: str) -> Report:
    """The report of this name; raises ReportNotFound."""
    if name not in _BY_NAME:
        raise ReportNotFound(f"no report {name!r}; there are {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


async def run_report(
    session: AsyncSession,
    name: str,
    *,
    group_by: str | None,
    first_day: date | None,
    last_day: date | None,
    currency: str | None,
    filters: Mapping[str, UUID],
    now: datetime,
) -> Answer:
    """Run a report; the same parameters over the same events give the same figures."""
    report = get_report(name)
    grouping = group_by or report.default_group_by
    _check(report, grouping, first_day, last_day, currency, filters)
    # Asked before the figures, so that the figures are at least as fresh as they say.
    freshness = await find_freshness(session, now=now)
    currency, other_currencies = await _choose_currency(session, report, currency)
    question = Question(
        grouping, first_day, last_day, currency, dict(filters), report.partners_only
    )
    figures = merged(*[await source.figures(session, question) for source in report.sources])
    total = _total(figures)
    if grouping in report.overlapping:
        whole = replace(question, group_by=None)
        counted_once = [await source.figures(session, whole) for source in report.sources]
        total = _total(merged(*counted_once))
    columns = report.row_columns(grouping, by_product=question.is_by_product)
    rows = await _rows(session, grouping, columns, figures)
    first_known, last_known = await _known_days(session, report, question)
    return Answer(
        report=report,
        group_by=grouping,
        filters=dict(filters),
        first_day=first_known,
        last_day=last_known,
        currency=currency,
        other_currencies=other_currencies,
        columns=columns,
        rows=rows,
        totals={
            column.name: shown(column, total)
            for column in report.total_columns(grouping, by_product=question.is_by_product)
        },
        as_of=freshness.as_of,
        lag_seconds=freshness.lag_seconds,
    )


def shown(column: Column, base: Base) -> Value:
    """The column's value from the sums it is computed of; None where there is nothing to divide."""
    value = Decimal(base.get(column.figure, 0))
    if column.over:
        over = sum((Decimal(base.get(name, 0)) for name in column.over), Decimal(0))
        if not over:
            return None
        value = value / over / column.unit
    if column.kind is Kind.MONEY:
        return str(rounded(value))
    if column.kind is Kind.INTEGER:
        return int(value)
    places = 6 if column.kind is Kind.PERCENT else 2
    return float(value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))


def _check(
    report: Report,
    grouping: str,
    first_day: date | None,
    last_day: date | None,
    currency: str | None,
    filters: Mapping[str, UUID],
) -> None:
    if grouping not in report.groupings:
        raise UnknownGrouping(
            f"{report.name} cannot be grouped by {grouping!r}; it can by"
            f" {', '.join(report.groupings)}",
            pointer="/group_by",
            allowed=list(report.groupings),
        )
    for name in filters:
        if name not in report.filters:
            raise UnknownFilter(
                f"{report.name} cannot be narrowed to a {name}; it can by"
                f" {', '.join(report.filters)}",
                pointer=f"/{name}",
                allowed=list(report.filters),
            )
    if currency is not None and not report.has_currency:
        raise UnknownFilter(f"{report.name} has no money in it", pointer="/currency")
    if first_day is not None and last_day is not None and first_day > last_day:
        raise PeriodReversed("the period ends before it begins", pointer="/from")


async def _choose_currency(
    session: AsyncSession, report: Report, asked: str | None
) -> tuple[str | None, list[str]]:
    """The currency of the figures, and the others that deals are in.

    When none is asked for, it is the one in which most was won.
    """
    if not report.has_currency:
        return None, []
    currencies = _CURRENCIES if rows_of(session) is None else _OWN_CURRENCIES
    used = list((await session.execute(currencies)).scalars())
    chosen = asked or (used[0] if used else None)
    return chosen, sorted(currency for currency in used if currency != chosen)


async def _known_days(
    session: AsyncSession, report: Report, question: Question
) -> tuple[date | None, date | None]:
    """The period of the question; a day it leaves open is that of the data."""
    first, last = question.first_day, question.last_day
    if first is not None and last is not None:
        return first, last
    asked: list[AnySelect] = list(
        {source.days: source.days(question) for source in report.sources}.values()
    )
    found = (await session.execute(union_all(*asked))).all()
    firsts = [row.first for row in found if row.first is not None]
    lasts = [row.last for row in found if row.last is not None]
    if not firsts:
        return first, last
    # A period that lies before or after all data begins and ends where it was asked to.
    first = first or (min(firsts) if last is None else min(*firsts, last))
    last = last or max(*lasts, first)
    return first, last


def _total(figures: Figures) -> Base:
    total: Base = {}
    for base in figures.values():
        total = added(total, base)
    return total


async def _rows(
    session: AsyncSession, grouping: str, columns: Sequence[Column], figures: Figures
) -> list[ShownRow]:
    if grouping in DIMENSIONS:
        named = await _find_names(session, grouping, [key for key in figures if key is not None])
        rows = []
        for key, base in figures.items():
            found = named.get(key)
            label = None if key is None else (found and found.name) or str(key)
            more = {"partner_region": found.region if found else None}
            rows.append(_row(grouping, label, key, columns, base, more))
        return sorted(rows, key=lambda row: _by_size(row, grouping, columns))
    if grouping == "month":
        keys: Iterable[Any] = _months(figures)
    else:
        keys = [stage for stage in (*STAGES, OTHER_STAGE) if stage in figures]
    return [_row(grouping, key, None, columns, figures.get(key, {}), {}) for key in keys]


def _row(
    grouping: str,
    label: str | None,
    key: Key,
    columns: Sequence[Column],
    base: Base,
    texts: Mapping[str, str | None],
) -> ShownRow:
    row: ShownRow = {grouping: label, f"{grouping}_id": None if key is None else str(key)}
    for column in columns[1:]:
        row[column.name] = (
            texts.get(column.name) if column.kind is Kind.TEXT else shown(column, base)
        )
    return row


def _by_size(row: ShownRow, grouping: str, columns: Sequence[Column]) -> tuple[Any, ...]:
    """The largest first, by the first figure; then by name."""
    measure = next(column.name for column in columns if column.kind is not Kind.TEXT)
    value = row[measure]
    return (
        value is None,
        -Decimal(value or 0),
        row[grouping] is None,
        str(row[grouping]),
        str(row[f"{grouping}_id"]),
    )


def _months(figures: Figures) -> list[str]:
    """The months from the first to the last one with figures; a month without any is one of zeros."""
    known = [str(key) for key in figures if key is not None]
    return months_between(min(known), max(known)) if known else []


async def _find_names(
    session: AsyncSession, grouping: str, keys: Sequence[Any]
) -> dict[Key, Row[Any]]:
    """Names, and of partners the names of their regions, by id."""
    if not keys:
        return {}
    query: AnySelect
    if grouping == "partner":
        query = select(Partner.id, Partner.name, Region.name.label("region")).outerjoin(
            Region, Region.id == Partner.region_id
        )
    else:
        entity = _NAMES[grouping]
        query = select(entity.id, entity.name, literal(None).label("region"))
    found = await session.execute(query.where(query.selected_columns[0].in_(keys)))
    return {row.id: row for row in found}
