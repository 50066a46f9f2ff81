"""The duplicate endpoints."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from customer.duplicates import use_cases as duplicates
from customer.duplicates.model import (
    DuplicateGroup,
    DuplicateScan,
    keys_of_customer,
    shown,
)
from customer.duplicates.schemas import (
    CandidateRead,
    Dismissal,
    DuplicateAnswer,
    DuplicateAnswers,
    DuplicateQueries,
    GroupRead,
    PairRead,
    ScanRead,
    SuspectedCustomer,
    as_reasons,
)

queries = service_router("customer", "customers:find-duplicates")
scans = service_router("customer", "duplicate-scans")
groups = service_router("customer", "duplicate-groups")


@queries.post("", response_model=DuplicateAnswers)
async def find_duplicates(asked: DuplicateQueries, session: Session) -> DuplicateAnswers:
    """Which customers may be these; up to 100 in one request, and nothing is changed."""
    found = await duplicates.find_duplicates(
        session, [keys_of_customer(item) for item in asked.items]
    )
    return DuplicateAnswers(
        results=[
            DuplicateAnswer(
                index=index,
                candidates=[CandidateRead(**shown(candidate)) for candidate in candidates],
            )
            for index, candidates in enumerate(found)
        ]
    )


@scans.post("", status_code=202, response_model=ScanRead)
async def start_duplicate_scan(
    session: Session, actor: CurrentActor, now: Now, response: Response
) -> DuplicateScan:
    scan = await duplicates.start_scan(session, actor=actor, now=now)
    response.headers["Operation-Location"] = f"{scans.prefix}/{scan.id}"
    return scan


@scans.get("/{scan_id}", response_model=ScanRead)
async def get_duplicate_scan(scan_id: UUID, session: Session) -> DuplicateScan:
    return await duplicates.get_scan(session, scan_id)


@groups.get("", response_model=PageOf[GroupRead])
async def list_duplicate_groups(session: Session, page: Paging) -> Page[GroupRead]:
    found = await duplicates.list_groups(session, page)
    pairs = await duplicates.pairs_of(session, [group.id for group in found.data])

    def show(group: DuplicateGroup) -> GroupRead:
        return GroupRead(
            id=group.id,
            score=group.score,
            size=group.size,
            pairs=[
                PairRead(
                    one=SuspectedCustomer.model_validate(one),
                    other=SuspectedCustomer.model_validate(other),
                    score=pair.score,
                    reasons=as_reasons(pair.reasons),
                )
                for pair, one, other in pairs[group.id]
            ],
        )

    return found.showing(show)


@groups.post("/{group_id}:dismiss", status_code=204)
async def dismiss_duplicates(
    group_id: UUID, which: Dismissal, session: Session, actor: CurrentActor, now: Now
) -> None:
    await duplicates.dismiss_group(
        session, group_id, customer_ids=which.customer_ids, actor=actor, now=now
    )
