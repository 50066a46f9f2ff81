"""The merge endpoints, on the path of customers."""

from uuid import UUID

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from customer.customers.schemas import CustomerRead
from customer.merges import use_cases as merges
from customer.merges.model import Merge
from customer.merges.schemas import (
    ChosenField,
    FieldConflict,
    MergePreview,
    MergeRead,
    MergeRequest,
    Unmerged,
    UnmergeRequest,
)

router = service_router("customer", "customers")


@router.post("/{customer_id}:preview-merge", response_model=MergePreview)
async def preview_merge(customer_id: UUID, asked: MergeRequest, session: Session) -> MergePreview:
    """What `:merge` with the same body would do; nothing is changed."""
    plan, moves = await merges.preview_merge(session, customer_id, asked)
    result = CustomerRead.model_validate(plan.survivor).model_copy(update=plan.changes)
    return MergePreview(
        result=result,
        changes=[
            ChosenField(field=each.field, value=each.value, from_customer_id=each.from_id)
            for each in plan.chosen
            if each.field in plan.changes
        ],
        moves=moves,
        follow_by_event=list(merges.FOLLOW_BY_EVENT),
    )


@router.post("/{customer_id}:merge", response_model=MergeRead)
async def merge_customers(
    customer_id: UUID, asked: MergeRequest, session: Session, actor: CurrentActor, now: Now
) -> Merge:
    return await merges.merge_customers(session, customer_id, asked, actor=actor, now=now)


@router.post("/{customer_id}:unmerge", response_model=Unmerged)
async def unmerge_customers(
    customer_id: UUID, asked: UnmergeRequest, session: Session, actor: CurrentActor, now: Now
) -> Unmerged:
    merge, conflicts = await merges.unmerge_customers(
        session,
        customer_id,
        asked.merge_id,
        edited=asked.edited_fields,
        actor=actor,
        now=now,
    )
    return Unmerged(
        merge=MergeRead.model_validate(merge),
        conflicts=[FieldConflict(**conflict) for conflict in conflicts],
    )


@router.get("/{customer_id}/merges", response_model=list[MergeRead])
async def list_merges(customer_id: UUID, session: Session) -> list[Merge]:
    return list(await merges.list_merges(session, customer_id))
