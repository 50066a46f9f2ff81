"""What people do with the list of lost reasons."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from sales.db import take_turn
from sales.lost_reasons.model import (
    OTHER,
    LostReason,
    LostReasonNotFound,
    LostReasonState,
    LostReasonTaken,
)
from sales.lost_reasons.schemas import LostReasonAdd


async def add_lost_reason(session: AsyncSession, new: LostReasonAdd) -> LostReason:
    """Add a reason to the list."""
    await take_turn(session, "lost reasons")
    found = await session.execute(select(LostReason.id).where(LostReason.code == new.code))
    if new.code == OTHER or found.scalar() is not None:
        raise LostReasonTaken(f"{new.code} is in the list already", pointer="/code")
    reason, added = LostReason.add(**new.model_dump())
    session.add(reason)
    record(session, reason, added)
    return reason


async def list_lost_reasons(
    session: AsyncSession, page: PageRequest, *, state: str | None = None
) -> Page[LostReason]:
    """A page of reasons, by code."""
    query = select(LostReason)
    if state is not None:
        query = query.where(LostReason.state == state)
    return await paginate(
        session,
        query,
        page,
        id_column=LostReason.id,
        sort_keys={"code": LostReason.code},
        default_sort="code",
    )


async def update_lost_reason(
    session: AsyncSession, reason_id: UUID, *, changes: dict[str, Any]
) -> LostReason:
    """Rename a reason, retire it or take it up again."""
    reason = await session.get(LostReason, reason_id, with_for_update=True)
    if reason is None:
        raise LostReasonNotFound(f"no lost reason {reason_id}")
    changed = reason.update(changes)
    if changed is not None:
        record(session, reason, changed)
    return reason


async def find_active(session: AsyncSession) -> dict[str, LostReason]:
    """The reasons for which deals may be lost, by code."""
    found = await session.execute(
        select(LostReason).where(LostReason.state == LostReasonState.ACTIVE)
    )
    return {reason.code: reason for reason in found.scalars()}
