"""What shipments bring to customers, and what people ask about it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from common.ids import new_id
from common.pagination import Page, PageRequest, paginate
from service_desk.installed_base.model import InstalledProduct


async def install_products(
    session: AsyncSession,
    *,
    shipment_id: UUID,
    order_id: UUID,
    customer_id: UUID,
    shipped_at: datetime,
    lines: Sequence[dict[str, Any]],
) -> None:
    """Remember what a shipment brought; repeating it changes nothing."""
    rows = [
        {
            "id": new_id(),
            "shipment_id": shipment_id,
            "order_id": order_id,
            "customer_id": customer_id,
            "shipped_at": shipped_at,
            **line,
        }
        for line in lines
        if line["product_id"] is not None and line["quantity"] > 0
    ]
    if rows:
        await session.execute(insert(InstalledProduct).values(rows).on_conflict_do_nothing())


async def list_installed_products(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[InstalledProduct]:
    """A page of the installed base, the latest shipment first."""
    return await paginate(
        session,
        select(InstalledProduct).where(*filters),
        page,
        id_column=InstalledProduct.id,
        sort_keys={"shipped_at": InstalledProduct.shipped_at},
        default_sort="-shipped_at",
    )


async def quantity_of(session: AsyncSession, *, customer_id: UUID, product_id: UUID) -> Decimal:
    """How many of the product the customer has; zero where we heard of none."""
    found = await session.execute(
        select(func.sum(InstalledProduct.quantity)).where(
            InstalledProduct.customer_id == customer_id,
            InstalledProduct.product_id == product_id,
        )
    )
    return found.scalar() or Decimal(0)
