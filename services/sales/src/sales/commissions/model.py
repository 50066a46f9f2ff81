"""The ledger of commissions, its periods and statements, and their rules."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Forbidden, NotFound
from common.scope import Scoped
from sales import events
from sales.commission_rules.terms import PayeeKind
from sales.db import Base
from sales.products.model import EXACT


class CommissionKind(StrEnum):
    """What a line of the ledger does."""

    ACCRUAL = "accrual"
    REVERSAL = "reversal"


class PeriodState(StrEnum):
    """Whether lines still come into a period."""

    OPEN = "open"
    CLOSED = "closed"


class CommissionPeriodNotFound(NotFound):
    """There is no such period."""

    code = "commission_period_not_found"


class CommissionStatementNotFound(NotFound):
    """There is no such statement."""

    code = "commission_statement_not_found"


class CommissionPeriodSettled(Conflict):
    """A period is settled once."""

    code = "commission_period_settled"


class CommissionPeriodStillRuns(Conflict):
    """A period is settled when its last day is over."""

    code = "commission_period_still_runs"


class EarlierPeriodOpen(Conflict):
    """Periods are settled one after the other; `earlier` is the one that comes first."""

    code = "earlier_period_open"


class CommissionsStillReckoned(Conflict):
    """Orders wait for their commissions to be reckoned; ask again in a moment."""

    code = "commissions_still_reckoned"


class SettlerIsPayee(Forbidden):
    """Whoever earns in a period does not settle it: that takes another person."""

    code = "settler_is_payee"


class CommissionDue(Base):
    """An order whose commissions are to be reckoned anew.

    A row is written under the lock of its order, and goes under it.
    """

    __tablename__ = "commission_dues"
    __seen_with__ = ("order_id", "Order")

    order_id: Mapped[UUID] = mapped_column(
        ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True
    )
    asked_at: Mapped[datetime] = mapped_column(index=True)


class CommissionPeriod(Aggregate, Base):
    """A month; the lines of an open one are not paid yet, those of a closed one never change."""

    __tablename__ = "commission_periods"

    starts_on: Mapped[date] = mapped_column(unique=True)
    ends_on: Mapped[date]
    state: Mapped[str] = mapped_column(String(20))
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None] = mapped_column(String(80))

    @classmethod
    def of(cls, day: date) -> tuple["CommissionPeriod", events.CommissionPeriodOpened]:
        """The month of the day."""
        starts_on = month_of(day)
        period = cls(
            starts_on=starts_on, ends_on=month_after(day) - timedelta(1), state=PeriodState.OPEN
        )
        return period, events.CommissionPeriodOpened(
            period_id=period.id, starts_on=period.starts_on, ends_on=period.ends_on
        )

    def settle(
        self,
        *,
        by: str,
        now: datetime,
        today: date,
        payees: Iterable[UUID],
        payee_ids: frozenset[UUID],
    ) -> events.CommissionPeriodClosed:
        """Close it for good; `payee_ids` are whom the actor is paid as."""
        self.check_is_due(today=today)
        if not payee_ids.isdisjoint(payees):
            raise SettlerIsPayee("you earn in this period: somebody else settles it")
        self.state, self.settled_at, self.settled_by = PeriodState.CLOSED, now, by
        return events.CommissionPeriodClosed(
            period_id=self.id, starts_on=self.starts_on, ends_on=self.ends_on, settled_at=now
        )

    def check_is_due(self, *, today: date) -> None:
        """Refuse to settle what was settled, or what still runs."""
        if self.state == PeriodState.CLOSED:
            raise CommissionPeriodSettled(f"the period was settled by {self.settled_by}")
        if today <= self.ends_on:
            raise CommissionPeriodStillRuns(f"the period runs until {self.ends_on}")


class Commission(Aggregate, Scoped, Base):
    """A line of the ledger: what a source earns a payee, or its reversal. It never changes.

    The source is what an order took of a receipt, or a line of an order; `source_amount` is what it
    came to, `base_amount` what of that is this order line's, and `line_amount` what the order line
    came to, which decides the rate. `occurrence` counts how often the source was accrued by the rule:
    again only after a reversal. The four columns of whose it is are the payee's.
    """

    __tablename__ = "commissions"
    __table_args__ = (
        Index(
            "uq_commissions_source",
            "order_id",
            "source_kind",
            "source_id",
            "order_line_id",
            "rule_code",
            "share_no",
            "occurrence",
            unique=True,
            postgresql_where=text("reverses_id IS NULL"),
        ),
        Index("ix_commissions_period_id_payee_id", "period_id", "payee_id", "id"),
        Index("ix_commissions_payee_id_id", "payee_id", "id"),
        Index("ix_commissions_booked_on_id", "booked_on", "id"),
    )

    kind: Mapped[str] = mapped_column(String(20))
    period_id: Mapped[UUID] = mapped_column(ForeignKey("commission_periods.id"))
    payee_kind: Mapped[str] = mapped_column(String(20))
    payee_id: Mapped[UUID]
    rule_id: Mapped[UUID] = mapped_column(ForeignKey("commission_rules.id"))
    rule_code: Mapped[str] = mapped_column(String(40))
    rule_version: Mapped[int]
    source_kind: Mapped[str] = mapped_column(String(20))
    source_id: Mapped[UUID] = mapped_column(index=True)
    source_amount: Mapped[Decimal] = mapped_column(EXACT)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    order_number: Mapped[str] = mapped_column(String(20))
    order_line_id: Mapped[UUID]
    line_no: Mapped[int]
    product_id: Mapped[UUID]
    receipt_id: Mapped[UUID | None] = mapped_column(ForeignKey("receipts.id"), index=True)
    line_amount: Mapped[Decimal] = mapped_column(EXACT)
    base_amount: Mapped[Decimal] = mapped_column(EXACT)
    rate: Mapped[Decimal] = mapped_column(EXACT)
    cap: Mapped[Decimal | None] = mapped_column(EXACT)
    share_no: Mapped[int]
    share_percent: Mapped[Decimal] = mapped_column(EXACT)
    amount: Mapped[Decimal] = mapped_column(EXACT)
    rounding: Mapped[Decimal] = mapped_column(EXACT)
    currency: Mapped[str] = mapped_column(String(3))
    occurrence: Mapped[int]
    earned_on: Mapped[date]
    booked_on: Mapped[date]
    reverses_id: Mapped[UUID | None] = mapped_column(ForeignKey("commissions.id"), unique=True)

    def reversal(self, *, today: date) -> "Commission":
        """The linked line that takes it back: everything as it was, the money negative."""
        copied = {name: getattr(self, name) for name in _COPIED}
        return Commission(
            **copied,
            **self.scope,
            kind=CommissionKind.REVERSAL,
            base_amount=-self.base_amount,
            amount=-self.amount,
            rounding=-self.rounding,
            booked_on=today,
            reverses_id=self.id,
        )

    @property
    def told(self) -> events.CommissionAccrued | events.CommissionReversed:
        """The line as events tell it; its period must be set."""
        said: type[events.CommissionAccrued | events.CommissionReversed] = (
            events.CommissionAccrued if self.reverses_id is None else events.CommissionReversed
        )
        facts = {name: getattr(self, name) for name in _TOLD}
        if self.reverses_id is not None:
            facts["reverses_id"] = self.reverses_id
        return said(commission_id=self.id, **facts, **self.scope)

    @property
    def provenance(self) -> bytes:
        """All that the line says, in one spelling; what the hash of a statement is made over."""
        facts = {name: getattr(self, name) for name in ("id", *_HASHED)}
        return json.dumps(facts, default=_spelt, sort_keys=True, separators=(",", ":")).encode()


_COPIED = (
    "payee_kind",
    "payee_id",
    "rule_id",
    "rule_code",
    "rule_version",
    "source_kind",
    "source_id",
    "source_amount",
    "order_id",
    "order_number",
    "order_line_id",
    "line_no",
    "product_id",
    "receipt_id",
    "line_amount",
    "rate",
    "cap",
    "share_no",
    "share_percent",
    "currency",
    "occurrence",
    "earned_on",
)
_HASHED = (
    *_COPIED,
    "kind",
    "period_id",
    "base_amount",
    "amount",
    "rounding",
    "booked_on",
    "reverses_id",
)
_TOLD = (
    "period_id",
    "payee_kind",
    "payee_id",
    "rule_id",
    "rule_code",
    "rule_version",
    "source_kind",
    "order_id",
    "order_number",
    "order_line_id",
    "product_id",
    "receipt_id",
    "base_amount",
    "rate",
    "share_percent",
    "amount",
    "currency",
    "earned_on",
    "booked_on",
)


class CommissionStatement(Aggregate, Scoped, Base):
    """What a payee is paid for a period: exact sums by currency, and a hash over the lines."""

    __tablename__ = "commission_statements"
    __table_args__ = (
        Index(
            "uq_commission_statements_period_id_payee",
            "period_id",
            "payee_kind",
            "payee_id",
            unique=True,
        ),
        Index("ix_commission_statements_settled_at_id", "settled_at", "id"),
        Index("ix_commission_statements_payee_id", "payee_id"),
    )

    period_id: Mapped[UUID] = mapped_column(ForeignKey("commission_periods.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    payee_kind: Mapped[str] = mapped_column(String(20))
    payee_id: Mapped[UUID]
    totals: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    line_count: Mapped[int]
    lines_hash: Mapped[str] = mapped_column(String(64))
    settled_at: Mapped[datetime]
    settled_by: Mapped[str] = mapped_column(String(80))

    @classmethod
    def of(
        cls, period: CommissionPeriod, lines: Sequence[Commission], *, by: str, now: datetime
    ) -> tuple["CommissionStatement", events.CommissionSettled]:
        """The statement over all lines of one payee in a period, in the order of their ids."""
        first = lines[0]
        statement = cls(
            period_id=period.id,
            starts_on=period.starts_on,
            ends_on=period.ends_on,
            payee_kind=first.payee_kind,
            payee_id=first.payee_id,
            totals=totals_of(lines),
            line_count=len(lines),
            lines_hash=hash_of(lines),
            settled_at=now,
            settled_by=by,
            **lines[-1].scope,
        )
        return statement, events.CommissionSettled(
            statement_id=statement.id,
            period_id=period.id,
            starts_on=period.starts_on,
            ends_on=period.ends_on,
            payee_kind=statement.payee_kind,
            payee_id=statement.payee_id,
            totals=[events.CommissionTotal(**total) for total in statement.totals],
            line_count=statement.line_count,
            lines_hash=statement.lines_hash,
            settled_at=now,
            **statement.scope,
        )

    def is_proven_by(self, lines: Sequence[Commission]) -> bool:
        """Whether these lines, in the order of their ids, are those it was made over."""
        return hash_of(lines) == self.lines_hash and totals_of(lines) == self.totals


def totals_of(lines: Iterable[Commission]) -> list[dict[str, Any]]:
    """The exact sum of each currency."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        sums[line.currency] = sums.get(line.currency, Decimal(0)) + line.amount
    return [{"currency": currency, "amount": str(sums[currency])} for currency in sorted(sums)]


def hash_of(lines: Iterable[Commission]) -> str:
    """SHA-256 over all that the lines say, in this order."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.provenance)
        digest.update(b"\n")
    return digest.hexdigest()


def payee_scope(kind: str, payee_id: UUID, department_id: UUID | None) -> dict[str, UUID | None]:
    """Whose a payee's lines are: the payee's, and for a person the department's as well."""
    is_person = kind == PayeeKind.PERSON
    return {
        "owner_id": payee_id if is_person else None,
        "department_id": department_id if is_person else None,
        "partner_id": None if is_person else payee_id,
        "region_id": None,
    }


def month_of(day: date) -> date:
    """The first day of the month."""
    return day.replace(day=1)


def month_after(day: date) -> date:
    """The first day of the next month."""
    return (day.replace(day=1) + timedelta(31)).replace(day=1)


def _spelt(value: object) -> str:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
