"""The projection endpoint."""

from common.app import service_router
from common.db import Session
from common.rate_limits import Expensive
from reporting.consumers import PROJECTED
from reporting.projections.rebuild import rebuild_projections
from reporting.projections.schemas import ProjectionsRebuilt

router = service_router("reporting", "projections:rebuild")


@router.post("", response_model=ProjectionsRebuilt, dependencies=[Expensive])
async def rebuild(session: Session) -> ProjectionsRebuilt:
    return ProjectionsRebuilt(events=await rebuild_projections(session, PROJECTED))
