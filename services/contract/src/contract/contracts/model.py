"""A contract and its rules."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from common.aggregate import Aggregate
from common.custom_fields.columns import Extensible
from common.errors import Conflict, Forbidden, Invalid, NotFound
from common.ids import new_id
from common.scope import Scoped
from contract import events
from contract.approval_policies.routing import Route
from contract.approvals.model import Approval, Decision
from contract.contracts.amounts import line_amount, plain, split, tidy, total_of
from contract.contracts.freezing import canonical, content_hash
from contract.copies.model import KnownCustomer
from contract.db import Base
from contract.milestones.planning import Instalment, Planned, plan


class ContractKind(StrEnum):
    """What a contract is about; more may follow."""

    SALES = "sales"
    SERVICE = "service"
    PARTNER = "partner"


class ContractState(StrEnum):
    """Where a contract stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    SIGNED = "signed"
    TERMINATED = "terminated"
    EXPIRED = "expired"


MOVES = {
    ContractState.DRAFT: {ContractState.SUBMITTED},
    ContractState.SUBMITTED: {ContractState.APPROVED, ContractState.REJECTED, ContractState.DRAFT},
    ContractState.APPROVED: {ContractState.SIGNED, ContractState.DRAFT},
    ContractState.REJECTED: {ContractState.DRAFT},
    ContractState.SIGNED: {ContractState.TERMINATED, ContractState.EXPIRED},
    ContractState.TERMINATED: set(),
    ContractState.EXPIRED: set(),
}
"""Editing moves back to draft; nothing moves back from signed."""

LARGEST_LINES_BYTES = 48 * 1024
"""What the lines may take of the 64 KiB of the event that tells the signing."""

CARRIED_OUT = (ContractState.SIGNED, ContractState.EXPIRED)
"""The states in which milestones fall due; what was promised stays promised after the last day."""


ENDED = (ContractState.EXPIRED, ContractState.TERMINATED)
"""The states a contract does not leave any more."""


class ContractNotFound(NotFound):
    """There is no such contract."""

    code = "contract_not_found"


class ContractStateForbids(Conflict):
    """A contract in this state does not allow the act."""

    code = "contract_state_forbids"


class ContractFrozen(Conflict):
    """The text of a signed contract stays as it was signed."""

    code = "contract_frozen"


class QuoteHasContract(Conflict):
    """A quote leads to one contract; this one has it already."""

    code = "quote_has_contract"


class ExternalIdTaken(Conflict):
    """Another contract carries this id of the other system."""

    code = "external_id_taken"


class SelfApproval(Forbidden):
    """Who drafted or submitted a contract does not decide about it."""

    code = "self_approval"


class AlreadyDecided(Conflict):
    """The person agreed in an earlier step: every step needs another pair of eyes."""

    code = "already_decided"


class CustomerNotKnown(Invalid):
    """No customer with this id has been heard of."""

    code = "customer_not_known"


class RenewedContractNotFound(Invalid):
    """The contract that is to be renewed is not there."""

    code = "renewed_contract_not_found"


class PartnerMissing(Invalid):
    """A partner contract names its partner."""

    code = "partner_missing"


class PeriodInvalid(Invalid):
    """The dates of a contract do not fit together."""

    code = "period_invalid"


class LineAmountUnexplained(Invalid):
    """An amount that is not quantity × unit price says why in its remark."""

    code = "line_amount_unexplained"


class LinesTooLong(Invalid):
    """The lines do not fit into one event, so the contract could never be signed."""

    code = "lines_too_long"


class TotalMismatch(Invalid):
    """The total of a contract is the sum of its lines."""

    code = "total_mismatch"


class ChecklistIncomplete(Invalid):
    """The policy asks for checks that were not confirmed."""

    code = "checklist_incomplete"


class SignedOnInvalid(Invalid):
    """A contract is signed by today, and not after its last day."""

    code = "signed_on_invalid"


class TerminatedOnInvalid(Invalid):
    """A contract is terminated between its signing and today."""

    code = "terminated_on_invalid"


@dataclass(frozen=True, slots=True)
class LineText:
    """One line as it is written into a contract; without `amount` it is quantity × unit price."""

    product_name: str
    quantity: Decimal
    unit_price: Decimal
    product_id: UUID | None = None
    amount: Decimal | None = None
    delivery_on: date | None = None
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class InstalmentText:
    """One payment as it is written into a contract; `share` weighs it against the others."""

    due_on: date
    share: Decimal
    title: str | None = None


