"""The standing endpoints, on the path of customers."""

from datetime import date
from uuid import UUID

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from customer.standings import use_cases as standings
from customer.standings.model import ClassEntry, GradeEntry, GradeOverride, StageEntry
from customer.standings.schemas import (
    ClassChoice,
    ClassRead,
    GradeOn,
    GradeOverrideRead,
    GradeOverrideSet,
    GradeRead,
    StageRead,
    StandingRead,
)

router = service_router("customer", "customers")


@router.get("/{customer_id}/standing", response_model=StandingRead)
async def get_standing(customer_id: UUID, session: Session, now: Now) -> StandingRead:
    return await standings.get_standing(session, customer_id, now=now)


@router.get("/{customer_id}/grade", response_model=GradeOn)
async def get_grade(
    customer_id: UUID, session: Session, now: Now, on: date | None = None
) -> GradeOn:
    return await standings.get_grade(session, customer_id, on=on, now=now)


@router.get("/{customer_id}/grades", response_model=PageOf[GradeRead])
async def list_grades(customer_id: UUID, session: Session, page: Paging) -> Page[GradeEntry]:
    return await standings.list_grades(session, customer_id, page)


@router.post("/{customer_id}:override-grade", status_code=201, response_model=GradeOverrideRead)
async def override_grade(
    customer_id: UUID, given: GradeOverrideSet, session: Session, actor: CurrentActor, now: Now
) -> GradeOverride:
    return await standings.override_grade(session, customer_id, given, actor=actor, now=now)


@router.post("/{customer_id}:end-grade-override", response_model=GradeOverrideRead)
async def end_grade_override(
    customer_id: UUID, session: Session, actor: CurrentActor, now: Now
) -> GradeOverride:
    return await standings.end_grade_override(session, customer_id, actor=actor, now=now)


@router.get("/{customer_id}/stages", response_model=PageOf[StageRead])
async def list_stages(customer_id: UUID, session: Session, page: Paging) -> Page[StageEntry]:
    return await standings.list_stages(session, customer_id, page)


@router.post("/{customer_id}:choose-class", response_model=StandingRead)
async def choose_class(
    customer_id: UUID, choice: ClassChoice, session: Session, actor: CurrentActor, now: Now
) -> StandingRead:
    return await standings.choose_class(session, customer_id, choice, actor=actor, now=now)


@router.post("/{customer_id}:clear-class", response_model=StandingRead)
async def clear_class(customer_id: UUID, session: Session, now: Now) -> StandingRead:
    return await standings.clear_class(session, customer_id, now=now)


@router.get("/{customer_id}/classes", response_model=PageOf[ClassRead])
async def list_classes(customer_id: UUID, session: Session, page: Paging) -> Page[ClassEntry]:
    return await standings.list_classes(session, customer_id, page)
