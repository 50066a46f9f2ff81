"""Input and output of the lead endpoints."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from common.money import Currency
from common.patches import MergePatch
from sales.leads.model import LeadKind, Priority
from sales.products.schemas import Code, External, Line, Money, Name, Note, Short

Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[+\d][\d\s()\-.]{4,38}$")
]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    AfterValidator(str.lower),
]


class LeadCapture(External):
    """Somebody who may want to buy; `source` says where we know them from."""

    name: Name
    source: Code
    kind: LeadKind = LeadKind.COMPANY
    priority: Priority | None = Field(None, description="Absent: that of the rating")
    company: Name | None = None
    contact_name: Short | None = None
    email: Email | None = None
    phone: Phone | None = None
    city: Short | None = None
    industry: Code | None = None
    employee_count: int | None = Field(None, ge=0, le=10_000_000)
    campaign: Short | None = None
    need: Note | None = None
    budget: Money | None = None
    currency: Currency = "CNY"
    product_id: UUID | None = None
    customer_id: UUID | None = Field(
        None, description="Absent: the one customer whose name is `company`, if there is one"
    )
    owner_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_id: UUID | None = None


class LeadUpdate(MergePatch):
    """A merge patch: absent fields stay, null clears; `priority: null` is that of the rating."""

    stays = frozenset({"name", "kind"})

    name: Name | None = None
    kind: LeadKind | None = None
    priority: Priority | None = None
    company: Name | None = None
    contact_name: Short | None = None
    email: Email | None = None
    phone: Phone | None = None
    city: Short | None = None
    industry: Code | None = None
    employee_count: int | None = Field(None, ge=0, le=10_000_000)
    need: Note | None = None
    budget: Money | None = None
    product_id: UUID | None = None
    customer_id: UUID | None = None


class LeadAssign(BaseModel):
    """To whom a lead goes, and why."""

    model_config = ConfigDict(extra="forbid")

    assignee_id: UUID
    reason: Line


class LeadConvert(BaseModel):
    """The customer whom the lead turned out to be, and what is expected of the deal."""

    model_config = ConfigDict(extra="forbid")

    customer_id: UUID | None = Field(None, description="Absent: the lead's customer")
    contact_id: UUID | None = None
    name: Name | None = Field(None, description="Absent: the lead's name")
    product_id: UUID | None = Field(None, description="Absent: the lead's product")
    expected_amount: Money | None = Field(None, description="Absent: the lead's budget")
    expected_close_on: date | None = None


class LeadLose(BaseModel):
    """Why nothing comes of a lead."""

    model_config = ConfigDict(extra="forbid")

    reason: Line


class ContributionRead(BaseModel):
    """What one rule gave to the score, and when it does so."""

    rule: str
    points: int
    because: str


class LeadRead(BaseModel):
    """A lead, with its score and where that comes from."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    name: str
    kind: str
    company: str | None
    contact_name: str | None
    email: str | None
    phone: str | None
    city: str | None
    industry: str | None
    employee_count: int | None
    source: str
    campaign: str | None
    need: str | None
    budget: Decimal | None
    currency: str
    product_id: UUID | None
    customer_id: UUID | None
    state: str
    score: int
    score_rules_version: int
    score_contributions: list[ContributionRead]
    rating: str
    priority: str
    assigned_at: datetime | None
    assign_reason: str | None
    converted_at: datetime | None
    opportunity_id: UUID | None
    contact_id: UUID | None
    lost_reason: str | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    external_source: str | None
    external_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime
