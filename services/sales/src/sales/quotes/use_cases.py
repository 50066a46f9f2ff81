"""What people do with quotes."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from common.auth import Actor
from common.custom_fields import writing
from common.days import day_of
from common.messaging.outbox import record
from common.numbers import next_number
from common.pagination import Page, PageRequest, paginate
from common.parameters import value_on
from sales.copies import use_cases as copies
from sales.copies.model import Wanted
from sales.exchange_rates import use_cases as exchange_rates
from sales.opportunities.model import Opportunity, OpportunityNotKnown
from sales.parameters import QUOTE_DISCOUNT_LIMIT, QUOTE_LARGER_DISCOUNT_LIMIT, QUOTE_PLACES
from sales.prices import use_cases as prices
from sales.products.model import DEFAULT_CURRENCY
from sales.quotes.approvals import (
    ApprovalState,
    DiscountPending,
    NoDiscountToDecide,
    QuoteApproval,
)
from sales.quotes.model import (
    NO_LIMIT,
    Quote,
    QuoteCustomerNeeded,
    QuoteNotFound,
    QuoteState,
)
from sales.quotes.schemas import (
    DiscountAsked,
    DiscountDecision,
    LineIn,
    QuoteCreate,
    QuoteReject,
    QuoteRevise,
)
from sales.special_rights import LARGER_DISCOUNTS

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
    places = await value_on(session, QUOTE_PLACES, day_of(now))
    lines = await prices.work_out_lines(
        session,
        new.lines,
        references=references,
        on=day_of(now),
        currency=currency or DEFAULT_CURRENCY,
        places=places,
        with_list_prices=True,
    )
    own = await writing.for_new(session, Quote, {"custom": new.custom})
    quote, drafted = Quote.draft(
        number=await next_number(session, "quotes"),
        lines=lines,
        places=places,
        prices_include_tax=new.prices_include_tax,
        discount_percent=new.discount_percent,
        discount_amount=new.discount_amount or Decimal(0),
        now=now,
        opportunity_id=new.opportunity_id,
        customer_id=customer_id,
        currency=currency or DEFAULT_CURRENCY,
        valid_until=new.valid_until,
        notes=new.notes,
        **own,
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
            places=quote.places,
            with_list_prices=True,
        )
    changes = await writing.for_change(session, quote, _with_one_discount(changes))
    before = quote.fingerprint
    drafted = quote.redraft(changes, worked_out)
    if drafted is not None:
        record(session, quote, drafted)
        if quote.fingerprint != before:
            await _let_approvals_lapse(session, quote_id)
    return quote


async def send_quote(
    session: AsyncSession, quote_id: UUID, *, actor: Actor, now: datetime
) -> Quote:
    """Give the quote to the customer, with a discount that is the sender's to give or approved."""
    quote = await get_quote(session, quote_id, lock=True)
    limit = await _discount_limit(session, actor, on=day_of(now))
    approved = await _approved(session, quote_id) if quote.exceeds(limit) else []
    sent = quote.send(now=now, today=day_of(now), limit=limit, approved=approved)
    record(session, quote, sent)
    return quote


async def list_quote_versions(session: AsyncSession, quote_id: UUID) -> Sequence[Quote]:
    """All versions of a quote, the first one first, without their lines."""
    number = select(Quote.number).where(Quote.id == quote_id).scalar_subquery()
    found = await session.execute(
        select(Quote).where(Quote.number == number).order_by(Quote.quote_version)
    )
    versions = found.scalars().all()
    if not versions:
        raise QuoteNotFound(f"no quote {quote_id}")
    return versions


async def request_discount(
    session: AsyncSession, quote_id: UUID, asked: DiscountAsked, *, actor: Actor, now: datetime
) -> QuoteApproval:
    """Ask to send the quote with a discount that one may not give oneself."""
    quote = await get_quote(session, quote_id, lock=True)
    if await _pending(session, quote_id) is not None:
        raise DiscountPending(f"it was asked already to approve {quote.number}")
    limit = await _discount_limit(session, actor, on=day_of(now))
    approval, requested = QuoteApproval.request(
        quote, limit=limit, reason=asked.reason, by=actor.id, now=now
    )
    record(session, quote, requested)
    session.add(approval)
    return approval


