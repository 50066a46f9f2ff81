"""The target endpoints."""

from datetime import date
from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.rate_limits import Expensive
from sales.targets import use_cases as targets
from sales.targets.model import Target, TargetRevision
from sales.targets.schemas import (
    TargetChange,
    TargetCreate,
    TargetNode,
    TargetRead,
    TargetRevisionRead,
)

router = service_router("sales", "targets")


@router.post("", status_code=201, response_model=TargetRead)
async def set_target(
    new: TargetCreate, session: Session, actor: CurrentActor, now: Now, response: Response
) -> Target:
    target = await targets.set_target(session, new, actor=actor, now=now)
    response.headers["Location"] = f"{router.prefix}/{target.id}"
    return target


@router.get("", response_model=PageOf[TargetRead])
async def list_targets(
    session: Session,
    page: Paging,
    subject_kind: str | None = None,
    subject_id: UUID | None = None,
    measure: str | None = None,
    period: str | None = None,
    starts_on: date | None = None,
    state: str | None = None,
    parent_id: UUID | None = None,
) -> Page[Target]:
    equal = {
        Target.subject_kind: subject_kind,
        Target.subject_id: subject_id,
        Target.measure: measure,
        Target.period: period,
        Target.starts_on: starts_on,
        Target.state: state,
        Target.parent_id: parent_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    return await targets.list_targets(session, page, filters=filters)


@router.get("/{target_id}", response_model=TargetRead)
async def get_target(target_id: UUID, session: Session) -> Target:
    return await targets.get_target(session, target_id)


@router.post("/{target_id}:change", response_model=TargetRead)
async def change_target(
    target_id: UUID, change: TargetChange, session: Session, actor: CurrentActor, now: Now
) -> Target:
    return await targets.change_target(
        session, target_id, value=change.value, reason=change.reason, actor=actor, now=now
    )


@router.post("/{target_id}:withdraw", response_model=TargetRead)
async def withdraw_target(target_id: UUID, session: Session) -> Target:
    return await targets.withdraw_target(session, target_id)


@router.get("/{target_id}/revisions", response_model=list[TargetRevisionRead])
async def list_target_revisions(target_id: UUID, session: Session) -> list[TargetRevision]:
    return list(await targets.list_target_revisions(session, target_id))


@router.get("/{target_id}/tree", response_model=list[TargetNode], dependencies=[Expensive])
async def get_target_tree(target_id: UUID, session: Session) -> list[TargetNode]:
    return await targets.get_target_tree(session, target_id)
