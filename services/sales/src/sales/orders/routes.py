"""The order endpoints."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from common.app import service_router
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from sales.orders import use_cases as orders
from sales.orders.model import Delivery, Order
from sales.orders.schemas import (
    DeliveryRead,
    OrderCancel,
    OrderCreate,
    OrderRead,
    OrderShip,
    OrderSummary,
    OrderUpdate,
)

router = service_router("sales", "orders")


@router.post("", status_code=201, response_model=OrderRead)
async def create_order(new: OrderCreate, session: Session, now: Now, response: Response) -> Order:
    order = await orders.create_order(session, new, now=now)
    response.headers["Location"] = f"{router.prefix}/{order.id}"
    return order


@router.get("", response_model=PageOf[OrderSummary])
async def list_orders(
    session: Session,
    page: Paging,
    number: str | None = None,
    state: str | None = None,
    customer_id: UUID | None = None,
    opportunity_id: UUID | None = None,
    quote_id: UUID | None = None,
    contract_id: UUID | None = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
    ordered_from: Annotated[date | None, Query(alias="ordered_on[gte]")] = None,
    ordered_before: Annotated[date | None, Query(alias="ordered_on[lt]")] = None,
    updated_since: datetime | None = None,
) -> Page[Order]:
    equal = {
        Order.number: number,
        Order.state: state,
        Order.customer_id: customer_id,
        Order.opportunity_id: opportunity_id,
        Order.quote_id: quote_id,
        Order.contract_id: contract_id,
        Order.owner_id: owner_id,
        Order.department_id: department_id,
        Order.partner_id: partner_id,
        Order.region_id: region_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if ordered_from is not None:
        filters.append(Order.ordered_on >= ordered_from)
    if ordered_before is not None:
        filters.append(Order.ordered_on < ordered_before)
    if updated_since is not None:
        filters.append(Order.updated_at >= updated_since)
    return await orders.list_orders(session, page, filters=filters)


@router.get("/{order_id}", response_model=OrderRead)
async def get_order(order_id: UUID, session: Session) -> Order:
    return await orders.get_order(session, order_id)


@router.patch("/{order_id}", response_model=OrderRead, dependencies=[IfMatchRequired])
async def update_order(order_id: UUID, changes: OrderUpdate, session: Session, now: Now) -> Order:
    return await orders.update_order(
        session,
        order_id,
        changes=changes.model_dump(exclude_unset=True, exclude={"lines"}),
        lines=changes.lines,
        now=now,
    )


@router.post("/{order_id}:confirm", response_model=OrderRead)
async def confirm_order(order_id: UUID, session: Session, now: Now) -> Order:
    return await orders.confirm_order(session, order_id, now=now)


@router.post("/{order_id}:ship", response_model=OrderRead)
async def ship_order(order_id: UUID, delivery: OrderShip, session: Session, now: Now) -> Order:
    return await orders.ship_order(session, order_id, delivery, now=now)


@router.get("/{order_id}/deliveries", response_model=list[DeliveryRead])
async def list_deliveries(order_id: UUID, session: Session) -> list[Delivery]:
    return list(await orders.list_deliveries(session, order_id))


@router.post("/{order_id}:complete", response_model=OrderRead)
async def complete_order(order_id: UUID, session: Session, now: Now) -> Order:
    return await orders.complete_order(session, order_id, now=now)


@router.post("/{order_id}:cancel", response_model=OrderRead)
async def cancel_order(order_id: UUID, cancelled: OrderCancel, session: Session, now: Now) -> Order:
    return await orders.cancel_order(session, order_id, cancelled, now=now)


@router.post("/{order_id}:cancel-rest", response_model=OrderRead)
async def cancel_rest(order_id: UUID, cancelled: OrderCancel, session: Session, now: Now) -> Order:
    return await orders.cancel_rest(session, order_id, cancelled, now=now)


@router.post("/{order_id}:reopen", response_model=OrderRead)
async def reopen_order(order_id: UUID, session: Session, now: Now) -> Order:
    return await orders.reopen_order(session, order_id, now=now)
