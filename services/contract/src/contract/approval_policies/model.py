"""An approval policy and its rules."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Invalid, NotFound
from contract import events
from contract.approval_policies.routing import Band, Route, flaw_of, steps_for
from contract.db import Base


class ApprovalPolicyNotFound(NotFound):
    """There is no such policy."""

    code = "approval_policy_not_found"


class BandsIncomplete(Invalid):
    """The bands leave an amount without steps, or overlap."""

    code = "bands_incomplete"


class ApprovalPolicy(Aggregate, Base):
    """How contracts of a kind are approved from a day on; never changed, only followed by another.

    With a currency it is for contracts in that currency; without, amounts are compared as they
    are, in whatever currency.
    """

    __tablename__ = "approval_policies"
    __table_args__ = (
        Index("uq_approval_policies_kind_policy_version", "kind", "policy_version", unique=True),
        Index("ix_approval_policies_valid_from_id", "valid_from", "id"),
    )

    kind: Mapped[str] = mapped_column(String(20))
    policy_version: Mapped[int]
    currency: Mapped[str | None] = mapped_column(String(3))
    valid_from: Mapped[date]
    bands: Mapped[list[Band]] = mapped_column(JSONB)
    checklist: Mapped[list[str]] = mapped_column(JSONB)
    published_by: Mapped[str] = mapped_column(String(80))
    published_at: Mapped[datetime]

    @classmethod
    def publish(
        cls, *, bands: list[Band], by: str, now: datetime, **what: Any
    ) -> tuple["ApprovalPolicy", events.ApprovalPolicyPublished]:
        """A new version of the policy of a kind."""
        flaw = flaw_of(bands)
        if flaw is not None:
            raise BandsIncomplete(flaw, pointer="/bands")
        # Bounds are kept as decimal strings: JSON numbers are floats to many readers.
        kept = [
            {**band, "below": None if band["below"] is None else format(band["below"], "f")}
            for band in bands
        ]
        policy = cls(bands=kept, published_by=by, published_at=now, **what)
        return policy, events.ApprovalPolicyPublished(
            policy_id=policy.id,
            kind=policy.kind,
            policy_version=policy.policy_version,
            currency=policy.currency,
            valid_from=policy.valid_from,
            published_at=policy.published_at,
        )

    def route(self, total: Decimal) -> Route:
        """The way of a contract over `total`."""
        return Route(self.policy_version, steps_for(total, self.bands), tuple(self.checklist))
