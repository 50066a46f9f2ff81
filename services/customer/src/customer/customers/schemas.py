"""Input and output of the customer endpoints."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from common.money import Amount
from common.patches import MergePatch
from customer.customers.model import CustomerKind, CustomerStatus

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[+\d][\d\s()\-.]{4,38}(x\d{1,6})?$")
]
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]


class Profile(BaseModel):
    """What a client may say of a customer besides its name."""

    model_config = ConfigDict(extra="forbid")

    industry: Code | None = None
    business_scope: str | None = Field(None, max_length=4000)
    employee_count: int | None = Field(None, ge=0, le=10_000_000)
    annual_revenue: Amount | None = Field(None, ge=0)
    founded_year: int | None = Field(None, ge=1000, le=2100)
    country: Short | None = None
    city: Short | None = None
    address: Line | None = None
    postcode: Short | None = None
    phone: Phone | None = None
    finance_phone: Phone | None = None
    email: Email | None = None
    homepage: Line | None = None
    notes: str | None = Field(None, max_length=10_000)
    parent_id: UUID | None = None
    region_id: UUID | None = None
    partner_id: UUID | None = None


class TypedProfile(Profile):
    """The profile as it is given; what is read back may hold kinds that are new to the client."""

    kind: CustomerKind = CustomerKind.COMPANY
    status: CustomerStatus = CustomerStatus.PROSPECT


class CustomerCreate(TypedProfile):
    """A customer to take on."""

    name: Name
    source: Code = "manual"
    owner_id: UUID | None = None
    department_id: UUID | None = None
    external_source: Code | None = None
    external_id: Line | None = None

    @model_validator(mode="after")
    def _external_id_is_whole(self) -> "CustomerCreate":
        if (self.external_source is None) != (self.external_id is None):
            raise ValueError("external_source and external_id go together")
        return self


class CustomerUpsert(CustomerCreate):
    """A customer to take on, or to bring up to date where it is there.

    What is left out stays as it is; `source`, `owner_id` and `department_id` count only for a new
    one, and a `number` must be there already.
    """

    number: Short | None = None


class CustomerUpdate(MergePatch, TypedProfile):
    """A merge patch: absent fields stay, null clears."""

    stays = frozenset({"name"})

    name: Name | None = None


class CustomerTransfer(BaseModel):
    """To whom a customer goes, and why."""

    model_config = ConfigDict(extra="forbid")

    owner_id: UUID | None
    department_id: UUID | None
    reason: Line


class CustomerRead(Profile):
    """A customer."""

    model_config = ConfigDict(from_attributes=True, extra="ignore")

    id: UUID
    number: str
    name: str
    kind: str
    status: str
    industry: str | None
    phone: str | None
    finance_phone: str | None
    email: str | None
    owner_id: UUID | None
    department_id: UUID | None
    source: str
    registered_at: datetime
    registered_by: str
    external_source: str | None
    external_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
