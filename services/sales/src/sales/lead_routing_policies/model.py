"""A lead routing policy and its rules."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, NotFound
from sales import events
from sales.db import Base
from sales.lead_scoring_policies.model import RuleNamedTwice
from sales.leads.deficits import RoutingRule
from sales.leads.policies import PolicyState, PolicyVersion


class LeadRoutingPolicyNotFound(NotFound):
    """There is no such policy."""

    code = "lead_routing_policy_not_found"


class NoRoutingPolicy(Conflict):
    """No routing policy is in force, so nobody knows to whom the lead goes: assign it by hand."""

    code = "no_routing_policy"


class LeadRoutingPolicy(PolicyVersion, Aggregate, Base):
    """One version of the rules by which leads go to teams; the first rule that finds somebody wins."""

    __tablename__ = "lead_routing_policies"
    __table_args__ = (
        Index(
            "ix_lead_routing_policies_in_force",
            "effective_on",
            "policy_version",
            postgresql_where=text("state = 'active'"),
        ),
    )

    rules: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)

    @classmethod
    def draft(
        cls, *, policy_version: int, rules: Sequence[RoutingRule], **values: Any
    ) -> tuple["LeadRoutingPolicy", events.LeadRoutingPolicyDrafted]:
        """A new version, by which nothing is routed yet."""
        policy = cls(
            policy_version=policy_version,
            state=PolicyState.DRAFT,
            rules=[rule.model_dump(mode="json") for rule in rules],
            **values,
        )
        policy._check()
        return policy, policy._drafted()

    @property
    def ordered_rules(self) -> list[RoutingRule]:
        """The rules in their order, as they are applied."""
        return [RoutingRule.model_validate(rule) for rule in self.rules]

    def update(self, changes: dict[str, Any]) -> events.LeadRoutingPolicyDrafted | None:
        """Change the draft; None when every value is the same already."""
        if not self._edit(changes):
            return None
        self._check()
        return self._drafted()

    def activate(
        self, *, effective_on: date, today: date, by: str
    ) -> events.LeadRoutingPolicyActivated:
        """Let it count from a day on."""
        self._enter(effective_on=effective_on, today=today, by=by)
        return events.LeadRoutingPolicyActivated(
            policy_id=self.id,
            policy_version=self.policy_version,
            name=self.name,
            effective_on=effective_on,
        )

    def withdraw(self, *, today: date, by: str) -> events.LeadRoutingPolicyWithdrawn:
        """Give up a version that does not count yet."""
        self._leave(today=today, by=by)
        return events.LeadRoutingPolicyWithdrawn(
            policy_id=self.id, policy_version=self.policy_version, name=self.name
        )

    def _check(self) -> None:
        names = [rule["name"] for rule in self.rules]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise RuleNamedTwice(f"two rules are named {name}", pointer=f"/rules/{place}/name")

    def _drafted(self) -> events.LeadRoutingPolicyDrafted:
        return events.LeadRoutingPolicyDrafted(
            policy_id=self.id, policy_version=self.policy_version, name=self.name
        )
