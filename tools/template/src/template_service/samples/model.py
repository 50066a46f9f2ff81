"""A sample and its rules."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, NotFound
from common.scope import Scoped
from template_service import events
from template_service.db import Base


class SampleState(StrEnum):
    """Whether a sample is still worked on; more may follow."""

    OPEN = "open"
    CLOSED = "closed"


class SampleNotFound(NotFound):
    """There is no such sample."""

    code = "sample_not_found"


class SampleIsClosed(Conflict):
    """A closed sample stays as it is."""

    code = "sample_is_closed"


class Sample(Aggregate, Scoped, Base):
    """One sample."""

    __tablename__ = "samples"
    __table_args__ = (
        Index("ix_samples_created_at_id", "created_at", "id"),
        Index("ix_samples_name_id", "name", "id"),
    )

    name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20))
    closed_at: Mapped[datetime | None]

    @classmethod
    def create(cls, *, name: str, **scope: Any) -> tuple["Sample", events.SampleCreated]:
        """A new sample; `scope` says whose it is."""
        sample = cls(name=name, state=SampleState.OPEN, **scope)
        return sample, events.SampleCreated(sample_id=sample.id, name=sample.name, **sample.scope)

    def rename(self, name: str) -> events.SampleRenamed | None:
        """Give it another name; None when it has this name already."""
        self._refuse_closed()
        if name == self.name:
            return None
        self.name = name
        return events.SampleRenamed(sample_id=self.id, name=name, **self.scope)

    def close(self, *, now: datetime) -> events.SampleClosed:
        """End the work on it, for good."""
        self._refuse_closed()
        self.state, self.closed_at = SampleState.CLOSED, now
        return events.SampleClosed(sample_id=self.id, closed_at=now, **self.scope)

    def _refuse_closed(self) -> None:
        if self.state == SampleState.CLOSED:
            raise SampleIsClosed("the sample is closed")
