"""A scorecard policy and its rules."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from channel import events
from channel.db import Base
from common.aggregate import Aggregate
from common.errors import Invalid, NotFound


class Indicator(StrEnum):
    """What a scorecard looks at; more may follow."""

    WON_AMOUNT = "won_amount"
    WIN_RATE = "win_rate"
    SATISFACTION = "satisfaction"


DEFAULT_VERSION = 0
DEFAULT_WEIGHTS: Mapping[str, Decimal] = {
    Indicator.WON_AMOUNT: Decimal(50),
    Indicator.WIN_RATE: Decimal(25),
    Indicator.SATISFACTION: Decimal(25),
}
"""What counts until a policy is adopted: version 0, in the currency of the deals."""


class ScorecardPolicyNotFound(NotFound):
    """There is no such policy."""

    code = "scorecard_policy_not_found"


class WeightsNotWhole(Invalid):
    """The weights of a policy add up to 100 percent."""

    code = "weights_not_whole"


class ScorecardPolicy(Aggregate, Base):
    """One version of the rule; it is never changed, a later version takes its place."""

    __tablename__ = "scorecard_policies"
    __table_args__ = (
        CheckConstraint(
            "won_amount_weight + win_rate_weight + satisfaction_weight = 100", name="weights"
        ),
    )

    policy_version: Mapped[int] = mapped_column(unique=True)
    valid_from: Mapped[date] = mapped_column(index=True)
    currency: Mapped[str | None] = mapped_column(String(3))
    won_amount_weight: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    win_rate_weight: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    satisfaction_weight: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    adopted_by: Mapped[str] = mapped_column(String(80))

    @classmethod
    def adopt(
        cls,
        *,
        policy_version: int,
        valid_from: date,
        currency: str | None,
        weights: Mapping[str, Decimal],
        by: str,
    ) -> tuple["ScorecardPolicy", events.ScorecardPolicyAdopted]:
        """A new version; `weights` in percent, an indicator that is not named counts nothing."""
        total = sum(weights.values())
        if total != 100 or any(weight < 0 for weight in weights.values()):
            raise WeightsNotWhole(
                f"the weights add up to {total} percent; they must make 100", pointer="/weights"
            )
        policy = cls(
            policy_version=policy_version,
            valid_from=valid_from,
            currency=currency,
            won_amount_weight=weights.get(Indicator.WON_AMOUNT, Decimal(0)),
            win_rate_weight=weights.get(Indicator.WIN_RATE, Decimal(0)),
            satisfaction_weight=weights.get(Indicator.SATISFACTION, Decimal(0)),
            adopted_by=by,
        )
        return policy, events.ScorecardPolicyAdopted(
            policy_id=policy.id,
            policy_version=policy_version,
            valid_from=valid_from,
            currency=currency,
            weights=[
                events.ScorecardWeight(indicator=indicator, weight=weight)
                for indicator, weight in policy.weights.items()
            ],
        )

    @property
    def weights(self) -> dict[str, Decimal]:
        """The weight of each indicator, in percent."""
        return {
            Indicator.WON_AMOUNT: self.won_amount_weight,
            Indicator.WIN_RATE: self.win_rate_weight,
            Indicator.SATISFACTION: self.satisfaction_weight,
        }
