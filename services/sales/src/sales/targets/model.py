"""A target and its rules."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.scope import Scoped
from sales import events
from sales.db import Base
from sales.products.model import EXACT


class SubjectKind(StrEnum):
    """Whose or what's target it is; a department and a region are those below them as well."""

    PERSON = "person"
    DEPARTMENT = "department"
    REGION = "region"
    PRODUCT = "product"
    PARTNER = "partner"


class Measure(StrEnum):
    """What is counted: won deals by the day they were won, orders that bind by the day they were
    made, less what was called off, and money that orders took by the day it counts from."""

    WON_AMOUNT = "won_amount"
    WON_COUNT = "won_count"
    ORDER_AMOUNT = "order_amount"
    RECEIPTS = "receipts"


class PeriodKind(StrEnum):
    """How long a target runs."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


MONTHS = {PeriodKind.MONTH: 1, PeriodKind.QUARTER: 3, PeriodKind.YEAR: 12}


class Sums(StrEnum):
    """What the targets below one come to in all: not more than it, or exactly it.

    More is refused where it is written, in both cases. What is still missing to `exact` is shown.
    """

    AT_MOST = "at_most"
    EXACT = "exact"


class TargetState(StrEnum):
    """Whether a target counts."""

    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


class TargetNotFound(NotFound):
    """There is no such target."""

    code = "target_not_found"


class TargetParentNotKnown(Invalid):
    """There is no such target to be below of, or it no longer counts."""

    code = "target_parent_not_known"


class TargetSetAlready(Conflict):
    """There is such a target for this period, `existing_id`: change it."""

    code = "target_set_already"


class TargetIsWithdrawn(Conflict):
    """The target no longer counts."""

    code = "target_is_withdrawn"


class TargetHasChildren(Conflict):
    """Targets below this one count: withdraw them first."""

    code = "target_has_children"


class TargetPeriodInvalid(Invalid):
    """A month, a quarter and a year begin on their first day."""

    code = "target_period_invalid"


class TargetNotMeasurable(Invalid):
    """Money comes in for orders, not for products; and only amounts have a currency."""

    code = "target_not_measurable"


class TargetDoesNotFit(Invalid):
    """A target below another counts the same, in the same currency, within its period; and those
    below one target are all of one kind and length, or their sum would count things twice."""

    code = "target_does_not_fit"


class TargetsExceedParent(Conflict):
    """The targets below one would come to more than it; `room` is what is left."""

    code = "targets_exceed_parent"


def end_of(kind: str, starts_on: date) -> date:
    """The last day of the period; raises TargetPeriodInvalid."""
    months = MONTHS[PeriodKind(kind)]
    if starts_on.day != 1 or (starts_on.month - 1) % months:
        raise TargetPeriodInvalid(f"no {kind} begins on {starts_on}", pointer="/starts_on")
    after = starts_on.month - 1 + months
    first_after = date(starts_on.year + after // 12, after % 12 + 1, 1)
    return first_after - timedelta(1)


class Target(Aggregate, Scoped, Base):
    """How much a subject is to sell in a period; the four columns are the subject's."""

    __tablename__ = "targets"
    __table_args__ = (
        Index(
            "uq_targets_subject",
            "subject_kind",
            "subject_id",
            "measure",
            "currency",
            "starts_on",
            "period",
            unique=True,
            postgresql_where=text("state = 'active'"),
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_targets_starts_on_id", "starts_on", "id"),
        Index("ix_targets_created_at_id", "created_at", "id"),
    )

    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[UUID]
    measure: Mapped[str] = mapped_column(String(20))
    period: Mapped[str] = mapped_column(String(20))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    value: Mapped[Decimal] = mapped_column(EXACT)
    currency: Mapped[str | None] = mapped_column(String(3))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("targets.id"), index=True)
    sums: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    target_version: Mapped[int]

    @classmethod
    def set(
        cls,
        *,
        period: str,
        starts_on: date,
        parent: "Target | None",
        siblings: Sequence["Target"],
        **values: Any,
    ) -> tuple["Target", events.TargetSet]:
        """A new target, below another or not; `siblings` are those that count below that one."""
        target = cls(
            period=period,
            starts_on=starts_on,
            ends_on=end_of(period, starts_on),
            parent_id=parent.id if parent else None,
            state=TargetState.ACTIVE,
            target_version=1,
            **values,
        )
        target._check_measure()
        if parent is not None:
            parent._check_takes(target, siblings)
        return target, target._told(None, reason=None)

    def change(
        self,
        value: Decimal,
        *,
        reason: str,
        parent: "Target | None",
        siblings: Sequence["Target"],
        children: Sequence["Target"],
    ) -> events.TargetSet | None:
        """Another value; None when it is the same. The former one stays as a version."""
        self._check_counts()
        if value == self.value:
            return None
        below = sum_of(children)
        if below > value:
            raise TargetsExceedParent(
                f"the targets below it come to {below}", room=str(value - below), pointer="/value"
            )
        before, self.value = self.value, value
        self.target_version += 1
        if parent is not None:
            parent._check_sum([*siblings, self])
        return self._told(before, reason=reason)

    def withdraw(self, *, children: Sequence["Target"]) -> events.TargetWithdrawn:
        """Let it no longer count."""
        self._check_counts()
        if children:
            raise TargetHasChildren(f"{len(children)} targets below it count")
        self.state = TargetState.WITHDRAWN
        return events.TargetWithdrawn(
            target_id=self.id,
            subject_kind=self.subject_kind,
            subject_id=self.subject_id,
            measure=self.measure,
            starts_on=self.starts_on,
            ends_on=self.ends_on,
            **self.scope,
        )

    def _check_counts(self) -> None:
        if self.state != TargetState.ACTIVE:
            raise TargetIsWithdrawn("the target was withdrawn")

    def _check_measure(self) -> None:
        if self.measure == Measure.RECEIPTS and self.subject_kind == SubjectKind.PRODUCT:
            raise TargetNotMeasurable("receipts are not of products", pointer="/measure")
        if (self.measure == Measure.WON_COUNT) != (self.currency is None):
            raise TargetNotMeasurable(
                "amounts have a currency, counts have none", pointer="/currency"
            )

    def _check_takes(self, child: "Target", siblings: Sequence["Target"]) -> None:
        same = (
            (child.measure, child.currency) == (self.measure, self.currency)
            and self.starts_on <= child.starts_on
            and child.ends_on <= self.ends_on
            and all(
                (child.subject_kind, child.period) == (each.subject_kind, each.period)
                for each in siblings
            )
        )
        if not same:
            raise TargetDoesNotFit(
                "it counts otherwise, or other periods or kinds, than those around it",
                pointer="/parent_id",
            )
        self._check_sum([*siblings, child])

    def _check_sum(self, children: Sequence["Target"]) -> None:
        over = sum_of(children) - self.value
        if over > 0:
            raise TargetsExceedParent(
                f"the targets below would come to {over} more than {self.value}",
                room=str(self.value - sum_of(children[:-1])),
                pointer="/value",
            )

    def _told(self, before: Decimal | None, *, reason: str | None) -> events.TargetSet:
        return events.TargetSet(
            target_id=self.id,
            parent_id=self.parent_id,
            subject_kind=self.subject_kind,
            subject_id=self.subject_id,
            measure=self.measure,
            starts_on=self.starts_on,
            ends_on=self.ends_on,
            value=self.value,
            value_before=before,
            currency=self.currency,
            target_version=self.target_version,
            reason=reason,
            **self.scope,
        )


class TargetRevision(Base):
    """A value that a target had; kept when it is changed."""

    __tablename__ = "target_revisions"
    __seen_with__ = ("target_id", "Target")

    target_id: Mapped[UUID] = mapped_column(
        ForeignKey("targets.id", ondelete="CASCADE"), primary_key=True
    )
    target_version: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[Decimal] = mapped_column(EXACT)
    reason: Mapped[str | None] = mapped_column(String(300))
    set_by: Mapped[str] = mapped_column(String(80))
    set_at: Mapped[datetime]


def sum_of(targets: Sequence[Target]) -> Decimal:
    """What these come to in all, exact."""
    return sum((each.value for each in targets), Decimal(0))
