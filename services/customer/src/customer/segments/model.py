"""A segment and its rules; who belonged to it on any day stays readable."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from common.aggregate import Aggregate
from common.errors import Conflict, NotFound
from common.scope import Scoped
from customer import events
from customer.db import Base
from customer.segments.conditions import Conditions

_CONDITIONS: TypeAdapter[Any] = TypeAdapter(Conditions)


class SegmentKind(StrEnum):
    """Whether a segment follows its conditions, or stays as it was."""

    DYNAMIC = "dynamic"
    FROZEN = "frozen"


class SegmentNotFound(NotFound):
    """There is no such segment."""

    code = "segment_not_found"


class SegmentIsFrozen(Conflict):
    """A frozen segment stays as it was."""

    code = "segment_is_frozen"


class SegmentIsRetired(Conflict):
    """A retired segment is not kept up to date any more."""

    code = "segment_is_retired"


class Segment(Aggregate, Scoped, Base):
    """Customers chosen by conditions; how far its members follow is in `progress`, to be loaded."""

    __tablename__ = "segments"
    __table_args__ = (
        Index("ix_segments_created_at_id", "created_at", "id"),
        Index("ix_segments_name_id", "name", "id"),
    )

    name: Mapped[str] = mapped_column(String(80))
    purpose: Mapped[str | None] = mapped_column(String(300))
    kind: Mapped[str] = mapped_column(String(20))
    conditions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    frozen_from_id: Mapped[UUID | None] = mapped_column(ForeignKey("segments.id"), index=True)
    frozen_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]

    progress: Mapped["SegmentProgress"] = relationship(lazy="raise")

    @property
    def refreshed_at(self) -> datetime | None:
        """As of when its members are; None is not found yet. `progress` must be loaded."""
        return self.progress.refreshed_at

    @property
    def is_behind(self) -> bool:
        """Whether some of what changed until then is still to be written."""
        return self.progress.is_behind

    @classmethod
    def define(
        cls, *, name: str, purpose: str | None, conditions: list[dict[str, Any]], **scope: Any
    ) -> tuple["Segment", events.SegmentDefined]:
        """A dynamic segment, whose members are found soon."""
        segment = cls(
            name=name,
            purpose=purpose,
            kind=SegmentKind.DYNAMIC,
            conditions=conditions,
            progress=SegmentProgress(refreshed_at=None, is_behind=True),
            **scope,
        )
        return segment, segment._defined()

    @property
    def read(self) -> Any:
        """The conditions, as they are applied."""
        return _CONDITIONS.validate_python(self.conditions)

    def update(self, changes: dict[str, Any]) -> events.SegmentDefined | None:
        """Change it; None when every value is the same already. Its members follow soon."""
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if not differing:
            return None
        if "conditions" in differing:
            self.check_dynamic()
            self.progress.is_behind = True
        for name, value in differing.items():
            setattr(self, name, value)
        return self._defined()

    def freeze(self, *, name: str, now: datetime) -> tuple["Segment", events.SegmentFrozen]:
        """A segment of those who belong to this one now, which stays as it is."""
        self.check_dynamic()
        frozen = Segment(
            name=name,
            purpose=self.purpose,
            kind=SegmentKind.FROZEN,
            conditions=self.conditions,
            frozen_from_id=self.id,
            frozen_at=now,
            progress=SegmentProgress(refreshed_at=now, is_behind=False),
            **self.scope,
        )
        return frozen, events.SegmentFrozen(
            segment_id=frozen.id,
            name=name,
            frozen_from_id=self.id,
            frozen_at=now,
            **self.scope,
        )

    def retire(self, *, now: datetime) -> events.SegmentRetired | None:
        """Keep it up to date no more; None when it is retired already."""
        if self.retired_at is not None:
            return None
        self.retired_at = now
        return events.SegmentRetired(segment_id=self.id, name=self.name, **self.scope)

    def check_dynamic(self) -> None:
        """Refuse what only a segment that follows its conditions can do."""
        if self.kind == SegmentKind.FROZEN:
            raise SegmentIsFrozen("a frozen segment stays as it was")
        if self.retired_at is not None:
            raise SegmentIsRetired("the segment is retired")

    def entered(self, customer_ids: list[UUID], now: datetime) -> events.SegmentMembersEntered:
        """That these customers belong to it from now on."""
        return events.SegmentMembersEntered(
            segment_id=self.id,
            name=self.name,
            customer_ids=customer_ids,
            entered_at=now,
            **self.scope,
        )

    def left(self, customer_ids: list[UUID], now: datetime) -> events.SegmentMembersLeft:
        """That these customers belong to it no more."""
        return events.SegmentMembersLeft(
            segment_id=self.id,
            name=self.name,
            customer_ids=customer_ids,
            left_at=now,
            **self.scope,
        )

    def _defined(self) -> events.SegmentDefined:
        return events.SegmentDefined(
            segment_id=self.id, name=self.name, kind=self.kind, **self.scope
        )


class SegmentProgress(Base):
    """How far the members of a segment follow its conditions; its key is that of the segment.

    Beside the segment, because that its members were looked at is no change of it.
    """

    __tablename__ = "segment_progress"
    __seen_with__ = ("id", "Segment")
    __table_args__ = (Index("ix_segment_progress_refreshed_at", "refreshed_at"),)

    id: Mapped[UUID] = mapped_column(ForeignKey("segments.id"), primary_key=True)
    refreshed_at: Mapped[datetime | None]
    is_behind: Mapped[bool]


class SegmentMember(Base):
    """A time in which a customer belonged to a segment; without an end it still does."""

    __tablename__ = "segment_members"
    __seen_with__ = ("customer_id", "Customer")
    __table_args__ = (
        Index("ix_segment_members_segment_id", "segment_id", "customer_id"),
        Index("ix_segment_members_customer_id", "customer_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    segment_id: Mapped[UUID] = mapped_column(ForeignKey("segments.id"))
    customer_id: Mapped[UUID]
    entered_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
