"""What contracts give customers, and what people ask about it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from common.ids import new_id
from common.pagination import Page, PageRequest, paginate
from service_desk.entitlements.model import (
    ENTITLING_KINDS,
    Coverage,
    Entitlement,
    coverage_on,
)
from service_desk.entitlements.schemas import CoverageRead
from service_desk.installed_base import use_cases as installed_base


async def entitle_customer(
    session: AsyncSession,
    *,
    contract_id: UUID,
    contract_number: str,
    contract_kind: str,
    customer_id: UUID | None,
    starts_on: date,
    ends_on: date | None,
    lines: Sequence[dict[str, Any]],
) -> None:
    """Remember what a signed contract covers; repeating it changes nothing."""
    if contract_kind not in ENTITLING_KINDS or customer_id is None or not lines:
        return
    rows = [
        {
            "id": new_id(),
            "contract_id": contract_id,
            "contract_number": contract_number,
            "contract_kind": contract_kind,
            "customer_id": customer_id,
            "starts_on": starts_on,
            "ends_on": ends_on,
            **line,
        }
        for line in lines
    ]
    await session.execute(insert(Entitlement).values(rows).on_conflict_do_nothing())


async def end_entitlements(session: AsyncSession, contract_id: UUID, *, on: date) -> None:
    """End what the contract covered."""
    await session.execute(
        update(Entitlement).where(Entitlement.contract_id == contract_id).values(terminated_on=on)
    )


async def list_entitlements(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[Entitlement]:
    """A page of entitlements, the latest first."""
    return await paginate(
        session,
        select(Entitlement).where(*filters),
        page,
        id_column=Entitlement.id,
        sort_keys={"id": Entitlement.id},
        default_sort="-id",
    )


async def find_entitlements(
    session: AsyncSession, customer_ids: Collection[UUID]
) -> dict[UUID, list[Entitlement]]:
    """The entitlements of these customers, by customer."""
    by_customer: dict[UUID, list[Entitlement]] = defaultdict(list)
    if customer_ids:
        found = await session.execute(
            select(Entitlement).where(Entitlement.customer_id.in_(customer_ids))
        )
        for entitlement in found.scalars():
            by_customer[entitlement.customer_id].append(entitlement)
    return by_customer


async def get_coverage(
    session: AsyncSession, *, customer_id: UUID, product_id: UUID, on: date
) -> CoverageRead:
    """Whether service for this product of the customer is covered on that day."""
    held = await find_entitlements(session, [customer_id])
    coverage: Coverage = coverage_on(held[customer_id], product_id, on)
    entitlement = coverage.entitlement
    return CoverageRead(
        customer_id=customer_id,
        product_id=product_id,
        on=on,
        covered=coverage.covered,
        reason=coverage.reason,
        contract_id=entitlement and entitlement.contract_id,
        contract_number=entitlement and entitlement.contract_number,
        starts_on=entitlement and entitlement.starts_on,
        ends_on=entitlement and entitlement.ends_on,
        installed_quantity=await installed_base.quantity_of(
            session, customer_id=customer_id, product_id=product_id
        ),
    )
