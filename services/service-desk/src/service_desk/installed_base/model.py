"""What a customer has."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service_desk.db import Base


class InstalledProduct(Base):
    """So many of a product, shipped to a customer at once; a later shipment is a row of its own."""

    __tablename__ = "installed_products"
    __seen_with__ = ("customer_id", "KnownCustomer")
    __table_args__ = (
        UniqueConstraint("shipment_id", "line_no"),
        Index("ix_installed_products_customer_id", "customer_id", "product_id"),
        Index("ix_installed_products_shipped_at_id", "shipped_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID]
    product_id: Mapped[UUID] = mapped_column(index=True)
    quantity: Mapped[Decimal]
    shipped_at: Mapped[datetime]
    order_id: Mapped[UUID] = mapped_column(index=True)
    shipment_id: Mapped[UUID]
    line_no: Mapped[int]
