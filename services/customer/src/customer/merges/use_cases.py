"""Merging customers, looking at it before, and undoing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from common import merges as references
from common.access.rows import all_rows
from common.auth import Actor
from common.ids import new_id
from common.merges import Reference
from common.messaging.outbox import record
from customer.contacts.model import Contact
from customer.customers import use_cases as customers
from customer.customers.model import Customer
from customer.duplicates import use_cases as duplicates
from customer.interactions.model import Interaction
from customer.merges.model import (
    Chosen,
    EditedFields,
    GroupWouldBeACircle,
    Merge,
    MergeNotFound,
    MergeWithItself,
    as_stored,
    choose,
    parent_after,
    undone_fields,
)
from customer.merges.schemas import MergeRequest

REFERENCES = (
    Reference("contacts"),
    Reference("customers", "parent_id"),
    Reference("interactions"),
    Reference("partner_relations"),
    Reference("known_contracts"),
    Reference("known_orders"),
    Reference("known_receipts"),
    Reference("known_tickets"),
    Reference("segment_members"),
    Reference("customer_moves"),
    Reference("follow_ups"),
    Reference("verifications"),
    Reference("quality_issues"),
)
"""What names a customer here, and follows it when it is merged."""

FOLLOW_BY_EVENT = ("sales", "contract", "service-desk", "reporting")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a merge will do to the survivor."""

    survivor: Customer
    others: list[Customer]
    chosen: list[Chosen]

    @property
    def changes(self) -> dict[str, Any]:
        """The fields of the survivor that will be otherwise."""
        return {
            each.field: each.value
            for each in self.chosen
            if getattr(self.survivor, each.field) != each.value
        }


async def preview_merge(
    session: AsyncSession, survivor_id: UUID, asked: MergeRequest
) -> tuple[Plan, dict[str, int]]:
    """What the merge would do, and how many records here would be the survivor's."""
    plan = await _plan(session, survivor_id, asked)
    ids = [other.id for other in plan.others]
    with all_rows(session):
        counts = await session.execute(
            select(
                select(func.count())
                .select_from(Contact)
                .where(Contact.customer_id.in_(ids))
                .scalar_subquery()
                .label("contacts"),
                select(func.count())
                .select_from(Interaction)
                .where(Interaction.customer_id.in_(ids))
                .scalar_subquery()
                .label("interactions"),
                select(func.count())
                .select_from(Customer)
                .where(Customer.parent_id.in_(ids))
                .scalar_subquery()
                .label("subsidiaries"),
            )
        )
    return plan, dict(counts.mappings().one())


async def merge_customers(
    session: AsyncSession,
    survivor_id: UUID,
    asked: MergeRequest,
    *,
    actor: Actor,
    now: datetime,
) -> Merge:
    """Make the customers one: the others' ids lead to the survivor, and what they have is its."""
    await references.hold(session)
    plan = await _plan(session, survivor_id, asked, lock=True)
    survivor, changes = plan.survivor, plan.changes
    others = [other.id for other in plan.others]
    merge = Merge(
        id=new_id(),
        number=await _next_number(session),
        survivor_id=survivor.id,
        merged_ids=others,
        survivor_changes={
            field: [as_stored(field, getattr(survivor, field)), as_stored(field, value)]
            for field, value in changes.items()
        },
        retired_primary_ids=await _retire_primaries(session, survivor.id, others),
        reason=asked.reason,
        merged_by=actor.id,
        merged_at=now,
    )
    session.add(merge)
    for other in plan.others:
        record(session, other, other.merge_into(survivor, now=now))
    updated = survivor.update(changes)
    if updated is not None:
        record(session, survivor, updated)
    record(session, survivor, merge.told(survivor))
    await session.flush()
    with all_rows(session):
        await references.merge(
            session,
            REFERENCES,
            merge_id=merge.id,
            number=merge.number,
            from_ids=others,
            to_id=survivor.id,
        )
        await duplicates.forget_pairs(session, others)
    return merge


