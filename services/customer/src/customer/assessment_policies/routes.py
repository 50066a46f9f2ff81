"""The assessment policy endpoints."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from customer.assessment_policies import use_cases as policies
from customer.assessment_policies.model import AssessmentPolicy
from customer.assessment_policies.schemas import (
    AssessmentPolicyActivate,
    AssessmentPolicyDraft,
    AssessmentPolicyRead,
    AssessmentPolicyUpdate,
)

router = service_router("customer", "assessment-policies")


@router.post("", status_code=201, response_model=AssessmentPolicyRead)
async def draft_assessment_policy(
    new: AssessmentPolicyDraft, session: Session, now: Now, response: Response
) -> AssessmentPolicy:
    policy = await policies.draft_assessment_policy(session, new, now=now)
    response.headers["Location"] = f"{router.prefix}/{policy.id}"
    return policy


@router.get("", response_model=PageOf[AssessmentPolicyRead])
async def list_assessment_policies(
    session: Session, page: Paging, kind: str | None = None, state: str | None = None
) -> Page[AssessmentPolicy]:
    return await policies.list_assessment_policies(session, page, kind=kind, state=state)


@router.get("/{policy_id}", response_model=AssessmentPolicyRead)
async def get_assessment_policy(policy_id: UUID, session: Session) -> AssessmentPolicy:
    return await policies.get_assessment_policy(session, policy_id)


@router.patch("/{policy_id}", response_model=AssessmentPolicyRead, dependencies=[IfMatchRequired])
async def update_assessment_policy(
    policy_id: UUID, changes: AssessmentPolicyUpdate, session: Session, now: Now
) -> AssessmentPolicy:
    return await policies.update_assessment_policy(session, policy_id, changes, now=now)


@router.post("/{policy_id}:activate", response_model=AssessmentPolicyRead)
async def activate_assessment_policy(
    policy_id: UUID,
    start: AssessmentPolicyActivate,
    session: Session,
    actor: CurrentActor,
    now: Now,
) -> AssessmentPolicy:
    return await policies.activate_assessment_policy(
        session, policy_id, effective_on=start.effective_on, actor=actor, now=now
    )


@router.post("/{policy_id}:withdraw", response_model=AssessmentPolicyRead)
async def withdraw_assessment_policy(
    policy_id: UUID, session: Session, actor: CurrentActor, now: Now
) -> AssessmentPolicy:
    return await policies.withdraw_assessment_policy(session, policy_id, actor=actor, now=now)
