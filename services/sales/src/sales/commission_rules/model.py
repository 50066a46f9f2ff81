"""A commission rule and its rules."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from sales import events
from sales.commission_rules.terms import Terms
from sales.db import Base


class RuleState(StrEnum):
    """Whether a version pays, or will; more may follow."""

    DRAFT = "draft"
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


class CommissionRuleNotFound(NotFound):
    """There is no such rule."""

    code = "commission_rule_not_found"


class CommissionRuleNotDraft(Conflict):
    """A version that was activated or withdrawn stays as it is: draft another one."""

    code = "commission_rule_not_draft"


class CommissionRuleNotActive(Conflict):
    """Only a version that pays can be ended."""

    code = "commission_rule_not_active"


class CommissionRuleDatesReversed(Invalid):
    """The last day lies before the first, or before today."""

    code = "commission_rule_dates_reversed"


class CommissionRule(Aggregate, Base):
    """One version of a rule; `code` names the rule through all of its versions.

    Of the versions of a code the one that began last by a day counts on it; when its days are over,
    no older one counts again. A version never changes once it is active but for its last day.
    """

    __tablename__ = "commission_rules"
    __table_args__ = (
        Index("uq_commission_rules_code_rule_version", "code", "rule_version", unique=True),
        Index("ix_commission_rules_valid_from_id", "valid_from", "id"),
        Index("ix_commission_rules_code_id", "code", "id"),
    )

    code: Mapped[str] = mapped_column(String(40))
    rule_version: Mapped[int]
    name: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(20))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    terms: Mapped[dict[str, Any]] = mapped_column(JSONB)
    decided_by: Mapped[str | None] = mapped_column(String(80))

    @classmethod
    def draft(
        cls, *, terms: Terms, **values: Any
    ) -> tuple["CommissionRule", events.CommissionRuleDrafted]:
        """A new version, by which nobody earns yet."""
        rule = cls(state=RuleState.DRAFT, terms=terms.model_dump(mode="json"), **values)
        rule._check_dates()
        return rule, events.CommissionRuleDrafted(**rule._facts())

    @property
    def said(self) -> Terms:
        """What the rule says, as it is applied."""
        return Terms.model_validate(self.terms)

    def update(self, changes: dict[str, Any]) -> events.CommissionRuleDrafted | None:
        """Change the draft; None when every value is the same already."""
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if not differing:
            return None
        self._check_draft()
        for name, value in differing.items():
            setattr(self, name, value)
        self._check_dates()
        return events.CommissionRuleDrafted(**self._facts())

    def activate(self, *, by: str) -> events.CommissionRuleActivated:
        """Let it pay what is earned from `valid_from` on, also where that day is over.

        What another version has paid for stays paid as it was.
        """
        self._check_draft()
        self.state, self.decided_by = RuleState.ACTIVE, by
        return events.CommissionRuleActivated(**self._facts())

    def end(self, *, on: date, today: date, by: str) -> events.CommissionRuleEnded:
        """Let it pay up to and including a day, today at the earliest."""
        if self.state != RuleState.ACTIVE:
            raise CommissionRuleNotActive(f"version {self.rule_version} is {self.state}")
        if on < max(today, self.valid_from):
            raise CommissionRuleDatesReversed(
                "a rule ends today at the earliest, and not before it begins",
                pointer="/valid_until",
            )
        self.valid_until, self.decided_by = on, by
        return events.CommissionRuleEnded(**self._facts())

    def withdraw(self, *, by: str) -> events.CommissionRuleEnded:
        """Give up a draft."""
        self._check_draft()
        self.state, self.decided_by = RuleState.WITHDRAWN, by
        return events.CommissionRuleEnded(**self._facts())

    def _check_draft(self) -> None:
        if self.state != RuleState.DRAFT:
            raise CommissionRuleNotDraft(f"version {self.rule_version} is {self.state}")

    def _check_dates(self) -> None:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise CommissionRuleDatesReversed(
                "valid_until lies before valid_from", pointer="/valid_until"
            )

    def _facts(self) -> dict[str, Any]:
        return {
            "rule_id": self.id,
            "code": self.code,
            "rule_version": self.rule_version,
            "name": self.name,
            "state": self.state,
            "valid_from": self.valid_from,
            "valid_until": self.valid_until,
        }
