"""The entries of the trail, for reading; `common.messaging.outbox` writes them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.errors import Forbidden


class TrailNeedsAllRows(Forbidden):
    """The trail tells of every record; who may see only some of them cannot read it."""

    code = "trail_needs_all_rows"


class _Base(DeclarativeBase):
    # Of no service: a table that all of them have is in no service's metadata.
    pass


class AuditEntry(_Base):
    """What one transaction did to one record, by whom, and because of what."""

    __tablename__ = "audit_entries"

    id: Mapped[UUID]
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    record_type: Mapped[str] = mapped_column(Text, primary_key=True)
    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    action: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    actor_id: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)
    correlation_id: Mapped[str | None] = mapped_column(Text)
    causation_id: Mapped[str | None] = mapped_column(Text)
    changes: Mapped[dict[str, list[Any]]] = mapped_column(JSONB)
    previous_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
