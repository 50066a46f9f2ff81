"""Input and output of the competitor endpoints."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.patches import MergePatch
from sales.competitors.model import CompetitorState
from sales.products.schemas import Line, Name, Note


class CompetitorProductIn(BaseModel):
    """With what a competitor stands against a product of ours."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    product_id: UUID
    their_name: Name | None = None
    notes: Note | None = None


Products = Annotated[list[CompetitorProductIn], Field(max_length=200)]


def _each_once(products: list[CompetitorProductIn] | None) -> None:
    named = [product.product_id for product in products or ()]
    if len(named) != len(set(named)):
        raise ValueError("a product of ours stands in the list once")


class CompetitorAdd(BaseModel):
    """A competitor to add."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    website: Line | None = None
    strengths: Note | None = None
    weaknesses: Note | None = None
    notes: Note | None = None
    products: Products = []

    @model_validator(mode="after")
    def _products_once(self) -> "CompetitorAdd":
        _each_once(self.products)
        return self


class CompetitorUpdate(MergePatch):
    """A merge patch: absent fields stay, null clears; `products` are replaced as a whole."""

    stays = frozenset({"name", "state", "products"})

    name: Name | None = None
    website: Line | None = None
    strengths: Note | None = None
    weaknesses: Note | None = None
    notes: Note | None = None
    state: CompetitorState | None = None
    products: Products | None = None

    @model_validator(mode="after")
    def _products_once(self) -> "CompetitorUpdate":
        _each_once(self.products)
        return self

    def stored(self) -> dict[str, object]:
        """The fields that were sent, as they are kept."""
        changes = self.changes()
        if self.products is not None:
            changes["products"] = [product.model_dump() for product in self.products]
        return changes


class CompetitorRead(BaseModel):
    """A competitor."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    website: str | None
    strengths: str | None
    weaknesses: str | None
    notes: str | None
    state: str
    products: list[CompetitorProductIn]
    version: int
    created_at: datetime
    updated_at: datetime


class CompetitorFigures(BaseModel):
    """How the deals ended that named a competitor; amounts in the currency of the row."""

    competitor_id: UUID
    competitor_name: str
    currency: str
    open: int
    won: int
    lost: int
    lost_to: int = Field(description="Of the lost deals, those the competitor won")
    won_amount: Decimal
    lost_amount: Decimal = Field(description="What was expected of the lost deals")
    win_rate: Decimal | None = Field(description="won / (won + lost), from 0 to 1")


class WinLossRead(BaseModel):
    """Won and lost deals by competitor, with what the words mean."""

    rows: list[CompetitorFigures]
    definitions: dict[str, str]
