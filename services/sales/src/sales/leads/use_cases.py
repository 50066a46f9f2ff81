"""What people do with leads."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Actor
from common.handovers import Handover
from common.messaging.outbox import record
from common.numbers import next_number
from common.pagination import Page, PageRequest, paginate
from sales.copies import use_cases as copies
from sales.copies.model import EmployeeNotKnown, KnownEmployee, Wanted
from sales.leads.model import (
    OPEN_STATES,
    Lead,
    LeadAlreadyThere,
    LeadNeedsCustomer,
    LeadNotFound,
    digits_of,
)
from sales.leads.schemas import LeadAssign, LeadCapture, LeadConvert, LeadLose
from sales.opportunities import use_cases as opportunities
from sales.opportunities.schemas import OpportunityOpen
from sales.products import use_cases as products
from sales.products.model import ExternalIdTaken, known

OWNER_LEFT = "the owner left the company"
_SCOPE = ("owner_id", "department_id", "partner_id", "region_id")


async def capture_lead(session: AsyncSession, new: LeadCapture, *, now: datetime) -> Lead:
    """Take a lead down, scored, unless an open one has the same address or number.

    Where its company is the name of exactly one customer, it is that customer's lead.
    """
    await _refuse_duplicate(session, new)
    facts = new.model_dump(exclude={*_SCOPE})
    if new.customer_id is None and new.company:
        facts["customer_id"] = await copies.find_customer_by_name(session, new.company)
    wanted = Wanted(customer_id=facts["customer_id"], **new.model_dump(include={*_SCOPE}))
    references = await copies.look_up(session, wanted)
    if new.product_id is not None:
        found = await products.find_products(session, [new.product_id])
        known(found, new.product_id, pointer="/product_id")
    lead, captured = Lead.capture(
        number=await next_number(session, "leads"),
        now=now,
        **facts,
        **references.scope(wanted),
    )
    session.add(lead)
    record(session, lead, captured)
    return lead


async def get_lead(session: AsyncSession, lead_id: UUID, *, lock: bool = False) -> Lead:
    """The lead; `lock` keeps it for this transaction."""
    lead = await session.get(Lead, lead_id, with_for_update=lock or None)
    if lead is None:
        raise LeadNotFound(f"no lead {lead_id}")
    return lead


async def list_leads(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    filters: Sequence[ColumnElement[bool]] = (),
) -> Page[Lead]:
    """A page of leads, as they should be worked on; `q` is looked for in names and number."""
    query = select(Lead).where(*filters)
    if q:
        query = query.where(
            or_(
                Lead.name.icontains(q, autoescape=True),
                Lead.company.icontains(q, autoescape=True),
                Lead.number.istartswith(q),
            )
        )
    return await paginate(
        session,
        query,
        page,
        id_column=Lead.id,
        sort_keys={
            "rank": Lead.rank,
            "created_at": Lead.created_at,
            "updated_at": Lead.updated_at,
        },
        default_sort="rank",
    )


async def update_lead(session: AsyncSession, lead_id: UUID, *, changes: dict[str, Any]) -> Lead:
    """Change what is known; the lead is scored anew."""
    await copies.look_up(session, Wanted(customer_id=changes.get("customer_id")))
    if changes.get("product_id") is not None:
        found = await products.find_products(session, [changes["product_id"]])
        known(found, changes["product_id"], pointer="/product_id")
    lead = await get_lead(session, lead_id, lock=True)
    updated = lead.update(changes)
    if updated is not None:
        record(session, lead, updated)
    return lead


async def assign_lead(
    session: AsyncSession, lead_id: UUID, to: LeadAssign, *, now: datetime
) -> Lead:
    """Give the lead to somebody; it comes to their department."""
    employee = await session.get(KnownEmployee, to.assignee_id)
    if employee is None:
        raise EmployeeNotKnown(f"no employee {to.assignee_id}", pointer="/assignee_id")
    employee.check_takes(pointer="/assignee_id")
    lead = await get_lead(session, lead_id, lock=True)
    assigned = lead.assign(
        assignee_id=employee.id, department_id=employee.department_id, reason=to.reason, now=now
    )
    record(session, lead, assigned)
    return lead


async def hand_over_leads(session: AsyncSession, handover: Handover, limit: int) -> int:
    """Give the open leads of somebody who left to the successor; how many there were."""
    found = await session.execute(
        select(Lead)
        .where(Lead.owner_id == handover.from_id, Lead.state.in_(OPEN_STATES))
        .order_by(Lead.id)
        .limit(limit)
        .with_for_update()
    )
    leads = found.scalars().all()
    for lead in leads:
        assigned = lead.assign(
            assignee_id=handover.to_id,
            department_id=handover.to_department_id,
            reason=OWNER_LEFT,
            now=handover.now,
        )
        record(session, lead, assigned)
    return len(leads)


async def convert_lead(
    session: AsyncSession, lead_id: UUID, to: LeadConvert, *, actor: Actor, now: datetime
) -> Lead:
    """Make the lead an opportunity of its customer, once; a repetition finds the first result."""
    lead = await get_lead(session, lead_id, lock=True)
    if lead.is_converted:
        return lead
    customer_id = to.customer_id or lead.customer_id
    if customer_id is None:
        raise LeadNeedsCustomer(
            "create the customer first and name it here", pointer="/customer_id"
        )
    amount = lead.budget if to.expected_amount is None else to.expected_amount
    # The lead's scope was checked when it got it; only the customer may be new.
    references = await copies.look_up(
        session, Wanted(customer_id=customer_id, owner_id=lead.owner_id)
    )
    opportunity = await opportunities.open_opportunity(
        session,
        OpportunityOpen(
            name=to.name or lead.name,
            customer_id=customer_id,
            product_id=to.product_id or lead.product_id,
            expected_amount=amount,
            expected_close_on=to.expected_close_on,
            currency=lead.currency,
            need=lead.need,
            budget=lead.budget,
            **lead.scope,
        ),
        actor=actor,
        now=now,
        lead_id=lead.id,
        references=references,
    )
    converted = lead.convert(
        customer_id=customer_id,
        opportunity_id=opportunity.id,
        contact_id=to.contact_id,
        now=now,
    )
    record(session, lead, converted)
    return lead


async def lose_lead(session: AsyncSession, lead_id: UUID, lost: LeadLose) -> Lead:
    """Give the lead up."""
    lead = await get_lead(session, lead_id, lock=True)
    record(session, lead, lead.lose(reason=lost.reason))
    return lead


async def _refuse_duplicate(session: AsyncSession, new: LeadCapture) -> None:
    same: list[ColumnElement[bool]] = []
    if new.email is not None:
        same.append((Lead.email == new.email) & Lead.state.in_(OPEN_STATES))
    if new.phone is not None:
        same.append((Lead.phone_digits == digits_of(new.phone)) & Lead.state.in_(OPEN_STATES))
    if new.external_id is not None:
        same.append(
            (Lead.external_source == new.external_source) & (Lead.external_id == new.external_id)
        )
    if not same:
        return
    found = await session.execute(select(Lead).where(or_(*same)).limit(1))
    existing = found.scalar()
    if existing is None:
        return
    if new.external_id is not None and existing.external_id == new.external_id:
        raise ExternalIdTaken(
            f"a lead with id {new.external_id!r} of {new.external_source} is there already",
            existing_id=str(existing.id),
        )
    raise LeadAlreadyThere(
        f"lead {existing.number} has the same e-mail address or phone number",
        existing_id=str(existing.id),
    )
