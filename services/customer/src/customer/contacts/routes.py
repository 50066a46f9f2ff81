"""The contact endpoints."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.batches import Batch, BatchAnswer, DoOneByOne
from common.clock import Now
from common.days import day_of
from common.db import Session
from common.pagination import Page, PageOf, Paging
from customer.contacts import use_cases as contacts
from customer.contacts.model import Contact, ContactMove
from customer.contacts.schemas import (
    ContactCreate,
    ContactMoveRead,
    ContactMoveRequest,
    ContactRead,
    ContactUpdate,
)

router = service_router("customer", "contacts")


@router.post("", status_code=201, response_model=ContactRead)
async def add_contact(
    new: ContactCreate, session: Session, now: Now, response: Response
) -> ContactRead:
    contact = await contacts.add_contact(session, new)
    response.headers["Location"] = f"{router.prefix}/{contact.id}"
    return _shown(contact, now)


@router.post(":batch", response_model=BatchAnswer)
async def add_contacts(
    batch: Batch[ContactCreate], session: Session, one_by_one: DoOneByOne
) -> BatchAnswer:
    return await one_by_one.do(batch, lambda new: contacts.add_contact(session, new))


@router.get("", response_model=PageOf[ContactRead])
async def list_contacts(
    session: Session,
    page: Paging,
    now: Now,
    customer_id: UUID | None = None,
    q: str | None = None,
) -> Page[ContactRead]:
    found = await contacts.list_contacts(session, page, customer_id=customer_id, q=q)
    return found.showing(lambda contact: _shown(contact, now))


@router.get("/{contact_id}", response_model=ContactRead)
async def get_contact(contact_id: UUID, session: Session, now: Now) -> ContactRead:
    return _shown(await contacts.get_contact(session, contact_id), now)


@router.patch("/{contact_id}", response_model=ContactRead)
async def update_contact(
    contact_id: UUID, changes: ContactUpdate, session: Session, now: Now
) -> ContactRead:
    contact = await contacts.update_contact(session, contact_id, changes=changes.changes())
    return _shown(contact, now)


@router.post("/{contact_id}:move", response_model=ContactRead)
async def move_contact(
    contact_id: UUID, to: ContactMoveRequest, session: Session, actor: CurrentActor, now: Now
) -> ContactRead:
    contact = await contacts.move_contact(
        session, contact_id, **to.model_dump(), actor=actor, now=now
    )
    return _shown(contact, now)


@router.get("/{contact_id}/moves", response_model=list[ContactMoveRead])
async def list_contact_moves(contact_id: UUID, session: Session) -> list[ContactMove]:
    return list(await contacts.list_moves(session, contact_id))


@router.delete("/{contact_id}", status_code=204)
async def remove_contact(contact_id: UUID, session: Session, now: Now) -> None:
    await contacts.remove_contact(session, contact_id, now=now)


def _shown(contact: Contact, now: Now) -> ContactRead:
    return ContactRead.model_validate(contact).model_copy(
        update={"age": contact.age_on(day_of(now))}
    )
