"""Transferring many customers, batch by batch."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, not_, select
from sqlalchemy.ext.asyncio import AsyncSession

from common import context
from common.access.rows import rows_of
from common.auth import Actor
from common.clock import utc_now
from common.db import Database
from common.handovers import refuse_who_left
from customer.customers.filters import in_group
from customer.customers.model import Customer, NothingToTransfer
from customer.customers.use_cases import MAY_HAND_OUT
from customer.pools.model import in_pool
from customer.pools.moving import move_customer
from customer.transfers.model import (
    NobodyChosen,
    Transfer,
    TransferItem,
    TransferNotFound,
    TransferState,
)
from customer.transfers.schemas import TransferFilter, TransferRequest

AT_ONCE = 200
"""Customers that change hands in one transaction."""


async def start_transfer(
    session: AsyncSession, asked: TransferRequest, *, actor: Actor, now: datetime
) -> Transfer:
    """Have customers transferred by the worker: those of the list or filter that the session sees.

    Those in the pool stay there, unless the actor may hand customers out: an employee claims them,
    where the limits of the pool count.
    """
    if bool(asked.customer_ids) == (asked.filter is not None):
        raise NobodyChosen("name customers, or give a filter", pointer="/customer_ids")
    await refuse_who_left(session, asked.owner_id, pointer="/owner_id")
    which = select(Customer.id).where(Customer.deleted_at.is_(None))
    if asked.filter is not None:
        which = which.where(*_conditions(asked.filter))
    else:
        which = which.where(Customer.id.in_(asked.customer_ids))
    if actor.employee_id is not None and not actor.may(MAY_HAND_OUT):
        which = which.where(not_(in_pool()))
    ids = (await session.execute(which)).scalars().all()
    transfer = Transfer(
        state=TransferState.RUNNING,
        to_owner_id=asked.owner_id,
        to_department_id=asked.department_id,
        reason=asked.reason,
        total=len(ids),
        started_by=actor.id,
        started_at=now,
        correlation_id=context.current().correlation_id,
    )
    session.add(transfer)
    await session.flush()
    if ids:
        rows = [{"transfer_id": transfer.id, "customer_id": each} for each in ids]
        await session.execute(insert(TransferItem), rows)
    return transfer


async def get_transfer(session: AsyncSession, transfer_id: UUID, *, actor: Actor) -> Transfer:
    """The transfer, with its progress; who does not see everybody's customers sees their own."""
    transfer = await session.get(Transfer, transfer_id)
    sees_all = rows_of(session) is None
    if transfer is None or not (sees_all or transfer.started_by == actor.id):
        raise TransferNotFound(f"no transfer {transfer_id}")
    return transfer


def _conditions(asked: TransferFilter) -> list[ColumnElement[bool]]:
    conditions = [
        getattr(Customer, name) == value
        for name, value in asked.model_dump(exclude={"within"}, exclude_none=True).items()
    ]
    if asked.within is not None:
        conditions.append(in_group(asked.within, subtree=True))
    if not conditions:
        raise NobodyChosen("a filter with nothing in it would be everybody", pointer="/filter")
    return conditions


_TAKE = (
    select(Transfer)
    .where(Transfer.state == TransferState.RUNNING)
    .order_by(Transfer.started_at, Transfer.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)


async def transfer_on(database: Database) -> bool:
    """Transfer the next customers of the oldest transfer that runs; False when there is none.

    A batch is one transaction with its events and its count: a worker that is killed leaves the
    transfer where its last batch ended.
    """
    async with database.transaction() as session:
        transfer = (await session.execute(_TAKE)).scalar_one_or_none()
        if transfer is None:
            return False
        because = context.Context(
            actor_id=transfer.started_by, correlation_id=transfer.correlation_id
        )
        with context.working_in(because):
            await _transfer_batch(session, transfer, now=utc_now())
    return True


async def _transfer_batch(session: AsyncSession, transfer: Transfer, *, now: datetime) -> None:
    items = (
        select(TransferItem.customer_id)
        .where(TransferItem.transfer_id == transfer.id)
        .order_by(TransferItem.customer_id)
        .limit(AT_ONCE)
    )
    ids = (await session.execute(items)).scalars().all()
    found = await session.execute(
        select(Customer)
        .where(Customer.id.in_(ids), Customer.deleted_at.is_(None))
        .order_by(Customer.id)
        .with_for_update()
    )
    transferred = 0
    for customer in found.scalars():
        try:
            moved = customer.transfer(
                owner_id=transfer.to_owner_id,
                department_id=transfer.to_department_id,
                reason=transfer.reason,
            )
        except NothingToTransfer:
            continue
        await move_customer(session, customer, moved, now=now)
        transferred += 1
    await session.execute(
        delete(TransferItem).where(
            TransferItem.transfer_id == transfer.id, TransferItem.customer_id.in_(ids)
        )
    )
    transfer.advance(looked_at=len(ids), transferred=transferred, now=now)
