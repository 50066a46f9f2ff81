"""The endpoints of exchange rates, and of amounts in another currency."""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from common.app import service_router
from common.batches import BatchAnswer, DoOneByOne
from common.clock import Now
from common.days import day_of
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.upserts import Upsert
from sales.exchange_rates import use_cases as exchange_rates
from sales.exchange_rates.model import ExchangeRate
from sales.exchange_rates.schemas import (
    ConversionRead,
    ExchangeRateKey,
    ExchangeRateRead,
    ExchangeRateState,
    ExchangeRateUpdate,
)

router = service_router("sales", "exchange-rates")
conversion_router = service_router("sales", "conversions")

Code = Annotated[str, Query(pattern="^[A-Z]{3}$")]


@router.post("", status_code=201, response_model=ExchangeRateRead)
async def state_exchange_rate(
    new: ExchangeRateState, session: Session, response: Response
) -> ExchangeRate:
    rate = await exchange_rates.state_exchange_rate(session, new)
    response.headers["Location"] = f"{router.prefix}/{rate.id}"
    return rate


@router.post(":upsert", response_model=BatchAnswer)
async def upsert_exchange_rates(
    batch: Upsert[ExchangeRateState, ExchangeRateKey], session: Session, one_by_one: DoOneByOne
) -> BatchAnswer:
    return await one_by_one.do(
        batch,
        lambda given: exchange_rates.upsert_exchange_rate(session, given, match_on=batch.match_on),
    )


@router.get("", response_model=PageOf[ExchangeRateRead])
async def list_exchange_rates(
    session: Session,
    page: Paging,
    from_currency: str | None = None,
    to_currency: str | None = None,
    rate_on: date | None = None,
    from_day: Annotated[date | None, Query(alias="rate_on[gte]")] = None,
    to_day: Annotated[date | None, Query(alias="rate_on[lte]")] = None,
) -> Page[ExchangeRate]:
    equal = {
        ExchangeRate.from_currency: from_currency,
        ExchangeRate.to_currency: to_currency,
        ExchangeRate.rate_on: rate_on,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if from_day is not None:
        filters.append(ExchangeRate.rate_on >= from_day)
    if to_day is not None:
        filters.append(ExchangeRate.rate_on <= to_day)
    return await exchange_rates.list_exchange_rates(session, page, filters=filters)


@router.get("/{exchange_rate_id}", response_model=ExchangeRateRead)
async def get_exchange_rate(exchange_rate_id: UUID, session: Session) -> ExchangeRate:
    return await exchange_rates.get_exchange_rate(session, exchange_rate_id)


@router.patch("/{exchange_rate_id}", response_model=ExchangeRateRead)
async def correct_exchange_rate(
    exchange_rate_id: UUID, changes: ExchangeRateUpdate, session: Session
) -> ExchangeRate:
    return await exchange_rates.correct_exchange_rate(
        session, exchange_rate_id, changes=changes.model_dump(exclude_unset=True)
    )


@conversion_router.get("", response_model=ConversionRead)
async def convert_amount(
    session: Session,
    now: Now,
    amount: Annotated[Decimal, Query(max_digits=20, decimal_places=6)],
    from_currency: Code,
    to_currency: Code,
    on: Annotated[date | None, Query(description="Absent: today")] = None,
    places: Annotated[int, Query(ge=0, le=6)] = 2,
) -> ConversionRead:
    return await exchange_rates.convert(
        session,
        amount,
        from_currency=from_currency,
        to_currency=to_currency,
        on=on or day_of(now),
        places=places,
    )
