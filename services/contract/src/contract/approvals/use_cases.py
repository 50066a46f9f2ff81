"""Deciding about contracts, and looking up what was decided."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from contract.approvals.model import Approval
from contract.contracts import use_cases as contracts
from contract.contracts.model import Contract


async def approve_contract(
    session: AsyncSession,
    contract_id: UUID,
    *,
    decided_by: UUID,
    opinion: str | None,
    now: datetime,
) -> Contract:
    """Agree in the contract's present step."""
    contract = await contracts.get_contract(session, contract_id, lock=True)
    deciders = await _deciders(session, contract)
    approval, event = contract.approve(
        decided_by=decided_by, opinion=opinion, deciders=deciders, now=now
    )
    session.add(approval)
    record(session, contract, event)
    return contract


async def reject_contract(
    session: AsyncSession, contract_id: UUID, *, decided_by: UUID, opinion: str, now: datetime
) -> Contract:
    """Refuse the contract in its present step."""
    contract = await contracts.get_contract(session, contract_id, lock=True)
    approval, rejected = contract.reject(decided_by=decided_by, opinion=opinion, now=now)
    session.add(approval)
    record(session, contract, rejected)
    return contract


async def list_approvals(
    session: AsyncSession,
    page: PageRequest,
    *,
    contract_id: UUID | None,
    decided_by: UUID | None,
    decision: str | None,
) -> Page[Approval]:
    """A page of decisions, the latest first; those that an edit made void as well."""
    query = select(Approval).options(
        joinedload(Approval.contract).load_only(Contract.revision, raiseload=True)
    )
    equal = {
        Approval.contract_id: contract_id,
        Approval.decided_by: decided_by,
        Approval.decision: decision,
    }
    query = query.where(*(column == value for column, value in equal.items() if value is not None))
    return await paginate(
        session,
        query,
        page,
        id_column=Approval.id,
        sort_keys={"decided_at": Approval.decided_at},
        default_sort="-decided_at",
    )


async def _deciders(session: AsyncSession, contract: Contract) -> Sequence[UUID]:
    """Who agreed to the present text already."""
    found = await session.scalars(
        select(Approval.decided_by).where(
            Approval.contract_id == contract.id, Approval.revision == contract.revision
        )
    )
    return found.all()
