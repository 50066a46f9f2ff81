"""The overview endpoint, on the path of customers."""

from uuid import UUID

from common.app import service_router
from common.clock import Now
from common.db import Session
from customer.overview import use_cases as overview
from customer.overview.schemas import CustomerOverview

router = service_router("customer", "customers")


@router.get("/{customer_id}/overview", response_model=CustomerOverview)
async def get_customer_overview(customer_id: UUID, session: Session, now: Now) -> CustomerOverview:
    return await overview.get_customer_overview(session, customer_id, now=now)