async def decide_discount(
    session: AsyncSession,
    quote_id: UUID,
    decision: DiscountDecision,
    *,
    is_approved: bool,
    actor: Actor,
    now: datetime,
) -> QuoteApproval:
    """Let the quote go out as it stands, or not; who asked does not decide."""
    quote = await get_quote(session, quote_id, lock=True)
    approval = await _pending(session, quote_id)
    if approval is None:
        raise NoDiscountToDecide(f"nobody asks for the discount of {quote.number}")
    decided = approval.decide(
        quote, is_approved=is_approved, reason=decision.reason, by=actor.id, now=now
    )
    record(session, quote, decided)
    return approval


async def list_quote_approvals(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[QuoteApproval]:
    """A page of what was asked for, the latest first."""
    return await paginate(
        session,
        select(QuoteApproval).where(*filters),
        page,
        id_column=QuoteApproval.id,
        sort_keys={"requested_at": QuoteApproval.requested_at},
        default_sort="-requested_at",
    )


async def accept_quote(session: AsyncSession, quote_id: UUID, *, now: datetime) -> Quote:
    """The customer takes the quote, which keeps the exchange rate of this day."""
    quote = await get_quote(session, quote_id, lock=True)
    today = day_of(now)
    rate = await exchange_rates.rate_to_base(session, quote.currency, on=today)
    record(session, quote, quote.accept(now=now, today=today, rate=rate))
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
        lines=old.unsettled_lines,
        places=old.places,
        prices_include_tax=old.prices_include_tax,
        discount_percent=old.discount_percent,
        discount_amount=old.discount_amount,
        now=now,
        opportunity_id=old.opportunity_id,
        customer_id=old.customer_id,
        currency=old.currency,
        valid_until=revised.valid_until,
        notes=old.notes,
        custom=old.custom,
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


async def _discount_limit(session: AsyncSession, actor: Actor, *, on: date) -> Decimal:
    """How far below the price lists this actor may go without asking, in percent."""
    limit = await value_on(session, QUOTE_DISCOUNT_LIMIT, on)
    if limit < NO_LIMIT and actor.may(LARGER_DISCOUNTS):
        limit = max(limit, await value_on(session, QUOTE_LARGER_DISCOUNT_LIMIT, on))
    return Decimal(limit)


def _with_one_discount(changes: dict[str, Any]) -> dict[str, Any]:
    """One discount on the whole takes the place of the other; null takes it away."""
    if "discount_percent" not in changes and "discount_amount" not in changes:
        return changes
    percent = changes.get("discount_percent")
    amount = changes.get("discount_amount") or Decimal(0)
    if percent is None:
        return {**changes, "discount_percent": None, "discount_amount": amount}
    # What it comes to follows from the lines.
    return {name: value for name, value in changes.items() if name != "discount_amount"}


async def _pending(session: AsyncSession, quote_id: UUID) -> QuoteApproval | None:
    found = await session.execute(
        select(QuoteApproval).where(
            QuoteApproval.quote_id == quote_id, QuoteApproval.state == ApprovalState.PENDING
        )
    )
    return found.scalar()


async def _approved(session: AsyncSession, quote_id: UUID) -> Sequence[str]:
    """The fingerprints of what was approved of the quote."""
    found = await session.execute(
        select(QuoteApproval.fingerprint).where(
            QuoteApproval.quote_id == quote_id, QuoteApproval.state == ApprovalState.APPROVED
        )
    )
    return found.scalars().all()


async def _let_approvals_lapse(session: AsyncSession, quote_id: UUID) -> None:
    """The figures are others: what was asked or approved of the old ones is void."""
    await session.execute(
        update(QuoteApproval)
        .where(
            QuoteApproval.quote_id == quote_id,
            QuoteApproval.state.in_([ApprovalState.PENDING, ApprovalState.APPROVED]),
        )
        .values(state=ApprovalState.LAPSED)
        .execution_options(synchronize_session=False)
    )
