"""The endpoints of customers' credit."""

from datetime import date
from uuid import UUID

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from customer.credit import use_cases as credit
from customer.credit.model import CreditHold, CreditLimit, CreditRating
from customer.credit.schemas import (
    CreditGradeRead,
    CreditHoldChange,
    CreditHoldRead,
    CreditLimitRead,
    CreditLimitSet,
    CreditRate,
    CreditRatingRead,
    CreditRead,
)

router = service_router("customer", "customers")
grade_router = service_router("customer", "credit-grades")


@router.post("/{customer_id}:rate", status_code=201, response_model=CreditRatingRead)
async def rate_customer(
    customer_id: UUID, rated: CreditRate, session: Session, actor: CurrentActor, now: Now
) -> CreditRating:
    return await credit.rate_customer(session, customer_id, rated, actor=actor, now=now)


@router.post("/{customer_id}:set-credit-limit", status_code=201, response_model=CreditLimitRead)
async def set_credit_limit(
    customer_id: UUID, stated: CreditLimitSet, session: Session, actor: CurrentActor, now: Now
) -> CreditLimit:
    return await credit.set_credit_limit(session, customer_id, stated, actor=actor, now=now)


@router.post("/{customer_id}:hold-credit", response_model=CreditHoldRead)
async def hold_credit(
    customer_id: UUID, why: CreditHoldChange, session: Session, actor: CurrentActor, now: Now
) -> CreditHold:
    return await credit.hold_credit(session, customer_id, why, actor=actor, now=now)


@router.post("/{customer_id}:release-credit", response_model=CreditHoldRead)
async def release_credit(
    customer_id: UUID, why: CreditHoldChange, session: Session, actor: CurrentActor, now: Now
) -> CreditHold:
    return await credit.release_credit(session, customer_id, why, actor=actor, now=now)


@router.get("/{customer_id}/credit", response_model=CreditRead)
async def get_credit(
    customer_id: UUID, session: Session, now: Now, on: date | None = None
) -> CreditRead:
    return await credit.get_credit(session, customer_id, on=on, now=now)


@router.get("/{customer_id}/credit-ratings", response_model=PageOf[CreditRatingRead])
async def list_credit_ratings(
    customer_id: UUID, session: Session, page: Paging
) -> Page[CreditRating]:
    return await credit.list_ratings(session, customer_id, page)


@router.get("/{customer_id}/credit-limits", response_model=PageOf[CreditLimitRead])
async def list_credit_limits(
    customer_id: UUID, session: Session, page: Paging
) -> Page[CreditLimit]:
    return await credit.list_limits(session, customer_id, page)


@grade_router.get("", response_model=list[CreditGradeRead])
async def list_credit_grades() -> list[CreditGradeRead]:
    return credit.list_grades()
