"""What the policies of scoring and of routing have in common: versions that come into force.

A version is drafted, activated from a day on, and never changed after that. In force on a day is
the one with the latest day that has come; of two with the same day, the later version.
"""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from common.errors import Conflict, Invalid


class PolicyState(StrEnum):
    """Whether a version counts, or will; more may follow."""

    DRAFT = "draft"
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


class PolicyNotDraft(Conflict):
    """A version that was activated or withdrawn stays as it is: draft another one."""

    code = "policy_not_draft"


class PolicyInForce(Conflict):
    """A version that counts already is replaced by a later one, not withdrawn."""

    code = "policy_in_force"


class PolicyStartsInPast(Invalid):
    """What was done yesterday was done by yesterday's rules."""

    code = "policy_starts_in_past"


class PolicyVersion:
    """Columns and rules of a policy that is written down in versions."""

    policy_version: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(20))
    effective_on: Mapped[date | None]
    decided_by: Mapped[str | None] = mapped_column(String(80))

    def _edit(self, changes: dict[str, Any]) -> bool:
        """Change the draft; False when every value is the same already."""
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if not differing:
            return False
        self._check_draft()
        for name, value in differing.items():
            setattr(self, name, value)
        return True

    def _enter(self, *, effective_on: date, today: date, by: str) -> None:
        self._check_draft()
        if effective_on < today:
            raise PolicyStartsInPast(
                "a version counts from today at the earliest", pointer="/effective_on"
            )
        self.state, self.effective_on, self.decided_by = PolicyState.ACTIVE, effective_on, by

    def _leave(self, *, today: date, by: str) -> None:
        if self.state == PolicyState.WITHDRAWN:
            raise PolicyNotDraft(f"version {self.policy_version} was withdrawn")
        if self.effective_on is not None and self.effective_on <= today:
            raise PolicyInForce(f"version {self.policy_version} counts since {self.effective_on}")
        self.state, self.decided_by = PolicyState.WITHDRAWN, by

    def _check_draft(self) -> None:
        if self.state != PolicyState.DRAFT:
            raise PolicyNotDraft(f"version {self.policy_version} is {self.state}")
