"""A product and its rules."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Numeric, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from sales import events
from sales.db import Base

EXACT = Numeric()
"""A decimal kept with the places it came with: a document shows its figures as they were set."""


DEFAULT_CURRENCY = "CNY"
"""Of a document where neither the caller nor what it comes from names one."""


class ProductKind(StrEnum):
    """What a product is; more may follow."""

    OWN = "own"
    OUTSOURCED = "outsourced"
    CONSIGNED = "consigned"
    TANGIBLE = "tangible"
    INTANGIBLE = "intangible"
    TRAINING = "training"
    SERVICES = "services"


STOCKED = {ProductKind.OWN, ProductKind.CONSIGNED, ProductKind.TANGIBLE}
"""The kinds that lie in a store before they are sold."""

SHIPPED = STOCKED | {ProductKind.OUTSOURCED}
"""The kinds that are delivered; the others are done or made available."""


class ProductState(StrEnum):
    """Whether a product is sold; more may follow."""

    ACTIVE = "active"
    RETIRED = "retired"


class ProductNotFound(NotFound):
    """There is no such product."""

    code = "product_not_found"


class ProductNotKnown(Invalid):
    """The request names a product that is not in the catalogue."""

    code = "product_not_known"


class ProductNotForSale(Invalid):
    """The product is retired, or not sold on that day."""

    code = "product_not_for_sale"


class SkuTaken(Conflict):
    """Another product has this stock keeping unit."""

    code = "sku_taken"


class SkuStays(Conflict):
    """A product keeps its stock keeping unit; what was found by another key has another one."""

    code = "sku_stays"


class ExternalIdTaken(Conflict):
    """Another record carries this id of the other system."""

    code = "external_id_taken"


class ValidityReversed(Invalid):
    """The last day lies before the first."""

    code = "validity_reversed"


class ProductKey(StrEnum):
    """What a product is recognised by when it is brought up to date."""

    EXTERNAL_ID = "external_id"
    SKU = "sku"


class Product(Aggregate, Base):
    """Something we sell. `valid_from` and `valid_to` are the first and the last day it is sold."""

    __tablename__ = "products"
    __table_args__ = (
        Index(
            "uq_products_external_id",
            "external_source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index("ix_products_created_at_id", "created_at", "id"),
        Index("ix_products_name_id", "name", "id"),
    )

    sku: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    series: Mapped[str | None] = mapped_column(String(80), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    unit: Mapped[str] = mapped_column(String(20))
    list_price: Mapped[Decimal] = mapped_column(EXACT)
    currency: Mapped[str] = mapped_column(String(3))
    state: Mapped[str] = mapped_column(String(20))
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    description: Mapped[str | None] = mapped_column(Text)
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))

    @classmethod
    def add(cls, **profile: Any) -> tuple["Product", events.ProductCreated]:
        """A new product."""
        profile.setdefault("state", ProductState.ACTIVE)
        product = cls(**profile)
        product._check_validity()
        return product, events.ProductCreated(**product._facts())

    def update(self, changes: dict[str, Any]) -> events.ProductUpdated | None:
        """Change what is known; None when every value is the same already."""
        changed = False
        for name, value in changes.items():
            if getattr(self, name) != value:
                setattr(self, name, value)
                changed = True
        self._check_validity()
        return events.ProductUpdated(**self._facts()) if changed else None

    @property
    def is_stocked(self) -> bool:
        """Whether it lies in a store before it is sold."""
        return self.kind in STOCKED

    @property
    def is_shipped(self) -> bool:
        """Whether an order of it is delivered."""
        return self.kind in SHIPPED

    def check_for_sale(self, day: date, *, pointer: str) -> None:
        """Refuse what is not sold on that day."""
        if self.state != ProductState.ACTIVE:
            raise ProductNotForSale(f"{self.sku} is {self.state}", pointer=pointer)
        if (self.valid_from and day < self.valid_from) or (self.valid_to and day > self.valid_to):
            raise ProductNotForSale(f"{self.sku} is not sold on {day}", pointer=pointer)

    def _check_validity(self) -> None:
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValidityReversed("valid_to lies before valid_from", pointer="/valid_to")

    def _facts(self) -> dict[str, Any]:
        return {
            "product_id": self.id,
            "sku": self.sku,
            "name": self.name,
            "series": self.series,
            "kind": self.kind,
            "unit": self.unit,
            "list_price": self.list_price,
            "currency": self.currency,
            "state": self.state,
            "external_source": self.external_source,
            "external_id": self.external_id,
        }


def known(products: dict[UUID, Product], product_id: UUID, *, pointer: str) -> Product:
    """The product of a request's line; refuses one that is not there."""
    product = products.get(product_id)
    if product is None:
        raise ProductNotKnown(f"no product {product_id}", pointer=pointer)
    return product
