"""The quote endpoints."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from sales.quotes import use_cases as quotes
from sales.quotes.approvals import QuoteApproval
from sales.quotes.model import Quote
from sales.quotes.schemas import (
    DiscountAsked,
    DiscountDecision,
    QuoteApprovalRead,
    QuoteCreate,
    QuoteRead,
    QuoteReject,
    QuoteRevise,
    QuoteSummary,
    QuoteUpdate,
)

router = service_router("sales", "quotes")
approval_router = service_router("sales", "quote-approvals")


@router.post("", status_code=201, response_model=QuoteRead)
async def create_quote(new: QuoteCreate, session: Session, now: Now, response: Response) -> Quote:
    quote = await quotes.create_quote(session, new, now=now)
    response.headers["Location"] = f"{router.prefix}/{quote.id}"
    return quote


@router.get("", response_model=PageOf[QuoteSummary])
async def list_quotes(
    session: Session,
    page: Paging,
    number: str | None = None,
    state: str | None = None,
    customer_id: UUID | None = None,
    opportunity_id: UUID | None = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
    valid_before: Annotated[date | None, Query(alias="valid_until[lt]")] = None,
    updated_since: datetime | None = None,
) -> Page[Quote]:
    equal = {
        Quote.number: number,
        Quote.state: state,
        Quote.customer_id: customer_id,
        Quote.opportunity_id: opportunity_id,
        Quote.owner_id: owner_id,
        Quote.department_id: department_id,
        Quote.partner_id: partner_id,
        Quote.region_id: region_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if valid_before is not None:
        filters.append(Quote.valid_until < valid_before)
    if updated_since is not None:
        filters.append(Quote.updated_at >= updated_since)
    return await quotes.list_quotes(session, page, filters=filters)


@router.get("/{quote_id}", response_model=QuoteRead)
async def get_quote(quote_id: UUID, session: Session) -> Quote:
    return await quotes.get_quote(session, quote_id)


@router.patch("/{quote_id}", response_model=QuoteRead, dependencies=[IfMatchRequired])
async def update_quote(quote_id: UUID, changes: QuoteUpdate, session: Session, now: Now) -> Quote:
    return await quotes.update_quote(
        session,
        quote_id,
        changes=changes.model_dump(exclude_unset=True, exclude={"lines"}),
        lines=changes.lines,
        now=now,
    )


@router.post("/{quote_id}:send", response_model=QuoteRead)
async def send_quote(quote_id: UUID, session: Session, actor: CurrentActor, now: Now) -> Quote:
    return await quotes.send_quote(session, quote_id, actor=actor, now=now)


@router.get("/{quote_id}/versions", response_model=list[QuoteSummary])
async def list_quote_versions(quote_id: UUID, session: Session) -> Sequence[Quote]:
    return await quotes.list_quote_versions(session, quote_id)


@router.post("/{quote_id}:request-discount", response_model=QuoteApprovalRead)
async def request_discount(
    quote_id: UUID, asked: DiscountAsked, session: Session, actor: CurrentActor, now: Now
) -> QuoteApproval:
    return await quotes.request_discount(session, quote_id, asked, actor=actor, now=now)


@router.post("/{quote_id}:approve-discount", response_model=QuoteApprovalRead)
async def approve_discount(
    quote_id: UUID, decision: DiscountDecision, session: Session, actor: CurrentActor, now: Now
) -> QuoteApproval:
    return await quotes.decide_discount(
        session, quote_id, decision, is_approved=True, actor=actor, now=now
    )


@router.post("/{quote_id}:refuse-discount", response_model=QuoteApprovalRead)
async def refuse_discount(
    quote_id: UUID, decision: DiscountDecision, session: Session, actor: CurrentActor, now: Now
) -> QuoteApproval:
    return await quotes.decide_discount(
        session, quote_id, decision, is_approved=False, actor=actor, now=now
    )


@approval_router.get("", response_model=PageOf[QuoteApprovalRead])
async def list_quote_approvals(
    session: Session,
    page: Paging,
    state: str | None = None,
    quote_id: UUID | None = None,
    requested_by: str | None = None,
) -> Page[QuoteApproval]:
    equal = {
        QuoteApproval.state: state,
        QuoteApproval.quote_id: quote_id,
        QuoteApproval.requested_by: requested_by,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    return await quotes.list_quote_approvals(session, page, filters=filters)


@router.post("/{quote_id}:accept", response_model=QuoteRead)
async def accept_quote(quote_id: UUID, session: Session, now: Now) -> Quote:
    return await quotes.accept_quote(session, quote_id, now=now)


@router.post("/{quote_id}:reject", response_model=QuoteRead)
async def reject_quote(quote_id: UUID, rejected: QuoteReject, session: Session, now: Now) -> Quote:
    return await quotes.reject_quote(session, quote_id, rejected, now=now)


@router.post("/{quote_id}:revise", status_code=201, response_model=QuoteRead)
async def revise_quote(
    quote_id: UUID, revised: QuoteRevise, session: Session, now: Now, response: Response
) -> Quote:
    quote = await quotes.revise_quote(session, quote_id, revised, now=now)
    response.headers["Location"] = f"{router.prefix}/{quote.id}"
    return quote
