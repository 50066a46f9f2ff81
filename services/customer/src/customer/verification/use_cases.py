"""What people do about whether what we know still holds."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Select, func, literal, or_, select, true
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Actor
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from customer.customers import use_cases as customers
from customer.customers.model import Customer
from customer.db import take_turn
from customer.standings.model import Standing
from customer.verification.model import (
    FIELDS,
    FieldGroup,
    Result,
    Verification,
    VerificationPolicy,
    VerificationPolicyNotFound,
    VerificationPolicyThere,
)
from customer.verification.schemas import (
    CustomerVerify,
    DueCustomer,
    GroupState,
    VerificationPolicyCreate,
)


async def verify_customer(
    session: AsyncSession, customer_id: UUID, found: CustomerVerify, *, actor: Actor, now: datetime
) -> Verification:
    """Write down whether a group of fields still holds."""
    customer = await customers.get_customer(session, customer_id, lock=True)
    verification, told = Verification.of(customer, **found.model_dump(), by=actor.id, now=now)
    session.add(verification)
    record(session, customer, told)
    return verification


async def list_verifications(
    session: AsyncSession,
    page: PageRequest,
    *,
    customer_id: UUID | None,
    field_group: str | None,
    result: str | None,
) -> Page[Verification]:
    """A page of what was found, the latest first."""
    query = select(Verification)
    for column, value in (
        (Verification.customer_id, customer_id),
        (Verification.field_group, field_group),
        (Verification.result, result),
    ):
        if value is not None:
            query = query.where(column == value)
    return await paginate(
        session,
        query,
        page,
        id_column=Verification.id,
        sort_keys={"verified_at": Verification.verified_at},
        default_sort="-verified_at",
    )


async def get_verification_state(
    session: AsyncSession, customer_id: UUID, *, now: datetime
) -> list[GroupState]:
    """How well each group of the customer's fields is known."""
    customer = await customers.get_customer(session, customer_id)
    latest = await session.execute(
        select(Verification)
        .ext(distinct_on(Verification.field_group))
        .where(Verification.customer_id == customer_id)
        .order_by(Verification.field_group, Verification.verified_at.desc(), Verification.id.desc())
    )
    by_group = {each.field_group: each for each in latest.scalars()}
    grade = await session.scalar(select(Standing.grade).where(Standing.id == customer_id))
    policies = await session.execute(
        select(VerificationPolicy)
        .where(or_(VerificationPolicy.grade.is_(None), VerificationPolicy.grade == grade))
        # That of the grade comes later and counts.
        .order_by(VerificationPolicy.grade.is_not(None))
    )
    every = {policy.field_group: policy.every_days for policy in policies.scalars()}
    return [
        _state(group, by_group.get(group), every.get(group), customer, now) for group in FieldGroup
    ]


def _state(
    group: FieldGroup,
    latest: Verification | None,
    every_days: int | None,
    customer: Customer,
    now: datetime,
) -> GroupState:
    is_wrong = latest is not None and latest.result == Result.WRONG
    verified_at = None if latest is None or is_wrong else latest.verified_at
    due_at = None
    if latest is not None and is_wrong:
        due_at = latest.verified_at
    elif every_days is not None:
        due_at = (verified_at or customer.registered_at) + timedelta(days=every_days)
    return GroupState(
        field_group=group,
        fields=list(FIELDS[group]),
        last_verified_at=verified_at,
        last_result=None if latest is None else latest.result,
        every_days=every_days,
        due_at=due_at,
        is_due=due_at is not None and due_at <= now,
    )


