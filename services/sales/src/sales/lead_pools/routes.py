"""The lead pool endpoints."""

from common.app import service_router
from common.db import Session
from sales.lead_pools import use_cases as pools
from sales.lead_pools.schemas import LeadPoolRead

router = service_router("sales", "lead-pools")


@router.get("", response_model=list[LeadPoolRead])
async def list_lead_pools(session: Session) -> list[LeadPoolRead]:
    return await pools.list_lead_pools(session)
