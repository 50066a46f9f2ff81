"""Input and output of the contract endpoints."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    model_validator,
)

from common.custom_fields.columns import CustomValues
from common.money import Amount, Currency
from common.patches import MergePatch
from contract.approval_policies.schemas import Check
from contract.contracts.amounts import plain, tidy
from contract.contracts.model import ContractKind

Money = Annotated[
    Amount, PlainSerializer(lambda amount: str(tidy(amount)), return_type=str, when_used="json")
]
Quantity = Annotated[
    Decimal,
    Field(max_digits=20, decimal_places=6, examples=["10"]),
    PlainSerializer(plain, return_type=str, when_used="json"),
]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class ContractLineWrite(BaseModel):
    """A line; an `amount` other than quantity × unit price needs a `remark`."""

    model_config = ConfigDict(extra="forbid")

    product_id: UUID | None = None
    product_name: Title
    quantity: Quantity = Field(gt=0)
    unit_price: Amount = Field(ge=0)
    amount: Amount | None = Field(None, ge=0)
    delivery_on: date | None = None
    remark: Line | None = None


class InstalmentWrite(BaseModel):
    """One payment. Shares weigh the payments against each other: percents, or amounts."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    due_on: date
    share: Amount = Field(gt=0)


Lines = Annotated[list[ContractLineWrite], Field(min_length=1, max_length=200)]
Schedule = Annotated[list[InstalmentWrite], Field(max_length=120)]


class ContractCreate(BaseModel):
    """A contract to draft."""

    model_config = ConfigDict(extra="forbid")

    kind: ContractKind = ContractKind.SALES
    title: Title
    customer_id: UUID
    quote_id: UUID | None = None
    opportunity_id: UUID | None = None
    order_id: UUID | None = None
    renews_id: UUID | None = None
    currency: Currency
    starts_on: date
    ends_on: date
    lines: Lines
    total: Amount | None = Field(None, description="checked against the sum of the lines")
    payment_schedule: Schedule = Field(default_factory=list)
    acceptance_on: date | None = None
    terms: str | None = Field(None, max_length=50_000)
    drafted_by: UUID | None = Field(None, description="the employee who drafts it")
    owner_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_id: UUID | None = None
    external_source: Code | None = None
    external_id: Line | None = None
    custom: CustomValues = {}

    @model_validator(mode="after")
    def _external_id_is_whole(self) -> "ContractCreate":
        if (self.external_source is None) != (self.external_id is None):
            raise ValueError("external_source and external_id go together")
        return self


class ContractUpdate(MergePatch):
    """A merge patch over the text: absent fields stay, null clears, lists are replaced whole."""

    stays = frozenset({"title", "starts_on", "ends_on", "lines"})

    title: Title | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    lines: Lines | None = None
    total: Amount | None = Field(None, description="checked against the sum of the lines")
    payment_schedule: Schedule | None = None
    acceptance_on: date | None = None
    terms: str | None = Field(None, max_length=50_000)
    custom: CustomValues = {}


class ContractSubmit(BaseModel):
    """Who hands the contract in, and what was checked before."""

    model_config = ConfigDict(extra="forbid")

    submitted_by: UUID
    checked: list[Check] = Field(default_factory=list, max_length=30)


class ContractSign(BaseModel):
    """The signatures of both sides; `signed_on` is today when not given."""

    model_config = ConfigDict(extra="forbid")

    signed_on: date | None = None
    our_signatory: Name
    their_signatory: Name


class ContractTerminate(BaseModel):
    """Why a contract ends before its time; `terminated_on` is today when not given."""

    model_config = ConfigDict(extra="forbid")

    reason: Line
    terminated_on: date | None = None


class ContractLineRead(BaseModel):
    """A line of a contract."""

    model_config = ConfigDict(from_attributes=True)

    line_no: int
    product_id: UUID | None
    product_name: str
    quantity: Quantity
    unit_price: Money
    amount: Money
    delivery_on: date | None
    remark: str | None


class InstalmentRead(BaseModel):
    """A payment of the schedule; the amounts add up to the total."""

    model_config = ConfigDict(from_attributes=True)

    title: str | None
    due_on: date
    amount: Money


class ContractSummary(BaseModel):
    """A contract as a list shows it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    kind: str
    state: str
    revision: int
    title: str
    customer_id: UUID
    customer_name: str | None
    quote_id: UUID | None
    opportunity_id: UUID | None
    order_id: UUID | None
    renews_id: UUID | None
    currency: str
    total: Money
    starts_on: date
    ends_on: date
    waiting_for: str | None
    signed_on: date | None
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


class ContractRead(ContractSummary):
    """A contract with its text."""

    lines: list[ContractLineRead]
    payments: list[InstalmentRead]
    acceptance_on: date | None
    terms: str | None
    created_by: str
    drafted_by: UUID | None
    submitted_by: UUID | None
    submitted_at: datetime | None
    checked: list[str]
    steps: list[str]
    policy_version: int | None
    our_signatory: str | None
    their_signatory: str | None
    content_hash: str | None
    terminated_on: date | None
    termination_reason: str | None


class ContractContent(BaseModel):
    """The text as it is hashed; `is_intact` tells whether it is what was signed."""

    content: dict[str, Any]
    content_hash: str | None
    is_intact: bool | None


class ChainOrder(BaseModel):
    """An order that carries the contract out."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str | None
    total: Money | None
    currency: str | None
    shipped_on: date | None
    is_cancelled: bool


class ContractChain(BaseModel):
    """Quote, contract and orders beside each other; differences are contract less the other.

    `orders_total` counts the orders that are not cancelled; null when there are none, or their
    currency is not the contract's.
    """

    contract_id: UUID
    currency: str
    total: Money
    opportunity_id: UUID | None
    quote_id: UUID | None
    quote_total: Money | None
    difference_from_quote: Money | None
    orders: list[ChainOrder]
    orders_total: Money | None
    difference_from_orders: Money | None
