"""The lost reason endpoints."""

from uuid import UUID

from common.app import service_router
from common.db import Session
from common.pagination import Page, PageOf, Paging
from sales.lost_reasons import use_cases as lost_reasons
from sales.lost_reasons.model import LostReason
from sales.lost_reasons.schemas import LostReasonAdd, LostReasonRead, LostReasonUpdate

router = service_router("sales", "lost-reasons")


@router.post("", status_code=201, response_model=LostReasonRead)
async def add_lost_reason(new: LostReasonAdd, session: Session) -> LostReason:
    return await lost_reasons.add_lost_reason(session, new)


@router.get("", response_model=PageOf[LostReasonRead])
async def list_lost_reasons(
    session: Session, page: Paging, state: str | None = None
) -> Page[LostReason]:
    return await lost_reasons.list_lost_reasons(session, page, state=state)


@router.patch("/{reason_id}", response_model=LostReasonRead)
async def update_lost_reason(
    reason_id: UUID, changes: LostReasonUpdate, session: Session
) -> LostReason:
    return await lost_reasons.update_lost_reason(session, reason_id, changes=changes.changes())
