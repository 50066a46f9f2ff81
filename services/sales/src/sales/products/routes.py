"""The product endpoints."""

from datetime import datetime
from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.batches import Batch, BatchAnswer, DoOneByOne
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.upserts import Upsert
from sales.products import use_cases as products
from sales.products.model import Product, ProductKey
from sales.products.schemas import (
    ProductCreate,
    ProductRead,
    ProductUpdate,
    StatePlan,
    StateWithdraw,
)

router = service_router("sales", "products")


@router.post("", status_code=201, response_model=ProductRead)
async def create_product(new: ProductCreate, session: Session, response: Response) -> Product:
    product = await products.create_product(session, new)
    response.headers["Location"] = f"{router.prefix}/{product.id}"
    return product


@router.post(":batch", response_model=BatchAnswer)
async def create_products(
    batch: Batch[ProductCreate], session: Session, one_by_one: DoOneByOne
) -> BatchAnswer:
    return await one_by_one.do(batch, lambda new: products.create_product(session, new))


@router.post(":upsert", response_model=BatchAnswer)
async def upsert_products(
    batch: Upsert[ProductCreate, ProductKey], session: Session, one_by_one: DoOneByOne
) -> BatchAnswer:
    return await one_by_one.do(
        batch,
        lambda given: products.upsert_product(session, given, match_on=batch.match_on),
    )


@router.get("", response_model=PageOf[ProductRead])
async def list_products(
    session: Session,
    page: Paging,
    q: str | None = None,
    sku: str | None = None,
    series: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    external_source: str | None = None,
    external_id: str | None = None,
    updated_since: datetime | None = None,
) -> Page[Product]:
    equal = {
        Product.sku: sku,
        Product.series: series,
        Product.kind: kind,
        Product.state: state,
        Product.external_source: external_source,
        Product.external_id: external_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if updated_since is not None:
        filters.append(Product.updated_at >= updated_since)
    return await products.list_products(session, page, q=q, filters=filters)


@router.get("/{product_id}", response_model=ProductRead)
async def get_product(product_id: UUID, session: Session) -> Product:
    return await products.get_product(session, product_id)


@router.patch("/{product_id}", response_model=ProductRead)
async def update_product(product_id: UUID, changes: ProductUpdate, session: Session) -> Product:
    return await products.update_product(session, product_id, changes=changes.changes())


@router.post("/{product_id}:plan-state", response_model=ProductRead)
async def plan_product_state(
    product_id: UUID, plan: StatePlan, session: Session, now: Now
) -> Product:
    return await products.plan_product_state(session, product_id, plan, now=now)


@router.post("/{product_id}:withdraw-state", response_model=ProductRead)
async def withdraw_product_state(
    product_id: UUID, withdrawn: StateWithdraw, session: Session, now: Now
) -> Product:
    return await products.withdraw_product_state(
        session, product_id, on=withdrawn.effective_on, now=now
    )
