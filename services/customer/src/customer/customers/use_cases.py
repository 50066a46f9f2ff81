"""What people do with customers."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from common.auth import Actor
from common.batches import Outcome
from common.handovers import Handover, refuse_who_left
from common.messaging.outbox import record
from common.numbers import next_number
from common.pagination import Page, PageRequest, paginate
from common.upserts import first_match
from customer.customers.model import (
    Customer,
    CustomerKey,
    CustomerNotFound,
    CustomerStatus,
    ExternalIdTaken,
    NumberNotKnown,
    NumberStays,
    ParentNotFound,
)
from customer.customers.schemas import CustomerCreate, CustomerUpdate, CustomerUpsert

OWNER_LEFT = "the owner left the company"
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
    if new.owner_id is not None:
        await refuse_who_left(session, new.owner_id, pointer="/owner_id")
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


async def upsert_customer(
    session: AsyncSession,
    given: CustomerUpsert,
    *,
    match_on: Sequence[CustomerKey],
    actor: Actor,
    now: datetime,
) -> tuple[Customer, Outcome]:
    """Bring the customer that `match_on` finds up to date, or take a new one on."""
    known = await first_match(
        session,
        select(Customer).where(Customer.deleted_at.is_(None)),
        {
            CustomerKey.EXTERNAL_ID: None
            if given.external_id is None
            else and_(
                Customer.external_source == given.external_source,
                Customer.external_id == given.external_id,
            ),
            CustomerKey.NUMBER: None if given.number is None else Customer.number == given.number,
        },
        match_on,
    )
    if known is None:
        if given.number is not None:
            raise NumberNotKnown(f"no customer {given.number}", pointer="/number")
        new = CustomerCreate(**given.model_dump(exclude={"number"}, exclude_unset=True))
        return await create_customer(session, new, actor=actor, now=now), Outcome.CREATED
    if given.number not in (None, known.number):
        raise NumberStays(f"this is customer {known.number}", existing_id=str(known.id))
    changes = given.model_dump(include=set(CustomerUpdate.model_fields), exclude_unset=True)
    if known.external_id is None and given.external_id is not None:
        changes |= {
            "external_source": given.external_source,
            "external_id": given.external_id,
        }
    before = known.version
    customer = await update_customer(session, known.id, changes=changes)
    return customer, Outcome.UPDATED if customer.version > before else Outcome.UNCHANGED


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
    if owner_id is not None:
        await refuse_who_left(session, owner_id, pointer="/owner_id")
    customer = await get_customer(session, customer_id, lock=True)
    record(
        session,
        customer,
        customer.transfer(owner_id=owner_id, department_id=department_id, reason=reason),
    )
    return customer


async def hand_over_customers(session: AsyncSession, handover: Handover, limit: int) -> int:
    """Give the customers of somebody who left to the successor; how many there were.

    Deleted ones as well: restored, they have an owner who is there.
    """
    found = await session.execute(
        select(Customer)
        .where(Customer.owner_id == handover.from_id)
        .order_by(Customer.id)
        .limit(limit)
        .with_for_update()
    )
    customers = found.scalars().all()
    for customer in customers:
        transferred = customer.transfer(
            owner_id=handover.to_id,
            department_id=handover.to_department_id or customer.department_id,
            reason=OWNER_LEFT,
        )
        record(session, customer, transferred)
    return len(customers)


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
