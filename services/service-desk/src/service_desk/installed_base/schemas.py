"""Output of the installed base endpoints."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class InstalledProductRead(BaseModel):
    """So many of a product, shipped to a customer at once."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    product_id: UUID
    quantity: Decimal
    shipped_at: datetime
    order_id: UUID
