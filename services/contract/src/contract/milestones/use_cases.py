"""Planning milestones, meeting them, and telling when they are due or missed."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.days import day_of
from common.handovers import Handover
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from common.parameters import value_on
from contract.contracts.model import CARRIED_OUT, Contract, ContractState
from contract.copies import use_cases as copies
from contract.copies.model import KnownOrder
from contract.milestones.model import (
    OPEN,
    MetBy,
    Milestone,
    MilestoneNotFound,
    MilestoneState,
)
from contract.milestones.planning import Planned
from contract.milestones.settlement import Fulfilment, settle
from contract.parameters import MILESTONE_NOTICE_DAYS

BATCH = 1000
"""Milestones told in one transaction of a timer; the rest follows in its next turn."""


async def fulfilment_of(
    session: AsyncSession, orders: Sequence[KnownOrder], *, currency: str
) -> Fulfilment:
    """What has happened for a contract that these orders carry out."""
    if not orders:
        return Fulfilment()
    shipped = [order.shipped_on for order in orders if not order.is_cancelled]
    days = [day for day in shipped if day is not None]
    return Fulfilment(
        shipped_on=max(days) if days and len(days) == len(shipped) else None,
        receipts=await copies.receipts_of(
            session, [order.id for order in orders], currency=currency
        ),
    )


def plan_milestones(session: AsyncSession, contract: Contract, fulfilment: Fulfilment) -> None:
    """The milestones of a new contract, met as far as their facts came before it."""
    _settle(session, _add(session, contract, contract.plan()), fulfilment)


async def replan_milestones(session: AsyncSession, contract: Contract) -> None:
    """Follow an edited text: what it still promises stays, the rest is cancelled and planned anew."""
    milestones = await _milestones_of(session, contract.id)
    orders = await copies.orders_of(session, contract.id)
    fulfilment = await fulfilment_of(session, orders, currency=contract.currency)
    planned = contract.plan()
    kept = []
    for milestone in milestones:
        if milestone.planned in planned:
            planned.remove(milestone.planned)
            kept.append(milestone)
        else:
            record(session, milestone, milestone.cancel())
    _settle(session, [*kept, *_add(session, contract, planned)], fulfilment)


async def settle_milestones(session: AsyncSession, contract: Contract) -> None:
    """Bring the milestones in line with what is known of orders and receipts.

    The contract must be locked. Repeating it changes nothing.
    """
    milestones = await _milestones_of(session, contract.id)
    orders = await copies.orders_of(session, contract.id)
    _settle(
        session,
        milestones,
        await fulfilment_of(session, orders, currency=contract.currency),
    )


async def cancel_open_milestones(session: AsyncSession, contract: Contract) -> None:
    """Nothing more is expected of the contract."""
    for milestone in await _milestones_of(session, contract.id):
        if milestone.is_open:
            record(session, milestone, milestone.cancel())


async def note_shipment(session: AsyncSession, order_id: UUID, *, shipped_on: date) -> None:
    """The order has left completely."""
    order = await copies.remember_order(session, order_id, shipped_on=shipped_on)
    await settle_contract_of(session, order)


async def note_cancellation(session: AsyncSession, order_id: UUID) -> None:
    """The order is off; deliveries wait for the remaining orders only."""
    order = await copies.remember_order(session, order_id, is_cancelled=True)
    await settle_contract_of(session, order)


async def note_receipts(
    session: AsyncSession, receipts: Sequence[dict[str, Any]]
) -> Sequence[KnownOrder]:
    """Money came in for orders; returns those of them that carry out a contract.

    Most orders of a busy day have no contract, and cost two statements a batch.
    """
    orders = await copies.remember_orders(session, {row["order_id"]: {} for row in receipts})
    await copies.remember_receipts(session, receipts)
    return [order for order in orders if order.linked_to is not None]


async def take_back_receipt(session: AsyncSession, receipt_id: UUID, *, amount: Decimal) -> None:
    """So much of the receipt was reversed; one that was for no order is passed over."""
    receipt = await copies.find_receipt(session, receipt_id)
    if receipt is None:
        return
    order = await copies.remember_order(session, receipt.order_id)
    receipt.reversed_amount = amount
    await settle_contract_of(session, order)


async def get_milestone(
    session: AsyncSession, milestone_id: UUID, *, lock: bool = False
) -> Milestone:
    """The milestone; `lock` keeps it for this transaction."""
    milestone = await session.get(Milestone, milestone_id, with_for_update=lock or None)
    if milestone is None:
        raise MilestoneNotFound(f"no milestone {milestone_id}")
    return milestone


async def list_milestones(
    session: AsyncSession,
    page: PageRequest,
    *,
    filters: Sequence[ColumnElement[bool]],
    late_on: date | None = None,
    include_cancelled: bool = False,
) -> Page[Milestone]:
    """A page of milestones by due date; with `late_on`, those that are late on that day."""
    query = select(Milestone).where(*filters)
    if late_on is not None:
        query = query.where(
            Milestone.state.in_(OPEN), Milestone.due_on < late_on, _is_carried_out()
        )
    elif not include_cancelled:
        query = query.where(Milestone.state != MilestoneState.CANCELLED)
    return await paginate(
        session,
        query,
        page,
        id_column=Milestone.id,
        sort_keys={"due_on": Milestone.due_on},
        default_sort="due_on",
    )


async def meet_milestone(
    session: AsyncSession,
    milestone_id: UUID,
    *,
    met_on: date | None,
    note: str | None,
    now: datetime,
) -> Milestone:
    """Somebody says that it happened."""
    milestone = await get_milestone(session, milestone_id, lock=True)
    today = day_of(now)
    record(
        session,
        milestone,
        milestone.meet(on=met_on or today, by=MetBy.HAND, today=today, note=note),
    )
    return milestone


async def hand_over_milestones(session: AsyncSession, handover: Handover, limit: int) -> int:
    """Give the open milestones of somebody who left to the successor; how many there were."""
    found = await session.execute(
        select(Milestone)
        .where(Milestone.owner_id == handover.from_id, Milestone.state.in_(OPEN))
        .order_by(Milestone.id)
        .limit(limit)
        .with_for_update()
    )
    milestones = found.scalars().all()
    for milestone in milestones:
        transferred = milestone.transfer(
            owner_id=handover.to_id, department_id=handover.to_department_id
        )
        record(session, milestone, transferred)
    return len(milestones)


async def announce_due_milestones(session: AsyncSession, *, now: datetime) -> None:
    """Tell of every milestone whose due date is near; each once."""
    today = day_of(now)
    notice_days = await value_on(session, MILESTONE_NOTICE_DAYS, today)
    near = and_(
        Milestone.state == MilestoneState.PLANNED,
        Milestone.due_on >= today,
        Milestone.due_on <= today + timedelta(days=notice_days),
    )
    for milestone in await _due(session, near):
        told = milestone.announce(today=today, notice_days=notice_days, now=now)
        if told is not None:
            record(session, milestone, told)


async def miss_overdue_milestones(session: AsyncSession, *, now: datetime) -> None:
    """Tell of every milestone whose due date passed without it; each once."""
    today = day_of(now)
    overdue = and_(
        Milestone.state.in_([MilestoneState.PLANNED, MilestoneState.DUE]),
        Milestone.due_on < today,
    )
    for milestone in await _due(session, overdue):
        told = milestone.miss(today=today, now=now)
        if told is not None:
            record(session, milestone, told)


def _is_carried_out() -> ColumnElement[bool]:
    return Milestone.contract_id.in_(select(Contract.id).where(Contract.state.in_(CARRIED_OUT)))


async def _due(session: AsyncSession, condition: ColumnElement[bool]) -> Sequence[Milestone]:
    found = await session.scalars(
        select(Milestone)
        .where(condition, _is_carried_out())
        .order_by(Milestone.due_on, Milestone.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return found.all()


async def _milestones_of(session: AsyncSession, contract_id: UUID) -> Sequence[Milestone]:
    """What the contract promises, met or not; locked."""
    found = await session.scalars(
        select(Milestone)
        .where(Milestone.contract_id == contract_id, Milestone.state != MilestoneState.CANCELLED)
        .order_by(Milestone.due_on, Milestone.place)
        .with_for_update(),
        execution_options={"populate_existing": True},
    )
    return found.all()


async def settle_contract_of(session: AsyncSession, order: KnownOrder) -> None:
    """Bring the milestones of the order's contract in line with what is known, if it has one."""
    if order.linked_to is None:
        # Its contract may still come; then it finds what was kept here.
        return
    contract = await session.get(Contract, order.linked_to, with_for_update=True)
    if contract is not None and contract.state != ContractState.TERMINATED:
        await settle_milestones(session, contract)


def _add(session: AsyncSession, contract: Contract, planned: Sequence[Planned]) -> list[Milestone]:
    made = [Milestone.plan(contract, promise, place=place) for place, promise in enumerate(planned)]
    session.add_all(milestone for milestone, _ in made)
    for milestone, told in made:
        record(session, milestone, told)
    return [milestone for milestone, _ in made]


def _settle(session: AsyncSession, milestones: Sequence[Milestone], fulfilment: Fulfilment) -> None:
    for milestone, told in settle(milestones, fulfilment):
        record(session, milestone, told)
