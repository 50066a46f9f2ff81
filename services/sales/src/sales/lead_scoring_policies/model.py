"""A lead scoring policy and its rules."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Invalid, NotFound
from sales import events
from sales.db import Base
from sales.leads.policies import PolicyState, PolicyVersion
from sales.leads.scoring import MOST_POINTS, Scoring, ScoringRule


class LeadScoringPolicyNotFound(NotFound):
    """There is no such policy."""

    code = "lead_scoring_policy_not_found"


class RatingsOutOfOrder(Invalid):
    """A lead is warm from fewer points on than it is hot."""

    code = "ratings_out_of_order"


class RuleNamedTwice(Invalid):
    """Each rule of a policy has a name of its own, because contributions are told by it."""

    code = "rule_named_twice"


class LeadScoringPolicy(PolicyVersion, Aggregate, Base):
    """One version of the rules by which leads get their points."""

    __tablename__ = "lead_scoring_policies"
    __table_args__ = (
        Index(
            "ix_lead_scoring_policies_in_force",
            "effective_on",
            "policy_version",
            postgresql_where=text("state = 'active'"),
        ),
    )

    rules: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    hot_from: Mapped[int]
    warm_from: Mapped[int]

    @classmethod
    def draft(
        cls, *, policy_version: int, rules: Sequence[ScoringRule], **values: Any
    ) -> tuple["LeadScoringPolicy", events.LeadScoringPolicyDrafted]:
        """A new version, by which nobody is scored yet."""
        policy = cls(
            policy_version=policy_version,
            state=PolicyState.DRAFT,
            rules=[rule.model_dump(mode="json") for rule in rules],
            **values,
        )
        policy._check()
        return policy, policy._drafted()

    @property
    def scoring(self) -> Scoring:
        """The rules, as they are applied."""
        return Scoring(
            version=self.policy_version,
            rules=[ScoringRule.model_validate(rule) for rule in self.rules],
            hot_from=self.hot_from,
            warm_from=self.warm_from,
        )

    def update(self, changes: dict[str, Any]) -> events.LeadScoringPolicyDrafted | None:
        """Change the draft; None when every value is the same already."""
        if not self._edit(changes):
            return None
        self._check()
        return self._drafted()

    def activate(
        self, *, effective_on: date, today: date, by: str
    ) -> events.LeadScoringPolicyActivated:
        """Let it count from a day on; open leads are scored anew when the day comes."""
        self._enter(effective_on=effective_on, today=today, by=by)
        return events.LeadScoringPolicyActivated(
            policy_id=self.id,
            policy_version=self.policy_version,
            name=self.name,
            effective_on=effective_on,
        )

    def withdraw(self, *, today: date, by: str) -> events.LeadScoringPolicyWithdrawn:
        """Give up a version that does not count yet."""
        self._leave(today=today, by=by)
        return events.LeadScoringPolicyWithdrawn(
            policy_id=self.id, policy_version=self.policy_version, name=self.name
        )

    def _check(self) -> None:
        if not 0 < self.warm_from < self.hot_from <= MOST_POINTS:
            raise RatingsOutOfOrder(
                f"a lead is warm from {self.warm_from} points on and hot from {self.hot_from}",
                pointer="/hot_from",
            )
        names = [rule["name"] for rule in self.rules]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise RuleNamedTwice(f"two rules are named {name}", pointer=f"/rules/{place}/name")

    def _drafted(self) -> events.LeadScoringPolicyDrafted:
        return events.LeadScoringPolicyDrafted(
            policy_id=self.id, policy_version=self.policy_version, name=self.name
        )
