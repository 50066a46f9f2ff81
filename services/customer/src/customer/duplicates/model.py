"""The stored match keys, the policy, a scan, and the pairs that are suspected or decided about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.errors import Conflict, NotFound
from common.ids import new_id
from common.match_keys import VERSION, Match, MatchKeys, match_keys
from customer.contacts.model import Contact
from customer.customers.model import Customer
from customer.db import Base

SURE = 85
"""From this score on a customer counts as the same one: it blocks or is linked to. Below it warns.

One equal phone number, e-mail address, tax number or name is enough; names that are only alike are
not.
"""


class DuplicatePolicy(StrEnum):
    """What becomes of a new customer that is there already."""

    WARN = "warn"
    BLOCK = "block"
    LINK = "link"


class CustomerIsThere(Conflict):
    """There is such a customer already; `existing_id` and `candidates` say which."""

    code = "customer_is_there"


class ScanNotFound(NotFound):
    """There is no such scan."""

    code = "duplicate_scan_not_found"


class ScanIsRunning(Conflict):
    """All customers are being compared already; `existing_id` is that scan."""

    code = "duplicate_scan_is_running"


class GroupNotFound(NotFound):
    """There is no such group of suspected duplicates, or all of it is decided."""

    code = "duplicate_group_not_found"


class DuplicateKeys(Base):
    """The match keys of a customer or contact; for looking up only, never shown."""

    __tablename__ = "duplicate_keys"
    __table_args__ = (
        Index(
            "ix_duplicate_keys_tokens",
            "tokens",
            postgresql_using="gin",
            # What waits in the pending list would be read through by every look-up.
            postgresql_with={"fastupdate": "off"},
        ),
    )

    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    record_type: Mapped[str] = mapped_column(String(20))
    name: Mapped[str | None] = mapped_column(Text)
    tax_number: Mapped[str | None] = mapped_column(Text)
    phones: Mapped[list[str]] = mapped_column(ARRAY(Text))
    emails: Mapped[list[str]] = mapped_column(ARRAY(Text))
    tokens: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    rules: Mapped[int]


class KeysProgress(Base):
    """How far the keys of what was there before the rules were made; one row for each version."""

    __tablename__ = "duplicate_keys_progress"

    rules: Mapped[int] = mapped_column(primary_key=True)
    record_type: Mapped[str] = mapped_column(String(20))
    last_id: Mapped[UUID | None]
    done_at: Mapped[datetime | None]


class ScanState(StrEnum):
    """How far a scan is; more may follow."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"


class DuplicateScan(Base):
    """One comparison of all customers with each other; `done` of `total` records are compared."""

    __tablename__ = "duplicate_scans"
    __table_args__ = (
        Index(
            "uq_duplicate_scans_running",
            "state",
            unique=True,
            postgresql_where=sql("state = 'running'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    state: Mapped[str] = mapped_column(String(20))
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    last_id: Mapped[UUID | None]
    pairs: Mapped[int] = mapped_column(default=0)
    groups: Mapped[int] = mapped_column(default=0)
    started_by: Mapped[str] = mapped_column(String(80))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return 1.0 if self.finished_at is not None or not self.total else self.done / self.total


class DuplicateGroup(Base):
    """Customers of which each may be the same as another one of them; the last scan found it."""

    __tablename__ = "duplicate_groups"
    __table_args__ = (Index("ix_duplicate_groups_score_id", "score", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    scan_id: Mapped[UUID] = mapped_column(ForeignKey("duplicate_scans.id"), index=True)
    score: Mapped[int]
    size: Mapped[int]


class DuplicatePair(Base):
    """Two customers, the smaller id first: why they may be the same, and what was decided."""

    __tablename__ = "duplicate_pairs"
    __table_args__ = (Index("ix_duplicate_pairs_other_id", "other_id"),)

    one_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    other_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    score: Mapped[int]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    scan_id: Mapped[UUID | None] = mapped_column(index=True)
    group_id: Mapped[UUID | None] = mapped_column(index=True)
    dismissed_at: Mapped[datetime | None]
    dismissed_by: Mapped[str | None] = mapped_column(String(80))


def keys_of_customer(customer: Any) -> MatchKeys:
    """The keys of a customer, or of anything with its fields."""
    return match_keys(
        name=customer.name,
        tax_number=customer.tax_number,
        phones=(customer.phone, customer.finance_phone),
        emails=(customer.email,),
    )


def keys_of_contact(contact: Contact) -> MatchKeys:
    """The keys of a contact: how it is reached. People of one name work everywhere."""
    return match_keys(
        phones=(contact.mobile_phone, contact.office_phone, contact.home_phone),
        emails=(contact.email,),
    )


def keys_row(record: Customer | Contact) -> dict[str, Any]:
    """The keys of a record as a row of `duplicate_keys`."""
    is_customer = isinstance(record, Customer)
    keys = keys_of_customer(record) if isinstance(record, Customer) else keys_of_contact(record)
    return {
        "record_id": record.id,
        "record_type": "customer" if is_customer else "contact",
        "name": keys.name,
        "tax_number": keys.tax_number,
        "phones": sorted(keys.phones),
        "emails": sorted(keys.emails),
        "tokens": keys.tokens,
        "rules": VERSION,
    }


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer that may be the one asked about, and why.

    `is_seen` is whether who asks may see it; of others nobody learns more than that there is one.
    """

    customer_id: UUID
    number: str
    name: str
    city: str | None
    match: Match
    is_seen: bool

    @property
    def is_sure(self) -> bool:
        """Whether it counts as the same customer."""
        return self.match.score >= SURE


def check_new(policy: str, candidates: Sequence[Candidate]) -> Candidate | None:
    """The customer to link a new one to; None where it may be taken on.

    Raises CustomerIsThere where it is there and the policy is to block, or to link and who asks may
    not see what there is.
    """
    sure = [candidate for candidate in candidates if candidate.is_sure]
    if policy == DuplicatePolicy.WARN or not sure:
        return None
    seen = [candidate for candidate in sure if candidate.is_seen]
    if policy == DuplicatePolicy.LINK and seen:
        return seen[0]
    if not seen:
        raise CustomerIsThere("there is such a customer, whom you do not see", candidates=[])
    raise CustomerIsThere(
        f"this is customer {seen[0].number}",
        existing_id=str(seen[0].customer_id),
        candidates=[shown(candidate) for candidate in seen],
    )


def shown(candidate: Candidate) -> dict[str, Any]:
    """The candidate as an answer says it."""
    said: dict[str, Any] = {
        "score": candidate.match.score,
        "reasons": said_reasons(candidate.match),
        "seen": candidate.is_seen,
    }
    if candidate.is_seen:
        said |= {
            "customer_id": str(candidate.customer_id),
            "number": candidate.number,
            "name": candidate.name,
            "city": candidate.city,
        }
    return said


def said_reasons(match: Match) -> list[dict[str, Any]]:
    """The reasons as they are stored and answered."""
    return [{"field": r.field, "similarity": r.similarity} for r in match.reasons]
