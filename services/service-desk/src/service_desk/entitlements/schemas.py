"""Output of the entitlement and coverage endpoints."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class EntitlementRead(BaseModel):
    """Service for a product, promised by a line of a contract; both days are included."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    contract_id: UUID
    contract_number: str
    contract_kind: str
    line_no: int
    customer_id: UUID
    product_id: UUID | None
    product_name: str
    quantity: Decimal
    starts_on: date
    ends_on: date | None
    terminated_on: date | None


class CoverageRead(BaseModel):
    """Whether service for the product is covered on that day, by which contract, and why.

    `installed_quantity` is what the customer has of the product, by the shipments we heard of.
    """

    customer_id: UUID
    product_id: UUID
    on: date
    covered: bool
    reason: str
    contract_id: UUID | None
    contract_number: str | None
    starts_on: date | None
    ends_on: date | None
    installed_quantity: Decimal
