"""Reading the trail."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.masks import sees
from common.access.rows import rows_of
from common.audit.beside import REFUSED_LOOK
from common.audit.model import AuditEntry, TrailNeedsAllRows
from common.audit.schemas import AuditEntryRead
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
    if record_id is not None and record_type is None:
        # The history of a record; who looked for it in vain is asked for by name.
        query = query.where(AuditEntry.record_type != REFUSED_LOOK)
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


def as_seen(entry: AuditEntry, masked: Mapping[str, Iterable[str]]) -> AuditEntryRead:
    """The entry without the values that the actor sees in no record either.

    `masked` are the rights that fields of the service are seen with, by name.
    """
    hidden = {name for name, rights in masked.items() if not all(map(sees, rights))}
    read = AuditEntryRead.model_validate(entry)
    shown = {
        name: [None, None] if name in hidden else [_without(hidden, side) for side in change]
        for name, change in read.changes.items()
    }
    if shown == read.changes:
        return read
    # From a hash, what is hidden could be guessed: a telephone number has few digits.
    return read.model_copy(update={"changes": shown, "hash": "0" * 64, "previous_hash": None})


def _without(hidden: set[str], value: Any) -> Any:
    """The lines of a record without their hidden fields."""
    match value:
        case list():
            return [_without(hidden, each) for each in value]
        case dict():
            return {
                name: None if name in hidden else _without(hidden, each)
                for name, each in value.items()
            }
    return value
