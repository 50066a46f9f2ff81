"""The endpoint of the audit trail, the same in every service."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from common.api_routing import ServiceRoute
from common.audit import use_cases as audit
from common.audit.beside import REFUSED_LOOK
from common.audit.schemas import AuditEntryRead
from common.db import Session
from common.pagination import Page, PageOf, Paging


def audit_router(service_path: str) -> APIRouter:
    """`GET /{service}/v1/audit-entries`."""
    router = APIRouter(
        prefix=f"/{service_path}/v1/audit-entries", tags=["audit"], route_class=ServiceRoute
    )

    @router.get("", response_model=PageOf[AuditEntryRead])
    async def list_audit_entries(
        request: Request,
        session: Session,
        page: Paging,
        record_type: Annotated[
            str | None,
            Query(
                description=f"`{REFUSED_LOOK}`: who looked for records that are not theirs to see",
                examples=["customer.customer"],
            ),
        ] = None,
        record_id: UUID | None = None,
        actor_id: str | None = None,
        request_id: str | None = None,
        field: Annotated[str | None, Query(description="Entries in which this changed")] = None,
        since: AwareDatetime | None = None,
    ) -> Page[AuditEntryRead]:
        found = await audit.list_audit_entries(
            session,
            page,
            record_type=record_type,
            record_id=record_id,
            actor_id=actor_id,
            request_id=request_id,
            field=field,
            since=since,
        )
        masked = request.app.state.masked_fields
        return found.showing(lambda entry: audit.as_seen(entry, masked))

    return router
