"""The installed base endpoints."""

from uuid import UUID

from common.app import service_router
from common.db import Session
from common.pagination import Page, PageOf, Paging
from service_desk.installed_base import use_cases as installed_base
from service_desk.installed_base.model import InstalledProduct
from service_desk.installed_base.schemas import InstalledProductRead

router = service_router("service-desk", "installed-base")


@router.get("", response_model=PageOf[InstalledProductRead])
async def list_installed_products(
    session: Session,
    page: Paging,
    customer_id: UUID | None = None,
    product_id: UUID | None = None,
    order_id: UUID | None = None,
) -> Page[InstalledProduct]:
    equal = {
        InstalledProduct.customer_id: customer_id,
        InstalledProduct.product_id: product_id,
        InstalledProduct.order_id: order_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    return await installed_base.list_installed_products(session, page, filters=filters)
