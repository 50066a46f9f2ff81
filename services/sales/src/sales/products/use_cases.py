"""What people do with products."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.batches import Outcome
from common.custom_fields import writing
from common.days import day_of
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from common.upserts import first_match
from sales.products.model import (
    ExternalIdTaken,
    Product,
    ProductKey,
    ProductNotFound,
    SkuStays,
    SkuTaken,
)
from sales.products.schemas import ProductCreate, ProductUpdate, StatePlan

ENTERED_AT_ONCE = 200
"""Products that one run of the timer gives their planned state; the next run takes the rest."""


async def create_product(session: AsyncSession, new: ProductCreate) -> Product:
    """Take a product into the catalogue."""
    await _refuse_taken_names(session, new)
    profile = await writing.for_new(session, Product, new.model_dump())
    product, created = Product.add(**profile)
    session.add(product)
    record(session, product, created)
    return product


async def upsert_product(
    session: AsyncSession, given: ProductCreate, *, match_on: Sequence[ProductKey]
) -> tuple[Product, Outcome]:
    """Bring the product that `match_on` finds up to date, or take it into the catalogue.

    What is left out stays as it is.
    """
    known = await first_match(
        session,
        select(Product),
        {
            ProductKey.EXTERNAL_ID: None
            if given.external_id is None
            else and_(
                Product.external_source == given.external_source,
                Product.external_id == given.external_id,
            ),
            ProductKey.SKU: Product.sku == given.sku,
        },
        match_on,
    )
    if known is None:
        return await create_product(session, given), Outcome.CREATED
    if given.sku != known.sku:
        raise SkuStays(f"this is product {known.sku!r}", existing_id=str(known.id))
    changes = given.model_dump(include=set(ProductUpdate.model_fields), exclude_unset=True)
    if known.external_id is None and given.external_id is not None:
        changes |= {
            "external_source": given.external_source,
            "external_id": given.external_id,
        }
    before = known.version
    product = await update_product(session, known.id, changes=changes)
    return product, Outcome.UPDATED if product.version > before else Outcome.UNCHANGED


async def get_product(session: AsyncSession, product_id: UUID, *, lock: bool = False) -> Product:
    """The product; `lock` keeps it for this transaction."""
    product = await session.get(Product, product_id, with_for_update=lock or None)
    if product is None:
        raise ProductNotFound(f"no product {product_id}")
    return product


async def find_products(
    session: AsyncSession, product_ids: Iterable[UUID | None]
) -> dict[UUID, Product]:
    """The products with these ids, in one statement; who is missing is not in the answer."""
    wanted = {product_id for product_id in product_ids if product_id is not None}
    if not wanted:
        return {}
    found = await session.execute(select(Product).where(Product.id.in_(wanted)))
    return {product.id: product for product in found.scalars()}


async def list_products(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    filters: Sequence[ColumnElement[bool]] = (),
) -> Page[Product]:
    """A page of products; `q` is looked for in name and SKU."""
    query = select(Product).where(*filters)
    if q:
        query = query.where(
            or_(Product.name.icontains(q, autoescape=True), Product.sku.istartswith(q))
        )
    return await paginate(
        session,
        query,
        page,
        id_column=Product.id,
        sort_keys={
            "created_at": Product.created_at,
            "name": Product.name,
            "sku": Product.sku,
        },
        default_sort="name",
    )


async def update_product(
    session: AsyncSession, product_id: UUID, *, changes: dict[str, Any]
) -> Product:
    """Change what is known of a product; unchanged values cause no event."""
    product = await get_product(session, product_id, lock=True)
    updated = product.update(await writing.for_change(session, product, changes))
    if updated is not None:
        record(session, product, updated)
    return product


async def plan_product_state(
    session: AsyncSession, product_id: UUID, plan: StatePlan, *, now: datetime
) -> Product:
    """Give a product a state, today or from a later day on."""
    product = await get_product(session, product_id, lock=True)
    today = day_of(now)
    told = product.plan_state(
        plan.state, on=plan.effective_on or today, reason=plan.reason, today=today
    )
    record(session, product, told)
    return product


async def withdraw_product_state(
    session: AsyncSession, product_id: UUID, *, on: date, now: datetime
) -> Product:
    """Take back what is planned for a day to come."""
    product = await get_product(session, product_id, lock=True)
    record(session, product, product.withdraw_state(on=on, today=day_of(now)))
    return product


async def enter_planned_states(session: AsyncSession, *, now: datetime) -> int:
    """Have the products the states whose day has come; how many. Another worker's are left."""
    today = day_of(now)
    due = await session.execute(
        select(Product)
        .where(Product.next_state_on <= today)
        .order_by(Product.next_state_on)
        .limit(ENTERED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    count = 0
    for product in due.scalars():
        entered = product.enter_planned_state(today=today)
        if entered is not None:
            record(session, product, entered)
            count += 1
    return count


async def _refuse_taken_names(session: AsyncSession, new: ProductCreate) -> None:
    same = Product.sku == new.sku
    if new.external_id is not None:
        same = or_(
            same,
            (Product.external_source == new.external_source)
            & (Product.external_id == new.external_id),
        )
    existing = (await session.execute(select(Product.id, Product.sku).where(same))).first()
    if existing is None:
        return
    if existing.sku == new.sku:
        raise SkuTaken(f"a product {new.sku!r} is there already", existing_id=str(existing.id))
    raise ExternalIdTaken(
        f"a product with id {new.external_id!r} of {new.external_source} is there already",
        existing_id=str(existing.id),
    )
