"""The entitlement and coverage endpoints."""

from datetime import date
from uuid import UUID

from common.app import service_router
from common.clock import Now
from common.days import day_of
from common.db import Session
from common.pagination import Page, PageOf, Paging
from service_desk.entitlements import use_cases as entitlements
from service_desk.entitlements.model import Entitlement
from service_desk.entitlements.schemas import CoverageRead, EntitlementRead

router = service_router("service-desk", "entitlements")
coverage = service_router("service-desk", "coverage")


@router.get("", response_model=PageOf[EntitlementRead])
async def list_entitlements(
    session: Session,
    page: Paging,
    customer_id: UUID | None = None,
    product_id: UUID | None = None,
    contract_id: UUID | None = None,
) -> Page[Entitlement]:
    equal = {
        Entitlement.customer_id: customer_id,
        Entitlement.product_id: product_id,
        Entitlement.contract_id: contract_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    return await entitlements.list_entitlements(session, page, filters=filters)


@coverage.get("", response_model=CoverageRead)
async def get_coverage(
    session: Session, now: Now, customer_id: UUID, product_id: UUID, on: date | None = None
) -> CoverageRead:
    return await entitlements.get_coverage(
        session,
        customer_id=customer_id,
        product_id=product_id,
        on=on or day_of(now),
    )
