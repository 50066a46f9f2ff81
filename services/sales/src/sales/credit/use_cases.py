"""Reserving credit, giving it back, and letting an order exceed it.

`reserve` is the only way in which what a customer owes may grow by a decision of ours: confirming,
reopening and changing an order all come through it. It locks the customer's account first, so of
those who reserve at once each sees what the others have taken. `settle` brings the ledger in line
with a fact: a delivery, a payment, a cancellation, money that did not stay.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, and_, delete, func, literal, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from common.access.rows import all_rows, rows_of
from common.auth import Actor
from common.days import day_of
from common.messaging.outbox import record
from common.money import rounded
from common.pagination import Page, PageRequest, paginate
from common.parameters import value_on
from sales.copies.model import KnownCustomer
from sales.credit.model import (
    ApprovalNotNeeded,
    ApprovalPending,
    ApprovalState,
    CreditAccount,
    CreditApproval,
    CreditReservation,
    CustomerNotFound,
    KnownCreditLimit,
    NothingToApprove,
    Policy,
    Standing,
    Verdict,
    refusal,
)
from sales.credit.schemas import CreditAsked, CreditDecision, CreditDocument, CreditRead
from sales.exchange_rates import use_cases as exchange_rates
from sales.exchange_rates.model import ExchangeRateNeeded
from sales.orders.model import Order, OrderNotFound
from sales.parameters import CREDIT_OVER_LIMIT, CREDIT_WITHOUT_LIMIT

_TAKEN = CreditReservation.open_amount + CreditReservation.receivable_amount


async def reserve(session: AsyncSession, order: Order, *, now: datetime) -> None:
    """Take of the customer's credit what the order owes now, or refuse.

    The order is locked and its change recorded. Only what exceeds the order's own reservation is
    asked for, so an order that owes less than before always passes.
    Raises CreditOnHold, CreditLimitExceeded, CreditLimitEnded, CreditLimitNotStated and
    ExchangeRateNeeded.
    """
    rows = rows_of(session)
    # A partner learns nothing of what others have sold to the customer.
    tells_figures = rows is None or rows.wall is None
    with all_rows(session):
        await _lock_account(session, order.customer_id)
        more = order.open_amount - await _reserved(session, order.id)
        if more > 0:
            await _check(session, order, more, on=day_of(now), tells_figures=tells_figures)
        await settle(session, order, now=now)


async def settle(session: AsyncSession, *orders: Order, now: datetime) -> None:
    """Let the ledger say what the orders owe; each is locked and its change recorded."""
    owing = [order for order in orders if order.binds and order.open_amount]
    cleared = [order.id for order in orders if order not in owing]
    if cleared:
        await session.execute(
            delete(CreditReservation)
            .where(CreditReservation.order_id.in_(cleared))
            .execution_options(synchronize_session=False)
        )
    if not owing:
        return
    rows = []
    for order in owing:
        unpaid = order.delivered_amount - order.paid_amount
        receivable = rounded(max(unpaid, Decimal(0)), order.places)
        rows.append(
            {
                "order_id": order.id,
                "currency": order.currency,
                "open_amount": order.open_amount - receivable,
                "receivable_amount": receivable,
                "reserved_at": now,
            }
        )
    kept = insert(CreditReservation).values(rows)
    await session.execute(
        kept.on_conflict_do_update(
            index_elements=["order_id"],
            set_={
                name: kept.excluded[name]
                for name in ("currency", "open_amount", "receivable_amount")
            },
        )
    )


async def release(session: AsyncSession, order: Order, *, now: datetime) -> None:
    """The order is off: it takes no credit, and what was approved for it lapses."""
    await settle(session, order, now=now)
    await session.execute(
        update(CreditApproval)
        .where(
            CreditApproval.order_id == order.id,
            CreditApproval.state.in_([ApprovalState.PENDING, ApprovalState.APPROVED]),
        )
        .values(state=ApprovalState.LAPSED)
        .execution_options(synchronize_session=False)
    )


async def request_approval(
    session: AsyncSession, order_id: UUID, asked: CreditAsked, *, actor: Actor, now: datetime
) -> CreditApproval:
    """Ask to let an order exceed its customer's credit."""
    order = await _locked_order(session, order_id)
    if await _pending(session, order_id) is not None:
        raise ApprovalPending(f"it was asked already to let {order.number} exceed the credit")
    amount = asked.amount or order.open_amount
    with all_rows(session):
        standing = await _standing(session, order.customer_id, on=day_of(now), also=order.currency)
        more = amount - await _reserved(session, order.id)
        verdict = standing.judge(more, order.currency)
        policy = await _policy(session, verdict, on=day_of(now))
    if verdict == Verdict.WITHIN or policy == Policy.ALLOW:
        raise ApprovalNotNeeded("the customer's credit covers this order")
    if verdict == Verdict.HELD or policy == Policy.REFUSE:
        raise refusal(verdict, policy)
    approval, requested = CreditApproval.request(
        order, amount=amount, verdict=verdict, reason=asked.reason, by=actor.id, now=now
    )
    record(session, order, requested)
    session.add(approval)
    return approval


