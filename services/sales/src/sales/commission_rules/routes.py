"""The commission rule endpoints."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from sales.commission_rules import use_cases as rules
from sales.commission_rules.model import CommissionRule
from sales.commission_rules.schemas import (
    CommissionRuleDraft,
    CommissionRuleEnd,
    CommissionRuleRead,
    CommissionRuleUpdate,
)

router = service_router("sales", "commission-rules")


@router.post("", status_code=201, response_model=CommissionRuleRead)
async def draft_commission_rule(
    new: CommissionRuleDraft, session: Session, response: Response
) -> CommissionRule:
    rule = await rules.draft_commission_rule(session, new)
    response.headers["Location"] = f"{router.prefix}/{rule.id}"
    return rule


@router.get("", response_model=PageOf[CommissionRuleRead])
async def list_commission_rules(
    session: Session, page: Paging, code: str | None = None, state: str | None = None
) -> Page[CommissionRule]:
    equal = {CommissionRule.code: code, CommissionRule.state: state}
    filters = [column == value for column, value in equal.items() if value is not None]
    return await rules.list_commission_rules(session, page, filters=filters)


@router.get("/{rule_id}", response_model=CommissionRuleRead)
async def get_commission_rule(rule_id: UUID, session: Session) -> CommissionRule:
    return await rules.get_commission_rule(session, rule_id)


@router.patch("/{rule_id}", response_model=CommissionRuleRead, dependencies=[IfMatchRequired])
async def update_commission_rule(
    rule_id: UUID, changes: CommissionRuleUpdate, session: Session
) -> CommissionRule:
    return await rules.update_commission_rule(session, rule_id, changes=changes.stored())


@router.post("/{rule_id}:activate", response_model=CommissionRuleRead)
async def activate_commission_rule(
    rule_id: UUID, session: Session, actor: CurrentActor
) -> CommissionRule:
    return await rules.activate_commission_rule(session, rule_id, actor=actor)


@router.post("/{rule_id}:end", response_model=CommissionRuleRead)
async def end_commission_rule(
    rule_id: UUID, end: CommissionRuleEnd, session: Session, actor: CurrentActor, now: Now
) -> CommissionRule:
    return await rules.end_commission_rule(
        session, rule_id, valid_until=end.valid_until, actor=actor, now=now
    )


@router.post("/{rule_id}:withdraw", response_model=CommissionRuleRead)
async def withdraw_commission_rule(
    rule_id: UUID, session: Session, actor: CurrentActor
) -> CommissionRule:
    return await rules.withdraw_commission_rule(session, rule_id, actor=actor)
