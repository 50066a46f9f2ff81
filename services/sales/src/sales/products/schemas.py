"""Input and output of the product endpoints, and the types that all features share."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from common.custom_fields.columns import CustomValues
from common.money import Currency
from common.patches import MergePatch
from sales.products.model import ProductKind, ProductState

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Note = Annotated[str, StringConstraints(max_length=10_000)]
Money = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2, examples=["1250.00"])]
"""An amount of a document: at most two decimal places."""
UnitPrice = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6, examples=["104.1667"])]
Quantity = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=6, examples=["12"])]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=4, examples=["10"])]


class External(BaseModel):
    """The other system's name for a record that was imported; both or none."""

    model_config = ConfigDict(extra="forbid")

    external_source: Code | None = None
    external_id: Name | None = None

    @model_validator(mode="after")
    def _external_id_is_whole(self) -> "External":
        if (self.external_source is None) != (self.external_id is None):
            raise ValueError("external_source and external_id go together")
        return self


class ProductCreate(External):
    """A product to take into the catalogue."""

    sku: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    name: Name
    series: Short | None = None
    kind: ProductKind = ProductKind.OWN
    unit: Annotated[str, StringConstraints(min_length=1, max_length=20)] = "piece"
    list_price: UnitPrice
    currency: Currency
    state: ProductState = ProductState.ACTIVE
    valid_from: date | None = None
    valid_to: date | None = None
    description: Note | None = None
    custom: CustomValues = {}


class ProductUpdate(MergePatch):
    """A merge patch: absent fields stay, null clears."""

    stays = frozenset({"name", "kind", "unit", "list_price", "currency", "state"})

    name: Name | None = None
    series: Short | None = None
    kind: ProductKind | None = None
    unit: Annotated[str, StringConstraints(min_length=1, max_length=20)] | None = None
    list_price: UnitPrice | None = None
    currency: Currency | None = None
    state: ProductState | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    description: Note | None = None
    custom: CustomValues = {}


class StatePlan(BaseModel):
    """Which state a product is to have, from which day on, and why."""

    model_config = ConfigDict(extra="forbid")

    state: ProductState
    effective_on: date | None = Field(None, description="Absent: today, at once")
    reason: Line


class StateWithdraw(BaseModel):
    """The day for which nothing is to be planned any more."""

    model_config = ConfigDict(extra="forbid")

    effective_on: date


class PlannedState(BaseModel):
    """A state that a product is to have, from its day on."""

    effective_on: date = Field(validation_alias="from")
    state: str
    reason: str


class ProductRead(BaseModel):
    """A product; its kind says whether it is stocked and shipped."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    sku: str
    name: str
    series: str | None
    kind: str
    unit: str
    list_price: Decimal
    currency: str
    state: str
    valid_from: date | None
    valid_to: date | None
    planned_states: list[PlannedState]
    is_stocked: bool
    is_shipped: bool
    description: str | None
    external_source: str | None
    external_id: str | None
    custom: CustomValues
    version: int
    created_at: datetime
    updated_at: datetime
