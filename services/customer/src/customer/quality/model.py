"""An issue of quality, how issues are found, and their rules."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.audit.trail import ONLY_THAT_IT_CHANGED
from common.errors import Conflict, NotFound
from common.match_keys import email_key, phone_key
from customer import events
from customer.contacts.model import Contact
from customer.customers.model import Customer, CustomerKind
from customer.db import Base
from customer.quality.completeness import COMPANY, CONTACT, PERSON, Completeness, completeness_of

PHONES_OF_CONTACTS = ("mobile_phone", "office_phone", "home_phone")


class IssueKind(StrEnum):
    """What is wrong; more may follow."""

    INVALID_PHONE = "invalid_phone"
    INVALID_EMAIL = "invalid_email"
    MISSING_FIELDS = "missing_fields"
    SUSPECTED_DUPLICATE = "suspected_duplicate"


class IssueState(StrEnum):
    """What became of it; more may follow."""

    OPEN = "open"
    ASSIGNED = "assigned"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


UNSETTLED = (IssueState.OPEN, IssueState.ASSIGNED)


class QualityIssueNotFound(NotFound):
    """There is no such issue."""

    code = "quality_issue_not_found"


class QualityIssueSettled(Conflict):
    """The issue was resolved or dismissed."""

    code = "quality_issue_settled"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a customer or one of its contacts.

    `fingerprint` is that of the values: a dismissed finding comes back only with other ones.
    """

    kind: IssueKind
    fields: tuple[str, ...]
    fingerprint: str
    contact_id: UUID | None = None

    @property
    def key(self) -> tuple[str, UUID | None, str, tuple[str, ...]]:
        """What tells one finding from another; the missing fields of a record are one."""
        fields = () if self.kind == IssueKind.MISSING_FIELDS else self.fields
        return self.kind, self.contact_id, self.fingerprint, fields


def completeness_of_customer(customer: Customer, *, has_primary: bool) -> Completeness:
    """How complete the record of a customer is."""
    weights = PERSON if customer.kind == CustomerKind.PERSON else COMPANY
    values = {field: getattr(customer, field, None) for field in weights}
    return completeness_of(values | {"primary_contact": has_primary}, weights)


def completeness_of_contact(contact: Contact) -> Completeness:
    """How complete the record of a contact is; another telephone stands for the mobile one."""
    values = {field: getattr(contact, field) for field in CONTACT}
    values["mobile_phone"] = contact.mobile_phone or contact.office_phone or contact.home_phone
    return completeness_of(values, CONTACT)


def findings_of_customer(
    customer: Customer, completeness: Completeness, suspected: Iterable[UUID]
) -> list[Finding]:
    """What is wrong with a customer; `suspected` are those who may be the same."""
    found = _unreachable(customer, ("phone", "finance_phone"), None)
    if completeness.needed:
        found.append(_finding(IssueKind.MISSING_FIELDS, completeness.needed, completeness.needed))
    others = sorted(str(other) for other in suspected)
    if others:
        found.append(_finding(IssueKind.SUSPECTED_DUPLICATE, (), others))
    return found


def findings_of_contact(contact: Contact) -> list[Finding]:
    """What is wrong with a contact."""
    found = _unreachable(contact, PHONES_OF_CONTACTS, contact.id)
    missing = completeness_of_contact(contact).needed
    if missing:
        found.append(_finding(IssueKind.MISSING_FIELDS, missing, missing, contact.id))
    return found


def _unreachable(
    record: Customer | Contact, phones: Iterable[str], contact_id: UUID | None
) -> list[Finding]:
    found = []
    for field in phones:
        phone = getattr(record, field)
        if phone and phone_key(phone) is None:
            found.append(_finding(IssueKind.INVALID_PHONE, (field,), (phone,), contact_id))
    if record.email and email_key(record.email) is None:
        found.append(_finding(IssueKind.INVALID_EMAIL, ("email",), (record.email,), contact_id))
    return found


def _finding(
    kind: IssueKind, fields: Iterable[str], values: Iterable[str], contact_id: UUID | None = None
) -> Finding:
    digest = blake2b("\n".join(values).encode(), digest_size=16).hexdigest()
    return Finding(kind, tuple(fields), digest, contact_id)


