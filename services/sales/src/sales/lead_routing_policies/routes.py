"""The lead routing policy endpoints."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from sales.lead_routing_policies import use_cases as policies
from sales.lead_routing_policies.model import LeadRoutingPolicy
from sales.lead_routing_policies.schemas import (
    LeadRoutingPolicyDraft,
    LeadRoutingPolicyRead,
    LeadRoutingPolicyUpdate,
    PolicyActivate,
)

router = service_router("sales", "lead-routing-policies")


@router.post("", status_code=201, response_model=LeadRoutingPolicyRead)
async def draft_lead_routing_policy(
    new: LeadRoutingPolicyDraft, session: Session, response: Response
) -> LeadRoutingPolicy:
    policy = await policies.draft_lead_routing_policy(session, new)
    response.headers["Location"] = f"{router.prefix}/{policy.id}"
    return policy


@router.get("", response_model=PageOf[LeadRoutingPolicyRead])
async def list_lead_routing_policies(
    session: Session, page: Paging, state: str | None = None
) -> Page[LeadRoutingPolicy]:
    return await policies.list_lead_routing_policies(session, page, state=state)


@router.get("/{policy_id}", response_model=LeadRoutingPolicyRead)
async def get_lead_routing_policy(policy_id: UUID, session: Session) -> LeadRoutingPolicy:
    return await policies.get_lead_routing_policy(session, policy_id)


@router.patch("/{policy_id}", response_model=LeadRoutingPolicyRead, dependencies=[IfMatchRequired])
async def update_lead_routing_policy(
    policy_id: UUID, changes: LeadRoutingPolicyUpdate, session: Session
) -> LeadRoutingPolicy:
    return await policies.update_lead_routing_policy(session, policy_id, changes=changes.stored())


@router.post("/{policy_id}:activate", response_model=LeadRoutingPolicyRead)
async def activate_lead_routing_policy(
    policy_id: UUID, start: PolicyActivate, session: Session, actor: CurrentActor, now: Now
) -> LeadRoutingPolicy:
    return await policies.activate_lead_routing_policy(
        session, policy_id, effective_on=start.effective_on, actor=actor, now=now
    )


@router.post("/{policy_id}:withdraw", response_model=LeadRoutingPolicyRead)
async def withdraw_lead_routing_policy(
    policy_id: UUID, session: Session, actor: CurrentActor, now: Now
) -> LeadRoutingPolicy:
    return await policies.withdraw_lead_routing_policy(session, policy_id, actor=actor, now=now)
