"""What people do with contacts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from customer.contacts.model import Contact, ContactNotFound
from customer.contacts.schemas import ContactCreate
from customer.customers import use_cases as customers


async def add_contact(session: AsyncSession, new: ContactCreate) -> Contact:
    """Remember a person at a customer; a new primary contact takes the place of the old one."""
    customer = await customers.get_customer(session, new.customer_id, lock=new.is_primary)
    if new.is_primary:
        await _retire_primary(session, customer.id)
    contact, added = Contact.add(**new.model_dump(), **customer.scope)
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
    """A page of contacts, of one customer or of all; `q` is looked for in the name."""
    query = select(Contact).where(Contact.deleted_at.is_(None))
    if customer_id is not None:
        query = query.where(Contact.customer_id == customer_id)
    if q:
        query = query.where(Contact.name.icontains(q, autoescape=True))
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
    contact = await get_contact(session, contact_id, lock=True)
    if changes.get("supervisor_id") is not None:
        contact.check_supervisor(await session.get(Contact, changes["supervisor_id"]))
    if changes.get("is_primary") and not contact.is_primary:
        await customers.get_customer(session, contact.customer_id, lock=True)
        await _retire_primary(session, contact.customer_id)
    updated = contact.update(changes)
    if updated is not None:
        record(session, contact, updated)
    return contact


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
