"""What we know of other services' things, and whose a new thing of ours becomes."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.errors import Invalid
from common.handovers import OwnerHasLeft
from sales.db import Base


class CustomerNotKnown(Invalid):
    """The customer service has not told of such a customer, or it is deleted."""

    code = "customer_not_known"


class EmployeeNotKnown(Invalid):
    """The channel service has not told of such an employee."""

    code = "employee_not_known"


class DepartmentNotKnown(Invalid):
    """The channel service has not told of such a department."""

    code = "department_not_known"


class PartnerNotKnown(Invalid):
    """The channel service has not told of such a partner."""

    code = "partner_not_known"


class TerritoryNotKnown(Invalid):
    """The channel service has not told of such a territory."""

    code = "territory_not_known"


class ContractNotKnown(Invalid):
    """The contract service has not told of such a signed sales contract."""

    code = "contract_not_known"


class _FromElsewhere:
    """The other system's name for it, where it was imported."""

    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))


class KnownCustomer(_FromElsewhere, Base):
    """A customer, as the customer service tells of it.

    One that a lead was converted into is here before it is there, and has no number until then.
    """

    __tablename__ = "known_customers"
    __table_args__ = (
        Index("ix_known_customers_external", "external_source", "external_id"),
        Index("ix_known_customers_name", "name"),
        Index("ix_known_customers_name_key", "name_key"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str | None] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(200))
    name_key: Mapped[str | None] = mapped_column(String(200))
    industry: Mapped[str | None] = mapped_column(String(60))
    owner_id: Mapped[UUID | None]
    department_id: Mapped[UUID | None]
    partner_id: Mapped[UUID | None]
    region_id: Mapped[UUID | None]
    is_deleted: Mapped[bool] = mapped_column(default=False)


class KnownEmployee(_FromElsewhere, Base):
    """An employee, as the channel service tells of it."""

    __tablename__ = "known_employees"
    __table_args__ = (Index("ix_known_employees_external", "external_source", "external_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(200))
    manager_id: Mapped[UUID | None]
    department_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(String(20))

    def check_takes(self, *, pointer: str) -> None:
        """Refuse somebody who has left as an owner."""
        if self.state == "left":
            raise OwnerHasLeft(f"{self.number} has left", pointer=pointer)


class KnownDepartment(_FromElsewhere, Base):
    """A department, as the channel service tells of it."""

    __tablename__ = "known_departments"
    __table_args__ = (Index("ix_known_departments_external", "external_source", "external_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    parent_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(String(20))


class KnownTerritory(Base):
    """A territory, which is what a region is."""

    __tablename__ = "known_territories"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    parent_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(String(20))


class KnownPartner(_FromElsewhere, Base):
    """A partner, as the channel service tells of it."""

    __tablename__ = "known_partners"
    __table_args__ = (Index("ix_known_partners_external", "external_source", "external_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(200))
    tier: Mapped[str | None] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20))
    region_id: Mapped[UUID | None]
    department_id: Mapped[UUID | None]
    owner_id: Mapped[UUID | None]


class KnownContract(Base):
    """A signed sales contract: an order can be taken from it."""

    __tablename__ = "known_contracts"
    __seen_with__ = ("customer_id", "KnownCustomer")

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(40))
    quote_id: Mapped[UUID | None] = mapped_column(index=True)
    opportunity_id: Mapped[UUID | None] = mapped_column(index=True)
    customer_id: Mapped[UUID] = mapped_column(index=True)
    total: Mapped[Decimal]
    currency: Mapped[str] = mapped_column(String(3))
    signed_on: Mapped[date]
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller names of other services; None where he leaves it to us."""

    customer_id: UUID | None = None
    owner_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class References:
    """The copies of what a caller names, each None where it is not named or not known."""

    customer: KnownCustomer | None = None
    owner: KnownEmployee | None = None
    department: KnownDepartment | None = None
    partner: KnownPartner | None = None
    region: KnownTerritory | None = None

    def check(self, wanted: Wanted) -> None:
        """Refuse a name that stands for nothing here."""
        if wanted.customer_id and (self.customer is None or self.customer.is_deleted):
            raise CustomerNotKnown(f"no customer {wanted.customer_id}", pointer="/customer_id")
        for refusal, name, found in (
            (EmployeeNotKnown, "owner_id", self.owner),
            (DepartmentNotKnown, "department_id", self.department),
            (PartnerNotKnown, "partner_id", self.partner),
            (TerritoryNotKnown, "region_id", self.region),
        ):
            if getattr(wanted, name) and found is None:
                kind = name.removesuffix("_id")
                raise refusal(f"no {kind} {getattr(wanted, name)}", pointer=f"/{name}")
        if wanted.owner_id and self.owner is not None:
            self.owner.check_takes(pointer="/owner_id")

    def scope(self, wanted: Wanted) -> dict[str, Any]:
        """Whose a new thing is: as the caller says, else its owner's department and its customer's
        owner, department, partner and region, else the partner's region."""
        customer, owner, partner = self.customer, self.owner, self.partner
        department_id = wanted.department_id
        if department_id is None and owner is not None:
            department_id = owner.department_id
        if department_id is None and wanted.owner_id is None and customer is not None:
            department_id = customer.department_id
        return {
            "owner_id": wanted.owner_id or (customer.owner_id if customer else None),
            "department_id": department_id,
            "partner_id": wanted.partner_id or (customer.partner_id if customer else None),
            "region_id": (
                wanted.region_id
                or (customer.region_id if customer else None)
                or (partner.region_id if partner else None)
            ),
        }
