"""What people do with territories."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from channel.db import take_turn
from channel.outcome import Outcome
from channel.partners.model import Partner, PartnerState
from channel.territories.model import (
    Territory,
    TerritoryCodeTaken,
    TerritoryNotFound,
    TerritoryState,
    TerritoryUnknown,
)
from channel.territories.schemas import TerritoryCreate
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate


async def open_territory(session: AsyncSession, new: TerritoryCreate) -> Territory:
    """Open a territory."""
    await _refuse_taken_code(session, new.code)
    if new.parent_id is not None:
        await get_open_territory(session, new.parent_id, pointer="/parent_id")
    territory, opened = Territory.open(**new.model_dump())
    session.add(territory)
    record(session, territory, opened)
    return territory


async def get_territory(
    session: AsyncSession, territory_id: UUID, *, lock: bool = False
) -> Territory:
    """The territory; `lock` keeps it for this transaction."""
    territory = await session.get(Territory, territory_id, with_for_update=lock or None)
    if territory is None:
        raise TerritoryNotFound(f"no territory {territory_id}")
    return territory


async def get_open_territory(
    session: AsyncSession, territory_id: UUID, *, pointer: str
) -> Territory:
    """The open territory that a request names at `pointer`; it stays open for this transaction.

    Raises TerritoryUnknown.
    """
    territory = await session.get(Territory, territory_id, with_for_update={"read": True})
    if territory is None or not territory.is_active:
        raise TerritoryUnknown(f"no open territory {territory_id}", pointer=pointer)
    return territory


async def find_territories(session: AsyncSession, codes: Iterable[str]) -> dict[str, Territory]:
    """The territories with these codes, by code, kept for this transaction; for imports.

    The tree is kept as well: nobody else moves a territory until the transaction ends.
    """
    await take_turn(session, "territories")
    found = await session.execute(
        select(Territory)
        .where(Territory.code.in_(set(codes)))
        .order_by(Territory.id)
        .with_for_update()
    )
    return {territory.code: territory for territory in found.scalars()}


async def list_territories(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    filters: Sequence[ColumnElement[bool]] = (),
) -> Page[Territory]:
    """A page of territories; `q` is looked for in the names and at the start of the code."""
    query = select(Territory).where(*filters)
    if q:
        query = query.where(
            or_(
                Territory.name.icontains(q, autoescape=True),
                Territory.english_name.icontains(q, autoescape=True),
                Territory.code.istartswith(q, autoescape=True),
            )
        )
    return await paginate(
        session,
        query,
        page,
        id_column=Territory.id,
        sort_keys={"name": Territory.name, "code": Territory.code},
        default_sort="code",
    )


async def list_subtree(session: AsyncSession, territory_id: UUID) -> Sequence[Row[Territory, int]]:
    """The territory and all below it, each with its depth, the upper ones first."""
    tree = (
        select(Territory.id, literal(0).label("depth"))
        .where(Territory.id == territory_id)
        .cte("tree", recursive=True)
    )
    tree = tree.union_all(
        select(Territory.id, tree.c.depth + 1).where(Territory.parent_id == tree.c.id)
    )
    found = await session.execute(
        select(Territory, tree.c.depth)
        .join(tree, tree.c.id == Territory.id)
        .order_by(tree.c.depth, Territory.code)
    )
    rows = found.all()
    if not rows:
        raise TerritoryNotFound(f"no territory {territory_id}")
    return rows


async def update_territory(
    session: AsyncSession, territory_id: UUID, *, changes: dict[str, Any]
) -> Territory:
    """Change code, names or the territory above."""
    moves = "parent_id" in changes
    if moves:
        await take_turn(session, "territories")
    territory = await get_territory(session, territory_id, lock=True)
    if changes.get("code", territory.code) != territory.code:
        await _refuse_taken_code(session, changes["code"])
    if moves and changes["parent_id"] not in (None, territory.parent_id):
        territory.check_parent(await _ancestors(session, changes["parent_id"]))
        await get_open_territory(session, changes["parent_id"], pointer="/parent_id")
    updated = territory.update(changes)
    if updated is not None:
        record(session, territory, updated)
    return territory


async def bring_in_territory(
    session: AsyncSession,
    new: TerritoryCreate,
    *,
    existing: Territory | None,
) -> tuple[Territory, Outcome]:
    """Open or change the territory with this code; for imports.

    `existing` is what `find_territories` found under the code. The territory above must be open;
    the caller has looked it up.
    """
    if existing is None:
        territory, opened = Territory.open(**new.model_dump())
        session.add(territory)
        record(session, territory, opened)
        return territory, Outcome.CREATED
    changes = new.model_dump(exclude_unset=True)
    if changes.get("parent_id") not in (None, existing.parent_id):
        existing.check_parent(await _ancestors(session, changes["parent_id"]))
    updated = existing.update(changes)
    if updated is None:
        return existing, Outcome.UNCHANGED
    record(session, existing, updated)
    return existing, Outcome.UPDATED


async def close_territory(session: AsyncSession, territory_id: UUID) -> Territory:
    """Take the territory out of use; repeating it changes nothing."""
    territory = await get_territory(session, territory_id, lock=True)
    below = select(func.count()).where(
        Territory.parent_id == territory_id, Territory.state == TerritoryState.ACTIVE
    )
    partners = (
        select(func.count())
        .select_from(Partner)
        .where(Partner.region_id == territory_id, Partner.state != PartnerState.ENDED)
    )
    counts = (
        await session.execute(select(below.scalar_subquery(), partners.scalar_subquery()))
    ).one()
    closed = territory.close(open_territories=counts[0], partners=counts[1])
    if closed is not None:
        record(session, territory, closed)
    return territory


async def reopen_territory(session: AsyncSession, territory_id: UUID) -> Territory:
    """Take a closed territory into use again; repeating it changes nothing."""
    territory = await get_territory(session, territory_id, lock=True)
    parent_is_active = True
    if territory.parent_id is not None:
        parent = await session.get(Territory, territory.parent_id, with_for_update={"read": True})
        parent_is_active = parent is not None and parent.is_active
    reopened = territory.reopen(parent_is_active=parent_is_active)
    if reopened is not None:
        record(session, territory, reopened)
    return territory


async def _ancestors(session: AsyncSession, parent_id: UUID) -> Sequence[UUID]:
    chain = (
        select(Territory.id, Territory.parent_id)
        .where(Territory.id == parent_id)
        .cte("chain", recursive=True)
    )
    chain = chain.union(
        select(Territory.id, Territory.parent_id).where(Territory.id == chain.c.parent_id)
    )
    return (await session.execute(select(chain.c.id))).scalars().all()


async def _refuse_taken_code(session: AsyncSession, code: str) -> None:
    found = await session.execute(select(Territory.id).where(Territory.code == code))
    existing = found.scalar()
    if existing is not None:
        raise TerritoryCodeTaken(
            f"a territory with the code {code!r} is there already", existing_id=str(existing)
        )
