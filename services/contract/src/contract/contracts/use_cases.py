"""What people do with contracts, and what follows from quotes and orders."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, joinedload, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from common.auth import Actor
from common.custom_fields import writing
from common.days import day_of
from common.handovers import Handover
from common.ids import stable_hash
from common.messaging.outbox import record
from common.numbers import next_number
from common.pagination import Page, PageRequest, paginate
from common.parameters import value_on
from contract.approval_policies import use_cases as policies
from contract.contracts.amounts import line_amount
from contract.contracts.model import (
    ENDED,
    Contract,
    ContractKind,
    ContractNotFound,
    ContractState,
    CustomerNotKnown,
    ExternalIdTaken,
    InstalmentText,
    LineText,
    QuoteHasContract,
    RenewedContractNotFound,
)
from contract.contracts.schemas import ContractCreate
from contract.copies import use_cases as copies
from contract.copies.model import KnownCustomer, KnownOrder
from contract.milestones import use_cases as milestones
from contract.parameters import EXPIRY_NOTICE_DAYS, QUOTED_PAYMENT_DAYS, QUOTED_TERM_DAYS

SORT_KEYS: dict[str, InstrumentedAttribute[Any]] = {
    "created_at": Contract.created_at,
    "updated_at": Contract.updated_at,
    "number": Contract.number,
    "ends_on": Contract.ends_on,
    "total": Contract.total,
}

BATCH = 1000
"""Contracts ended in one transaction of a timer; the rest follows in its next turn."""


async def draft_contract(
    session: AsyncSession,
    new: ContractCreate,
    *,
    actor: Actor,
    now: datetime,
    number: int | None = None,
    customer: KnownCustomer | None = None,
    external_id_is_free: bool = False,
) -> Contract:
    """Draft a contract by hand.

    An import hands over what it looked up for its batch: the drawn number, the customer, and that
    no contract carries the external id.
    """
    customer = customer or await copies.find_customer(session, new.customer_id)
    if customer is None:
        raise CustomerNotKnown(f"no customer {new.customer_id}", pointer="/customer_id")
    if new.external_id is not None and not external_id_is_free:
        await _refuse_taken_external_id(session, new.external_source, new.external_id)
    if new.renews_id is not None and not await _exists(session, Contract.id == new.renews_id):
        raise RenewedContractNotFound(f"no contract {new.renews_id}", pointer="/renews_id")
    if new.order_id is not None:
        # The order before the quote, as whoever hears of the order takes them.
        await copies.remember_order(session, new.order_id)
    if new.quote_id is not None:
        await _hold_quote(session, new.quote_id)
        taken = await _contract_id_for(session, new.quote_id)
        if taken is not None:
            raise QuoteHasContract(f"quote {new.quote_id} has its contract", existing_id=str(taken))
    what = new.model_dump(exclude={"lines", "payment_schedule"})
    contract = await _draft(
        session,
        lines=[LineText(**line.model_dump()) for line in new.lines],
        payment_schedule=[InstalmentText(**item.model_dump()) for item in new.payment_schedule],
        by=actor.id,
        now=now,
        series_number=number,
        **what,
    )
    set_committed_value(contract, "customer", customer)
    return contract


async def draft_from_quote(
    session: AsyncSession,
    quote_id: UUID,
    *,
    quote_number: str,
    quote_total: Decimal,
    accepted_at: datetime,
    lines: Sequence[LineText],
    by: str,
    now: datetime,
    **what: Any,
) -> None:
    """Draft the contract of an accepted quote; a quote that has one keeps that."""
    await _hold_quote(session, quote_id)
    if await _contract_id_for(session, quote_id) is not None:
        return
    accepted_on = day_of(accepted_at)
    deliveries = [line.delivery_on for line in lines if line.delivery_on is not None]
    starts_on = min([accepted_on, *deliveries])
    term_days = await value_on(session, QUOTED_TERM_DAYS, accepted_on)
    payment_days = await value_on(session, QUOTED_PAYMENT_DAYS, accepted_on)
    await _draft(
        session,
        kind=ContractKind.SALES,
        title=f"Sales contract on quote {quote_number}",
        quote_id=quote_id,
        quote_total=quote_total,
        starts_on=starts_on,
        ends_on=max([starts_on + timedelta(days=term_days - 1), *deliveries]),
        lines=[_as_quoted(line) for line in lines],
        payment_schedule=[InstalmentText(accepted_on + timedelta(days=payment_days), Decimal(100))],
        by=by,
        now=now,
        **what,
    )


async def get_contract(session: AsyncSession, contract_id: UUID, *, lock: bool = False) -> Contract:
    """The contract with its lines and its customer's name; `lock` keeps it for this transaction."""
    contract = await session.get(
        Contract,
        contract_id,
        options=[selectinload(Contract.lines), joinedload(Contract.customer)],
        with_for_update={"of": Contract} if lock else None,
    )
    if contract is None:
        raise ContractNotFound(f"no contract {contract_id}")
    return contract


