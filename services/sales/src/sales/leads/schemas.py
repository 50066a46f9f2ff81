"""Input and output of the lead endpoints."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from common.custom_fields.columns import CustomValues
from common.money import Currency
from common.patches import MergePatch
from sales.leads.deficits import Decision
from sales.leads.model import DuplicatePolicy, LeadKind, Priority
from sales.products.schemas import Code, External, Line, Money, Name, Note, Short
from sales.special_rights import PERSONAL_DATA_OF_LEADS

Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[+\d][\d\s()\-.]{4,38}$")
]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    AfterValidator(str.lower),
]


ClientKey = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


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
    lead_class: Code | None = Field(None, description="Of which class it is, as end_user")
    consent_at: AwareDatetime | None = Field(
        None, description="When they agreed to be contacted; absent: it is not known"
    )
    client_key: ClientKey | None = Field(
        None,
        description="The sender's own name for this lead, as of a form; with `source` it is taken"
        " down once, and a repetition finds the first one",
    )
    on_duplicate: DuplicatePolicy = Field(
        DuplicatePolicy.BLOCK,
        description="What to do when an open lead has the same e-mail address or phone number:"
        " `block` refuses, `warn` takes it down and names it, `link` also ties the two together",
    )
    need: Note | None = None
    budget: Money | None = None
    currency: Currency = "CNY"
    product_id: UUID | None = None
    customer_id: UUID | None = Field(
        None,
        description="Absent: the one customer with the name of `company`, however it is written",
    )
    owner_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_id: UUID | None = None
    custom: CustomValues = {}


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
    campaign: Short | None = None
    lead_class: Code | None = None
    consent_at: AwareDatetime | None = None
    need: Note | None = None
    budget: Money | None = None
    product_id: UUID | None = None
    customer_id: UUID | None = None
    custom: CustomValues = {}


class LeadAssign(BaseModel):
    """To whom a lead goes, and why."""

    model_config = ConfigDict(extra="forbid")

    assignee_id: UUID
    reason: Line


class LeadConvert(BaseModel):
    """The customer whom the lead turned out to be, and what is expected of the deal.

    Without a customer, and where the lead has none, a new one is made of what the lead knows, with
    the person as contact where one is named.
    """

    model_config = ConfigDict(extra="forbid")

    customer_id: UUID | None = Field(
        None, description="Absent: the lead's customer, or a new one where it has none"
    )
    contact_id: UUID | None = Field(None, description="A contact of the customer, to link to")
    custom: Annotated[CustomValues, Field(description="Custom fields of the opportunity")] = {}
    make_contact: bool | None = Field(
        None,
        description="Whether the person becomes a new contact; absent: only of a new customer",
    )
    name: Name | None = Field(None, description="Absent: the lead's name")
    product_id: UUID | None = Field(None, description="Absent: the lead's product")
    expected_amount: Money | None = Field(None, description="Absent: the lead's budget")
    expected_close_on: date | None = None


class LeadLose(BaseModel):
    """Why nothing comes of a lead; `disqualified` when there never was anything to it."""

    model_config = ConfigDict(extra="forbid")

    reason: Line
    reason_code: Code | None = Field(None, description="For counting, as no_budget")
    disqualified: bool = False


class LeadReopen(BaseModel):
    """Why a lost lead is followed up again."""

    model_config = ConfigDict(extra="forbid")

    reason: Line


class ContributionRead(BaseModel):
    """What one rule gave to the score, and when it does so."""

    rule: str
    points: int
    because: str


class MissedRuleRead(BaseModel):
    """A rule that gave nothing, and what it would give."""

    rule: str
    points: int
    because: str


class LeadScoreRead(BaseModel):
    """Why a lead has its score: each rule that gave something, and those that did not.

    `sum` is what the rules gave together, `score` the same held between 0 and 100.
    """

    lead_id: UUID
    score: int
    sum: int
    rating: str
    policy_version: int
    policy_version_in_force: int
    contributions: list[ContributionRead]
    missed: list[MissedRuleRead]


class SuspectedRead(BaseModel):
    """Who may be the same as a lead when it was captured, by equal e-mail, phone or name."""

    kind: str
    id: UUID
    number: str | None
    reasons: list[str]


class LeadAssignmentRead(BaseModel):
    """A move of a lead: how, from whom to whom, why, and how a routed one was decided.

    Without `to_owner_id` it went to the pool. `decided_by` is what made the difference between the
    best candidates; `considered` lists the rules that fit, with each candidate's share and deficit
    in leads, and who was passed over for what.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    lead_id: UUID
    happened_at: datetime
    how: str
    from_owner_id: UUID | None
    to_owner_id: UUID | None
    reason: str
    by: str
    policy_version: int | None
    team_id: UUID | None
    rule: str | None
    decided_by: str | None
    made: Decision | None = Field(serialization_alias="decision")


class ReplayRead(BaseModel):
    """Who gets a lead by the rules, worked out again from what was kept of the decision."""

    assignment_id: UUID
    employee_id: UUID | None
    is_same: bool = Field(description="Whether it is who got it")
    asked: dict[str, Any] = Field(description="Everything the decision looks at, as it was")


class LeadRead(BaseModel):
    """A lead, with its score and where that comes from."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    name: str
    kind: str
    company: str | None
    contact_name: str | None
    email: Annotated[str | None, PERSONAL_DATA_OF_LEADS]
    phone: Annotated[str | None, PERSONAL_DATA_OF_LEADS]
    city: str | None
    industry: str | None
    employee_count: int | None
    source: str
    campaign: str | None
    lead_class: str | None
    consent_at: datetime | None
    client_key: str | None
    duplicate_of_id: UUID | None
    suspected_duplicates: list[SuspectedRead]
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
    assigned_how: str | None
    awaits_routing: bool
    contacted_at: datetime | None
    converted_at: datetime | None
    opportunity_id: UUID | None
    contact_id: UUID | None
    made_customer: bool
    made_contact: bool
    lost_reason: str | None
    lost_reason_code: str | None
    is_disqualified: bool
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    external_source: str | None
    external_id: str | None
    custom: CustomValues
    version: int
    created_at: datetime
    updated_at: datetime