async def list_due(
    session: AsyncSession,
    page: PageRequest,
    *,
    field_group: FieldGroup,
    grade: str | None,
    owner_id: UUID | None,
    now: datetime,
) -> Page[DueCustomer]:
    """A page of the customers of whom a group is to be verified, those known longest first.

    Due is what was verified longer ago than the policy of the grade says (before the first time:
    what was registered so long ago), and what was found wrong.
    """
    latest = (
        select(Verification.verified_at, Verification.result)
        .where(
            Verification.customer_id == Customer.id,
            Verification.field_group == field_group,
        )
        .order_by(Verification.verified_at.desc(), Verification.id.desc())
        .limit(1)
        .correlate(Customer)
        .lateral("latest")
    )
    every_days = (
        select(VerificationPolicy.every_days)
        .where(
            VerificationPolicy.field_group == field_group,
            or_(
                VerificationPolicy.grade.is_(None),
                VerificationPolicy.grade
                == select(Standing.grade)
                .where(Standing.id == Customer.id)
                .correlate(Customer)
                .scalar_subquery(),
            ),
        )
        .order_by(VerificationPolicy.grade.is_(None))
        .limit(1)
        .correlate(Customer)
        .scalar_subquery()
    )
    cutoff: ColumnElement[datetime] = literal(now, DateTime(timezone=True)) - func.make_interval(
        0, 0, 0, every_days
    )
    query: Select[Any] = (
        select(Customer)
        .select_from(Customer)
        .outerjoin(latest, true())
        .where(
            Customer.deleted_at.is_(None),
            or_(
                latest.c.result == Result.WRONG,
                func.coalesce(latest.c.verified_at, Customer.registered_at) <= cutoff,
            ),
        )
    )
    if grade is not None:
        query = query.join(Standing, Standing.id == Customer.id).where(Standing.grade == grade)
    if owner_id is not None:
        query = query.where(Customer.owner_id == owner_id)
    found = await paginate(
        session,
        query,
        page,
        id_column=Customer.id,
        sort_keys={"created_at": Customer.created_at, "name": Customer.name},
        default_sort="created_at",
    )
    known = await session.execute(
        select(Customer.id, Standing.grade, latest.c.verified_at, latest.c.result)
        .select_from(Customer)
        .outerjoin(Standing, Standing.id == Customer.id)
        .outerjoin(latest, true())
        .where(Customer.id.in_([customer.id for customer in found.data]))
    )
    by_id = {row[0]: row for row in known}
    return found.showing(lambda customer: _due(customer, *by_id[customer.id][1:]))


def _due(
    customer: Customer, grade: str | None, verified_at: datetime | None, result: str | None
) -> DueCustomer:
    return DueCustomer(
        customer_id=customer.id,
        number=customer.number,
        name=customer.name,
        owner_id=customer.owner_id,
        grade=grade,
        last_verified_at=None if result == Result.WRONG else verified_at,
        last_result=result,
    )


async def set_verification_policy(
    session: AsyncSession, new: VerificationPolicyCreate
) -> VerificationPolicy:
    """Say how often a group is verified, where nothing is said yet."""
    await take_turn(session, "verification policies")
    there = await session.scalar(
        select(VerificationPolicy.id).where(
            VerificationPolicy.field_group == new.field_group,
            VerificationPolicy.grade.is_not_distinct_from(new.grade),
        )
    )
    if there is not None:
        raise VerificationPolicyThere("this group and grade have a policy", existing_id=str(there))
    policy, told = VerificationPolicy.set_for(**new.model_dump())
    session.add(policy)
    record(session, policy, told)
    return policy


async def list_verification_policies(
    session: AsyncSession, page: PageRequest
) -> Page[VerificationPolicy]:
    """A page of policies."""
    return await paginate(
        session,
        select(VerificationPolicy),
        page,
        id_column=VerificationPolicy.id,
        sort_keys={"created_at": VerificationPolicy.created_at},
        default_sort="created_at",
    )


async def get_verification_policy(
    session: AsyncSession, policy_id: UUID, *, lock: bool = False
) -> VerificationPolicy:
    """The policy; `lock` keeps it for this transaction."""
    policy = await session.get(VerificationPolicy, policy_id, with_for_update=lock or None)
    if policy is None:
        raise VerificationPolicyNotFound(f"no verification policy {policy_id}")
    return policy


async def update_verification_policy(
    session: AsyncSession, policy_id: UUID, *, changes: dict[str, Any]
) -> VerificationPolicy:
    """Say how often from now on."""
    policy = await get_verification_policy(session, policy_id, lock=True)
    told = policy.update(every_days=changes.get("every_days", policy.every_days))
    if told is not None:
        record(session, policy, told)
    return policy
