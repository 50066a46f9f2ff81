"""What people do with customers in the pool, and how customers come back to it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.rows import all_rows, rows_of
from common.auth import Actor
from common.handovers import refuse_who_left
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from customer.customers import use_cases as customers
from customer.customers.model import (
    Customer,
    CustomerNotFound,
    CustomerNotYours,
    HowMoved,
)
from customer.db import take_turn
from customer.interactions.model import Interaction
from customer.pools.limits import ClaimantNotEmployee, check_cool_down, check_limit
from customer.pools.model import (
    BUILT_IN,
    CustomerMove,
    EmployeeNotKnown,
    PoolPolicy,
    PoolPolicyNotFound,
    PoolPolicyThere,
    Terms,
    in_pool,
    of_pools_of,
)
from customer.pools.moving import move_customer
from customer.pools.schemas import CustomerPoolRead, PoolPolicyCreate

CLAIMED = "taken from the pool"
AT_ONCE = 200
"""Customers that are warned of, or put back, in one run."""


async def list_customer_pools(session: AsyncSession, *, actor: Actor) -> list[CustomerPoolRead]:
    """The pools with what lies in them, as far as the actor takes from them or sees it."""
    condition = _reach(session, actor)
    with all_rows(session):
        found = await session.execute(
            select(
                Customer.department_id,
                Customer.region_id,
                func.count(),
                func.min(Customer.owned_since),
            )
            .where(in_pool(), condition)
            .group_by(Customer.department_id, Customer.region_id)
            .order_by(func.count().desc(), Customer.department_id, Customer.region_id)
        )
    return [
        CustomerPoolRead(
            department_id=department_id,
            region_id=region_id,
            customers=count,
            oldest_since=oldest,
        )
        for department_id, region_id, count, oldest in found
    ]


async def list_pooled_customers(
    session: AsyncSession,
    page: PageRequest,
    *,
    filters: Sequence[ColumnElement[bool]],
    actor: Actor,
) -> Page[Customer]:
    """A page of customers in the pools, those that lie longest first."""
    condition = _reach(session, actor)
    with all_rows(session):
        return await paginate(
            session,
            select(Customer).where(in_pool(), condition, *filters),
            page,
            id_column=Customer.id,
            sort_keys={"pooled_since": Customer.owned_since, "name": Customer.name},
            default_sort="pooled_since",
        )


async def claim_customer(
    session: AsyncSession, customer_id: UUID, *, actor: Actor, now: datetime
) -> Customer:
    """Take a customer from the pool for oneself; who has it already gets it again unchanged.

    Of several who claim it at once one gets it; the others are refused with CustomerHasOwner.
    """
    if actor.employee_id is None:
        raise ClaimantNotEmployee("only an employee takes customers: sign in as one, or assign it")
    await refuse_who_left(session, actor.employee_id, pointer="/")
    condition = _reach(session, actor)
    with all_rows(session):
        seen = await session.execute(
            select(Customer.id).where(Customer.id == customer_id, condition)
        )
        if seen.first() is None:
            raise CustomerNotFound(f"no customer {customer_id}")
        customer = await customers.get_customer(session, customer_id, lock=True)
    if customer.owner_id == actor.employee_id:
        return customer
    customer.check_in_pool()
    terms = await _terms_of(session, customer)
    # One claim of a person at a time: each counts what the others took.
    await take_turn(session, f"claims of {actor.employee_id}")
    with all_rows(session):
        held = await session.execute(
            select(func.count()).where(
                Customer.owner_id == actor.employee_id,
                Customer.is_claimed,
                Customer.deleted_at.is_(None),
            )
        )
        left = await session.execute(
            select(func.max(CustomerMove.happened_at)).where(
                CustomerMove.customer_id == customer.id,
                CustomerMove.from_owner_id == actor.employee_id,
                CustomerMove.to_owner_id.is_(None),
            )
        )
    check_limit(held.scalar_one(), terms.claim_limit)
    check_cool_down(left.scalar(), days=terms.cool_down_days, now=now)
    claimed = customer.take_from_pool(
        owner_id=actor.employee_id,
        department_id=actor.department_id,
        reason=CLAIMED,
        how=HowMoved.CLAIMED,
    )
    await move_customer(session, customer, claimed, now=now)
    return customer


async def assign_customer(
    session: AsyncSession, customer_id: UUID, *, owner_id: UUID, reason: str, now: datetime
) -> Customer:
    """Hand a customer of the pool out; neither limit nor cool-down counts for what a manager does."""
    await refuse_who_left(session, owner_id, pointer="/owner_id")
    found = await session.execute(
        text("SELECT department_id FROM access_employees WHERE id = :id"), {"id": owner_id}
    )
    employee = found.first()
    if employee is None:
        raise EmployeeNotKnown(f"no employee {owner_id}", pointer="/owner_id")
    customer = await customers.get_customer(session, customer_id, lock=True)
    assigned = customer.take_from_pool(
        owner_id=owner_id,
        department_id=employee.department_id,
        reason=reason,
        how=HowMoved.ASSIGNED,
    )
    await move_customer(session, customer, assigned, now=now)
    return customer


async def release_customer(
    session: AsyncSession, customer_id: UUID, *, reason: str, actor: Actor, now: datetime
) -> Customer:
    """Put a customer back into the pool: one's own, or anybody's for who hands them out."""
    customer = await customers.get_customer(session, customer_id, lock=True)
    if customer.owner_id != actor.employee_id and not actor.may(customers.MAY_HAND_OUT):
        raise CustomerNotYours("only its owner, or who hands customers out, gives this one back")
    released = customer.release(how=HowMoved.RELEASED, reason=reason)
    await move_customer(session, customer, released, now=now)
    return customer


async def list_moves(session: AsyncSession, customer_id: UUID) -> Sequence[CustomerMove]:
    """How the customer went from hand to hand, in order."""
    await customers.get_customer(session, customer_id)
    found = await session.execute(
        select(CustomerMove)
        .where(CustomerMove.customer_id == customer_id)
        .order_by(CustomerMove.id)
    )
    return found.scalars().all()


async def warn_of_recycling(session: AsyncSession, *, now: datetime, limit: int = AT_ONCE) -> int:
    """Announce to the owners which customers go back to the pool soon; how many.

    Each once for as long as nobody speaks with it. What is overdue, as after downtime, still gets its
    days of warning.
    """
    idle_since, query = _idle_customers(now=now, days_before=True)
    found = await session.execute(
        query.where(
            or_(Customer.recycle_warned_at.is_(None), Customer.recycle_warned_at < idle_since)
        ).limit(limit)
    )
    count = 0
    for customer, since, recycle_after, warn_before in found.all():
        recycle_at = max(since + timedelta(days=recycle_after), now + timedelta(days=warn_before))
        warned = customer.warn_of_recycling(idle_since=since, recycle_at=recycle_at, now=now)
        record(session, customer, warned)
        count += 1
    return count


async def recycle_idle_customers(
    session: AsyncSession, *, now: datetime, limit: int = AT_ONCE
) -> int:
    """Put back into the pool whom the owners did not speak with for too long; how many.

    Nobody loses a customer without having been warned as many days before as the policy says.
    """
    idle_since, query = _idle_customers(now=now, days_before=False)
    found = await session.execute(
        query.where(
            Customer.recycle_warned_at >= idle_since,
            Customer.recycle_warned_at
            <= _at(now) - func.make_interval(0, 0, 0, _policy_of.c.warn_before_days),
        ).limit(limit)
    )
    count = 0
    for customer, _, recycle_after, _ in found.all():
        released = customer.release(
            how=HowMoved.IDLE, reason=f"nobody spoke with the customer for {recycle_after} days"
        )
        await move_customer(session, customer, released, now=now)
        count += 1
    return count


_policy_of = (
    select(
        PoolPolicy.claim_limit,
        PoolPolicy.cool_down_days,
        PoolPolicy.recycle_after_days,
        PoolPolicy.warn_before_days,
    )
    .where(
        or_(PoolPolicy.department_id.is_(None), PoolPolicy.department_id == Customer.department_id),
        or_(PoolPolicy.region_id.is_(None), PoolPolicy.region_id == Customer.region_id),
    )
    .order_by(PoolPolicy.department_id.is_(None), PoolPolicy.region_id.is_(None))
    .limit(1)
    .correlate(Customer)
    .lateral("policy")
)
"""The one policy that holds for a customer."""


def _at(moment: datetime) -> ColumnElement[datetime]:
    return literal(moment, DateTime(timezone=True))


def _idle_customers(
    *, now: datetime, days_before: bool
) -> tuple[ColumnElement[datetime], Select[Any]]:
    """Owned customers that are idle long enough, locked; since when, and their policy's two times.

    `days_before` counts those as well whose owners are to be warned.
    """
    last = (
        select(Interaction.occurred_at)
        .where(Interaction.customer_id == Customer.id)
        .order_by(Interaction.occurred_at.desc())
        .limit(1)
        .correlate(Customer)
        .lateral("last")
    )
    idle_since = func.greatest(Customer.owned_since, last.c.occurred_at)
    days: ColumnElement[Any] = _policy_of.c.recycle_after_days
    if days_before:
        days = days - _policy_of.c.warn_before_days
    cutoff = _at(now) - func.make_interval(0, 0, 0, days)
    query = (
        select(
            Customer,
            idle_since,
            _policy_of.c.recycle_after_days,
            _policy_of.c.warn_before_days,
        )
        .select_from(Customer)
        .join(_policy_of, true())
        .outerjoin(last, true())
        .where(
            Customer.owner_id.is_not(None),
            Customer.partner_id.is_(None),
            Customer.deleted_at.is_(None),
            _policy_of.c.recycle_after_days.is_not(None),
            # Without the interactions first: who has the customer since yesterday is not asked.
            Customer.owned_since <= cutoff,
            idle_since <= cutoff,
        )
        .order_by(Customer.owned_since, Customer.id)
        .with_for_update(of=Customer, skip_locked=True)
    )
    return idle_since, query


async def _terms_of(session: AsyncSession, customer: Customer) -> Terms:
    """What holds for the customer."""
    found = await session.execute(
        select(PoolPolicy)
        .where(
            or_(
                PoolPolicy.department_id.is_(None),
                PoolPolicy.department_id == customer.department_id,
            ),
            or_(PoolPolicy.region_id.is_(None), PoolPolicy.region_id == customer.region_id),
        )
        .order_by(PoolPolicy.department_id.is_(None), PoolPolicy.region_id.is_(None))
        .limit(1)
    )
    policy = found.scalar()
    return BUILT_IN if policy is None else policy.terms


def _own(session: AsyncSession) -> ColumnElement[bool]:
    """The condition of the rows that the actor sees anyway."""
    rows = rows_of(session)
    return true() if rows is None else rows.predicate(Customer)


def _reach(session: AsyncSession, actor: Actor) -> ColumnElement[bool]:
    """The condition that the actor sees a customer: by their rows, or because it is in their pools.

    Where this widens the rows of the session, the caller lists pooled customers only, or tells of
    one that it is no longer there to be had.
    """
    pools = of_pools_of(actor)
    return _own(session) if pools is None else or_(_own(session), pools)


async def set_pool_policy(session: AsyncSession, new: PoolPolicyCreate) -> PoolPolicy:
    """Say what holds in a pool that has no policy yet."""
    await take_turn(session, "pool policies")
    there = await session.execute(
        select(PoolPolicy.id).where(
            and_(
                PoolPolicy.department_id.is_not_distinct_from(new.department_id),
                PoolPolicy.region_id.is_not_distinct_from(new.region_id),
            )
        )
    )
    existing = there.scalar()
    if existing is not None:
        raise PoolPolicyThere("the pool has a policy", existing_id=str(existing))
    policy, told = PoolPolicy.set_for(**new.model_dump())
    session.add(policy)
    record(session, policy, told)
    return policy


async def get_pool_policy(
    session: AsyncSession, policy_id: UUID, *, lock: bool = False
) -> PoolPolicy:
    """The policy; `lock` keeps it for this transaction."""
    policy = await session.get(PoolPolicy, policy_id, with_for_update=lock or None)
    if policy is None:
        raise PoolPolicyNotFound(f"no pool policy {policy_id}")
    return policy


async def list_pool_policies(session: AsyncSession, page: PageRequest) -> Page[PoolPolicy]:
    """A page of policies."""
    return await paginate(
        session,
        select(PoolPolicy),
        page,
        id_column=PoolPolicy.id,
        sort_keys={"created_at": PoolPolicy.created_at},
        default_sort="created_at",
    )


async def update_pool_policy(
    session: AsyncSession, policy_id: UUID, *, changes: dict[str, Any]
) -> PoolPolicy:
    """Let something else hold in a pool."""
    policy = await get_pool_policy(session, policy_id, lock=True)
    told = policy.update(changes)
    if told is not None:
        record(session, policy, told)
    return policy
