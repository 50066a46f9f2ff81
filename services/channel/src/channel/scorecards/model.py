"""A scorecard and its rules."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    Index,
    Numeric,
    SmallInteger,
    String,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from channel import events
from channel.db import Base
from channel.scorecards.scoring import Figures, Part, score_of
from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id
from common.scope import Scoped


class ScorecardNotFound(NotFound):
    """There is no such scorecard, or no such revision of it."""

    code = "scorecard_not_found"


class PeriodNotValid(Invalid):
    """A period ends on the day it starts or later."""

    code = "period_not_valid"


class CurrencyNeeded(Conflict):
    """Deals were won in several currencies, and nobody said in which one amounts are compared."""

    code = "currency_needed"


class ScorecardInput(Base):
    """One heard fact that counts for a partner; never changed, so that every figure can be traced.

    `source_id` is the id of the deal or survey at the service that owns it.
    """

    __tablename__ = "scorecard_inputs"
    __table_args__ = (
        UniqueConstraint("kind", "source_id"),
        Index("ix_scorecard_inputs_occurred_on", "occurred_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    partner_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(20))
    source_id: Mapped[UUID]
    occurred_on: Mapped[date]
    amount: Mapped[Decimal | None]
    currency: Mapped[str | None] = mapped_column(String(3))
    answer: Mapped[int | None] = mapped_column(SmallInteger)
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())


class _Published:
    """The columns that a scorecard and each of its revisions share."""

    revision: Mapped[int]
    policy_version: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    won_amount: Mapped[Decimal]
    won_deals: Mapped[int]
    lost_deals: Mapped[int]
    surveys: Mapped[int]
    win_rate: Mapped[Decimal | None] = mapped_column(Numeric(5, 4))
    satisfaction: Mapped[Decimal | None] = mapped_column(Numeric(3, 2))
    score: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    published_at: Mapped[datetime]
    published_by: Mapped[str] = mapped_column(String(80))


class ScorecardRevision(_Published, Base):
    """What was published at one time, with the parts of the score and the inputs it came from."""

    __tablename__ = "scorecard_revisions"
    __seen_with__ = ("scorecard_id", "Scorecard")
    __table_args__ = (UniqueConstraint("scorecard_id", "revision"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    scorecard_id: Mapped[UUID] = mapped_column(ForeignKey("scorecards.id"))
    best_amount: Mapped[Decimal]
    parts: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    input_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    scorecard: Mapped["Scorecard"] = relationship(lazy="raise")


class Scorecard(_Published, Aggregate, Scoped, Base):
    """A partner's figures for a period, as they were published last."""

    __tablename__ = "scorecards"
    __table_args__ = (
        UniqueConstraint("partner_id", "period_start", "period_end"),
        Index("ix_scorecards_period_start_id", "period_start", "id"),
        Index("ix_scorecards_score_id", "score", "id"),
        Index("ix_scorecards_won_amount_id", "won_amount", "id"),
    )

    period_start: Mapped[date]
    period_end: Mapped[date]

    @classmethod
    def begin(cls, *, partner_id: UUID, period_start: date, period_end: date) -> "Scorecard":
        """A card on which nothing was published yet."""
        return cls(
            partner_id=partner_id, period_start=period_start, period_end=period_end, revision=0
        )

    def publish(
        self,
        figures: Figures,
        parts: Sequence[Part],
        *,
        best_amount: Decimal,
        policy_version: int,
        currency: str,
        input_ids: Sequence[UUID],
        scope: dict[str, Any],
        by: str,
        now: datetime,
    ) -> tuple[ScorecardRevision, events.ScorecardPublished] | None:
        """Put these figures in the place of the last ones; None when they are the same."""
        values = {
            "currency": currency,
            "won_amount": figures.won_amount,
            "won_deals": figures.won_deals,
            "lost_deals": figures.lost_deals,
            "surveys": figures.surveys,
            "win_rate": figures.win_rate,
            "satisfaction": figures.satisfaction,
            "score": score_of(parts),
        }
        if self.revision and all(getattr(self, name) == value for name, value in values.items()):
            return None
        values |= {
            "revision": self.revision + 1,
            "policy_version": policy_version,
            "published_at": now,
            "published_by": by,
        }
        for name, value in {**values, **scope}.items():
            setattr(self, name, value)
        revision = ScorecardRevision(
            scorecard_id=self.id,
            best_amount=best_amount,
            parts=[_as_texts(part) for part in parts],
            input_ids=list(input_ids),
            **values,
        )
        return revision, events.ScorecardPublished(
            scorecard_id=self.id,
            period_start=self.period_start,
            period_end=self.period_end,
            revision=self.revision,
            policy_version=policy_version,
            won_amount=self.won_amount,
            currency=currency,
            won_deals=self.won_deals,
            lost_deals=self.lost_deals,
            win_rate=self.win_rate,
            satisfaction=self.satisfaction,
            score=self.score,
            **self.scope,
        )


def check_period(period_start: date, period_end: date) -> None:
    """Refuse a period that ends before it starts; both days belong to it."""
    if period_end < period_start:
        raise PeriodNotValid("a period ends on the day it starts or later", pointer="/period_end")


def currency_of(wanted: str | None, found: set[str], *, default: str) -> str:
    """The currency in which amounts are compared: the wanted one, else the only one `found`.

    `default` counts where there are no amounts.
    """
    if wanted is not None:
        return wanted
    if len(found) > 1:
        raise CurrencyNeeded(
            f"deals were won in {', '.join(sorted(found))}: say in which currency amounts are"
            " compared, in the request or in the policy",
            currencies=sorted(found),
        )
    return next(iter(found), default)


def _as_texts(part: Part) -> dict[str, Any]:
    """JSON has no decimals: texts keep them exact."""
    return {
        name: str(value) if isinstance(value, Decimal) else value
        for name, value in asdict(part).items()
    }
