"""What people do with competitors."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from sales.competitors.model import (
    Competitor,
    CompetitorNotFound,
    CompetitorNotKnown,
    CompetitorProduct,
    CompetitorState,
    CompetitorTaken,
)
from sales.competitors.schemas import CompetitorAdd
from sales.db import take_turn
from sales.products import use_cases as products
from sales.products.model import known


async def add_competitor(session: AsyncSession, new: CompetitorAdd) -> Competitor:
    """Take down a competitor."""
    await _check_products(session, [product.product_id for product in new.products])
    await _refuse_taken(session, new.name)
    competitor, added = Competitor.add(**new.model_dump())
    session.add(competitor)
    record(session, competitor, added)
    return competitor


async def get_competitor(
    session: AsyncSession, competitor_id: UUID, *, lock: bool = False
) -> Competitor:
    """The competitor with its products; `lock` keeps it for this transaction."""
    competitor = await session.get(
        Competitor,
        competitor_id,
        with_for_update=lock or None,
        options=[selectinload(Competitor.products)],
    )
    if competitor is None:
        raise CompetitorNotFound(f"no competitor {competitor_id}")
    return competitor


async def list_competitors(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    state: str | None = None,
    product_id: UUID | None = None,
) -> Page[Competitor]:
    """A page of competitors, by name; `product_id` is the product of ours they stand against."""
    query = select(Competitor).options(selectinload(Competitor.products))
    if q:
        query = query.where(Competitor.name.icontains(q, autoescape=True))
    if state is not None:
        query = query.where(Competitor.state == state)
    if product_id is not None:
        query = query.where(
            Competitor.id.in_(
                select(CompetitorProduct.competitor_id).where(
                    CompetitorProduct.product_id == product_id
                )
            )
        )
    return await paginate(
        session,
        query,
        page,
        id_column=Competitor.id,
        sort_keys={"name": Competitor.name},
        default_sort="name",
    )


async def update_competitor(
    session: AsyncSession, competitor_id: UUID, *, changes: dict[str, Any]
) -> Competitor:
    """Change what is known of a competitor."""
    await _check_products(
        session, [product["product_id"] for product in changes.get("products", ())]
    )
    if "name" in changes:
        await _refuse_taken(session, changes["name"], but=competitor_id)
    competitor = await get_competitor(session, competitor_id, lock=True)
    changed = competitor.update(changes)
    if changed is not None:
        record(session, competitor, changed)
    return competitor


async def check_competitors(
    session: AsyncSession, competitor_ids: Iterable[UUID], *, pointer: str
) -> None:
    """Raise CompetitorNotKnown for one that is not there, or is retired."""
    wanted = set(competitor_ids)
    if not wanted:
        return
    found = await session.execute(
        select(Competitor.id).where(
            Competitor.id.in_(wanted), Competitor.state == CompetitorState.ACTIVE
        )
    )
    for missing in sorted(wanted - set(found.scalars())):
        raise CompetitorNotKnown(f"no competitor {missing}", pointer=pointer)


async def _check_products(session: AsyncSession, product_ids: Sequence[UUID]) -> None:
    found = await products.find_products(session, product_ids)
    for place, product_id in enumerate(product_ids):
        known(found, product_id, pointer=f"/products/{place}/product_id")


async def _refuse_taken(session: AsyncSession, name: str, *, but: UUID | None = None) -> None:
    await take_turn(session, "competitors")
    found = await session.execute(
        select(Competitor.id).where(func.lower(Competitor.name) == name.lower())
    )
    existing = found.scalar()
    if existing is not None and existing != but:
        raise CompetitorTaken(
            f"{name} is there already", pointer="/name", existing_id=str(existing)
        )
