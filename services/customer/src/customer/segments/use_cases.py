"""What people do with segments, and how their members are kept up to date."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager, selectinload

from common import clock
from common.access.rows import all_rows
from common.days import ZONE, day_of
from common.db import Database
from common.ids import new_id
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from customer.customers.model import Customer
from customer.segments.conditions import AnyOf, Condition, as_sql
from customer.segments.model import (
    Segment,
    SegmentKind,
    SegmentMember,
    SegmentNotFound,
    SegmentProgress,
)
from customer.segments.schemas import SegmentDefine, SegmentSize
from customer.standings.model import Standing

REFRESHED_EVERY = timedelta(minutes=5)
TOLD_AT_ONCE = 500
"""Customers that one event names, so that it stays below its size."""
CHANGED_AT_ONCE = 5000
"""Members that enter, and that leave, in one transaction; the rest follows in the next."""
_WITH_PROGRESS = selectinload(Segment.progress)


async def define_segment(session: AsyncSession, new: SegmentDefine, *, now: datetime) -> Segment:
    """Define a segment; its members are found soon."""
    await as_sql(session, new.conditions, day_of(now))
    segment, defined = Segment.define(
        name=new.name,
        purpose=new.purpose,
        conditions=[each.model_dump(mode="json") for each in new.conditions],
        **new.model_dump(include={"owner_id", "department_id", "partner_id", "region_id"}),
    )
    session.add(segment)
    record(session, segment, defined)
    return segment


async def get_segment(session: AsyncSession, segment_id: UUID, *, lock: bool = False) -> Segment:
    """The segment; `lock` keeps it for this transaction."""
    segment = await session.get(
        Segment, segment_id, with_for_update=lock or None, options=[_WITH_PROGRESS]
    )
    if segment is None:
        raise SegmentNotFound(f"no segment {segment_id}")
    return segment


async def list_segments(
    session: AsyncSession, page: PageRequest, *, kind: str | None, include_retired: bool
) -> Page[Segment]:
    """A page of segments."""
    query = select(Segment).options(_WITH_PROGRESS)
    if kind is not None:
        query = query.where(Segment.kind == kind)
    if not include_retired:
        query = query.where(Segment.retired_at.is_(None))
    return await paginate(
        session,
        query,
        page,
        id_column=Segment.id,
        sort_keys={"created_at": Segment.created_at, "name": Segment.name},
        default_sort="-created_at",
    )


async def update_segment(
    session: AsyncSession, segment_id: UUID, *, changes: dict[str, Any], now: datetime
) -> Segment:
    """Change a segment; where its conditions change, its members follow soon."""
    segment = await get_segment(session, segment_id, lock=True)
    defined = segment.update(changes)
    if defined is not None:
        if "conditions" in changes:
            await as_sql(session, segment.read, day_of(now))
        record(session, segment, defined)
    return segment


async def retire_segment(session: AsyncSession, segment_id: UUID, *, now: datetime) -> Segment:
    """Keep a segment up to date no more; repeating it changes nothing."""
    segment = await get_segment(session, segment_id, lock=True)
    retired = segment.retire(now=now)
    if retired is not None:
        record(session, segment, retired)
    return segment


async def freeze_segment(
    session: AsyncSession, segment_id: UUID, *, name: str, now: datetime
) -> Segment:
    """Keep who belongs to the segment at this moment, whatever becomes of them.

    All of them, also those whom the caller does not see: the new segment shows them as little.
    """
    segment = await get_segment(session, segment_id, lock=True)
    frozen, said = segment.freeze(name=name, now=now)
    with all_rows(session):
        members = (await session.execute(await _chosen(session, segment.read, now))).scalars().all()
        session.add(frozen)
        record(session, frozen, said)
        await session.flush()
        await _enter(session, frozen, members, now)
    return frozen


async def preview_segment(
    session: AsyncSession, conditions: Sequence[Condition | AnyOf], *, now: datetime
) -> SegmentSize:
    """How many customers the conditions hold for, of those whom the caller sees."""
    chosen = await _chosen(session, conditions, now)
    counted = await session.execute(
        select(func.count()).select_from(Customer).where(Customer.id.in_(chosen))
    )
    return SegmentSize(size=counted.scalar_one())


async def list_members(
    session: AsyncSession, segment_id: UUID, page: PageRequest, *, on: date | None
) -> Page[Customer]:
    """A page of the members whom the caller sees: now, or at the end of a day."""
    await get_segment(session, segment_id)
    then: ColumnElement[bool] = SegmentMember.left_at.is_(None)
    if on is not None:
        ended_at = datetime.combine(on + timedelta(days=1), time(), tzinfo=ZONE)
        then = and_(
            SegmentMember.entered_at < ended_at,
            or_(SegmentMember.left_at.is_(None), SegmentMember.left_at >= ended_at),
        )
    members = select(SegmentMember.customer_id).where(SegmentMember.segment_id == segment_id, then)
    return await paginate(
        session,
        select(Customer).where(Customer.id.in_(members)),
        page,
        id_column=Customer.id,
        sort_keys={"name": Customer.name, "created_at": Customer.created_at},
        default_sort="name",
    )


async def refresh_segments(database: Database) -> bool:
    """Bring the members of one segment up to date; False when none is due."""
    return await refresh_next(database, now=clock.utc_now())


async def refresh_next(database: Database, *, now: datetime) -> bool:
    """As `refresh_segments`, at a time."""
    async with database.transaction() as session:
        found = await session.execute(
            select(Segment)
            .join(Segment.progress)
            .options(contains_eager(Segment.progress))
            .where(
                Segment.kind == SegmentKind.DYNAMIC,
                Segment.retired_at.is_(None),
                or_(
                    SegmentProgress.is_behind,
                    SegmentProgress.refreshed_at < now - REFRESHED_EVERY,
                ),
            )
            .order_by(SegmentProgress.refreshed_at.asc().nulls_first())
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        segment = found.scalar()
        if segment is None:
            return False
        await refresh(session, segment, now=now)
    return True


async def refresh(session: AsyncSession, segment: Segment, *, now: datetime) -> None:
    """Let the members of a locked segment be those for whom its conditions hold now."""
    chosen = await _chosen(session, segment.read, now)
    members = select(SegmentMember.customer_id).where(
        SegmentMember.segment_id == segment.id, SegmentMember.left_at.is_(None)
    )
    entering = await session.execute(
        chosen.where(Customer.id.not_in(members)).order_by(Customer.id).limit(CHANGED_AT_ONCE)
    )
    leaving = await session.execute(
        members.where(SegmentMember.customer_id.not_in(chosen))
        .distinct()
        .order_by(SegmentMember.customer_id)
        .limit(CHANGED_AT_ONCE)
    )
    entered, left = entering.scalars().all(), leaving.scalars().all()
    await _enter(session, segment, entered, now)
    for some in _chunks(left):
        await session.execute(
            update(SegmentMember)
            .where(
                SegmentMember.segment_id == segment.id,
                SegmentMember.left_at.is_(None),
                SegmentMember.customer_id.in_(some),
            )
            .values(left_at=now)
        )
        record(session, segment, segment.left(list(some), now))
    segment.progress.refreshed_at = now
    segment.progress.is_behind = CHANGED_AT_ONCE in (len(entered), len(left))


async def _enter(
    session: AsyncSession, segment: Segment, customer_ids: Sequence[UUID], now: datetime
) -> None:
    for some in _chunks(customer_ids):
        await session.execute(
            insert(SegmentMember),
            [
                {
                    "id": new_id(),
                    "segment_id": segment.id,
                    "customer_id": customer_id,
                    "entered_at": now,
                    "left_at": None,
                }
                for customer_id in some
            ],
        )
        if segment.kind == SegmentKind.DYNAMIC:
            record(session, segment, segment.entered(list(some), now))


async def _chosen(
    session: AsyncSession, conditions: Sequence[Condition | AnyOf], now: datetime
) -> Select[UUID]:
    return (
        select(Customer.id)
        .outerjoin(Standing, Standing.id == Customer.id)
        .where(Customer.deleted_at.is_(None), await as_sql(session, conditions, day_of(now)))
    )


def _chunks(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for first in range(0, len(ids), TOLD_AT_ONCE):
        yield ids[first : first + TOLD_AT_ONCE]
