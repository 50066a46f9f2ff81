"""The approval policy endpoints."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.days import day_of
from common.db import Session
from common.money import Currency
from common.pagination import Page, PageOf, Paging
from contract.approval_policies import use_cases as policies
from contract.approval_policies.model import ApprovalPolicy
from contract.approval_policies.routing import Route
from contract.approval_policies.schemas import (
    ApprovalPolicyCreate,
    ApprovalPolicyRead,
    RouteRead,
)
from contract.contracts.model import ContractKind

router = service_router("contract", "approval-policies")


@router.post("", status_code=201, response_model=ApprovalPolicyRead)
async def publish_approval_policy(
    new: ApprovalPolicyCreate, session: Session, actor: CurrentActor, now: Now, response: Response
) -> ApprovalPolicy:
    policy = await policies.publish_approval_policy(session, new, actor=actor, now=now)
    response.headers["Location"] = f"{router.prefix}/{policy.id}"
    return policy


@router.get("", response_model=PageOf[ApprovalPolicyRead])
async def list_approval_policies(
    session: Session, page: Paging, kind: ContractKind | None = None
) -> Page[ApprovalPolicy]:
    return await policies.list_approval_policies(session, page, kind=kind)


@router.get("/route", response_model=RouteRead)
async def find_route(
    session: Session,
    now: Now,
    kind: ContractKind,
    total: Annotated[Decimal, Query(ge=0)],
    currency: Currency,
) -> Route:
    return await policies.route_of(
        session, kind=kind, total=total, currency=currency, on=day_of(now)
    )


@router.get("/{policy_id}", response_model=ApprovalPolicyRead)
async def get_approval_policy(policy_id: UUID, session: Session) -> ApprovalPolicy:
    return await policies.get_approval_policy(session, policy_id)
