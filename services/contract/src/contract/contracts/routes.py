"""The contract endpoints."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from contract.approvals import use_cases as approvals
from contract.approvals.schemas import ApprovalGive, RejectionGive
from contract.contracts import use_cases as contracts
from contract.contracts.chain import chain_of
from contract.contracts.model import Contract, ContractKind, ContractState
from contract.contracts.schemas import (
    ContractChain,
    ContractContent,
    ContractCreate,
    ContractRead,
    ContractSign,
    ContractSubmit,
    ContractSummary,
    ContractTerminate,
    ContractUpdate,
)

router = service_router("contract", "contracts")


@router.post("", status_code=201, response_model=ContractRead)
async def draft_contract(
    new: ContractCreate, session: Session, actor: CurrentActor, now: Now, response: Response
) -> Contract:
    contract = await contracts.draft_contract(session, new, actor=actor, now=now)
    response.headers["Location"] = f"{router.prefix}/{contract.id}"
    return contract


@router.get("", response_model=PageOf[ContractSummary])
async def list_contracts(
    session: Session,
    page: Paging,
    q: str | None = None,
    kind: ContractKind | None = None,
    state: ContractState | None = None,
    waiting_for: str | None = None,
    customer_id: UUID | None = None,
    quote_id: UUID | None = None,
    opportunity_id: UUID | None = None,
    order_id: UUID | None = None,
    renews_id: UUID | None = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
    external_source: str | None = None,
    external_id: str | None = None,
    ends_from: date | None = None,
    ends_to: date | None = None,
    updated_since: datetime | None = None,
) -> Page[Contract]:
    equal: dict[Any, Any] = {
        Contract.kind: kind,
        Contract.state: state,
        Contract.waiting_for: waiting_for,
        Contract.customer_id: customer_id,
        Contract.quote_id: quote_id,
        Contract.opportunity_id: opportunity_id,
        Contract.order_id: order_id,
        Contract.renews_id: renews_id,
        Contract.owner_id: owner_id,
        Contract.department_id: department_id,
        Contract.partner_id: partner_id,
        Contract.region_id: region_id,
        Contract.external_source: external_source,
        Contract.external_id: external_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if ends_from is not None:
        filters.append(Contract.ends_on >= ends_from)
    if ends_to is not None:
        filters.append(Contract.ends_on <= ends_to)
    if updated_since is not None:
        filters.append(Contract.updated_at >= updated_since)
    return await contracts.list_contracts(session, page, q=q, filters=filters)


@router.get("/{contract_id}", response_model=ContractRead)
async def get_contract(contract_id: UUID, session: Session) -> Contract:
    return await contracts.get_contract(session, contract_id)


@router.get("/{contract_id}/content", response_model=ContractContent)
async def get_content(contract_id: UUID, session: Session) -> ContractContent:
    contract = await contracts.get_contract(session, contract_id)
    return ContractContent(
        content=contract.content(),
        content_hash=contract.content_hash,
        is_intact=contract.is_intact,
    )


@router.get("/{contract_id}/chain", response_model=ContractChain)
async def get_chain(contract_id: UUID, session: Session) -> dict[str, Any]:
    contract = await contracts.get_contract(session, contract_id)
    return chain_of(contract, await contracts.orders_of(session, contract_id))


@router.patch("/{contract_id}", response_model=ContractRead, dependencies=[IfMatchRequired])
async def edit_contract(contract_id: UUID, changes: ContractUpdate, session: Session) -> Contract:
    return await contracts.edit_contract(session, contract_id, changes=changes.changes())


@router.post("/{contract_id}:submit", response_model=ContractRead)
async def submit_contract(
    contract_id: UUID, how: ContractSubmit, session: Session, now: Now
) -> Contract:
    return await contracts.submit_contract(session, contract_id, **how.model_dump(), now=now)


@router.post("/{contract_id}:approve", response_model=ContractRead)
async def approve_contract(
    contract_id: UUID, decision: ApprovalGive, session: Session, now: Now
) -> Contract:
    return await approvals.approve_contract(session, contract_id, **decision.model_dump(), now=now)


@router.post("/{contract_id}:reject", response_model=ContractRead)
async def reject_contract(
    contract_id: UUID, decision: RejectionGive, session: Session, now: Now
) -> Contract:
    return await approvals.reject_contract(session, contract_id, **decision.model_dump(), now=now)


@router.post("/{contract_id}:sign", response_model=ContractRead)
async def sign_contract(
    contract_id: UUID, how: ContractSign, session: Session, now: Now
) -> Contract:
    return await contracts.sign_contract(session, contract_id, **how.model_dump(), now=now)


@router.post("/{contract_id}:terminate", response_model=ContractRead)
async def terminate_contract(
    contract_id: UUID, how: ContractTerminate, session: Session, now: Now
) -> Contract:
    return await contracts.terminate_contract(session, contract_id, **how.model_dump(), now=now)
