"""What people do with quotes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from common.days import day_of
from common.messaging.outbox import record
from common.numbers import next_number
from common.pagination import Page, PageRequest, paginate
from sales.copies import use_cases as copies
from sales.copies.model import Wanted
from sales.opportunities.model import Opportunity, OpportunityNotKnown
from sales.prices import use_cases as prices
from sales.products.model import DEFAULT_CURRENCY
from sales.quotes.model import Quote, QuoteCustomerNeeded, QuoteNotFound, QuoteState
from sales.quotes.schemas import LineIn, QuoteCreate, QuoteReject, QuoteRevise

EXPIRED_AT_ONCE = 200
"""Quotes that one run of the timer closes; the next run takes the rest."""


async def create_quote(session: AsyncSession, new: QuoteCreate, *, now: datetime) -> Quote:
    """Draft a quote, for an opportunity or for a customer."""
    customer_id, currency, scope = new.customer_id, new.currency, None
    if new.opportunity_id is not None:
        opportunity = await session.get(Opportunity, new.opportunity_id)
        if opportunity is None:
            raise OpportunityNotKnown(
                f"no opportunity {new.opportunity_id}", pointer="/opportunity_id"
            )
        customer_id = customer_id or opportunity.customer_id
        currency = currency or opportunity.currency
        scope = opportunity.scope
    if customer_id is None:
        raise QuoteCustomerNeeded("a quote is for a customer", pointer="/customer_id")
    wanted = Wanted(customer_id=customer_id)
    references = await copies.look_up(session, wanted)
    lines = await prices.work_out_lines(
        session,
        new.lines,
        references=references,
        on=day_of(now),
        currency=currency or DEFAULT_CURRENCY,
        document="quote",
    )
    quote, drafted = Quote.draft(
        number=await next_number(session, "quotes"),
        lines=lines,
        now=now,
        opportunity_id=new.opportunity_id,
        customer_id=customer_id,
        currency=currency or DEFAULT_CURRENCY,
        valid_until=new.valid_until,
        notes=new.notes,
        **(scope or references.scope(wanted)),
    )
    session.add(quote)
    record(session, quote, drafted)
    return quote


async def get_quote(session: AsyncSession, quote_id: UUID, *, lock: bool = False) -> Quote:
    """The quote with its lines; `lock` keeps it for this transaction."""
    quote = await session.get(
        Quote, quote_id, options=[selectinload(Quote.lines)], with_for_update=lock or None
    )
    if quote is None:
        raise QuoteNotFound(f"no quote {quote_id}")
    return quote


async def list_quotes(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[Quote]:
    """A page of quotes, without their lines."""
    return await paginate(
        session,
        select(Quote).where(*filters),
        page,
        id_column=Quote.id,
        sort_keys={
            "created_at": Quote.created_at,
            "updated_at": Quote.updated_at,
            "valid_until": Quote.valid_until,
        },
        default_sort="-created_at",
    )


async def update_quote(
    session: AsyncSession,
    quote_id: UUID,
    *,
    changes: dict[str, Any],
    lines: Sequence[LineIn] | None,
    now: datetime,
) -> Quote:
    """Change a draft; `lines` replaces all of them, None leaves them."""
    quote = await get_quote(session, quote_id, lock=True)
    worked_out = None
    if lines is not None:
        references = await copies.look_up(session, Wanted(customer_id=quote.customer_id))
        worked_out = await prices.work_out_lines(
            session,
            lines,
            references=references,
            on=day_of(now),
            currency=quote.currency,
            document="quote",
        )
    drafted = quote.redraft(changes, worked_out)
    if drafted is not None:
        record(session, quote, drafted)
    return quote


async def send_quote(session: AsyncSession, quote_id: UUID, *, now: datetime) -> Quote:
    """Give the quote to the customer."""
    quote = await get_quote(session, quote_id, lock=True)
    record(session, quote, quote.send(now=now, today=day_of(now)))
    return quote


async def accept_quote(session: AsyncSession, quote_id: UUID, *, now: datetime) -> Quote:
    """The customer takes the quote."""
    quote = await get_quote(session, quote_id, lock=True)
    record(session, quote, quote.accept(now=now, today=day_of(now)))
    return quote


async def reject_quote(
    session: AsyncSession, quote_id: UUID, rejected: QuoteReject, *, now: datetime
) -> Quote:
    """The customer does not want the quote."""
    quote = await get_quote(session, quote_id, lock=True)
    record(session, quote, quote.reject(reason=rejected.reason, now=now))
    return quote


async def revise_quote(
    session: AsyncSession, quote_id: UUID, revised: QuoteRevise, *, now: datetime
) -> Quote:
    """Draft the next version of a quote that was sent; the old one gives way to it."""
    old = await get_quote(session, quote_id, lock=True)
    new, drafted = Quote.draft(
        number=old.number,
        quote_version=old.quote_version + 1,
        lines=[line.values for line in old.lines],
        places=old.places,
        now=now,
        opportunity_id=old.opportunity_id,
        customer_id=old.customer_id,
        currency=old.currency,
        valid_until=revised.valid_until,
        notes=old.notes,
        **old.scope,
    )
    record(session, old, old.replace(new.id, now=now))
    session.add(new)
    record(session, new, drafted)
    return new


async def expire_due_quotes(session: AsyncSession, *, now: datetime) -> int:
    """Close the quotes nobody answered in time; returns how many. Another worker's are left."""
    due = await session.execute(
        select(Quote)
        .where(Quote.state == QuoteState.SENT, Quote.valid_until < day_of(now))
        .order_by(Quote.valid_until)
        .limit(EXPIRED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    count = 0
    for quote in due.scalars():
        expired = quote.expire(now=now, today=day_of(now))
        if expired is not None:
            record(session, quote, expired)
            count += 1
    return count
