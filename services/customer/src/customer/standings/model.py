"""A customer's standing and its rules; what was in force on any day stays readable."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Numeric, String, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.errors import Conflict, Invalid
from common.ids import new_id
from customer import events
from customer.customers.model import Customer
from customer.db import Base


class Source(StrEnum):
    """What a grade or class follows from; more may follow."""

    POLICY = "policy"
    MANUAL = "manual"


class Cause(StrEnum):
    """Why a stage was entered; more may follow."""

    COURSE = "course"
    """Orders, or that none came."""
    CORRECTION = "correction"
    """Orders were taken back or came late, or other rules count."""


class GradeOverriddenAlready(Conflict):
    """The grade is overridden; end that first."""

    code = "grade_overridden_already"


class GradeNotOverridden(Conflict):
    """The grade follows from the policy."""

    code = "grade_not_overridden"


class OverrideInThePast(Invalid):
    """The last day of an override has not passed when it is made."""

    code = "override_in_the_past"


class ClassNotChosen(Conflict):
    """The class follows from the policy; nobody chose it."""

    code = "class_not_chosen"


@dataclass(frozen=True, slots=True)
class Computed:
    """What a version of the grading policy gives."""

    grade: str
    score: Decimal
    breakdown: list[dict[str, Any]]
    policy_version: int


class Standing(Base):
    """What a customer is to us now; its key is that of the customer.

    `computed_grade` is what the policy gives, also while a person has said otherwise.
    """

    __tablename__ = "standings"
    __seen_with__ = ("id", "Customer")
    __table_args__ = (
        Index("ix_standings_assessed_by", "assessed_by"),
        Index("ix_standings_grade", "grade"),
        Index("ix_standings_stage", "stage"),
        Index("ix_standings_class_code", "class_code"),
        Index("ix_standings_last_ordered_on", "last_ordered_on"),
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    order_count: Mapped[int] = mapped_column(default=0)
    first_ordered_on: Mapped[date | None]
    last_ordered_on: Mapped[date | None]
    grade: Mapped[str | None] = mapped_column(String(10))
    grade_source: Mapped[str | None] = mapped_column(String(20))
    computed_grade: Mapped[str | None] = mapped_column(String(10))
    score: Mapped[Decimal | None] = mapped_column(Numeric())
    breakdown: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    grading_version: Mapped[int | None]
    stage: Mapped[str] = mapped_column(String(20), default="potential")
    stage_since_on: Mapped[date | None]
    lifecycle_version: Mapped[int] = mapped_column(default=0)
    class_code: Mapped[str | None] = mapped_column(String(60))
    class_source: Mapped[str | None] = mapped_column(String(20))
    class_reason: Mapped[str | None] = mapped_column(String(300))
    classification_version: Mapped[int | None]
    assessed_by: Mapped[str] = mapped_column(String(60), default="")
    """Day and versions of the policies of the last assessment; another text means that one is due."""
    assessed_at: Mapped[datetime | None]

    def count_orders(self, ordered_on: list[date]) -> None:
        """Note on which days the orders were made that count, the earliest first."""
        self.order_count = len(ordered_on)
        self.first_ordered_on = ordered_on[0] if ordered_on else None
        self.last_ordered_on = ordered_on[-1] if ordered_on else None

    def grade_by_policy(
        self, customer: Customer, computed: Computed | None, *, now: datetime
    ) -> tuple["GradeEntry | None", events.CustomerGraded | None]:
        """Take what the policy gives; it counts unless a person said otherwise.

        Returns what is written down, where it came about otherwise than before, and the event where
        the grade is another one.
        """
        before = (self.grade, self._how)
        self._take(computed)
        if self.grade_source != Source.MANUAL:
            self.grade = self.computed_grade
            self.grade_source = None if self.grade is None else Source.POLICY
        if (self.grade, self._how) == before:
            return None, None
        entry = self._grade_entry(reason=None, by=None, now=now)
        if self.grade == before[0]:
            return entry, None
        return entry, self._graded(customer, before[0], reason=None, expires_on=None, now=now)

    def override_grade(
        self, customer: Customer, override: "GradeOverride", *, now: datetime
    ) -> tuple["GradeEntry", events.CustomerGraded]:
        """Give the grade that a person decided on, until its day is over or it is ended."""
        before = self.grade
        self.grade, self.grade_source = override.grade, Source.MANUAL
        entry = self._grade_entry(reason=override.reason, by=override.set_by, now=now)
        return entry, self._graded(
            customer, before, reason=override.reason, expires_on=override.expires_on, now=now
        )

    def end_override(
        self, customer: Customer, *, by: str, now: datetime
    ) -> tuple["GradeEntry", events.CustomerGraded | None]:
        """Let the grade follow from the policy again."""
        before = self.grade
        self.grade = self.computed_grade
        self.grade_source = None if self.grade is None else Source.POLICY
        entry = self._grade_entry(reason=None, by=by, now=now)
        if self.grade == before:
            return entry, None
        return entry, self._graded(customer, before, reason=None, expires_on=None, now=now)

    def enter_stage(
        self,
        customer: Customer,
        stage: str,
        *,
        since_on: date,
        cause: Cause,
        policy_version: int,
        now: datetime,
    ) -> tuple["StageEntry", events.CustomerStageChanged]:
        """Be in another stage from a day on."""
        before, before_since = self.stage, self.stage_since_on
        self.stage, self.stage_since_on = stage, since_on
        entry = StageEntry(
            id=new_id(),
            customer_id=customer.id,
            stage=stage,
            from_stage=before,
            since_on=since_on,
            cause=cause,
            policy_version=policy_version,
            entered_at=now,
        )
        return entry, events.CustomerStageChanged(
            customer_id=customer.id,
            stage=stage,
            from_stage=before,
            changed_on=since_on,
            days_in_from_stage=(
                None if before_since is None else max((since_on - before_since).days, 0)
            ),
            cause=cause,
            policy_version=policy_version,
            **customer.scope,
        )

    def classify(
        self, customer: Customer, class_code: str | None, policy_version: int | None, now: datetime
    ) -> tuple["ClassEntry", events.CustomerClassified] | None:
        """Take the class that the policy gives; None when it is the same, or a person chose one."""
        if self.class_source == Source.MANUAL:
            return None
        before = self.class_code
        self.class_code, self.classification_version = class_code, policy_version
        self.class_source = None if class_code is None else Source.POLICY
        if class_code == before:
            return None
        return self._classified(customer, before, by=None, now=now)

    def choose_class(
        self, customer: Customer, class_code: str, *, reason: str, by: str, now: datetime
    ) -> tuple["ClassEntry", events.CustomerClassified]:
        """Be of the class that a person chose, until that is taken back."""
        before = self.class_code
        self.class_code, self.class_source, self.class_reason = class_code, Source.MANUAL, reason
        self.classification_version = None
        return self._classified(customer, before, by=by, now=now)

    def take_back_choice(self) -> None:
        """Let the class follow from the policy again; `classify` says what it is then."""
        if self.class_source != Source.MANUAL:
            raise ClassNotChosen("nobody chose the class of this customer")
        self.class_source = self.class_reason = None

    @property
    def _how(self) -> tuple[Any, ...]:
        # Points and not values: a day more since the last order is no news while it costs no points.
        points = tuple((each["indicator"], each["points"]) for each in self.breakdown or [])
        return self.grading_version, points, self.computed_grade

    def _take(self, computed: Computed | None) -> None:
        self.computed_grade = computed.grade if computed else None
        self.score = computed.score if computed else None
        self.breakdown = computed.breakdown if computed else []
        self.grading_version = computed.policy_version if computed else None

    def _grade_entry(self, *, reason: str | None, by: str | None, now: datetime) -> "GradeEntry":
        return GradeEntry(
            id=new_id(),
            customer_id=self.id,
            grade=self.grade,
            source=self.grade_source,
            computed_grade=self.computed_grade,
            score=self.score,
            breakdown=self.breakdown,
            policy_version=self.grading_version,
            reason=reason,
            decided_by=by,
            since_at=now,
        )

    def _graded(
        self,
        customer: Customer,
        before: str | None,
        *,
        reason: str | None,
        expires_on: date | None,
        now: datetime,
    ) -> events.CustomerGraded:
        return events.CustomerGraded(
            customer_id=customer.id,
            grade=self.grade,
            from_grade=before,
            source=self.grade_source,
            score=self.score,
            policy_version=self.grading_version,
            reason=reason,
            expires_on=expires_on,
            graded_at=now,
            **customer.scope,
        )

    def _classified(
        self, customer: Customer, before: str | None, *, by: str | None, now: datetime
    ) -> tuple["ClassEntry", events.CustomerClassified]:
        entry = ClassEntry(
            id=new_id(),
            customer_id=customer.id,
            class_code=self.class_code,
            source=self.class_source,
            reason=self.class_reason,
            policy_version=self.classification_version,
            decided_by=by,
            since_at=now,
        )
        return entry, events.CustomerClassified(
            customer_id=customer.id,
            class_code=self.class_code,
            from_class_code=before,
            source=self.class_source,
            policy_version=self.classification_version,
            reason=self.class_reason,
            **customer.scope,
        )


class GradeOverride(Base):
    """A grade that a person decided on, why, and until which day; ended by a person or by that day."""

    __tablename__ = "grade_overrides"
    __seen_with__ = ("customer_id", "Customer")
    __table_args__ = (
        Index(
            "uq_grade_overrides_customer_id",
            "customer_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_grade_overrides_expires_on", "expires_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    grade: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(300))
    expires_on: Mapped[date]
    """The last day on which it counts."""
    set_by: Mapped[str] = mapped_column(String(80))
    set_at: Mapped[datetime]
    ended_by: Mapped[str | None] = mapped_column(String(80))
    ended_at: Mapped[datetime | None]

    @classmethod
    def decide(
        cls,
        customer_id: UUID,
        *,
        grade: str,
        reason: str,
        expires_on: date,
        by: str,
        now: datetime,
        today: date,
    ) -> "GradeOverride":
        """Decide on a grade."""
        if expires_on < today:
            raise OverrideInThePast("the last day has passed already", pointer="/expires_on")
        return cls(
            id=new_id(),
            customer_id=customer_id,
            grade=grade,
            reason=reason,
            expires_on=expires_on,
            set_by=by,
            set_at=now,
        )

    def is_over(self, today: date) -> bool:
        """Whether its last day has passed."""
        return self.expires_on < today

    def end(self, *, by: str, now: datetime) -> None:
        """It counts no more."""
        self.ended_by, self.ended_at = by, now


class GradeEntry(Base):
    """A grade from a moment on, and how it came about; it holds until the next entry."""

    __tablename__ = "grade_entries"
    __seen_with__ = ("customer_id", "Customer")
    __table_args__ = (Index("ix_grade_entries_customer_id", "customer_id", "since_at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    grade: Mapped[str | None] = mapped_column(String(10))
    source: Mapped[str | None] = mapped_column(String(20))
    computed_grade: Mapped[str | None] = mapped_column(String(10))
    score: Mapped[Decimal | None] = mapped_column(Numeric())
    breakdown: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    policy_version: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(String(300))
    decided_by: Mapped[str | None] = mapped_column(String(80))
    since_at: Mapped[datetime]


class StageEntry(Base):
    """A stage from a day on; it holds until the next entry."""

    __tablename__ = "stage_entries"
    __seen_with__ = ("customer_id", "Customer")
    __table_args__ = (Index("ix_stage_entries_customer_id", "customer_id", "entered_at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    stage: Mapped[str] = mapped_column(String(20))
    from_stage: Mapped[str] = mapped_column(String(20))
    since_on: Mapped[date]
    cause: Mapped[str] = mapped_column(String(20))
    policy_version: Mapped[int]
    entered_at: Mapped[datetime]


class ClassEntry(Base):
    """A class from a moment on; it holds until the next entry."""

    __tablename__ = "class_entries"
    __seen_with__ = ("customer_id", "Customer")
    __table_args__ = (Index("ix_class_entries_customer_id", "customer_id", "since_at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    class_code: Mapped[str | None] = mapped_column(String(60))
    source: Mapped[str | None] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(300))
    policy_version: Mapped[int | None]
    decided_by: Mapped[str | None] = mapped_column(String(80))
    since_at: Mapped[datetime]


class DueAssessment(Base):
    """That something changed which a customer's standing follows from; triggers write it.

    A row for each change, and no row that is changed: who writes here waits for nobody.
    """

    __tablename__ = "due_assessments"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    of_id: Mapped[UUID] = mapped_column(Uuid)


def measured_of(customer: Customer) -> Mapping[str, Decimal | None]:
    """What the customer's own profile gives to measure."""
    return {
        "employee_count": (
            None if customer.employee_count is None else Decimal(customer.employee_count)
        ),
        "annual_revenue": customer.annual_revenue,
    }
