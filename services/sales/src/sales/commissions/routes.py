"""The endpoints of the ledger of commissions, its periods and its statements."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.rate_limits import Expensive
from sales.commissions import use_cases as commissions
from sales.commissions.model import Commission, CommissionPeriod, CommissionStatement
from sales.commissions.schemas import (
    CommissionPeriodRead,
    CommissionRead,
    CommissionStatementRead,
    StatementProof,
)

router = service_router("sales", "commissions")
period_router = service_router("sales", "commission-periods")
statement_router = service_router("sales", "commission-statements")


@router.get("", response_model=PageOf[CommissionRead])
async def list_commissions(
    session: Session,
    page: Paging,
    actor: CurrentActor,
    period_id: UUID | None = None,
    payee_id: UUID | None = None,
    order_id: UUID | None = None,
    receipt_id: UUID | None = None,
    rule_code: str | None = None,
    booked_from: Annotated[date | None, Query(alias="booked_on[gte]")] = None,
    booked_before: Annotated[date | None, Query(alias="booked_on[lt]")] = None,
) -> Page[Commission]:
    equal = {
        Commission.period_id: period_id,
        Commission.payee_id: payee_id,
        Commission.order_id: order_id,
        Commission.receipt_id: receipt_id,
        Commission.rule_code: rule_code,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if booked_from is not None:
        filters.append(Commission.booked_on >= booked_from)
    if booked_before is not None:
        filters.append(Commission.booked_on < booked_before)
    return await commissions.list_commissions(session, page, actor=actor, filters=filters)


@period_router.get("", response_model=PageOf[CommissionPeriodRead])
async def list_commission_periods(
    session: Session, page: Paging, state: str | None = None
) -> Page[CommissionPeriod]:
    return await commissions.list_commission_periods(session, page, state=state)


@period_router.post("/{period_id}:settle", response_model=CommissionPeriodRead)
async def settle_commission_period(
    period_id: UUID, session: Session, actor: CurrentActor, now: Now
) -> CommissionPeriod:
    return await commissions.settle_commission_period(session, period_id, actor=actor, now=now)


@statement_router.get("", response_model=PageOf[CommissionStatementRead])
async def list_commission_statements(
    session: Session,
    page: Paging,
    actor: CurrentActor,
    period_id: UUID | None = None,
    payee_id: UUID | None = None,
) -> Page[CommissionStatement]:
    equal = {CommissionStatement.period_id: period_id, CommissionStatement.payee_id: payee_id}
    filters = [column == value for column, value in equal.items() if value is not None]
    return await commissions.list_commission_statements(session, page, actor=actor, filters=filters)


@statement_router.get("/{statement_id}", response_model=CommissionStatementRead)
async def get_commission_statement(
    statement_id: UUID, session: Session, actor: CurrentActor
) -> CommissionStatement:
    return await commissions.get_commission_statement(session, statement_id, actor=actor)


@statement_router.get("/{statement_id}/lines", response_model=PageOf[CommissionRead])
async def list_statement_lines(
    statement_id: UUID, session: Session, page: Paging, actor: CurrentActor
) -> Page[Commission]:
    return await commissions.list_statement_lines(session, statement_id, page, actor=actor)


@statement_router.get(
    "/{statement_id}/proof", response_model=StatementProof, dependencies=[Expensive]
)
async def prove_commission_statement(
    statement_id: UUID, session: Session, actor: CurrentActor
) -> StatementProof:
    return await commissions.prove_commission_statement(session, statement_id, actor=actor)
