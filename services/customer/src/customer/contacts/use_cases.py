"""What people do with contacts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.rows import all_rows
from common.auth import Actor
from common.custom_fields import writing
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from customer.contacts.model import Contact, ContactMove, ContactNotFound
from customer.contacts.schemas import ContactCreate
from customer.customers import use_cases as customers
from customer.customers.mnemonics import sounds_like
from customer.db import take_turn


async def add_contact(session: AsyncSession, new: ContactCreate) -> Contact:
    """Remember a person at a customer; a new primary contact takes the place of the old one."""
    customer = await customers.get_customer(session, new.customer_id, lock=new.is_primary)
    if new.is_primary:
        await _retire_primary(session, customer.id)
    profile = await writing.for_new(session, Contact, new.model_dump())
    contact, added = Contact.add(**profile, **customer.scope)
    if new.supervisor_id is not None:
        contact.check_supervisor(await session.get(Contact, new.supervisor_id))
    session.add(contact)
    record(session, contact, added)
    return contact


async def get_contact(session: AsyncSession, contact_id: UUID, *, lock: bool = False) -> Contact:
    """The contact; `lock` keeps it for this transaction."""
    contact = await session.get(Contact, contact_id, with_for_update=lock or None)
    if contact is None or contact.deleted_at is not None:
        raise ContactNotFound(f"no contact {contact_id}")
    return contact


async def list_contacts(
    session: AsyncSession, page: PageRequest, *, customer_id: UUID | None, q: str | None
) -> Page[Contact]:
    """A page of contacts, of one customer or of all; `q` is looked for in name and pinyin."""
    query = select(Contact).where(Contact.deleted_at.is_(None))
    if customer_id is not None:
        query = query.where(Contact.customer_id == customer_id)
    if q:
        query = query.where(or_(*sounds_like(Contact, q)))
    return await paginate(
        session,
        query,
        page,
        id_column=Contact.id,
        sort_keys={"created_at": Contact.created_at, "name": Contact.name},
        default_sort="name",
    )


async def update_contact(
    session: AsyncSession, contact_id: UUID, *, changes: dict[str, Any]
) -> Contact:
    """Change what is known of a contact."""
    if changes.get("supervisor_id") is not None:
        # Of two who each make the other the supervisor, the second has to see what the first did.
        await take_turn(session, "supervisors")
    contact = await get_contact(session, contact_id, lock=True)
    if changes.get("supervisor_id") is not None:
        supervisor = await session.get(Contact, changes["supervisor_id"])
        contact.check_supervisor(supervisor, await _chain_of(session, changes["supervisor_id"]))
    if changes.get("is_primary") and not contact.is_primary:
        await customers.get_customer(session, contact.customer_id, lock=True)
        await _retire_primary(session, contact.customer_id)
    updated = contact.update(await writing.for_change(session, contact, changes))
    if updated is not None:
        record(session, contact, updated)
    return contact


async def move_contact(
    session: AsyncSession,
    contact_id: UUID,
    *,
    customer_id: UUID,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Contact:
    """Let the contact work for another customer; what was said with them stays where it was said.

    Whom they supervised is supervised by nobody.
    """
    contact = await get_contact(session, contact_id, lock=True)
    customer = await customers.get_customer(session, customer_id)
    with all_rows(session):
        found = await session.execute(
            select(Contact).where(Contact.supervisor_id == contact_id).with_for_update()
        )
        supervised = found.scalars().all()
    move, moved = contact.move(
        customer_id=customer.id, scope=customer.scope, reason=reason, by=actor.id, now=now
    )
    for other in supervised:
        updated = other.update({"supervisor_id": None})
        assert updated is not None
        record(session, other, updated)
    session.add(move)
    record(session, contact, moved)
    return contact


async def list_moves(session: AsyncSession, contact_id: UUID) -> Sequence[ContactMove]:
    """Which customers the contact worked for before, the latest move first."""
    await get_contact(session, contact_id)
    found = await session.execute(
        select(ContactMove)
        .where(ContactMove.contact_id == contact_id)
        .order_by(ContactMove.moved_at.desc(), ContactMove.id.desc())
    )
    return found.scalars().all()


async def _chain_of(session: AsyncSession, contact_id: UUID) -> Sequence[UUID]:
    """The contact and everybody who supervises them, through however many; whoever asks."""
    chain = (
        select(Contact.id, Contact.supervisor_id)
        .where(Contact.id == contact_id)
        .cte("chain", recursive=True)
    )
    chain = chain.union(
        select(Contact.id, Contact.supervisor_id).where(Contact.id == chain.c.supervisor_id)
    )
    with all_rows(session):
        return (await session.execute(select(chain.c.id))).scalars().all()


async def remove_contact(session: AsyncSession, contact_id: UUID, *, now: datetime) -> None:
    """Take the contact out of use; repeating it changes nothing."""
    contact = await session.get(Contact, contact_id, with_for_update=True)
    if contact is None:
        raise ContactNotFound(f"no contact {contact_id}")
    removed = contact.remove(now)
    if removed is not None:
        record(session, contact, removed)


async def _retire_primary(session: AsyncSession, customer_id: UUID) -> None:
    found = await session.execute(
        select(Contact)
        .where(
            Contact.customer_id == customer_id,
            Contact.is_primary,
            Contact.deleted_at.is_(None),
        )
        .with_for_update()
    )
    for contact in found.scalars():
        updated = contact.update({"is_primary": False})
        assert updated is not None
        record(session, contact, updated)
    # The unique index allows one primary at a time, so the old one must be written first.
    await session.flush()
