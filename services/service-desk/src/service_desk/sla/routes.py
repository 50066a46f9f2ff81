"""The policy and calendar endpoints."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from service_desk.sla import use_cases as sla
from service_desk.sla.model import SlaCalendar, SlaPolicy
from service_desk.sla.schemas import CalendarPublish, CalendarRead, PolicyPublish, PolicyRead

policies = service_router("service-desk", "sla-policies")
calendars = service_router("service-desk", "sla-calendars")


@policies.post("", status_code=201, response_model=PolicyRead)
async def publish_policy(
    new: PolicyPublish, session: Session, actor: CurrentActor, now: Now, response: Response
) -> SlaPolicy:
    policy = await sla.publish_policy(session, new, actor=actor, now=now)
    response.headers["Location"] = f"{policies.prefix}/{policy.id}"
    return policy


@policies.get("", response_model=PageOf[PolicyRead])
async def list_policies(session: Session, page: Paging) -> Page[SlaPolicy]:
    return await sla.list_policies(session, page)


@policies.get("/{policy_id}", response_model=PolicyRead)
async def get_policy(policy_id: UUID, session: Session) -> SlaPolicy:
    return await sla.get_policy(session, policy_id)


@calendars.post("", status_code=201, response_model=CalendarRead)
async def publish_calendar(
    new: CalendarPublish, session: Session, actor: CurrentActor, now: Now, response: Response
) -> SlaCalendar:
    calendar = await sla.publish_calendar(session, new, actor=actor, now=now)
    response.headers["Location"] = f"{calendars.prefix}/{calendar.id}"
    return calendar


@calendars.get("", response_model=PageOf[CalendarRead])
async def list_calendars(
    session: Session, page: Paging, name: str | None = None
) -> Page[SlaCalendar]:
    return await sla.list_calendars(session, page, name=name)


@calendars.get("/{calendar_id}", response_model=CalendarRead)
async def get_calendar(calendar_id: UUID, session: Session) -> SlaCalendar:
    return await sla.get_calendar(session, calendar_id)