class ContractLine(Base):
    """What is sold, or served, at which price, by when."""

    __tablename__ = "contract_lines"
    __seen_with__ = ("contract_id", "Contract")

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("contracts.id"), index=True)
    line_no: Mapped[int]
    product_id: Mapped[UUID | None]
    product_name: Mapped[str] = mapped_column(String(300))
    quantity: Mapped[Decimal]
    unit_price: Mapped[Decimal]
    amount: Mapped[Decimal]
    delivery_on: Mapped[date | None]
    remark: Mapped[str | None] = mapped_column(String(300))

    @property
    def text(self) -> LineText:
        """The line as it was written."""
        return LineText(
            self.product_name,
            self.quantity,
            self.unit_price,
            self.product_id,
            self.amount,
            self.delivery_on,
            self.remark,
        )

    def content(self) -> dict[str, Any]:
        """The line as it is signed."""
        return {
            "line_no": self.line_no,
            "product_id": _spelled(self.product_id),
            "product_name": self.product_name,
            "quantity": plain(self.quantity),
            "unit_price": plain(self.unit_price),
            "amount": plain(self.amount),
            "delivery_on": _spelled(self.delivery_on),
            "remark": self.remark,
        }


class Contract(Aggregate, Scoped, Extensible, Base):
    """An agreement with a customer: drafted, approved, signed, carried out."""

    __tablename__ = "contracts"
    __table_args__ = (
        Index("uq_contracts_quote_id", "quote_id", unique=True),
        Index(
            "uq_contracts_external_id",
            "external_source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index("ix_contracts_created_at_id", "created_at", "id"),
        Index("ix_contracts_updated_at_id", "updated_at", "id"),
        Index("ix_contracts_ends_on_id", "ends_on", "id"),
        Index("ix_contracts_total_id", "total", "id"),
        Index(
            "ix_contracts_waiting_for",
            "waiting_for",
            postgresql_where=text("waiting_for IS NOT NULL"),
        ),
        Index("ix_contracts_signed_ends_on", "ends_on", postgresql_where=text("state = 'signed'")),
    )

    number: Mapped[str] = mapped_column(String(20), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    revision: Mapped[int]
    """Counts the texts: 1 when drafted, one more with every edit."""
    title: Mapped[str] = mapped_column(String(200))
    customer_id: Mapped[UUID] = mapped_column(index=True)
    quote_id: Mapped[UUID | None]
    quote_version: Mapped[int | None]
    quote_total: Mapped[Decimal | None]
    opportunity_id: Mapped[UUID | None] = mapped_column(index=True)
    order_id: Mapped[UUID | None] = mapped_column(index=True)
    """The first order that carries the contract out."""
    renews_id: Mapped[UUID | None] = mapped_column(ForeignKey("contracts.id"), index=True)
    currency: Mapped[str] = mapped_column(String(3))
    total: Mapped[Decimal]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    acceptance_on: Mapped[date | None]
    terms: Mapped[str | None] = mapped_column(Text)
    payment_schedule: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_by: Mapped[str] = mapped_column(String(80))
    drafted_by: Mapped[UUID | None]
    submitted_by: Mapped[UUID | None]
    submitted_at: Mapped[datetime | None]
    checked: Mapped[list[str]] = mapped_column(JSONB)
    steps: Mapped[list[str]] = mapped_column(JSONB)
    waiting_for: Mapped[str | None] = mapped_column(String(40))
    """The step that decides next."""
    policy_version: Mapped[int | None]
    signed_on: Mapped[date | None]
    our_signatory: Mapped[str | None] = mapped_column(String(120))
    their_signatory: Mapped[str | None] = mapped_column(String(120))
    content_hash: Mapped[str | None] = mapped_column(String(64))
    expiry_announced_at: Mapped[datetime | None]
    terminated_on: Mapped[date | None]
    termination_reason: Mapped[str | None] = mapped_column(String(300))
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))

    lines: Mapped[list[ContractLine]] = relationship(
        lazy="raise", cascade="all, delete-orphan", order_by=ContractLine.line_no
    )
    customer: Mapped[KnownCustomer | None] = relationship(
        lazy="raise",
        viewonly=True,
        primaryjoin="foreign(Contract.customer_id) == KnownCustomer.id",
    )

    @classmethod
    def draft(
        cls,
        *,
        number: str,
        by: str,
        lines: Sequence[LineText],
        payment_schedule: Sequence[InstalmentText],
        total: Decimal | None = None,
        **what: Any,
    ) -> tuple["Contract", events.ContractDrafted]:
        """A new contract; `total`, where stated, must be the sum of the lines."""
        contract = cls(
            number=number,
            state=ContractState.DRAFT,
            revision=1,
            created_by=by,
            checked=[],
            steps=[],
            payment_schedule=[],
            **what,
        )
        if contract.kind == ContractKind.PARTNER and contract.partner_id is None:
            raise PartnerMissing("a partner contract names its partner", pointer="/partner_id")
        contract._write(lines, total)
        contract._schedule(payment_schedule)
        contract._check_period()
        return contract, events.ContractDrafted(
            title=contract.title,
            renews_id=contract.renews_id,
            external_source=contract.external_source,
            external_id=contract.external_id,
            custom=contract.said_values,
            **contract._facts(),
        )

    @property
    def customer_name(self) -> str | None:
        """The customer's name, once it has been heard of."""
        return None if self.customer is None else self.customer.name

    def edit(
        self,
        changes: dict[str, Any],
        *,
        lines: Sequence[LineText] | None = None,
        payment_schedule: Sequence[InstalmentText] | None = None,
        total: Decimal | None = None,
    ) -> events.ContractChanged | None:
        """Change the text; None when it says the same as before.

        The contract is a draft afterwards, and what was approved of the old text counts no more.
        """
        if ContractState.DRAFT not in MOVES[ContractState(self.state)] | {
            ContractState(self.state)
        }:
            raise ContractFrozen(f"a {self.state} contract stays as it was signed")
        before = self.content()
        for name, value in changes.items():
            setattr(self, name, value)
        if lines is not None or total is not None:
            self._write([line.text for line in self.lines] if lines is None else lines, total)
        if payment_schedule is not None:
            self._schedule(payment_schedule)
        self._check_period()
        if self.content() == before:
            return None
        self.state = ContractState.DRAFT
        self.revision += 1
        self.steps, self.waiting_for = [], None
        return events.ContractChanged(
            title=self.title,
            external_source=self.external_source,
            external_id=self.external_id,
            custom=self.said_values,
            **self._facts(),
        )

    def annotate(self, custom: dict[str, Any]) -> events.ContractAnnotated | None:
        """Change the custom fields, in any state; None when they are the same already.

        They are no part of the text that is approved and signed.
        """
        if self.custom == custom:
            return None
        self.custom = custom
        return events.ContractAnnotated(custom=self.said_values, **self._facts())

    def submit(
        self, *, submitted_by: UUID, route: Route, checked: Collection[str], now: datetime
    ) -> events.ContractSubmitted:
        """Hand the draft in for approval, on the way its policy sets."""
        self._move(ContractState.SUBMITTED)
        missing = [check for check in route.checklist if check not in checked]
        if missing:
            raise ChecklistIncomplete(
                f"not confirmed: {', '.join(missing)}", pointer="/checked", missing=missing
            )
        self.submitted_by, self.submitted_at = submitted_by, now
        self.checked = sorted(checked)
        self.steps = list(route.steps)
        self.waiting_for = self.steps[0]
        self.policy_version = route.policy_version
        return events.ContractSubmitted(
            submitted_by=submitted_by,
            steps=self.steps,
            policy_version=route.policy_version,
            **self._facts(),
        )

    def approve(
        self,
        *,
        decided_by: UUID,
        opinion: str | None,
        deciders: Collection[UUID],
        now: datetime,
    ) -> tuple[Approval, events.ContractStepApproved | events.ContractApproved]:
        """The present step agrees; `deciders` agreed to this text in earlier steps."""
        step = self._deciding_step(decided_by)
        if decided_by in deciders:
            raise AlreadyDecided("this person agreed in an earlier step; the next one is another's")
        decided = self._decided(step, Decision.APPROVE, decided_by, opinion, now)
        following = self.steps[self.steps.index(step) + 1 :]
        if following:
            self.waiting_for = following[0]
            return decided, events.ContractStepApproved(
                step=step, next_step=following[0], decided_by=decided_by, **self._facts()
            )
        self._move(ContractState.APPROVED)
        self.waiting_for = None
        return decided, events.ContractApproved(step=step, decided_by=decided_by, **self._facts())

    def reject(
        self, *, decided_by: UUID, opinion: str, now: datetime
    ) -> tuple[Approval, events.ContractRejected]:
        """The present step refuses; an edit makes the contract a draft again."""
        step = self._deciding_step(decided_by)
        self._move(ContractState.REJECTED)
        self.waiting_for = None
        return (
            self._decided(step, Decision.REJECT, decided_by, opinion, now),
            events.ContractRejected(
                step=step, decided_by=decided_by, reason=opinion, **self._facts()
            ),
        )

    def sign(
        self, *, signed_on: date, our_signatory: str, their_signatory: str, today: date
    ) -> events.ContractSigned:
        """Both sides signed: from here on the text is frozen."""
        self._move(ContractState.SIGNED)
        if signed_on > today or signed_on > self.ends_on:
            raise SignedOnInvalid(
                "a contract is signed by today, and not after its last day", pointer="/signed_on"
            )
        self.signed_on = signed_on
        self.our_signatory, self.their_signatory = our_signatory, their_signatory
        self.content_hash = content_hash(self.content())
        return events.ContractSigned(
            title=self.title,
            signed_on=signed_on,
            content_hash=self.content_hash,
            lines=[
                events.SignedLine(
                    line_no=line.line_no,
                    product_id=line.product_id,
                    product_name=line.product_name,
                    quantity=Decimal(plain(line.quantity)),
                    unit_price=tidy(line.unit_price),
                    amount=tidy(line.amount),
                    delivery_on=line.delivery_on,
                )
                for line in self.lines
            ],
            **self._facts(),
        )

    def terminate(
        self, *, reason: str, terminated_on: date, today: date
    ) -> events.ContractTerminated:
        """End the contract before its time."""
        self._move(ContractState.TERMINATED)
        if self.signed_on is None or not self.signed_on <= terminated_on <= today:
            raise TerminatedOnInvalid(
                "a contract is terminated between its signing and today", pointer="/terminated_on"
            )
        self.termination_reason, self.terminated_on = reason, terminated_on
        return events.ContractTerminated(
            reason=reason, terminated_on=terminated_on, **self._facts()
        )

    def announce_end(
        self, *, today: date, notice_days: int, now: datetime
    ) -> events.ContractExpiring | None:
        """Say once that the end is near; None when it is not, or that was said."""
        if (
            self.state != ContractState.SIGNED
            or self.expiry_announced_at is not None
            or not today <= self.ends_on <= today + timedelta(days=notice_days)
        ):
            return None
        self.expiry_announced_at = now
        return events.ContractExpiring(**self._facts())

    def expire(self, *, today: date) -> events.ContractExpired | None:
        """The last day is over; None when it is not, or the contract is not in force."""
        if self.state != ContractState.SIGNED or self.ends_on >= today:
            return None
        self._move(ContractState.EXPIRED)
        return events.ContractExpired(**self._facts())

    def transfer(self, *, owner_id: UUID, department_id: UUID | None) -> events.ContractTransferred:
        """Give the contract to another owner; no part of the text, so also when it is frozen.

        `department_id` None leaves it in its department.
        """
        before, self.owner_id = self.owner_id, owner_id
        self.department_id = department_id or self.department_id
        return events.ContractTransferred(from_owner_id=before, **self._facts())

    def link_order(self, order_id: UUID, order_total: Decimal) -> events.ContractOrderLinked:
        """An order carries the contract out; no part of the text, so also when it is frozen."""
        if self.order_id is None:
            self.order_id = order_id
        return events.ContractOrderLinked(
            linked_order_id=order_id, order_total=tidy(order_total), **self._facts()
        )

    def plan(self) -> list[Planned]:
        """The milestones that the text promises.

        A sales contract delivers a line without a date by the contract's last day.
        """
        deliveries = [(line.line_no, line.delivery_on or self.ends_on) for line in self.lines]
        if self.kind != ContractKind.SALES:
            deliveries = [
                (line.line_no, line.delivery_on) for line in self.lines if line.delivery_on
            ]
        return plan(
            deliveries=deliveries,
            instalments=self.payments,
            acceptance_on=self.acceptance_on,
        )

    @property
    def payments(self) -> list[Instalment]:
        """The payments, which add up to the total exactly."""
        shares = [Decimal(item["share"]) for item in self.payment_schedule]
        amounts = split(self.total, shares) if shares else []
        return [
            Instalment(item["title"], date.fromisoformat(item["due_on"]), amount)
            for item, amount in zip(self.payment_schedule, amounts, strict=True)
        ]

    def content(self) -> dict[str, Any]:
        """What is agreed, as it is signed: strings, integers and null only."""
        return {
            "number": self.number,
            "revision": self.revision,
            "kind": self.kind,
            "title": self.title,
            "customer_id": str(self.customer_id),
            "partner_id": _spelled(self.partner_id),
            "quote_id": _spelled(self.quote_id),
            "renews_id": _spelled(self.renews_id),
            "currency": self.currency,
            "total": plain(self.total),
            "starts_on": self.starts_on.isoformat(),
            "ends_on": self.ends_on.isoformat(),
            "acceptance_on": _spelled(self.acceptance_on),
            "terms": self.terms,
            "lines": [line.content() for line in self.lines],
            "payments": [
                {
                    "title": payment.title,
                    "due_on": payment.due_on.isoformat(),
                    "amount": plain(payment.amount),
                }
                for payment in self.payments
            ],
            "signed_on": _spelled(self.signed_on),
            "our_signatory": self.our_signatory,
            "their_signatory": self.their_signatory,
        }

    @property
    def is_intact(self) -> bool | None:
        """Whether the text is the signed one, to the last character; None before it is signed."""
        if self.content_hash is None:
            return None
        return content_hash(self.content()) == self.content_hash

    def _move(self, to: ContractState) -> None:
        if to not in MOVES[ContractState(self.state)]:
            raise ContractStateForbids(
                f"a {self.state} contract cannot become {to}", state=str(self.state)
            )
        self.state = to

    def _deciding_step(self, decided_by: UUID) -> str:
        if self.state != ContractState.SUBMITTED or self.waiting_for is None:
            raise ContractStateForbids(
                f"a {self.state} contract waits for no decision", state=str(self.state)
            )
        if decided_by in (self.drafted_by, self.submitted_by):
            raise SelfApproval("who drafted or submitted a contract does not decide about it")
        return self.waiting_for

    def _decided(
        self, step: str, decision: Decision, by: UUID, opinion: str | None, now: datetime
    ) -> Approval:
        return Approval(
            id=new_id(),
            contract_id=self.id,
            revision=self.revision,
            step=step,
            decision=decision,
            opinion=opinion,
            decided_by=by,
            decided_at=now,
            policy_version=self.policy_version,
        )

    def _write(self, lines: Sequence[LineText], total: Decimal | None) -> None:
        written = []
        for place, line in enumerate(lines):
            calculated = line_amount(line.quantity, line.unit_price)
            amount = calculated if line.amount is None else line.amount
            if amount != calculated and not line.remark:
                raise LineAmountUnexplained(
                    f"{amount} is not {line.quantity} × {line.unit_price} = {calculated}:"
                    " say why in the remark",
                    pointer=f"/lines/{place}/amount",
                )
            written.append(
                ContractLine(
                    line_no=place + 1,
                    product_id=line.product_id,
                    product_name=line.product_name,
                    quantity=line.quantity,
                    unit_price=line.unit_price,
                    amount=amount,
                    delivery_on=line.delivery_on,
                    remark=line.remark,
                )
            )
        if len(canonical({"lines": [line.content() for line in written]})) > LARGEST_LINES_BYTES:
            raise LinesTooLong("the lines are too long for one contract", pointer="/lines")
        if not self.version or [line.text for line in written] != [
            line.text for line in self.lines
        ]:
            self.lines = written
        self.total = total_of(line.amount for line in written)
        if total is not None and total != self.total:
            raise TotalMismatch(
                f"the lines add up to {self.total}, not to {total}", pointer="/total"
            )

    def _schedule(self, payments: Sequence[InstalmentText]) -> None:
        self.payment_schedule = [
            {
                "title": payment.title,
                "due_on": payment.due_on.isoformat(),
                "share": plain(payment.share),
            }
            for payment in payments
        ]

    def _check_period(self) -> None:
        if self.ends_on < self.starts_on:
            raise PeriodInvalid("a contract ends on or after its first day", pointer="/ends_on")
        for place, line in enumerate(self.lines):
            if line.delivery_on and not self.starts_on <= line.delivery_on <= self.ends_on:
                raise PeriodInvalid(
                    "a delivery lies between the first and the last day of the contract",
                    pointer=f"/lines/{place}/delivery_on",
                )

    def _facts(self) -> dict[str, Any]:
        return {
            "contract_id": self.id,
            "number": self.number,
            "kind": self.kind,
            "customer_id": self.customer_id,
            "quote_id": self.quote_id,
            "opportunity_id": self.opportunity_id,
            "order_id": self.order_id,
            "total": tidy(self.total),
            "currency": self.currency,
            "starts_on": self.starts_on,
            "ends_on": self.ends_on,
            "revision": self.revision,
            **self.scope,
        }


def _spelled(value: UUID | date | None) -> str | None:
    return None if value is None else str(value)
