"""A verification, how often one is due, and their rules."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, NotFound
from common.ids import new_id
from customer import events
from customer.customers.model import Customer
from customer.db import Base


class FieldGroup(StrEnum):
    """What is verified together, as it is asked together; more may follow."""

    REGISTRATION = "registration"
    ADDRESS = "address"
    REACHABILITY = "reachability"
    BUSINESS = "business"
    CONTACTS = "contacts"


FIELDS = {
    FieldGroup.REGISTRATION: ("name", "kind", "tax_number", "parent_id"),
    FieldGroup.ADDRESS: ("country", "city", "address", "postcode"),
    FieldGroup.REACHABILITY: ("phone", "finance_phone", "email", "homepage"),
    FieldGroup.BUSINESS: ("industry", "business_scope", "employee_count", "annual_revenue"),
    FieldGroup.CONTACTS: (),
}
"""The fields of each group; the contacts are records of their own."""


class Result(StrEnum):
    """What came of it: it holds, it was otherwise and was changed, or it is wrong and nobody knows
    better yet; more may follow."""

    CONFIRMED = "confirmed"
    CHANGED = "changed"
    WRONG = "wrong"


class VerificationPolicyNotFound(NotFound):
    """There is no such policy."""

    code = "verification_policy_not_found"


class VerificationPolicyThere(Conflict):
    """This group and grade have a policy; change that one, which `existing_id` names."""

    code = "verification_policy_there"


class Verification(Base):
    """That somebody looked whether a group of fields still holds. A row is written once.

    The latest of a group counts. One that found it wrong verifies nothing: the group is due.
    """

    __tablename__ = "verifications"
    __seen_with__ = ("customer_id", "Customer")
    __table_args__ = (
        Index("ix_verifications_customer_id", "customer_id", "field_group", "verified_at", "id"),
        Index("ix_verifications_verified_at_id", "verified_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    field_group: Mapped[str] = mapped_column(String(20))
    result: Mapped[str] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(String(300))
    verified_by: Mapped[str] = mapped_column(String(80))
    verified_at: Mapped[datetime]

    @classmethod
    def of(
        cls,
        customer: Customer,
        *,
        field_group: FieldGroup,
        result: Result,
        note: str | None,
        by: str,
        now: datetime,
    ) -> tuple["Verification", events.CustomerVerified]:
        """Write down what somebody found."""
        verification = cls(
            id=new_id(),
            customer_id=customer.id,
            field_group=field_group,
            result=result,
            note=note,
            verified_by=by,
            verified_at=now,
        )
        return verification, events.CustomerVerified(
            customer_id=customer.id,
            field_group=field_group,
            result=result,
            verified_at=now,
            **customer.scope,
        )


class VerificationPolicy(Aggregate, Base):
    """How often a group is verified: of customers of a grade, or of all who have no policy of theirs.

    `every_days` None is never.
    """

    __tablename__ = "verification_policies"
    __table_args__ = (
        Index(
            "uq_verification_policies_group",
            "field_group",
            "grade",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_verification_policies_created_at_id", "created_at", "id"),
    )

    field_group: Mapped[str] = mapped_column(String(20))
    grade: Mapped[str | None] = mapped_column(String(10))
    every_days: Mapped[int | None]

    @classmethod
    def set_for(cls, **values: Any) -> tuple["VerificationPolicy", events.VerificationPolicySet]:
        """Say how often, where nothing is said yet."""
        policy = cls(**values)
        return policy, policy._set()

    def update(self, *, every_days: int | None) -> events.VerificationPolicySet | None:
        """Say how often from now on; None when it is so already."""
        if self.every_days == every_days:
            return None
        self.every_days = every_days
        return self._set()

    def _set(self) -> events.VerificationPolicySet:
        return events.VerificationPolicySet(
            policy_id=self.id,
            field_group=self.field_group,
            grade=self.grade,
            every_days=self.every_days,
        )
