"""The scorecard policy endpoints."""

from uuid import UUID

from fastapi import Response

from channel.scorecard_policies import use_cases as policies
from channel.scorecard_policies.model import ScorecardPolicy
from channel.scorecard_policies.schemas import ScorecardPolicyAdopt, ScorecardPolicyRead
from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging

router = service_router("channel", "scorecard-policies")


@router.post("", status_code=201, response_model=ScorecardPolicyRead)
async def adopt_scorecard_policy(
    new: ScorecardPolicyAdopt, session: Session, actor: CurrentActor, now: Now, response: Response
) -> ScorecardPolicy:
    policy = await policies.adopt_scorecard_policy(
        session,
        weights={str(indicator): weight for indicator, weight in new.weights.items()},
        valid_from=new.valid_from,
        currency=new.currency,
        actor=actor,
        now=now,
    )
    response.headers["Location"] = f"{router.prefix}/{policy.id}"
    return policy


@router.get("", response_model=PageOf[ScorecardPolicyRead])
async def list_scorecard_policies(session: Session, page: Paging) -> Page[ScorecardPolicy]:
    return await policies.list_scorecard_policies(session, page)


@router.get("/{policy_id}", response_model=ScorecardPolicyRead)
async def get_scorecard_policy(policy_id: UUID, session: Session) -> ScorecardPolicy:
    return await policies.get_scorecard_policy(session, policy_id)