class QualityIssue(Aggregate, Base):
    """Something to be put right. It resolves by itself when it is found no more."""

    __tablename__ = "quality_issues"
    __seen_with__ = ("customer_id", "Customer")
    __table_args__ = (
        Index("ix_quality_issues_found_at_id", "found_at", "id"),
        Index(
            "ix_quality_issues_open",
            "kind",
            "assignee_id",
            "found_at",
            "id",
            postgresql_where=text("state IN ('open', 'assigned')"),
        ),
    )

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), index=True)
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contacts.id"))
    kind: Mapped[str] = mapped_column(String(30))
    fields: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    # A number could be guessed from it.
    fingerprint: Mapped[str] = mapped_column(String(32), info=ONLY_THAT_IT_CHANGED)
    state: Mapped[str] = mapped_column(String(20))
    assignee_id: Mapped[UUID | None]
    found_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(80))
    note: Mapped[str | None] = mapped_column(String(300))

    @classmethod
    def raise_for(
        cls, customer_id: UUID, finding: Finding, *, now: datetime
    ) -> tuple["QualityIssue", events.QualityIssueChanged]:
        """Put a finding on the list."""
        issue = cls(
            customer_id=customer_id,
            contact_id=finding.contact_id,
            kind=finding.kind,
            fields=list(finding.fields),
            fingerprint=finding.fingerprint,
            state=IssueState.OPEN,
            found_at=now,
        )
        return issue, issue._changed()

    @property
    def key(self) -> tuple[str, UUID | None, str, tuple[str, ...]]:
        """As that of the finding it was raised for."""
        return Finding(
            IssueKind(self.kind), tuple(self.fields), self.fingerprint, self.contact_id
        ).key

    def assign(self, assignee_id: UUID) -> events.QualityIssueChanged | None:
        """Give it to somebody to be put right; None when it is theirs."""
        self._check_unsettled()
        if self.assignee_id == assignee_id:
            return None
        self.state, self.assignee_id = IssueState.ASSIGNED, assignee_id
        return self._changed()

    def resolve(
        self, *, by: str, now: datetime, note: str | None = None
    ) -> events.QualityIssueChanged:
        """Say that it is put right; if it is not, it is found again with the next change."""
        return self._settle(IssueState.RESOLVED, by, now, note)

    def dismiss(self, *, by: str, now: datetime, note: str | None) -> events.QualityIssueChanged:
        """Say that it is right as it is: the same values are no issue again."""
        return self._settle(IssueState.DISMISSED, by, now, note)

    def _settle(
        self, state: IssueState, by: str, now: datetime, note: str | None
    ) -> events.QualityIssueChanged:
        self._check_unsettled()
        self.state, self.closed_by, self.closed_at, self.note = state, by, now, note
        return self._changed()

    def _check_unsettled(self) -> None:
        if self.state not in UNSETTLED:
            raise QualityIssueSettled(f"the issue is {self.state}")

    def _changed(self) -> events.QualityIssueChanged:
        return events.QualityIssueChanged(
            issue_id=self.id,
            customer_id=self.customer_id,
            contact_id=self.contact_id,
            kind=self.kind,
            fields=self.fields,
            state=self.state,
            assignee_id=self.assignee_id,
        )


class QualityCheck(Base):
    """How a customer stood when it was looked at last; its key is that of the customer.

    `checked` is the sum of the versions of the customer and its contacts: another one means that
    something changed. `completeness` is in percent.
    """

    __tablename__ = "quality_checks"
    __seen_with__ = ("id", "Customer")

    id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    checked: Mapped[int] = mapped_column(BigInteger)
    completeness: Mapped[int]


def differences(
    issues: Iterable[QualityIssue], findings: Iterable[Finding]
) -> tuple[list[QualityIssue], list[Finding]]:
    """Of the issues of a customer, those that are found no more; and what is found newly."""
    there, found = list(issues), {finding.key: finding for finding in findings}
    known = {issue.key for issue in there if issue.state != IssueState.RESOLVED}
    gone = [issue for issue in there if issue.state in UNSETTLED and issue.key not in found]
    return gone, [finding for key, finding in found.items() if key not in known]
