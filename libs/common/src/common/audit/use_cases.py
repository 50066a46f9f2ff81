"""Reading the trail."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.rows import rows_of
from common.audit.model import AuditEntry, TrailNeedsAllRows
from common.pagination import Page, PageRequest, paginate

SORT_KEYS = {"recorded_at": AuditEntry.recorded_at, "version": AuditEntry.version}


async def list_audit_entries(
    session: AsyncSession,
    page: PageRequest,
    *,
    record_type: str | None = None,
    record_id: UUID | None = None,
    actor_id: str | None = None,
    request_id: str | None = None,
    field: str | None = None,
    since: datetime | None = None,
) -> Page[AuditEntry]:
    """A page of entries, newest first; `field` is one that changed.

    Raises TrailNeedsAllRows.
    """
    if rows_of(session) is not None:
        raise TrailNeedsAllRows("who reads the audit trail sees the records of everybody")
    equal = {
        AuditEntry.record_type: record_type,
        AuditEntry.record_id: record_id,
        AuditEntry.actor_id: actor_id,
        AuditEntry.request_id: request_id,
    }
    query = select(AuditEntry).where(
        *(column == value for column, value in equal.items() if value is not None)
    )
    if field is not None:
        query = query.where(AuditEntry.changes.has_key(field))
    if since is not None:
        query = query.where(AuditEntry.recorded_at >= since)
    return await paginate(
        session,
        query,
        page,
        id_column=AuditEntry.id,
        sort_keys=SORT_KEYS,
        # Two changes of a record within a clock's accuracy still stand in their order.
        default_sort="-recorded_at" if record_id is None else "-version",
    )
