"""An assessment policy: one version of the rules of grading, classification or lifecycle.

A version is drafted, activated from a day on, and never changed after that. In force on a day is the
one of its kind with the latest day that has come; of two with the same day, the later version.
"""

from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from customer import events
from customer.assessment_policies.rules import Rules
from customer.db import Base

_RULES: TypeAdapter[Any] = TypeAdapter(Rules)


class PolicyState(StrEnum):
    """Whether a version counts, or will; more may follow."""

    DRAFT = "draft"
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


class AssessmentPolicyNotFound(NotFound):
    """There is no such policy."""

    code = "assessment_policy_not_found"


class PolicyNotDraft(Conflict):
    """A version that was activated or withdrawn stays as it is: draft another one."""

    code = "policy_not_draft"


class PolicyInForce(Conflict):
    """A version that counts already is replaced by a later one, not withdrawn."""

    code = "policy_in_force"


class PolicyStartsInPast(Invalid):
    """What was assessed yesterday was assessed by yesterday's rules."""

    code = "policy_starts_in_past"


class PolicyKindStays(Invalid):
    """A draft of one kind does not become one of another."""

    code = "policy_kind_stays"


class AssessmentPolicy(Aggregate, Base):
    """One version of the rules by which customers are assessed."""

    __tablename__ = "assessment_policies"
    __table_args__ = (
        Index("uq_assessment_policies_version", "kind", "policy_version", unique=True),
        Index(
            "ix_assessment_policies_in_force",
            "kind",
            "effective_on",
            "policy_version",
            postgresql_where=text("state = 'active'"),
        ),
        Index("ix_assessment_policies_created_at_id", "created_at", "id"),
    )

    kind: Mapped[str] = mapped_column(String(20))
    policy_version: Mapped[int]
    name: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(20))
    effective_on: Mapped[date | None]
    decided_by: Mapped[str | None] = mapped_column(String(80))
    rules: Mapped[dict[str, Any]] = mapped_column(JSONB)

    @classmethod
    def draft(
        cls, *, policy_version: int, name: str, rules: Rules
    ) -> tuple["AssessmentPolicy", events.AssessmentPolicyDrafted]:
        """A new version, by which nobody is assessed yet."""
        policy = cls(
            kind=rules.kind,
            policy_version=policy_version,
            name=name,
            state=PolicyState.DRAFT,
            rules=rules.model_dump(mode="json"),
        )
        return policy, events.AssessmentPolicyDrafted(**policy._facts())

    @property
    def read(self) -> Any:
        """The rules, as they are applied."""
        return _RULES.validate_python(self.rules)

    def update(
        self, *, name: str | None, rules: Rules | None
    ) -> events.AssessmentPolicyDrafted | None:
        """Change the draft; None when every value is the same already."""
        if rules is not None and rules.kind != self.kind:
            raise PolicyKindStays(f"this is a policy of {self.kind}", pointer="/rules/kind")
        written = self.rules if rules is None else rules.model_dump(mode="json")
        if (name or self.name, written) == (self.name, self.rules):
            return None
        self._check_draft()
        self.name, self.rules = name or self.name, written
        return events.AssessmentPolicyDrafted(**self._facts())

    def activate(
        self, *, effective_on: date, today: date, by: str
    ) -> events.AssessmentPolicyActivated:
        """Let it count from a day on; customers are assessed anew when the day comes."""
        self._check_draft()
        if effective_on < today:
            raise PolicyStartsInPast(
                "a version counts from today at the earliest", pointer="/effective_on"
            )
        self.state, self.effective_on, self.decided_by = PolicyState.ACTIVE, effective_on, by
        return events.AssessmentPolicyActivated(**self._facts(), effective_on=effective_on)

    def withdraw(self, *, today: date, by: str) -> events.AssessmentPolicyWithdrawn:
        """Give up a version that does not count yet."""
        if self.state == PolicyState.WITHDRAWN:
            raise PolicyNotDraft(f"version {self.policy_version} was withdrawn")
        if self.effective_on is not None and self.effective_on <= today:
            raise PolicyInForce(f"version {self.policy_version} counts since {self.effective_on}")
        self.state, self.decided_by = PolicyState.WITHDRAWN, by
        return events.AssessmentPolicyWithdrawn(**self._facts())

    def _check_draft(self) -> None:
        if self.state != PolicyState.DRAFT:
            raise PolicyNotDraft(f"version {self.policy_version} is {self.state}")

    def _facts(self) -> dict[str, Any]:
        return {
            "policy_id": self.id,
            "kind": self.kind,
            "policy_version": self.policy_version,
            "name": self.name,
        }
