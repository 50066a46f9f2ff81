"""The endpoints of receivables, of the payment plan of an order, and of how a customer pays."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy import ColumnElement

from common.app import service_router
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.rate_limits import Expensive
from sales.orders.model import Order
from sales.receivables import use_cases as receivables
from sales.receivables.model import Instalment
from sales.receivables.schemas import (
    Ageing,
    PaymentPlan,
    PaymentPlanRead,
    PaymentRead,
    PaymentSummary,
    ReceivableRead,
)

router = service_router("sales", "receivables")
order_router = service_router("sales", "orders")
customer_router = service_router("sales", "customers")


async def _whose(
    customer_id: UUID | None = None,
    currency: str | None = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
) -> Sequence[ColumnElement[bool]]:
    equal = {
        Order.customer_id: customer_id,
        Order.currency: currency,
        Order.owner_id: owner_id,
        Order.department_id: department_id,
        Order.partner_id: partner_id,
        Order.region_id: region_id,
    }
    return [column == value for column, value in equal.items() if value is not None]


Whose = Annotated[Sequence[ColumnElement[bool]], Depends(_whose)]
AsOf = Annotated[date | None, Query(description="As it was at the end of this day; absent: now")]


@router.get("", response_model=PageOf[ReceivableRead])
async def list_receivables(
    session: Session,
    page: Paging,
    now: Now,
    whose: Whose,
    as_of: AsOf = None,
    due_from: Annotated[date | None, Query(alias="due_on[gte]")] = None,
    due_before: Annotated[date | None, Query(alias="due_on[lt]")] = None,
) -> Page[ReceivableRead]:
    filters = list(whose)
    if due_from is not None:
        filters.append(Instalment.due_on >= due_from)
    if due_before is not None:
        filters.append(Instalment.due_on < due_before)
    return await receivables.list_receivables(session, page, filters=filters, as_of=as_of, now=now)


@router.get("/ageing", response_model=list[Ageing], dependencies=[Expensive])
async def get_ageing(session: Session, now: Now, whose: Whose, as_of: AsOf = None) -> list[Ageing]:
    return await receivables.get_ageing(session, filters=whose, as_of=as_of, now=now)


@order_router.get("/{order_id}/payment-plan", response_model=PaymentPlanRead)
async def get_payment_plan(order_id: UUID, session: Session) -> PaymentPlanRead:
    return await receivables.get_payment_plan(session, order_id)


@order_router.post("/{order_id}:plan-payments", response_model=PaymentPlanRead)
async def plan_payments(
    order_id: UUID, planned: PaymentPlan, session: Session, now: Now
) -> PaymentPlanRead:
    return await receivables.plan_payments(session, order_id, planned, now=now)


@customer_router.get("/{customer_id}/payments", response_model=PageOf[PaymentRead])
async def list_payments(customer_id: UUID, session: Session, page: Paging) -> Page[PaymentRead]:
    return await receivables.list_payments(session, customer_id, page)


@customer_router.get("/{customer_id}/payments/summary", response_model=list[PaymentSummary])
async def get_payment_summary(customer_id: UUID, session: Session) -> list[PaymentSummary]:
    return await receivables.get_payment_summary(session, customer_id)
