"""The price endpoints: the lists, and the price that holds."""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from common.app import service_router
from common.clock import Now
from common.days import day_of
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from sales.prices import use_cases as prices
from sales.prices.model import PriceList
from sales.prices.schemas import (
    PriceListCreate,
    PriceListRead,
    PriceListSummary,
    PriceListUpdate,
    PriceRead,
)

router = service_router("sales", "price-lists")
price_router = service_router("sales", "prices")


@router.post("", status_code=201, response_model=PriceListRead)
async def create_price_list(
    new: PriceListCreate, session: Session, response: Response
) -> PriceList:
    price_list = await prices.create_price_list(session, new)
    response.headers["Location"] = f"{router.prefix}/{price_list.id}"
    return price_list


@router.get("", response_model=PageOf[PriceListSummary])
async def list_price_lists(
    session: Session, page: Paging, state: str | None = None, currency: str | None = None
) -> Page[PriceList]:
    equal = {PriceList.state: state, PriceList.currency: currency}
    filters = [column == value for column, value in equal.items() if value is not None]
    return await prices.list_price_lists(session, page, filters=filters)


@router.get("/{price_list_id}", response_model=PriceListRead)
async def get_price_list(price_list_id: UUID, session: Session) -> PriceList:
    return await prices.get_price_list(session, price_list_id)


@router.patch("/{price_list_id}", response_model=PriceListRead, dependencies=[IfMatchRequired])
async def update_price_list(
    price_list_id: UUID, changes: PriceListUpdate, session: Session
) -> PriceList:
    return await prices.update_price_list(
        session,
        price_list_id,
        changes=changes.model_dump(exclude_unset=True, exclude={"lines"}),
        lines=changes.lines,
    )


@router.post("/{price_list_id}:publish", response_model=PriceListRead)
async def publish_price_list(price_list_id: UUID, session: Session) -> PriceList:
    return await prices.publish_price_list(session, price_list_id)


@router.post("/{price_list_id}:withdraw", response_model=PriceListRead)
async def withdraw_price_list(price_list_id: UUID, session: Session) -> PriceList:
    return await prices.withdraw_price_list(session, price_list_id)


@price_router.get("", response_model=PriceRead)
async def get_price(
    session: Session,
    now: Now,
    product_id: UUID,
    quantity: Annotated[Decimal, Query(gt=0)] = Decimal(1),
    on: Annotated[date | None, Query(description="Absent: today")] = None,
    customer_id: UUID | None = None,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$")] = None,
) -> PriceRead:
    return await prices.get_price(
        session,
        product_id=product_id,
        quantity=quantity,
        on=on or day_of(now),
        customer_id=customer_id,
        currency=currency,
    )
