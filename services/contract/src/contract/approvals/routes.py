"""The approval endpoints; deciding is a verb of the contract."""

from uuid import UUID

from common.app import service_router
from common.db import Session
from common.pagination import Page, PageOf, Paging
from contract.approvals import use_cases as approvals
from contract.approvals.model import Approval, Decision
from contract.approvals.schemas import ApprovalRead

router = service_router("contract", "approvals")


@router.get("", response_model=PageOf[ApprovalRead])
async def list_approvals(
    session: Session,
    page: Paging,
    contract_id: UUID | None = None,
    decided_by: UUID | None = None,
    decision: Decision | None = None,
) -> Page[Approval]:
    return await approvals.list_approvals(
        session, page, contract_id=contract_id, decided_by=decided_by, decision=decision
    )
