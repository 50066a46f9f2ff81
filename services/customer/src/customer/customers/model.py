"""A customer and its rules."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.scope import Scoped
from customer import events
from customer.db import Base


class CustomerKind(StrEnum):
    """What a customer is; more may follow."""

    COMPANY = "company"
    PERSON = "person"


class CustomerStatus(StrEnum):
    """Whether we do business with the customer; more may follow."""

    PROSPECT = "prospect"
    ACTIVE = "active"
    INACTIVE = "inactive"


class CustomerNotFound(NotFound):
    """There is no such customer, or it is deleted."""

    code = "customer_not_found"


class ParentCycle(Invalid):
    """The parent organisation is the customer itself or lies below it."""

    code = "parent_cycle"


class ParentNotFound(Invalid):
    """The parent organisation is not a customer here."""

    code = "parent_not_found"


class ExternalIdTaken(Conflict):
    """Another customer carries this id of the other system."""

    code = "external_id_taken"


class NothingToTransfer(Conflict):
    """The customer belongs to this owner and department already."""

    code = "nothing_to_transfer"


class CustomerHasSubsidiaries(Conflict):
    """Other customers name this one as their parent organisation."""

    code = "customer_has_subsidiaries"


class CustomerNotDeleted(Conflict):
    """Only a deleted customer can be restored."""

    code = "customer_not_deleted"


PROFILE = (
    "name",
    "kind",
    "status",
    "industry",
    "business_scope",
    "employee_count",
    "annual_revenue",
    "founded_year",
    "country",
    "city",
    "address",
    "postcode",
    "phone",
    "finance_phone",
    "email",
    "homepage",
    "parent_id",
    "region_id",
    "partner_id",
    "notes",
)
"""The fields a client may change; owner and department change by a transfer."""


class NumberNotKnown(Invalid):
    """No customer has this number, and numbers are given by us."""

    code = "customer_number_not_known"


class NumberStays(Conflict):
    """A customer keeps its number; what was found by another key has another one."""

    code = "customer_number_stays"


class CustomerKey(StrEnum):
    """What a customer is recognised by when it is brought up to date."""

    EXTERNAL_ID = "external_id"
    NUMBER = "number"


class Customer(Aggregate, Scoped, Base):
    """A company or person we sell to, or want to."""

    __tablename__ = "customers"
    __table_args__ = (
        Index(
            "uq_customers_external_id",
            "external_source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index("ix_customers_created_at_id", "created_at", "id"),
        Index("ix_customers_name_id", "name", "id"),
        Index("ix_customers_updated_at_id", "updated_at", "id"),
    )

    number: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20), default=CustomerKind.COMPANY)
    status: Mapped[str] = mapped_column(String(20), default=CustomerStatus.PROSPECT)
    industry: Mapped[str | None] = mapped_column(String(60), index=True)
    business_scope: Mapped[str | None] = mapped_column(Text)
    employee_count: Mapped[int | None]
    annual_revenue: Mapped[Decimal | None]
    founded_year: Mapped[int | None]
    country: Mapped[str | None] = mapped_column(String(80))
    city: Mapped[str | None] = mapped_column(String(80), index=True)
    address: Mapped[str | None] = mapped_column(String(300))
    postcode: Mapped[str | None] = mapped_column(String(20))
    phone: Mapped[str | None] = mapped_column(String(40))
    finance_phone: Mapped[str | None] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(200))
    homepage: Mapped[str | None] = mapped_column(String(300))
    notes: Mapped[str | None] = mapped_column(Text)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"), index=True)
    source: Mapped[str] = mapped_column(String(40))
    registered_at: Mapped[datetime]
    registered_by: Mapped[str] = mapped_column(String(80))
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))
    deleted_at: Mapped[datetime | None]

    @classmethod
    def register(
        cls, *, number: int, by: str, now: datetime, source: str, **profile: Any
    ) -> tuple["Customer", events.CustomerCreated]:
        """A new customer; number, source and registration stay as they are for ever."""
        profile.setdefault("kind", CustomerKind.COMPANY)
        profile.setdefault("status", CustomerStatus.PROSPECT)
        customer = cls(
            number=f"C{now:%Y}-{number:06d}",
            source=source,
            registered_at=now,
            registered_by=by,
            **profile,
        )
        return customer, events.CustomerCreated(
            **customer._facts(),
            source=customer.source,
            registered_at=customer.registered_at,
        )

    def update(self, changes: dict[str, Any]) -> events.CustomerUpdated | None:
        """Change the profile; None when every value is the same already."""
        changed = False
        for name, value in changes.items():
            if getattr(self, name) != value:
                setattr(self, name, value)
                changed = True
        return events.CustomerUpdated(**self._facts()) if changed else None

    def activate(self) -> events.CustomerUpdated | None:
        """Count the customer as one we do business with; None when it is one already."""
        return self.update({"status": CustomerStatus.ACTIVE})

    def check_parent(self, ancestors: Iterable[UUID]) -> None:
        """Refuse a parent whose `ancestors` (itself first) include this customer."""
        if self.id in set(ancestors):
            raise ParentCycle(
                "a customer cannot be its own parent organisation, directly or through others",
                pointer="/parent_id",
            )

    def transfer(
        self, *, owner_id: UUID | None, department_id: UUID | None, reason: str
    ) -> events.CustomerTransferred:
        """Give the customer to another owner or department."""
        if (owner_id, department_id) == (self.owner_id, self.department_id):
            raise NothingToTransfer("the customer belongs to this owner and department already")
        before = {"from_owner_id": self.owner_id, "from_department_id": self.department_id}
        self.owner_id, self.department_id = owner_id, department_id
        return events.CustomerTransferred(
            customer_id=self.id, reason=reason, **before, **self.scope
        )

    def delete(self, *, now: datetime, has_subsidiaries: bool) -> events.CustomerDeleted | None:
        """Take the customer out of use; None when it is deleted already."""
        if self.deleted_at is not None:
            return None
        if has_subsidiaries:
            raise CustomerHasSubsidiaries("other customers name this one as parent organisation")
        self.deleted_at = now
        return events.CustomerDeleted(customer_id=self.id, **self.scope)

    def restore(self) -> events.CustomerRestored:
        """Take a deleted customer into use again."""
        if self.deleted_at is None:
            raise CustomerNotDeleted("the customer is not deleted")
        self.deleted_at = None
        return events.CustomerRestored(customer_id=self.id, **self.scope)

    def _facts(self) -> dict[str, Any]:
        return {
            "customer_id": self.id,
            "number": self.number,
            "name": self.name,
            "kind": self.kind,
            "industry": self.industry,
            "city": self.city,
            "parent_id": self.parent_id,
            "status": self.status,
            "external_source": self.external_source,
            "external_id": self.external_id,
            **self.scope,
        }
