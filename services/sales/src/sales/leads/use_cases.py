"""What people do with leads."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.rows import all_rows, rows_of
from common.auth import Actor
from common.custom_fields import writing
from common.days import day_of
from common.handovers import Handover
from common.ids import new_id
from common.match_keys import email_key, name_key, phone_key
from common.messaging.outbox import record
from common.numbers import next_number
from common.pagination import Page, PageRequest, paginate
from sales.copies import use_cases as copies
from sales.copies.model import EmployeeNotKnown, KnownCustomer, KnownEmployee, References, Wanted
from sales.db import take_turn
from sales.lead_assignments import use_cases as assignments
from sales.lead_assignments.model import LeadAssignment
from sales.lead_scoring_policies import use_cases as scoring_policies
from sales.leads.model import (
    OPEN_STATES,
    ClientKeyUsed,
    HowMoved,
    Lead,
    LeadNotFound,
    Suspected,
)
from sales.leads.schemas import (
    ContributionRead,
    LeadAssign,
    LeadCapture,
    LeadConvert,
    LeadLose,
    LeadScoreRead,
    MissedRuleRead,
    ReplayRead,
)
from sales.opportunities import use_cases as opportunities
from sales.opportunities.schemas import OpportunityOpen
from sales.products import use_cases as products
from sales.products.model import ExternalIdTaken, known

OWNER_LEFT = "the owner left the company"
RESCORED_AT_ONCE = 200
MOST_SUSPECTED = 10
"""Named with a new lead; who is not among the first ten says nothing more."""
_SCOPE = ("owner_id", "department_id", "partner_id", "region_id")


async def capture_lead(
    session: AsyncSession, new: LeadCapture, *, now: datetime
) -> tuple[Lead, bool]:
    """Take a lead down, scored; and whether it is new, or the first one under its client key.

    Where its company is the name of exactly one customer, it is that customer's lead. Raises
    LeadAlreadyThere where an open lead has the same address or number, unless `on_duplicate` says
    otherwise, and ClientKeyUsed where the key was used for something else.
    """
    facts = new.model_dump(exclude={*_SCOPE, "on_duplicate"})
    if new.client_key is not None:
        facts["client_key_digest"] = _digest_of(new)
        first = await _first_under_key(session, new, facts["client_key_digest"])
        if first is not None:
            return first, False
    await _refuse_taken_external_id(session, new)
    suspected = await _suspected(session, new)
    if new.customer_id is None and new.company:
        same = [other.id for other in suspected if other.kind == "customer"]
        facts["customer_id"] = same[0] if len(same) == 1 else None
    wanted = Wanted(customer_id=facts["customer_id"], **new.model_dump(include={*_SCOPE}))
    references = await copies.look_up(session, wanted)
    if new.product_id is not None:
        found = await products.find_products(session, [new.product_id])
        known(found, new.product_id, pointer="/product_id")
    facts = await writing.for_new(session, Lead, facts)
    lead, captured = Lead.capture(
        number=await next_number(session, "leads"),
        now=now,
        scoring=await scoring_policies.scoring_on(session, day_of(now)),
        suspected=[other for other in suspected if other.id != facts["customer_id"]],
        on_duplicate=new.on_duplicate,
        **facts,
        **references.scope(wanted),
    )
    session.add(lead)
    record(session, lead, captured)
    return lead, True


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


async def update_lead(
    session: AsyncSession, lead_id: UUID, *, changes: dict[str, Any], now: datetime
) -> Lead:
    """Change what is known; the lead is scored anew."""
    await copies.look_up(session, Wanted(customer_id=changes.get("customer_id")))
    if changes.get("product_id") is not None:
        found = await products.find_products(session, [changes["product_id"]])
        known(found, changes["product_id"], pointer="/product_id")
    scoring = await scoring_policies.scoring_on(session, day_of(now))
    lead = await get_lead(session, lead_id, lock=True)
    changes = await writing.for_change(session, lead, changes)
    updated = lead.update(changes, now=now, scoring=scoring)
    if updated is not None:
        record(session, lead, updated)
    return lead


async def get_score(session: AsyncSession, lead_id: UUID, *, now: datetime) -> LeadScoreRead:
    """Why the lead has its score, by the version of the rules it was scored by."""
    lead = await get_lead(session, lead_id)
    scoring = await scoring_policies.scoring_of_version(session, lead.score_rules_version)
    in_force = await scoring_policies.scoring_on(session, day_of(now))
    gave = {part["rule"] for part in lead.score_contributions}
    return LeadScoreRead(
        lead_id=lead.id,
        score=lead.score,
        sum=sum(part["points"] for part in lead.score_contributions),
        rating=lead.rating,
        policy_version=lead.score_rules_version,
        policy_version_in_force=in_force.version,
        contributions=[ContributionRead(**part) for part in lead.score_contributions],
        missed=[
            MissedRuleRead(rule=rule.name, points=rule.points, because=rule.because)
            for rule in scoring.rules
            if rule.name not in gave
        ],
    )


async def rescore_leads(
    session: AsyncSession, *, now: datetime, limit: int = RESCORED_AT_ONCE
) -> int:
    """Score open leads by the rules in force that were scored by others; how many there were."""
    scoring = await scoring_policies.scoring_on(session, day_of(now))
    found = await session.execute(
        select(Lead)
        .where(
            Lead.state.in_(OPEN_STATES),
            # Two ranges of the index; that it is another one could not use it.
            or_(
                Lead.score_rules_version < scoring.version,
                Lead.score_rules_version > scoring.version,
            ),
        )
        .order_by(Lead.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    leads = found.scalars().all()
    for lead in leads:
        record(session, lead, lead.rescore(scoring))
    return len(leads)


async def assign_lead(
    session: AsyncSession, lead_id: UUID, to: LeadAssign, *, now: datetime
) -> Lead:
    """Give the lead to somebody; it comes to their department."""
    employee = await session.get(KnownEmployee, to.assignee_id)
    if employee is None:
        raise EmployeeNotKnown(f"no employee {to.assignee_id}", pointer="/assignee_id")
    employee.check_takes(pointer="/assignee_id")
    lead = await get_lead(session, lead_id, lock=True)
    _assign(
        session,
        lead,
        to=employee.id,
        department_id=employee.department_id,
        reason=to.reason,
        how=HowMoved.MANUAL,
        now=now,
    )
    return lead


async def route_lead(session: AsyncSession, lead_id: UUID, *, now: datetime) -> Lead:
    """Give a lead from the pool to whom the routing rules find; nobody where they find none."""
    lead = await get_lead(session, lead_id, lock=True)
    lead.check_in_pool()
    await assignments.route(session, [lead], now=now)
    return lead


async def list_assignments(session: AsyncSession, lead_id: UUID) -> Sequence[LeadAssignment]:
    """Every move of the lead, in order."""
    await get_lead(session, lead_id)
    return await assignments.list_assignments(session, lead_id)


async def replay_assignment(
    session: AsyncSession, lead_id: UUID, assignment_id: UUID
) -> ReplayRead:
    """Work a routed assignment out again from what was kept of it."""
    move = await assignments.get_assignment(session, lead_id, assignment_id)
    decision = move.decide_again()
    return ReplayRead(
        assignment_id=move.id,
        employee_id=decision.employee_id,
        is_same=decision == move.made and decision.employee_id == move.to_owner_id,
        asked=move.asked or {},
    )


async def note_contact(session: AsyncSession, lead_id: UUID, *, now: datetime) -> Lead:
    """Write down that its owner spoke with the lead."""
    lead = await get_lead(session, lead_id, lock=True)
    record(session, lead, lead.note_contact(now=now))
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
        _assign(
            session,
            lead,
            to=handover.to_id,
            department_id=handover.to_department_id,
            reason=OWNER_LEFT,
            how=HowMoved.HANDED_OVER,
            now=handover.now,
        )
    return len(leads)


async def convert_lead(
    session: AsyncSession, lead_id: UUID, to: LeadConvert, *, actor: Actor, now: datetime
) -> Lead:
    """Make the lead an opportunity of its customer, once; a repetition finds the first result.

    The ids of a new customer and contact are made here, and they can be named at once; the customer
    service takes them on under these ids when it hears of it.
    """
    lead = await get_lead(session, lead_id, lock=True)
    if lead.is_converted:
        return lead
    customer_id = to.customer_id or lead.customer_id
    make_customer = customer_id is None
    make_contact = to.contact_id is None and (
        make_customer and lead.person is not None if to.make_contact is None else to.make_contact
    )
    if customer_id is None:
        customer_id = new_id()
        customer = KnownCustomer(
            id=customer_id,
            name=lead.party,
            name_key=name_key(lead.party),
            industry=lead.industry,
            **lead.scope,
        )
        session.add(customer)
        references = References(customer=customer)
    else:
        # The lead's scope was checked when it got it; only the customer may be new.
        references = await copies.look_up(
            session, Wanted(customer_id=customer_id, owner_id=lead.owner_id)
        )
    amount = lead.budget if to.expected_amount is None else to.expected_amount
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
            custom=to.custom,
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
        contact_id=new_id() if make_contact else to.contact_id,
        now=now,
        make_customer=make_customer,
        make_contact=make_contact,
    )
    record(session, lead, converted)
    return lead


async def lose_lead(session: AsyncSession, lead_id: UUID, lost: LeadLose) -> Lead:
    """Give the lead up."""
    lead = await get_lead(session, lead_id, lock=True)
    record(session, lead, lead.lose(**lost.model_dump()))
    return lead


async def reopen_lead(session: AsyncSession, lead_id: UUID, *, reason: str, now: datetime) -> Lead:
    """Follow a lost lead up again."""
    scoring = await scoring_policies.scoring_on(session, day_of(now))
    lead = await get_lead(session, lead_id, lock=True)
    record(session, lead, lead.reopen(reason=reason, now=now, scoring=scoring))
    return lead


def _assign(
    session: AsyncSession,
    lead: Lead,
    *,
    to: UUID,
    department_id: UUID | None,
    reason: str,
    how: HowMoved,
    now: datetime,
) -> None:
    before = lead.owner_id
    assigned = lead.assign(
        assignee_id=to, department_id=department_id, reason=reason, now=now, how=how
    )
    record(session, lead, assigned)
    assignments.keep_move(session, lead, how=how, from_owner_id=before, reason=reason, now=now)


def _digest_of(new: LeadCapture) -> str:
    """What tells a repetition from another lead that was given the same key."""
    return hashlib.sha256(to_json(new.model_dump(mode="json"))).hexdigest()


async def _first_under_key(session: AsyncSession, new: LeadCapture, digest: str) -> Lead | None:
    """The lead that was captured under the client key of this one; raises ClientKeyUsed."""
    # A repetition that overtakes the first request waits for it.
    await take_turn(session, f"client key {new.source} {new.client_key}")
    query = select(Lead).where(Lead.source == new.source, Lead.client_key == new.client_key)
    with all_rows(session):
        first = (await session.execute(query)).scalar()
    if first is None:
        return None
    rows = rows_of(session)
    if rows is not None and not rows.hold(first.scope):
        raise ClientKeyUsed("the client key was used for a lead of somebody else")
    if first.client_key_digest != digest:
        raise ClientKeyUsed(
            "another lead was captured under this client key", existing_id=str(first.id)
        )
    return first


async def _refuse_taken_external_id(session: AsyncSession, new: LeadCapture) -> None:
    if new.external_id is None:
        return
    found = await session.execute(
        select(Lead.id).where(
            Lead.external_source == new.external_source, Lead.external_id == new.external_id
        )
    )
    existing = found.scalar()
    if existing is not None:
        raise ExternalIdTaken(
            f"a lead with id {new.external_id!r} of {new.external_source} is there already",
            existing_id=str(existing),
        )


async def _suspected(session: AsyncSession, new: LeadCapture) -> list[Suspected]:
    """Open leads with the same e-mail address, phone number or company, and customers of its name.

    The surest come first, and of those the oldest.
    """
    keys = {
        "email": email_key(new.email),
        "phone": phone_key(new.phone),
        "name": name_key(new.company),
    }
    columns = {"email": Lead.email_key, "phone": Lead.phone_key, "name": Lead.name_key}
    same = [columns[field] == key for field, key in keys.items() if key is not None]
    suspected: list[Suspected] = []
    if same:
        found = await session.execute(
            select(Lead.id, Lead.number, *columns.values())
            .where(or_(*same), Lead.state.in_(OPEN_STATES))
            .order_by(Lead.id)
            .limit(MOST_SUSPECTED)
        )
        for id_, number, *values in found:
            reasons = tuple(
                field
                for field, value in zip(columns, values, strict=True)
                if value is not None and value == keys[field]
            )
            suspected.append(Suspected("lead", id_, number, reasons))
    if keys["name"] is not None:
        customers = await copies.find_customers_by_name_key(
            session, keys["name"], limit=MOST_SUSPECTED
        )
        suspected += [Suspected("customer", id_, number, ("name",)) for id_, number in customers]
    return sorted(suspected, key=lambda other: not other.is_certain)
