"""A reason for which deals are lost, and its rules."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from sales import events
from sales.db import Base

OTHER: Final = "other"
"""The reason of a loss that is told in words only; it needs no row."""


class LostReasonState(StrEnum):
    """Whether deals are still lost for it; more may follow."""

    ACTIVE = "active"
    RETIRED = "retired"


class LostReasonNotFound(NotFound):
    """There is no such reason."""

    code = "lost_reason_not_found"


class LostReasonNotKnown(Invalid):
    """The list has no such code; `known` are those it has."""

    code = "lost_reason_not_known"


class LostReasonTaken(Conflict):
    """Another reason has that code."""

    code = "lost_reason_taken"


class LostReason(Aggregate, Base):
    """A reason for which deals are lost; its code is what they are counted by.

    A loss for a reason that `needs_competitor` says who won instead.
    """

    __tablename__ = "lost_reasons"

    code: Mapped[str] = mapped_column(String(40), unique=True)
    name_zh: Mapped[str] = mapped_column(String(80))
    name_en: Mapped[str] = mapped_column(String(80))
    needs_competitor: Mapped[bool]
    state: Mapped[str] = mapped_column(String(20))

    @classmethod
    def add(cls, **values: Any) -> tuple["LostReason", events.LostReasonChanged]:
        """A new reason."""
        reason = cls(state=LostReasonState.ACTIVE, **values)
        return reason, reason._told()

    def update(self, changes: dict[str, Any]) -> events.LostReasonChanged | None:
        """Rename, retire or take up again; None when every value is the same already."""
        if all(getattr(self, name) == value for name, value in changes.items()):
            return None
        for name, value in changes.items():
            setattr(self, name, value)
        return self._told()

    def _told(self) -> events.LostReasonChanged:
        return events.LostReasonChanged(
            lost_reason_id=self.id,
            code=self.code,
            name_zh=self.name_zh,
            name_en=self.name_en,
            state=self.state,
        )


def settled(known: Mapping[str, LostReason], *, code: str | None, words: str | None) -> str:
    """The code of a loss: the one that is given, else the one the words are, else `other`.

    `known` are the reasons for which deals may be lost, by code.
    """
    if code is None:
        spoken = (words or "").strip().lower()
        return spoken if spoken in known else OTHER
    if code not in known and code != OTHER:
        raise LostReasonNotKnown(
            f"deals are not lost for {code!r}",
            pointer="/reason_code",
            known=sorted({*known, OTHER}),
        )
    return code
