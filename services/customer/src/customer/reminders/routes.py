"""The reminder rule endpoints."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from customer.reminders import use_cases as reminders
from customer.reminders.model import ReminderRule
from customer.reminders.schemas import ReminderRuleCreate, ReminderRuleRead, ReminderRuleUpdate

router = service_router("customer", "reminder-rules")


@router.post("", status_code=201, response_model=ReminderRuleRead)
async def make_reminder_rule(
    new: ReminderRuleCreate, session: Session, response: Response
) -> ReminderRule:
    rule = await reminders.make_reminder_rule(session, new)
    response.headers["Location"] = f"{router.prefix}/{rule.id}"
    return rule


@router.get("", response_model=PageOf[ReminderRuleRead])
async def list_reminder_rules(session: Session, page: Paging) -> Page[ReminderRule]:
    return await reminders.list_reminder_rules(session, page)


@router.get("/{rule_id}", response_model=ReminderRuleRead)
async def get_reminder_rule(rule_id: UUID, session: Session) -> ReminderRule:
    return await reminders.get_reminder_rule(session, rule_id)


@router.patch("/{rule_id}", response_model=ReminderRuleRead, dependencies=[IfMatchRequired])
async def update_reminder_rule(
    rule_id: UUID, changes: ReminderRuleUpdate, session: Session
) -> ReminderRule:
    return await reminders.update_reminder_rule(session, rule_id, changes=changes.changes())