async def list_contracts(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    filters: Sequence[ColumnElement[bool]] = (),
) -> Page[Contract]:
    """A page of contracts; `q` is looked for in title, number and the customer's name."""
    query = select(Contract).options(joinedload(Contract.customer)).where(*filters)
    if q:
        query = query.where(
            or_(
                Contract.title.icontains(q, autoescape=True),
                Contract.number.istartswith(q, autoescape=True),
                Contract.customer_id.in_(
                    select(KnownCustomer.id).where(KnownCustomer.name.icontains(q, autoescape=True))
                ),
            )
        )
    return await paginate(
        session,
        query,
        page,
        id_column=Contract.id,
        sort_keys=SORT_KEYS,
        default_sort="-created_at",
    )


async def orders_of(session: AsyncSession, contract_id: UUID) -> Sequence[KnownOrder]:
    """The orders that carry the contract out."""
    return await copies.orders_of(session, contract_id)


async def edit_contract(
    session: AsyncSession, contract_id: UUID, *, changes: dict[str, Any]
) -> Contract:
    """Change the text; the contract is a draft afterwards and needs its approval anew.

    Custom fields are beside the text: they change in any state.
    """
    contract = await get_contract(session, contract_id, lock=True)
    changes = dict(await writing.for_change(session, contract, changes))
    if "custom" in changes:
        annotated = contract.annotate(changes.pop("custom"))
        if annotated is not None:
            record(session, contract, annotated)
        if not changes:
            return contract
    lines = changes.pop("lines", None)
    schedule = changes.pop("payment_schedule", ())
    changed = contract.edit(
        {name: value for name, value in changes.items() if name != "total"},
        lines=None if lines is None else [LineText(**line) for line in lines],
        payment_schedule=(
            None if schedule == () else [InstalmentText(**item) for item in schedule or []]
        ),
        total=changes.get("total"),
    )
    if changed is not None:
        record(session, contract, changed)
        await milestones.replan_milestones(session, contract)
    return contract


async def submit_contract(
    session: AsyncSession,
    contract_id: UUID,
    *,
    submitted_by: UUID,
    checked: Sequence[str],
    now: datetime,
) -> Contract:
    """Hand the draft in for approval."""
    contract = await get_contract(session, contract_id, lock=True)
    route = await policies.route_of(
        session,
        kind=contract.kind,
        total=contract.total,
        currency=contract.currency,
        on=day_of(now),
    )
    record(
        session,
        contract,
        contract.submit(submitted_by=submitted_by, route=route, checked=checked, now=now),
    )
    return contract


async def sign_contract(
    session: AsyncSession,
    contract_id: UUID,
    *,
    signed_on: date | None,
    our_signatory: str,
    their_signatory: str,
    now: datetime,
) -> Contract:
    """Write down that both sides signed."""
    contract = await get_contract(session, contract_id, lock=True)
    today = day_of(now)
    signed = contract.sign(
        signed_on=signed_on or today,
        our_signatory=our_signatory,
        their_signatory=their_signatory,
        today=today,
    )
    record(session, contract, signed)
    return contract


async def terminate_contract(
    session: AsyncSession,
    contract_id: UUID,
    *,
    reason: str,
    terminated_on: date | None,
    now: datetime,
) -> Contract:
    """End the contract before its time; nothing more is expected of it."""
    contract = await get_contract(session, contract_id, lock=True)
    today = day_of(now)
    record(
        session,
        contract,
        contract.terminate(reason=reason, terminated_on=terminated_on or today, today=today),
    )
    await milestones.cancel_open_milestones(session, contract)
    return contract


async def remember_orders(
    session: AsyncSession, orders: Mapping[UUID, dict[str, Any]]
) -> Sequence[KnownOrder]:
    """Keep what was ordered; returns the orders that a contract may be for.

    An order that names neither contract nor quote, and that no contract names, costs nothing more.
    """
    kept = await copies.remember_orders(session, orders)
    silent = [order.id for order in kept if order.quote_id is None and order.contract_id is None]
    found = await session.scalars(select(Contract.order_id).where(Contract.order_id.in_(silent)))
    passed_over = set(silent) - set(found)
    return [order for order in kept if order.linked_to is None and order.id not in passed_over]


async def link_order(session: AsyncSession, order: KnownOrder) -> None:
    """Find the contract that the order carries out; without one the order waits for it."""
    if order.quote_id is not None:
        await _hold_quote(session, order.quote_id)
    contract = await _find_for_order(session, order)
    if contract is None:
        return
    order.linked_to = contract.id
    assert order.total is not None
    record(session, contract, contract.link_order(order.id, order.total))
    await milestones.settle_milestones(session, contract)


