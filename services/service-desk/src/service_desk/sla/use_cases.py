"""What people do with policies and calendars."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from common.auth import Actor
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from service_desk.sla.model import (
    CalendarNotFound,
    CalendarNotKnown,
    PolicyNotFound,
    SlaCalendar,
    SlaPolicy,
)
from service_desk.sla.schemas import CalendarPublish, PolicyPublish


async def publish_calendar(
    session: AsyncSession, new: CalendarPublish, *, actor: Actor, now: datetime
) -> SlaCalendar:
    """Publish hours of service; the next version where the name is known."""
    newest = await session.execute(
        select(func.max(SlaCalendar.revision)).where(SlaCalendar.name == new.name)
    )
    calendar, published = SlaCalendar.publish(
        by=actor.id,
        now=now,
        revision=(newest.scalar() or 0) + 1,
        **new.model_dump(mode="json"),
    )
    session.add(calendar)
    record(session, calendar, published)
    return calendar


async def get_calendar(session: AsyncSession, calendar_id: UUID) -> SlaCalendar:
    """The calendar version."""
    calendar = await session.get(SlaCalendar, calendar_id)
    if calendar is None:
        raise CalendarNotFound(f"no calendar {calendar_id}")
    return calendar


async def list_calendars(
    session: AsyncSession, page: PageRequest, *, name: str | None
) -> Page[SlaCalendar]:
    """A page of calendar versions, by name."""
    query = select(SlaCalendar)
    if name is not None:
        query = query.where(SlaCalendar.name == name)
    return await paginate(
        session,
        query,
        page,
        id_column=SlaCalendar.id,
        sort_keys={"name": SlaCalendar.name, "published_at": SlaCalendar.published_at},
        default_sort="name",
    )


async def publish_policy(
    session: AsyncSession, new: PolicyPublish, *, actor: Actor, now: datetime
) -> SlaPolicy:
    """Publish the next version of the promise; tickets that are open keep theirs."""
    if await session.get(SlaCalendar, new.calendar_id) is None:
        raise CalendarNotKnown(f"no calendar {new.calendar_id}", pointer="/calendar_id")
    newest = await session.execute(select(func.max(SlaPolicy.revision)))
    policy, published = SlaPolicy.publish(
        by=actor.id,
        now=now,
        effective_at=new.effective_at or now,
        revision=(newest.scalar() or 0) + 1,
        calendar_id=new.calendar_id,
        reason=new.reason,
        **new.model_dump(mode="json", include={"priorities", "targets"}),
    )
    session.add(policy)
    record(session, policy, published)
    return policy


async def get_policy(session: AsyncSession, policy_id: UUID) -> SlaPolicy:
    """The policy version."""
    policy = await session.get(SlaPolicy, policy_id)
    if policy is None:
        raise PolicyNotFound(f"no policy {policy_id}")
    return policy


async def list_policies(session: AsyncSession, page: PageRequest) -> Page[SlaPolicy]:
    """A page of policy versions, the newest first."""
    return await paginate(
        session,
        select(SlaPolicy),
        page,
        id_column=SlaPolicy.id,
        sort_keys={"revision": SlaPolicy.revision, "effective_at": SlaPolicy.effective_at},
        default_sort="-revision",
    )


async def find_policies(
    session: AsyncSession, *, first: datetime, last: datetime
) -> Sequence[SlaPolicy]:
    """The policies in force between the two moments, with their calendars."""
    in_force_at_first = (
        select(func.max(SlaPolicy.effective_at))
        .where(SlaPolicy.effective_at <= first)
        .scalar_subquery()
    )
    found = await session.execute(
        select(SlaPolicy)
        .where(
            SlaPolicy.effective_at <= last,
            SlaPolicy.effective_at >= func.coalesce(in_force_at_first, first),
        )
        .options(joinedload(SlaPolicy.calendar))
    )
    return found.scalars().all()
