"""What people and the worker do about the quality of what is known."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, cast, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from common import context
from common.access.rows import all_rows
from common.auth import Actor
from common.handovers import refuse_who_left
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from customer.contacts.model import Contact
from customer.customers import use_cases as customers
from customer.customers.model import Customer, CustomerKind
from customer.db import take_turn
from customer.duplicates.model import DuplicatePair
from customer.quality.completeness import COMPANY, PERSON
from customer.quality.model import (
    UNSETTLED,
    QualityCheck,
    QualityIssue,
    QualityIssueNotFound,
    completeness_of_contact,
    completeness_of_customer,
    differences,
    findings_of_contact,
    findings_of_customer,
)
from customer.quality.schemas import CompletenessRead, ContactCompleteness, QualitySummary

AT_ONCE = 1000
"""Customers that are looked at in one transaction."""


async def get_completeness(session: AsyncSession, customer_id: UUID) -> CompletenessRead:
    """How complete the records of a customer and its contacts are."""
    customer = await customers.get_customer(session, customer_id)
    contacts = (await _contacts_of(session, [customer_id])).get(customer_id, [])
    figure = completeness_of_customer(
        customer, has_primary=any(contact.is_primary for contact in contacts)
    )
    of_contacts = [(contact.id, completeness_of_contact(contact)) for contact in contacts]
    return CompletenessRead(
        percent=figure.percent,
        missing=list(figure.missing),
        weights=PERSON if customer.kind == CustomerKind.PERSON else COMPANY,
        contacts=[
            ContactCompleteness(contact_id=id_, percent=each.percent, missing=list(each.missing))
            for id_, each in of_contacts
        ],
    )


async def summarise_quality(session: AsyncSession) -> QualitySummary:
    """How well customers are known; as of the worker's last look at each."""
    average, count = (
        await session.execute(
            select(func.avg(QualityCheck.completeness), func.count())
            .join(Customer, Customer.id == QualityCheck.id)
            .where(Customer.deleted_at.is_(None))
        )
    ).one()
    issues = await session.execute(
        select(QualityIssue.kind, func.count())
        .where(QualityIssue.state.in_(UNSETTLED))
        .group_by(QualityIssue.kind)
    )
    return QualitySummary(
        customers=count,
        average_completeness=None if average is None else round(float(average), 1),
        open_issues={row[0]: row[1] for row in issues},
    )


async def list_quality_issues(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]]
) -> Page[QualityIssue]:
    """A page of issues, those that lie longest first."""
    return await paginate(
        session,
        select(QualityIssue).where(*filters),
        page,
        id_column=QualityIssue.id,
        sort_keys={"found_at": QualityIssue.found_at},
        default_sort="found_at",
    )


async def get_quality_issue(
    session: AsyncSession, issue_id: UUID, *, lock: bool = False
) -> QualityIssue:
    """The issue; `lock` keeps it for this transaction."""
    issue = await session.get(QualityIssue, issue_id, with_for_update=lock or None)
    if issue is None:
        raise QualityIssueNotFound(f"no quality issue {issue_id}")
    return issue


async def assign_quality_issue(
    session: AsyncSession, issue_id: UUID, *, assignee_id: UUID
) -> QualityIssue:
    """Give an issue to somebody to be put right."""
    await refuse_who_left(session, assignee_id, pointer="/assignee_id")
    issue = await get_quality_issue(session, issue_id, lock=True)
    assigned = issue.assign(assignee_id)
    if assigned is not None:
        record(session, issue, assigned)
    return issue


async def resolve_quality_issue(
    session: AsyncSession, issue_id: UUID, *, note: str | None, actor: Actor, now: datetime
) -> QualityIssue:
    """Say that it is put right."""
    issue = await get_quality_issue(session, issue_id, lock=True)
    record(session, issue, issue.resolve(by=actor.id, now=now, note=note))
    return issue


async def dismiss_quality_issue(
    session: AsyncSession, issue_id: UUID, *, note: str | None, actor: Actor, now: datetime
) -> QualityIssue:
    """Say that it is right as it is."""
    issue = await get_quality_issue(session, issue_id, lock=True)
    record(session, issue, issue.dismiss(by=actor.id, now=now, note=note))
    return issue