async def hand_over_contracts(session: AsyncSession, handover: Handover, limit: int) -> int:
    """Give the contracts of somebody who left, unless they ended, to the successor; how many."""
    found = await session.execute(
        select(Contract)
        .where(Contract.owner_id == handover.from_id, Contract.state.not_in(ENDED))
        .order_by(Contract.id)
        .limit(limit)
        .with_for_update()
    )
    contracts = found.scalars().all()
    for contract in contracts:
        transferred = contract.transfer(
            owner_id=handover.to_id, department_id=handover.to_department_id
        )
        record(session, contract, transferred)
    return len(contracts)


async def announce_ending_contracts(session: AsyncSession, *, now: datetime) -> None:
    """Tell of every signed contract whose end is near; each once."""
    today = day_of(now)
    notice_days = await value_on(session, EXPIRY_NOTICE_DAYS, today)
    near = (
        Contract.expiry_announced_at.is_(None),
        Contract.ends_on >= today,
        Contract.ends_on <= today + timedelta(days=notice_days),
    )
    for contract in await _ending(session, *near):
        told = contract.announce_end(today=today, notice_days=notice_days, now=now)
        if told is not None:
            record(session, contract, told)


async def expire_contracts(session: AsyncSession, *, now: datetime) -> None:
    """End every signed contract whose last day is over."""
    today = day_of(now)
    for contract in await _ending(session, Contract.ends_on < today):
        told = contract.expire(today=today)
        if told is not None:
            record(session, contract, told)


async def _draft(
    session: AsyncSession,
    *,
    now: datetime,
    series_number: int | None = None,
    **what: Any,
) -> Contract:
    number = series_number or await next_number(session, "contracts")
    orders: Sequence[KnownOrder] = ()
    if what.get("quote_id") is not None or what.get("order_id") is not None:
        orders = await copies.orders_to_link(
            session, quote_id=what.get("quote_id"), order_id=what.get("order_id")
        )
    fulfilment = await milestones.fulfilment_of(session, orders, currency=what["currency"])
    if orders and what.get("order_id") is None:
        what["order_id"] = orders[0].id
    what = await writing.for_new(session, Contract, what)
    contract, drafted = Contract.draft(number=f"CT{now:%Y}-{number:06d}", **what)
    session.add(contract)
    record(session, contract, drafted)
    milestones.plan_milestones(session, contract, fulfilment)
    if orders:
        await session.flush()
        for order in orders:
            order.linked_to = contract.id
    return contract


def _as_quoted(line: LineText) -> LineText:
    """A quote's amount holds as it was accepted, also where a discount made it another."""
    if line.amount is None or line.amount == line_amount(line.quantity, line.unit_price):
        return line
    return LineText(
        line.product_name,
        line.quantity,
        line.unit_price,
        line.product_id,
        line.amount,
        line.delivery_on,
        remark="As quoted",
    )


async def _hold_quote(session: AsyncSession, quote_id: UUID) -> None:
    """Of two who look for a quote's contract at the same time, let the second see the first's."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(:lock)"),
        {"lock": stable_hash(b"quote\0" + quote_id.bytes) - 2**63},
    )


async def _contract_id_for(session: AsyncSession, quote_id: UUID) -> UUID | None:
    return await session.scalar(select(Contract.id).where(Contract.quote_id == quote_id))


async def _find_for_order(session: AsyncSession, order: KnownOrder) -> Contract | None:
    """The contract the order names, or the one from its quote, or the one that names the order."""
    belongs = [
        column == value
        for column, value in (
            (Contract.id, order.contract_id),
            (Contract.quote_id, order.quote_id),
            (Contract.order_id, order.id),
        )
        if value is not None
    ]
    query = select(Contract).where(or_(*belongs)).limit(1).with_for_update()
    if order.contract_id is not None:
        query = query.order_by((Contract.id == order.contract_id).desc(), Contract.id)
    return (
        await session.scalars(query, execution_options={"populate_existing": True})
    ).one_or_none()


async def _ending(session: AsyncSession, *conditions: ColumnElement[bool]) -> Sequence[Contract]:
    found = await session.scalars(
        select(Contract)
        .where(Contract.state == ContractState.SIGNED, *conditions)
        .order_by(Contract.ends_on, Contract.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return found.all()


async def _exists(session: AsyncSession, condition: ColumnElement[bool]) -> bool:
    return bool(await session.scalar(select(exists().where(condition))))


async def _refuse_taken_external_id(
    session: AsyncSession, external_source: str | None, external_id: str
) -> None:
    existing = await session.scalar(
        select(Contract.id).where(
            Contract.external_source == external_source, Contract.external_id == external_id
        )
    )
    if existing is not None:
        raise ExternalIdTaken(
            f"a contract with id {external_id!r} of {external_source} is there already",
            existing_id=str(existing),
        )
