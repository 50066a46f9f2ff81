"""What people do with customers."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from common.auth import Actor
from common.messaging.outbox import record
from common.numbers import next_number
from common.pagination import Page, PageRequest, paginate
from customer.customers.model import (
    Customer,
    CustomerNotFound,
    CustomerStatus,
    ExternalIdTaken,
    ParentNotFound,
)
from customer.customers.schemas import CustomerCreate

SORT_KEYS: dict[str, InstrumentedAttribute[Any]] = {
    "created_at": Customer.created_at,
    "updated_at": Customer.updated_at,
    "name": Customer.name,
    "number": Customer.number,
}


async def create_customer(
    session: AsyncSession, new: CustomerCreate, *, actor: Actor, now: datetime
) -> Customer:
    """Take a customer on."""
    if new.external_id is not None:
        await _refuse_taken_external_id(session, new.external_source, new.external_id)
    if new.parent_id is not None:
        await _ancestors(session, new.parent_id)
    customer, created = Customer.register(
        number=await next_number(session, "customers"),
        by=actor.id,
        now=now,
        **new.model_dump(),
    )
    session.add(customer)
    record(session, customer, created)
    return customer


async def get_customer(
    session: AsyncSession, customer_id: UUID, *, lock: bool = False, deleted: bool = False
) -> Customer:
    """The customer; `lock` keeps it for this transaction, `deleted` finds deleted ones as well."""
    customer = await session.get(Customer, customer_id, with_for_update=lock or None)
    if customer is None or (customer.deleted_at is not None and not deleted):
        raise CustomerNotFound(f"no customer {customer_id}")
    return customer


async def list_customers(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    filters: Sequence[ColumnElement[bool]] = (),
    include_deleted: bool = False,
) -> Page[Customer]:
    """A page of customers; `q` is looked for in name and number."""
    query = select(Customer).where(*filters)
    if not include_deleted:
        query = query.where(Customer.deleted_at.is_(None))
    if q:
        query = query.where(
            or_(Customer.name.icontains(q, autoescape=True), Customer.number.istartswith(q))
        )
    return await paginate(
        session,
        query,
        page,
        id_column=Customer.id,
        sort_keys=SORT_KEYS,
        default_sort="-created_at",
    )


async def update_customer(
    session: AsyncSession, customer_id: UUID, *, changes: dict[str, Any]
) -> Customer:
    """Change the profile; unchanged values cause no event."""
    customer = await get_customer(session, customer_id, lock=True)
    if changes.get("parent_id") is not None:
        customer.check_parent(await _ancestors(session, changes["parent_id"]))
    updated = customer.update(changes)
    if updated is not None:
        record(session, customer, updated)
    return customer


async def find_inactive(session: AsyncSession, customer_ids: Iterable[UUID]) -> Sequence[UUID]:
    """Those of the customers that do not count as active, and those that are not known here yet."""
    wanted = set(customer_ids)
    found = await session.execute(
        select(Customer.id).where(Customer.id.in_(wanted), Customer.status == CustomerStatus.ACTIVE)
    )
    return sorted(wanted - set(found.scalars()))


async def activate_customer(session: AsyncSession, customer_id: UUID) -> None:
    """Count the customer as active; repeating it changes nothing."""
    customer = await get_customer(session, customer_id, lock=True, deleted=True)
    updated = customer.activate()
    if updated is not None:
        record(session, customer, updated)


async def transfer_customer(
    session: AsyncSession,
    customer_id: UUID,
    *,
    owner_id: UUID | None,
    department_id: UUID | None,
    reason: str,
) -> Customer:
    """Give the customer to another owner or department."""
    customer = await get_customer(session, customer_id, lock=True)
    record(
        session,
        customer,
        customer.transfer(owner_id=owner_id, department_id=department_id, reason=reason),
    )
    return customer


async def delete_customer(session: AsyncSession, customer_id: UUID, *, now: datetime) -> None:
    """Take the customer out of use; repeating it changes nothing."""
    customer = await get_customer(session, customer_id, lock=True, deleted=True)
    subsidiaries = select(
        exists().where(Customer.parent_id == customer_id, Customer.deleted_at.is_(None))
    )
    deleted = customer.delete(
        now=now, has_subsidiaries=bool((await session.execute(subsidiaries)).scalar())
    )
    if deleted is not None:
        record(session, customer, deleted)


async def restore_customer(session: AsyncSession, customer_id: UUID) -> Customer:
    """Take a deleted customer into use again."""
    customer = await get_customer(session, customer_id, lock=True, deleted=True)
    record(session, customer, customer.restore())
    return customer


async def list_subsidiaries(session: AsyncSession, customer_id: UUID) -> Sequence[Customer]:
    """The customers below this one in its group, at any depth, by name."""
    await get_customer(session, customer_id)
    tree = select(Customer.id).where(Customer.parent_id == customer_id).cte("tree", recursive=True)
    tree = tree.union(select(Customer.id).where(Customer.parent_id == tree.c.id))
    query = (
        select(Customer)
        .where(Customer.id.in_(select(tree.c.id)), Customer.deleted_at.is_(None))
        .order_by(func.lower(Customer.name), Customer.id)
    )
    return (await session.execute(query)).scalars().all()


async def _ancestors(session: AsyncSession, parent_id: UUID) -> Sequence[UUID]:
    """The parent and everything above it; raises ParentNotFound."""
    chain = (
        select(Customer.id, Customer.parent_id)
        .where(Customer.id == parent_id, Customer.deleted_at.is_(None))
        .cte("chain", recursive=True)
    )
    chain = chain.union(
        select(Customer.id, Customer.parent_id).where(Customer.id == chain.c.parent_id)
    )
    ids = (await session.execute(select(chain.c.id))).scalars().all()
    if not ids:
        raise ParentNotFound(f"no customer {parent_id}", pointer="/parent_id")
    return ids


async def _refuse_taken_external_id(
    session: AsyncSession, external_source: str | None, external_id: str
) -> None:
    found = await session.execute(
        select(Customer.id).where(
            Customer.external_source == external_source, Customer.external_id == external_id
        )
    )
    existing = found.scalar()
    if existing is not None:
        raise ExternalIdTaken(
            f"a customer with id {external_id!r} of {external_source} is there already",
            existing_id=str(existing),
        )
