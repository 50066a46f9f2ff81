"""Stating exchange rates, and finding the one that counts."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from common.batches import Outcome
from common.imports.jobs import ImportContext, TargetRow
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from common.parameters import value_on
from common.upserts import first_match
from sales.exchange_rates.model import (
    ExchangeRate,
    ExchangeRateNotFound,
    ExchangeRateThere,
    Rates,
    RateUsed,
    Stated,
)
from sales.exchange_rates.schemas import ConversionRead, ExchangeRateKey, ExchangeRateState
from sales.parameters import BASE_CURRENCY, EXCHANGE_RATE_MAX_AGE_DAYS


async def state_exchange_rate(session: AsyncSession, new: ExchangeRateState) -> ExchangeRate:
    """State the rate of a pair on a day."""
    existing = (await session.execute(select(ExchangeRate.id).where(_same(new)))).scalar()
    if existing is not None:
        raise ExchangeRateThere(
            f"the rate of {new.from_currency} in {new.to_currency} on {new.rate_on} is stated",
            existing_id=str(existing),
        )
    return _state(session, new)


async def upsert_exchange_rate(
    session: AsyncSession, given: ExchangeRateState, *, match_on: Sequence[ExchangeRateKey]
) -> tuple[ExchangeRate, Outcome]:
    """State the rate of a pair on a day, or correct it."""
    known = await first_match(
        session, select(ExchangeRate), {ExchangeRateKey.PAIR_AND_DAY: _same(given)}, match_on
    )
    if known is None:
        return _state(session, given), Outcome.CREATED
    return known, _correct(session, known, given)


async def get_exchange_rate(
    session: AsyncSession, exchange_rate_id: UUID, *, lock: bool = False
) -> ExchangeRate:
    """The rate; `lock` keeps it for this transaction."""
    found = await session.get(ExchangeRate, exchange_rate_id, with_for_update=lock or None)
    if found is None:
        raise ExchangeRateNotFound(f"no exchange rate {exchange_rate_id}")
    return found


async def list_exchange_rates(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[ExchangeRate]:
    """A page of rates, the latest day first."""
    return await paginate(
        session,
        select(ExchangeRate).where(*filters),
        page,
        id_column=ExchangeRate.id,
        sort_keys={"rate_on": ExchangeRate.rate_on},
        default_sort="-rate_on",
    )


async def correct_exchange_rate(
    session: AsyncSession, exchange_rate_id: UUID, *, changes: dict[str, Any]
) -> ExchangeRate:
    """Say a rate otherwise; documents that were decided with it keep what they have."""
    known = await get_exchange_rate(session, exchange_rate_id, lock=True)
    corrected = known.correct(
        rate=changes.get("rate", known.rate), source=changes.get("source", known.source)
    )
    if corrected is not None:
        record(session, known, corrected)
    return known


async def convert(
    session: AsyncSession,
    amount: Decimal,
    *,
    from_currency: str,
    to_currency: str,
    on: date,
    places: int,
) -> ConversionRead:
    """An amount in another currency on a day; raises ExchangeRateNeeded."""
    rates = await load_rates(session, {from_currency, to_currency}, on=on)
    used = rates.between(from_currency, to_currency)
    return ConversionRead(
        amount=amount,
        from_currency=from_currency,
        to_currency=to_currency,
        on=on,
        converted_amount=used.apply(amount, places),
        rate=used.rate,
        rate_on=used.rate_on,
        basis=used.basis,
        base_currency=rates.base,
    )


async def rate_to_base(session: AsyncSession, currency: str, *, on: date) -> RateUsed:
    """The rate that a document of this currency keeps, decided on that day.

    Raises ExchangeRateNeeded. One statement for documents in the base currency, three for others.
    """
    rates = await load_rates(session, {currency}, on=on)
    return rates.between(currency, rates.base)


async def load_rates(session: AsyncSession, currencies: Iterable[str], *, on: date) -> Rates:
    """The rates that count on a day between these currencies and the base currency."""
    base = await value_on(session, BASE_CURRENCY, on)
    wanted = {*currencies, base}
    if len(wanted) == 1:
        return Rates(on, base)
    oldest = on - timedelta(days=await value_on(session, EXCHANGE_RATE_MAX_AGE_DAYS, on))
    found = await session.execute(
        select(
            ExchangeRate.from_currency,
            ExchangeRate.to_currency,
            ExchangeRate.rate_on,
            ExchangeRate.rate,
            ExchangeRate.source,
        )
        .ext(distinct_on(ExchangeRate.from_currency, ExchangeRate.to_currency))
        .where(
            ExchangeRate.from_currency.in_(wanted),
            ExchangeRate.to_currency.in_(wanted),
            ExchangeRate.rate_on.between(oldest, on),
        )
        .order_by(ExchangeRate.from_currency, ExchangeRate.to_currency, ExchangeRate.rate_on.desc())
    )
    return Rates(on, base, (Stated(*row) for row in found.all()))


async def import_exchange_rates(
    session: AsyncSession, rows: Sequence[TargetRow], context: ImportContext
) -> None:
    """State or correct the rates of a file, each found by its pair and day."""
    pairs = {(row.fields.from_currency, row.fields.to_currency) for row in rows}
    found = await session.execute(
        select(ExchangeRate)
        .where(
            ExchangeRate.from_currency.in_({each for each, _ in pairs}),
            ExchangeRate.to_currency.in_({each for _, each in pairs}),
            ExchangeRate.rate_on.in_({row.fields.rate_on for row in rows}),
        )
        .with_for_update()
    )
    known = {(each.from_currency, each.to_currency, each.rate_on): each for each in found.scalars()}
    for row in rows:
        given: ExchangeRateState = row.fields
        key = given.from_currency, given.to_currency, given.rate_on
        if key in known:
            row.done(_correct(session, known[key], given), known[key].id)
        else:
            known[key] = _state(session, given)
            row.done(Outcome.CREATED, known[key].id)


def _state(session: AsyncSession, new: ExchangeRateState) -> ExchangeRate:
    made, stated = ExchangeRate.state(**new.model_dump())
    session.add(made)
    record(session, made, stated)
    return made


def _correct(session: AsyncSession, known: ExchangeRate, given: ExchangeRateState) -> Outcome:
    corrected = known.correct(rate=given.rate, source=given.source)
    if corrected is None:
        return Outcome.UNCHANGED
    record(session, known, corrected)
    return Outcome.UPDATED


def _same(rate: ExchangeRateState) -> ColumnElement[bool]:
    return and_(
        ExchangeRate.from_currency == rate.from_currency,
        ExchangeRate.to_currency == rate.to_currency,
        ExchangeRate.rate_on == rate.rate_on,
    )
