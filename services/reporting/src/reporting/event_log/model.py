"""A kept event, and when the worker was last seen."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from reporting.db import Base


class KeptEvent(Base):
    """An event as it was said; append-only, in a partition for each month it was received in.

    Each partition has a unique index over aggregate and version, made with it: the way to the
    events of an aggregate, and a tripwire against keeping one twice.

    `seq` ascends within an aggregate as its versions do, because it is drawn while the aggregate is
    claimed; it is the order of a rebuild.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_time_event_id", "time", "event_id"),
        Index("ix_events_type_time", "type", "time", "event_id"),
        Index("ix_events_correlation_id", "correlation_id"),
        {"postgresql_partition_by": "RANGE (received_at)"},
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True, cache=1), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(
        primary_key=True, server_default=text("statement_timestamp()")
    )
    event_id: Mapped[UUID]
    source: Mapped[str]
    type: Mapped[str]
    aggregate_type: Mapped[str]
    aggregate_id: Mapped[UUID]
    version: Mapped[int]
    time: Mapped[datetime]
    correlation_id: Mapped[str | None]
    causation_id: Mapped[str | None]
    actor_id: Mapped[str | None]
    trace_id: Mapped[str | None]
    owner_id: Mapped[UUID | None]
    department_id: Mapped[UUID | None]
    partner_id: Mapped[UUID | None]
    region_id: Mapped[UUID | None]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)


class WorkerSeen(Base):
    """One row: when a worker of this service last said that it lives."""

    __tablename__ = "worker_seen"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    seen_at: Mapped[datetime]
