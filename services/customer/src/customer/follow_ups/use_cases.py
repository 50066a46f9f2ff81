"""What people do with follow-ups, and how they are reminded of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.rows import all_rows
from common.auth import Actor
from common.handovers import Handover, refuse_who_left
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from customer.contacts import use_cases as contacts
from customer.contacts.model import Contact, ContactNotFound
from customer.customers import use_cases as customers
from customer.follow_ups.model import FollowUp, FollowUpNotFound, FollowUpState
from customer.follow_ups.schemas import FollowUpPlan, NextFollowUp
from customer.interactions import use_cases as interactions
from customer.interactions.model import InteractionNotFound

OWNER_LEFT = "the owner left the company"
REMINDED_AT_ONCE = 200


async def plan_follow_up(
    session: AsyncSession, new: FollowUpPlan, *, actor: Actor, now: datetime
) -> FollowUp:
    """Plan what is to be done with a customer next."""
    customer = await customers.get_customer(session, new.customer_id)
    contact = await _contact_of(session, new.contact_id, customer.id)
    if new.interaction_id is not None:
        interaction = await interactions.get_interaction(session, new.interaction_id)
        if interaction.customer_id != customer.id:
            raise InteractionNotFound(f"no interaction {new.interaction_id} with this customer")
    scope = customer.scope
    if new.owner_id is not None:
        await refuse_who_left(session, new.owner_id, pointer="/owner_id")
        scope["owner_id"] = new.owner_id
    elif scope["owner_id"] is None:
        scope["owner_id"] = actor.employee_id
    what = new.model_dump(exclude={"owner_id", "contact_id"})
    follow_up, planned = FollowUp.plan(by=actor.id, now=now, contact=contact, **what, **scope)
    session.add(follow_up)
    record(session, follow_up, planned)
    return follow_up


async def get_follow_up(
    session: AsyncSession, follow_up_id: UUID, *, lock: bool = False
) -> FollowUp:
    """The follow-up; `lock` keeps it for this transaction."""
    follow_up = await session.get(FollowUp, follow_up_id, with_for_update=lock or None)
    if follow_up is None:
        raise FollowUpNotFound(f"no follow-up {follow_up_id}")
    return follow_up


async def list_follow_ups(
    session: AsyncSession,
    page: PageRequest,
    *,
    filters: Sequence[ColumnElement[bool]],
    is_overdue: bool | None,
    now: datetime,
) -> Page[FollowUp]:
    """A page of follow-ups, what is due first at the front."""
    query = select(FollowUp).where(*filters)
    if is_overdue is not None:
        query = query.where(
            FollowUp.state == FollowUpState.OPEN,
            FollowUp.due_at < now if is_overdue else FollowUp.due_at >= now,
        )
    return await paginate(
        session,
        query,
        page,
        id_column=FollowUp.id,
        sort_keys={"due_at": FollowUp.due_at, "created_at": FollowUp.created_at},
        default_sort="due_at",
    )


async def change_follow_up(
    session: AsyncSession, follow_up_id: UUID, *, changes: dict[str, Any], now: datetime
) -> FollowUp:
    """Plan it otherwise."""
    follow_up = await get_follow_up(session, follow_up_id, lock=True)
    contact_id = changes.get("contact_id", follow_up.contact_id)
    contact = await _contact_of(session, contact_id, follow_up.customer_id)
    changed = follow_up.change(changes, contact=contact, now=now)
    if changed is not None:
        record(session, follow_up, changed)
    return follow_up


async def complete_follow_up(
    session: AsyncSession,
    follow_up_id: UUID,
    *,
    outcome: str | None,
    then: NextFollowUp | None,
    actor: Actor,
    now: datetime,
) -> tuple[FollowUp, FollowUp | None]:
    """Say that it is done; and the one that comes next, of the same owner, where one is planned."""
    follow_up = await get_follow_up(session, follow_up_id, lock=True)
    record(session, follow_up, follow_up.complete(outcome=outcome, by=actor.id, now=now))
    if then is None:
        return follow_up, None
    contact = await _contact_of(session, then.contact_id, follow_up.customer_id)
    following, planned = FollowUp.plan(
        by=actor.id,
        now=now,
        contact=contact,
        customer_id=follow_up.customer_id,
        previous_id=follow_up.id,
        **then.model_dump(exclude={"contact_id"}),
        **follow_up.scope,
    )
    session.add(following)
    record(session, following, planned)
    return follow_up, following


async def cancel_follow_up(
    session: AsyncSession, follow_up_id: UUID, *, reason: str, actor: Actor, now: datetime
) -> FollowUp:
    """Give it up."""
    follow_up = await get_follow_up(session, follow_up_id, lock=True)
    record(session, follow_up, follow_up.cancel(reason=reason, by=actor.id, now=now))
    return follow_up


async def pass_follow_up_on(
    session: AsyncSession, follow_up_id: UUID, *, owner_id: UUID, reason: str
) -> FollowUp:
    """Give it to somebody else."""
    await refuse_who_left(session, owner_id, pointer="/owner_id")
    follow_up = await get_follow_up(session, follow_up_id, lock=True)
    passed = follow_up.pass_on(owner_id=owner_id, department_id=None, reason=reason)
    record(session, follow_up, passed)
    return follow_up


async def hand_over_follow_ups(session: AsyncSession, handover: Handover, limit: int) -> int:
    """Give the open follow-ups of somebody who left to the successor; how many there were."""
    found = await session.execute(
        select(FollowUp)
        .where(FollowUp.owner_id == handover.from_id, FollowUp.state == FollowUpState.OPEN)
        .order_by(FollowUp.id)
        .limit(limit)
        .with_for_update()
    )
    follow_ups = found.scalars().all()
    for follow_up in follow_ups:
        passed = follow_up.pass_on(
            owner_id=handover.to_id, department_id=handover.to_department_id, reason=OWNER_LEFT
        )
        record(session, follow_up, passed)
    return len(follow_ups)


async def remind_of_follow_ups(session: AsyncSession, *, now: datetime) -> int:
    """Tell the owners of every follow-up whose time has come, each once; how many were told.

    Those of one whose contact does not like to be asked at this hour, as after downtime, wait for
    the next good one.
    """
    with all_rows(session):
        found = await session.execute(
            select(FollowUp, Contact)
            .outerjoin(Contact, Contact.id == FollowUp.contact_id)
            .where(
                FollowUp.state == FollowUpState.OPEN,
                FollowUp.reminded_at.is_(None),
                FollowUp.remind_at <= now,
            )
            .order_by(FollowUp.remind_at, FollowUp.id)
            .limit(REMINDED_AT_ONCE)
            .with_for_update(of=FollowUp, skip_locked=True)
        )
    count = 0
    for follow_up, contact in found.all():
        good = _good_moment(contact, now)
        if good > now:
            record(session, follow_up, follow_up.postpone_reminder(good))
            continue
        record(session, follow_up, follow_up.remind(now=now))
        count += 1
    return count


def _good_moment(contact: Contact | None, now: datetime) -> datetime:
    return now if contact is None else contact.good_moment(now)


async def _contact_of(
    session: AsyncSession, contact_id: UUID | None, customer_id: UUID
) -> Contact | None:
    """The contact, who works at the customer; raises ContactNotFound."""
    if contact_id is None:
        return None
    contact = await contacts.get_contact(session, contact_id)
    if contact.customer_id != customer_id:
        raise ContactNotFound(f"no contact {contact_id} at this customer")
    return contact
