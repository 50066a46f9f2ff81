"""The quality endpoints."""

from uuid import UUID

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from customer.quality import use_cases as quality
from customer.quality.model import QualityIssue
from customer.quality.schemas import (
    CompletenessRead,
    IssueAssign,
    IssueSettle,
    QualityIssueRead,
    QualitySummary,
)

router = service_router("customer", "quality-issues")
on_customers = service_router("customer", "customers")


@router.get("", response_model=PageOf[QualityIssueRead])
async def list_quality_issues(
    session: Session,
    page: Paging,
    customer_id: UUID | None = None,
    contact_id: UUID | None = None,
    kind: str | None = None,
    state: str | None = None,
    assignee_id: UUID | None = None,
) -> Page[QualityIssue]:
    equal = {
        QualityIssue.customer_id: customer_id,
        QualityIssue.contact_id: contact_id,
        QualityIssue.kind: kind,
        QualityIssue.state: state,
        QualityIssue.assignee_id: assignee_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    return await quality.list_quality_issues(session, page, filters=filters)


@router.get("/summary", response_model=QualitySummary)
async def summarise_quality(session: Session) -> QualitySummary:
    return await quality.summarise_quality(session)


@router.get("/{issue_id}", response_model=QualityIssueRead)
async def get_quality_issue(issue_id: UUID, session: Session) -> QualityIssue:
    return await quality.get_quality_issue(session, issue_id)


@router.post("/{issue_id}:assign", response_model=QualityIssueRead)
async def assign_quality_issue(issue_id: UUID, to: IssueAssign, session: Session) -> QualityIssue:
    return await quality.assign_quality_issue(session, issue_id, assignee_id=to.assignee_id)


@router.post("/{issue_id}:resolve", response_model=QualityIssueRead)
async def resolve_quality_issue(
    issue_id: UUID, done: IssueSettle, session: Session, actor: CurrentActor, now: Now
) -> QualityIssue:
    return await quality.resolve_quality_issue(
        session, issue_id, note=done.note, actor=actor, now=now
    )


@router.post("/{issue_id}:dismiss", response_model=QualityIssueRead)
async def dismiss_quality_issue(
    issue_id: UUID, why: IssueSettle, session: Session, actor: CurrentActor, now: Now
) -> QualityIssue:
    return await quality.dismiss_quality_issue(
        session, issue_id, note=why.note, actor=actor, now=now
    )


@on_customers.get("/{customer_id}/completeness", response_model=CompletenessRead)
async def get_completeness(customer_id: UUID, session: Session) -> CompletenessRead:
    return await quality.get_completeness(session, customer_id)
