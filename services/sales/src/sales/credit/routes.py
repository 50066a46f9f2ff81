"""The endpoints of credit, and of letting an order exceed it."""

from uuid import UUID

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from sales.credit import use_cases as credit
from sales.credit.model import CreditApproval
from sales.credit.schemas import CreditApprovalRead, CreditAsked, CreditDecision, CreditRead

customer_router = service_router("sales", "customers")
order_router = service_router("sales", "orders")
router = service_router("sales", "credit-approvals")


@customer_router.get("/{customer_id}/credit", response_model=CreditRead)
async def get_credit(customer_id: UUID, session: Session, now: Now) -> CreditRead:
    return await credit.get_credit(session, customer_id, now=now)


@router.get("", response_model=PageOf[CreditApprovalRead])
async def list_credit_approvals(
    session: Session,
    page: Paging,
    state: str | None = None,
    order_id: UUID | None = None,
    requested_by: str | None = None,
) -> Page[CreditApproval]:
    equal = {
        CreditApproval.state: state,
        CreditApproval.order_id: order_id,
        CreditApproval.requested_by: requested_by,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    return await credit.list_approvals(session, page, filters=filters)


@order_router.post("/{order_id}:request-credit", response_model=CreditApprovalRead)
async def request_credit(
    order_id: UUID, asked: CreditAsked, session: Session, actor: CurrentActor, now: Now
) -> CreditApproval:
    return await credit.request_approval(session, order_id, asked, actor=actor, now=now)


@order_router.post("/{order_id}:approve-over-limit", response_model=CreditApprovalRead)
async def approve_over_limit(
    order_id: UUID, decision: CreditDecision, session: Session, actor: CurrentActor, now: Now
) -> CreditApproval:
    return await credit.decide_approval(
        session, order_id, decision, is_approved=True, actor=actor, now=now
    )


@order_router.post("/{order_id}:refuse-over-limit", response_model=CreditApprovalRead)
async def refuse_over_limit(
    order_id: UUID, decision: CreditDecision, session: Session, actor: CurrentActor, now: Now
) -> CreditApproval:
    return await credit.decide_approval(
        session, order_id, decision, is_approved=False, actor=actor, now=now
    )
