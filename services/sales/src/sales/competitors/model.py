"""A competitor, and its rules."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from sales import events
from sales.db import Base


class CompetitorState(StrEnum):
    """Whether deals still name it; more may follow."""

    ACTIVE = "active"
    RETIRED = "retired"


class CompetitorNotFound(NotFound):
    """There is no such competitor."""

    code = "competitor_not_found"


class CompetitorNotKnown(Invalid):
    """The request names a competitor that is not there, or is retired."""

    code = "competitor_not_known"


class CompetitorTaken(Conflict):
    """A competitor of that name is there already; `existing_id` says which."""

    code = "competitor_taken"


class Competitor(Aggregate, Base):
    """Somebody else who sells what we sell; its products stand beside those of ours they replace."""

    __tablename__ = "competitors"
    __table_args__ = (
        Index("ix_competitors_name_id", "name", "id"),
        Index("uq_competitors_name", text("lower(name)"), unique=True),
    )

    name: Mapped[str] = mapped_column(String(200))
    website: Mapped[str | None] = mapped_column(String(300))
    strengths: Mapped[str | None] = mapped_column(Text)
    weaknesses: Mapped[str | None] = mapped_column(Text)
    notes: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(20))
    products: Mapped[list["CompetitorProduct"]] = relationship(
        lazy="raise", cascade="all, delete-orphan", order_by="CompetitorProduct.product_id"
    )

    @classmethod
    def add(
        cls, *, products: Sequence[dict[str, Any]], **values: Any
    ) -> tuple["Competitor", events.CompetitorChanged]:
        """A new competitor."""
        competitor = cls(
            state=CompetitorState.ACTIVE,
            products=[CompetitorProduct(**product) for product in products],
            **values,
        )
        return competitor, competitor._told()

    def update(self, changes: dict[str, Any]) -> events.CompetitorChanged | None:
        """Change what is known of it; None when every value is the same already.

        `products` replaces all of them.
        """
        products = changes.pop("products", None)
        differs = any(getattr(self, name) != value for name, value in changes.items())
        if products is not None:
            differs |= self._replace(products)
        if not differs:
            return None
        for name, value in changes.items():
            setattr(self, name, value)
        return self._told()

    def _replace(self, products: Sequence[dict[str, Any]]) -> bool:
        here = {product.product_id: product for product in self.products}
        before = {of: (product.their_name, product.notes) for of, product in here.items()}
        after = {each["product_id"]: (each["their_name"], each["notes"]) for each in products}
        if before == after:
            return False
        for of, (their_name, notes) in after.items():
            product = here.setdefault(of, CompetitorProduct(product_id=of))
            product.their_name, product.notes = their_name, notes
        self.products = [here[of] for of in after]
        return True

    def _told(self) -> events.CompetitorChanged:
        return events.CompetitorChanged(
            competitor_id=self.id,
            name=self.name,
            state=self.state,
            product_ids=sorted(product.product_id for product in self.products),
        )


class CompetitorProduct(Base):
    """With what a competitor stands against a product of ours."""

    __tablename__ = "competitor_products"

    competitor_id: Mapped[UUID] = mapped_column(
        ForeignKey("competitors.id", ondelete="CASCADE"), primary_key=True
    )
    product_id: Mapped[UUID] = mapped_column(
        ForeignKey("products.id"), primary_key=True, index=True
    )
    their_name: Mapped[str | None] = mapped_column(String(200))
    notes: Mapped[str | None] = mapped_column(Text)