async def decide_approval(
    session: AsyncSession,
    order_id: UUID,
    decision: CreditDecision,
    *,
    is_approved: bool,
    actor: Actor,
    now: datetime,
) -> CreditApproval:
    """Let an order exceed its customer's credit, or not; who asked does not decide."""
    order = await _locked_order(session, order_id)
    approval = await _pending(session, order_id)
    if approval is None:
        raise NothingToApprove(f"nobody has asked to let {order.number} exceed the credit")
    decided = approval.decide(
        order, is_approved=is_approved, reason=decision.reason, by=actor.id, now=now
    )
    record(session, order, decided)
    return approval


async def list_approvals(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[CreditApproval]:
    """A page of what was asked for, the latest first."""
    return await paginate(
        session,
        select(CreditApproval).where(*filters),
        page,
        id_column=CreditApproval.id,
        sort_keys={"requested_at": CreditApproval.requested_at},
        default_sort="-requested_at",
    )


async def get_credit(session: AsyncSession, customer_id: UUID, *, now: datetime) -> CreditRead:
    """What a customer may owe, what it owes, and by which documents.

    Documents that the caller may not see are in the sums, and in `unseen_amount`.
    """
    if await session.get(KnownCustomer, customer_id) is None:
        raise CustomerNotFound(f"no customer {customer_id}")
    found = await session.execute(
        select(CreditReservation)
        .join(CreditReservation.order)
        .options(contains_eager(CreditReservation.order))
        .where(Order.customer_id == customer_id)
        .order_by(Order.ordered_on, Order.number)
    )
    documents = [CreditDocument.of(each) for each in found.scalars()]
    with all_rows(session):
        standing = await _standing(session, customer_id, on=day_of(now))
    try:
        available = standing.available
    except ExchangeRateNeeded:
        available = None
    return CreditRead.of(customer_id, standing, available, documents)


async def keep_limit(
    session: AsyncSession,
    customer_id: UUID,
    *,
    amount: Decimal,
    currency: str,
    valid_from: date,
    valid_until: date | None,
) -> None:
    """Keep a limit of the customer service; of two from one day the later counts."""
    values = {"amount": amount, "currency": currency, "valid_until": valid_until}
    await session.execute(
        insert(KnownCreditLimit)
        .values(customer_id=customer_id, valid_from=valid_from, **values)
        .on_conflict_do_update(index_elements=["customer_id", "valid_from"], set_=values)
    )


async def keep_hold(session: AsyncSession, customer_id: UUID, *, is_held: bool) -> None:
    """Keep whether the customer gets anything on credit."""
    await session.execute(
        insert(CreditAccount)
        .values(customer_id=customer_id, is_held=is_held)
        .on_conflict_do_update(index_elements=["customer_id"], set_={"is_held": is_held})
    )


async def _check(
    session: AsyncSession, order: Order, more: Decimal, *, on: date, tells_figures: bool
) -> None:
    standing = await _standing(session, order.customer_id, on=on, also=order.currency)
    verdict = standing.judge(more, order.currency)
    if verdict == Verdict.WITHIN:
        return
    policy = await _policy(session, verdict, on=on)
    if verdict != Verdict.HELD and (
        policy == Policy.ALLOW or (policy == Policy.APPROVAL and await _is_approved(session, order))
    ):
        return
    figures = {"needed": str(more)}
    if tells_figures and standing.limit is not None:
        figures["limit"] = str(standing.limit.amount)
        figures["exposure"] = str(standing.exposure_in_limit)
    raise refusal(verdict, policy, currency=order.currency, **figures)


async def _policy(session: AsyncSession, verdict: Verdict, *, on: date) -> Policy:
    """What becomes of orders that credit does not cover; nothing helps a hold."""
    if verdict in (Verdict.HELD, Verdict.WITHIN):
        return Policy.REFUSE
    parameter = CREDIT_WITHOUT_LIMIT if verdict == Verdict.NO_LIMIT else CREDIT_OVER_LIMIT
    return Policy(await value_on(session, parameter, on))


async def _is_approved(session: AsyncSession, order: Order) -> bool:
    found = await session.execute(
        select(func.max(CreditApproval.amount)).where(
            CreditApproval.order_id == order.id,
            CreditApproval.state == ApprovalState.APPROVED,
            CreditApproval.currency == order.currency,
        )
    )
    covered: Decimal | None = found.scalar()
    return covered is not None and covered >= order.open_amount


async def _reserved(session: AsyncSession, order_id: UUID) -> Decimal:
    """What the order takes of the credit already."""
    found = await session.execute(select(_TAKEN).where(CreditReservation.order_id == order_id))
    return found.scalar() or Decimal(0)


async def _standing(
    session: AsyncSession, customer_id: UUID, *, on: date, also: str | None = None
) -> Standing:
    """The customer's credit on a day, in one statement: a row for each currency that is owed.

    `also` is the currency of what is to be judged. Where a currency is not the limit's, the rates
    are looked up as well.
    """
    who = select(literal(customer_id, Uuid()).label("id")).subquery("who")
    exposure = (
        select(CreditReservation.currency, func.sum(_TAKEN).label("amount"))
        .join(CreditReservation.order)
        .where(Order.customer_id == customer_id)
        .group_by(CreditReservation.currency)
        .subquery("exposure")
    )
    last_begun = (
        select(func.max(KnownCreditLimit.valid_from))
        .where(KnownCreditLimit.customer_id == customer_id, KnownCreditLimit.valid_from <= on)
        .scalar_subquery()
    )
    found = await session.execute(
        select(CreditAccount.is_held, KnownCreditLimit, exposure.c.currency, exposure.c.amount)
        .select_from(who)
        .outerjoin(CreditAccount, CreditAccount.customer_id == who.c.id)
        .outerjoin(
            KnownCreditLimit,
            and_(
                KnownCreditLimit.customer_id == who.c.id, KnownCreditLimit.valid_from == last_begun
            ),
        )
        .outerjoin(exposure, true())
    )
    rows = found.all()
    exposed = {row.currency: row.amount for row in rows if row.currency is not None}
    limit: KnownCreditLimit | None = rows[0][1]
    rates = None
    if limit is not None:
        currencies = {limit.currency, *exposed, also or limit.currency}
        if len(currencies) > 1:
            rates = await exchange_rates.load_rates(session, currencies, on=on)
    return Standing(
        on=on, is_held=bool(rows[0].is_held), limit=limit, exposure=exposed, rates=rates
    )


async def _lock_account(session: AsyncSession, customer_id: UUID) -> None:
    """Keep the customer's account for this transaction, made where there is none."""
    account = insert(CreditAccount).values(customer_id=customer_id)
    await session.execute(
        account.on_conflict_do_update(
            index_elements=["customer_id"], set_={"customer_id": customer_id}
        )
    )


async def _pending(session: AsyncSession, order_id: UUID) -> CreditApproval | None:
    found = await session.execute(
        select(CreditApproval).where(
            CreditApproval.order_id == order_id, CreditApproval.state == ApprovalState.PENDING
        )
    )
    return found.scalar()


async def _locked_order(session: AsyncSession, order_id: UUID) -> Order:
    order = await session.get(Order, order_id, with_for_update=True)
    if order is None:
        raise OrderNotFound(f"no order {order_id}")
    return order
