"""Keeping the copies, and looking into them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from service_desk.copies.model import KnownCustomer, KnownPartner


async def keep_customer(session: AsyncSession, *, customer_id: UUID, **profile: Any) -> None:
    """Remember what a customer is now; whether it is deleted stays as it was."""
    statement = insert(KnownCustomer).values(id=customer_id, is_deleted=False, **profile)
    await session.execute(
        statement.on_conflict_do_update(index_elements=[KnownCustomer.id], set_=profile)
    )


async def move_customer(session: AsyncSession, *, customer_id: UUID, **scope: UUID | None) -> None:
    """Remember to whom a customer went."""
    await session.execute(
        update(KnownCustomer).where(KnownCustomer.id == customer_id).values(**scope)
    )


async def mark_customer(session: AsyncSession, customer_id: UUID, *, is_deleted: bool) -> None:
    """Remember that a customer was deleted, or restored."""
    await session.execute(
        update(KnownCustomer).where(KnownCustomer.id == customer_id).values(is_deleted=is_deleted)
    )


async def keep_partner(session: AsyncSession, *, partner_id: UUID, **profile: Any) -> None:
    """Remember what a partner is now."""
    statement = insert(KnownPartner).values(id=partner_id, **profile)
    await session.execute(
        statement.on_conflict_do_update(index_elements=[KnownPartner.id], set_=profile)
    )


async def find_customers(
    session: AsyncSession, *, ids: Collection[UUID], numbers: Collection[str]
) -> list[KnownCustomer]:
    """The customers of these ids or numbers that are not deleted."""
    if not ids and not numbers:
        return []
    found = await session.execute(
        select(KnownCustomer).where(
            or_(KnownCustomer.id.in_(ids), KnownCustomer.number.in_(numbers)),
            KnownCustomer.is_deleted.is_(False),
        )
    )
    return list(found.scalars())


async def find_partners(session: AsyncSession, ids: Collection[UUID]) -> set[UUID]:
    """Which of these ids are partners."""
    if not ids:
        return set()
    found = await session.execute(select(KnownPartner.id).where(KnownPartner.id.in_(ids)))
    return set(found.scalars())