async def check_quality(session: AsyncSession, *, now: datetime, limit: int = AT_ONCE) -> int:
    """Look at customers that changed since the last look, or whose contacts did; how many there were.

    What is found newly goes on the list, and what is found no more is resolved.
    """
    await take_turn(session, "quality")
    with all_rows(session):
        changed = await _changed(session, limit)
        ids = [customer.id for customer, _ in changed]
        if not ids:
            return 0
        contacts = await _contacts_of(session, ids)
        suspected = await _suspected(session, ids)
        there = await session.execute(
            select(QualityIssue).where(QualityIssue.customer_id.in_(ids)).order_by(QualityIssue.id)
        )
        issues: dict[UUID, list[QualityIssue]] = {}
        for issue in there.scalars():
            issues.setdefault(issue.customer_id, []).append(issue)
    checks = []
    by = context.current().actor_id or "worker"
    for customer, versions in changed:
        own = contacts.get(customer.id, [])
        figure = completeness_of_customer(
            customer, has_primary=any(contact.is_primary for contact in own)
        )
        findings = findings_of_customer(customer, figure, suspected.get(customer.id, ()))
        for contact in own:
            findings += findings_of_contact(contact)
        gone, new = differences(issues.get(customer.id, []), findings)
        for issue in gone:
            record(session, issue, issue.resolve(by=by, now=now))
        for finding in new:
            issue, raised = QualityIssue.raise_for(customer.id, finding, now=now)
            session.add(issue)
            record(session, issue, raised)
        checks.append({"id": customer.id, "checked": versions, "completeness": figure.percent})
    keep = insert(QualityCheck)
    await session.execute(
        keep.on_conflict_do_update(
            index_elements=["id"],
            set_={
                "checked": keep.excluded.checked,
                "completeness": keep.excluded.completeness,
            },
        ),
        checks,
    )
    return len(changed)


async def _changed(session: AsyncSession, limit: int) -> list[tuple[Customer, int]]:
    of_contacts = (
        select(Contact.customer_id, func.sum(Contact.version).label("versions"))
        .group_by(Contact.customer_id)
        .subquery()
    )
    of_pairs = (
        select(DuplicatePair.one_id.label("id"), DuplicatePair.dismissed_at)
        .union_all(select(DuplicatePair.other_id, DuplicatePair.dismissed_at))
        .subquery()
    )
    pairs = (
        select(
            of_pairs.c.id,
            # Neither a new suspicion nor a dismissed one changes the customer.
            (1_000_003 * func.count() + 7 * func.count(of_pairs.c.dismissed_at)).label("versions"),
        )
        .group_by(of_pairs.c.id)
        .subquery()
    )
    versions = cast(
        Customer.version
        + func.coalesce(of_contacts.c.versions, 0)
        + func.coalesce(pairs.c.versions, 0),
        BigInteger,
    )
    found = await session.execute(
        select(Customer, versions)
        .outerjoin(of_contacts, of_contacts.c.customer_id == Customer.id)
        .outerjoin(pairs, pairs.c.id == Customer.id)
        .outerjoin(QualityCheck, QualityCheck.id == Customer.id)
        .where(
            Customer.deleted_at.is_(None),
            or_(QualityCheck.checked.is_(None), QualityCheck.checked != versions),
        )
        .order_by(Customer.id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in found.all()]


async def _contacts_of(
    session: AsyncSession, customer_ids: Sequence[UUID]
) -> dict[UUID, list[Contact]]:
    found = await session.execute(
        select(Contact)
        .where(Contact.customer_id.in_(customer_ids), Contact.deleted_at.is_(None))
        .order_by(Contact.id)
    )
    contacts: dict[UUID, list[Contact]] = {}
    for contact in found.scalars():
        contacts.setdefault(contact.customer_id, []).append(contact)
    return contacts


async def _suspected(session: AsyncSession, customer_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    found = await session.execute(
        select(DuplicatePair.one_id, DuplicatePair.other_id).where(
            or_(DuplicatePair.one_id.in_(customer_ids), DuplicatePair.other_id.in_(customer_ids)),
            DuplicatePair.dismissed_at.is_(None),
        )
    )
    suspected: dict[UUID, list[UUID]] = {}
    for one_id, other_id in found:
        suspected.setdefault(one_id, []).append(other_id)
        suspected.setdefault(other_id, []).append(one_id)
    return suspected
