"""The follow-up endpoints."""

from uuid import UUID

from fastapi import Response
from pydantic import AwareDatetime

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from customer.follow_ups import use_cases as follow_ups
from customer.follow_ups.model import FollowUp
from customer.follow_ups.schemas import (
    FollowUpCancel,
    FollowUpChange,
    FollowUpComplete,
    FollowUpCompleted,
    FollowUpPassOn,
    FollowUpPlan,
    FollowUpRead,
)

router = service_router("customer", "follow-ups")


@router.post("", status_code=201, response_model=FollowUpRead)
async def plan_follow_up(
    new: FollowUpPlan, session: Session, actor: CurrentActor, now: Now, response: Response
) -> FollowUp:
    follow_up = await follow_ups.plan_follow_up(session, new, actor=actor, now=now)
    response.headers["Location"] = f"{router.prefix}/{follow_up.id}"
    return follow_up


@router.get("", response_model=PageOf[FollowUpRead])
async def list_follow_ups(
    session: Session,
    page: Paging,
    now: Now,
    customer_id: UUID | None = None,
    contact_id: UUID | None = None,
    owner_id: UUID | None = None,
    state: str | None = None,
    cause: str | None = None,
    due_before: AwareDatetime | None = None,
    is_overdue: bool | None = None,
) -> Page[FollowUp]:
    equal = {
        FollowUp.customer_id: customer_id,
        FollowUp.contact_id: contact_id,
        FollowUp.owner_id: owner_id,
        FollowUp.state: state,
        FollowUp.cause: cause,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if due_before is not None:
        filters.append(FollowUp.due_at < due_before)
    return await follow_ups.list_follow_ups(
        session, page, filters=filters, is_overdue=is_overdue, now=now
    )


@router.get("/{follow_up_id}", response_model=FollowUpRead)
async def get_follow_up(follow_up_id: UUID, session: Session) -> FollowUp:
    return await follow_ups.get_follow_up(session, follow_up_id)


@router.patch("/{follow_up_id}", response_model=FollowUpRead)
async def change_follow_up(
    follow_up_id: UUID, changes: FollowUpChange, session: Session, now: Now
) -> FollowUp:
    return await follow_ups.change_follow_up(
        session, follow_up_id, changes=changes.changes(), now=now
    )


@router.post("/{follow_up_id}:complete", response_model=FollowUpCompleted)
async def complete_follow_up(
    follow_up_id: UUID, done: FollowUpComplete, session: Session, actor: CurrentActor, now: Now
) -> FollowUpCompleted:
    follow_up, following = await follow_ups.complete_follow_up(
        session, follow_up_id, outcome=done.outcome, then=done.next, actor=actor, now=now
    )
    answer = FollowUpCompleted.model_validate(FollowUpRead.model_validate(follow_up).model_dump())
    if following is not None:
        answer.next = FollowUpRead.model_validate(following)
    return answer


@router.post("/{follow_up_id}:cancel", response_model=FollowUpRead)
async def cancel_follow_up(
    follow_up_id: UUID, why: FollowUpCancel, session: Session, actor: CurrentActor, now: Now
) -> FollowUp:
    return await follow_ups.cancel_follow_up(
        session, follow_up_id, reason=why.reason, actor=actor, now=now
    )


@router.post("/{follow_up_id}:pass-on", response_model=FollowUpRead)
async def pass_follow_up_on(follow_up_id: UUID, to: FollowUpPassOn, session: Session) -> FollowUp:
    return await follow_ups.pass_follow_up_on(session, follow_up_id, **to.model_dump())