async def unmerge_customers(
    session: AsyncSession,
    survivor_id: UUID,
    merge_id: UUID,
    *,
    edited: EditedFields,
    actor: Actor,
    now: datetime,
) -> tuple[Merge, list[dict[str, Any]]]:
    """Undo a merge: the others are customers again, with what was given for them.

    Returns the merge and the fields of the survivor that were edited since it had set them.
    """
    await references.hold(session)
    merge = await session.get(Merge, merge_id, with_for_update=True)
    if merge is None or merge.survivor_id != survivor_id:
        raise MergeNotFound(f"no merge {merge_id} of customer {survivor_id}")
    merge.undo(by=actor.id, now=now)
    survivor = await customers.get_customer(session, survivor_id, lock=True, deleted=True)
    for other in await _load(session, merge.merged_ids):
        record(session, other, other.unmerge_from(survivor))
    back, conflicts = undone_fields(survivor, merge.survivor_changes, edited)
    updated = survivor.update(back)
    if updated is not None:
        record(session, survivor, updated)
    record(session, survivor, merge.told_undone(survivor))
    await session.flush()
    with all_rows(session):
        await references.unmerge(session, REFERENCES, merge_id=merge.id)
        await _reinstate_primaries(session, merge)
    return merge, conflicts


async def list_merges(session: AsyncSession, customer_id: UUID) -> Sequence[Merge]:
    """The merges into this customer, the latest first."""
    await customers.get_customer(session, customer_id)
    found = await session.execute(
        select(Merge).where(Merge.survivor_id == customer_id).order_by(Merge.merged_at.desc())
    )
    return found.scalars().all()


async def _plan(
    session: AsyncSession, survivor_id: UUID, asked: MergeRequest, *, lock: bool = False
) -> Plan:
    ids = asked.customer_ids
    if survivor_id in ids or len(set(ids)) != len(ids):
        raise MergeWithItself("name each of the other customers once", pointer="/customer_ids")
    if lock:
        # In one order, so that two merges never wait for each other in a circle.
        await _load(session, [survivor_id, *ids])
    survivor = await customers.get_customer(session, survivor_id)
    others = [await customers.get_customer(session, other_id) for other_id in ids]
    chosen = {each.field: each for each in choose(survivor, others, asked.choices)}
    parent = chosen["parent_id"]
    with all_rows(session):
        above = await customers.chain_of(session, parent.value) if parent.value else []
    try:
        parent_id = parent_after(survivor, ids, parent.value, above)
    except GroupWouldBeACircle:
        # What is only filled in is left out where it does not fit.
        if survivor.parent_id is not None or "parent_id" in asked.choices:
            raise
        parent_id = None
    chosen["parent_id"] = Chosen("parent_id", parent_id, parent.from_id)
    return Plan(survivor, others, list(chosen.values()))


async def _next_number(session: AsyncSession) -> int:
    """One more than the last; who merges holds the lock, so nobody else takes it."""
    with all_rows(session):
        last = await session.execute(text("SELECT coalesce(max(number), 0) FROM merges"))
    return int(last.scalar_one()) + 1


async def _load(session: AsyncSession, ids: Sequence[UUID]) -> Sequence[Customer]:
    found = await session.execute(
        select(Customer).where(Customer.id.in_(ids)).order_by(Customer.id).with_for_update()
    )
    return found.scalars().all()


async def _retire_primaries(
    session: AsyncSession, survivor_id: UUID, others: Sequence[UUID]
) -> list[UUID]:
    """Leave one primary contact: the survivor's, or that of the first of the others who has one."""
    with all_rows(session):
        found = await session.execute(
            select(Contact)
            .where(
                Contact.customer_id.in_([survivor_id, *others]),
                Contact.is_primary,
                Contact.deleted_at.is_(None),
            )
            .order_by(Contact.id)
            .with_for_update()
        )
    order = {customer_id: place for place, customer_id in enumerate([survivor_id, *others])}
    primaries = sorted(found.scalars(), key=lambda contact: order[contact.customer_id])
    for contact in primaries[1:]:
        updated = contact.update({"is_primary": False})
        assert updated is not None
        record(session, contact, updated)
    return [contact.id for contact in primaries[1:]]


async def _reinstate_primaries(session: AsyncSession, merge: Merge) -> None:
    """Give the customers their primary contacts back, unless they have others by now."""
    found = await session.execute(
        select(Contact)
        .where(
            Contact.customer_id.in_([merge.survivor_id, *merge.merged_ids]),
            Contact.deleted_at.is_(None),
            Contact.id.in_(merge.retired_primary_ids) | Contact.is_primary,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    contacts = found.scalars().all()
    taken = {contact.customer_id for contact in contacts if contact.is_primary}
    for contact in contacts:
        if contact.id in merge.retired_primary_ids and contact.customer_id not in taken:
            updated = contact.update({"is_primary": True})
            if updated is not None:
                record(session, contact, updated)
                taken.add(contact.customer_id)
    await session.flush()
