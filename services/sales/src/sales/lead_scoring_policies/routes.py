"""The lead scoring policy endpoints."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from sales.lead_scoring_policies import use_cases as policies
from sales.lead_scoring_policies.model import LeadScoringPolicy
from sales.lead_scoring_policies.schemas import (
    LeadScoringPolicyDraft,
    LeadScoringPolicyRead,
    LeadScoringPolicyUpdate,
    PolicyActivate,
)

router = service_router("sales", "lead-scoring-policies")


@router.post("", status_code=201, response_model=LeadScoringPolicyRead)
async def draft_lead_scoring_policy(
    new: LeadScoringPolicyDraft, session: Session, response: Response
) -> LeadScoringPolicy:
    policy = await policies.draft_lead_scoring_policy(session, new)
    response.headers["Location"] = f"{router.prefix}/{policy.id}"
    return policy


@router.get("", response_model=PageOf[LeadScoringPolicyRead])
async def list_lead_scoring_policies(
    session: Session, page: Paging, state: str | None = None
) -> Page[LeadScoringPolicy]:
    return await policies.list_lead_scoring_policies(session, page, state=state)


@router.get("/{policy_id}", response_model=LeadScoringPolicyRead)
async def get_lead_scoring_policy(policy_id: UUID, session: Session) -> LeadScoringPolicy:
    return await policies.get_lead_scoring_policy(session, policy_id)


@router.patch("/{policy_id}", response_model=LeadScoringPolicyRead, dependencies=[IfMatchRequired])
async def update_lead_scoring_policy(
    policy_id: UUID, changes: LeadScoringPolicyUpdate, session: Session
) -> LeadScoringPolicy:
    return await policies.update_lead_scoring_policy(session, policy_id, changes=changes.stored())


@router.post("/{policy_id}:activate", response_model=LeadScoringPolicyRead)
async def activate_lead_scoring_policy(
    policy_id: UUID, start: PolicyActivate, session: Session, actor: CurrentActor, now: Now
) -> LeadScoringPolicy:
    return await policies.activate_lead_scoring_policy(
        session, policy_id, effective_on=start.effective_on, actor=actor, now=now
    )


@router.post("/{policy_id}:withdraw", response_model=LeadScoringPolicyRead)
async def withdraw_lead_scoring_policy(
    policy_id: UUID, session: Session, actor: CurrentActor, now: Now
) -> LeadScoringPolicy:
    return await policies.withdraw_lead_scoring_policy(session, policy_id, actor=actor, now=now)
