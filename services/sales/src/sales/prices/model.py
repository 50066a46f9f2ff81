"""A price list and its rules."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id
from sales import events
from sales.db import Base
from sales.products.model import EXACT, ValidityReversed


class PriceListState(StrEnum):
    """Whether a price list holds."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class PriceListNotFound(NotFound):
    """There is no such price list."""

    code = "price_list_not_found"


class PriceListIsFrozen(Conflict):
    """A published list stays as it is; a change is another list."""

    code = "price_list_is_frozen"


class PriceListNotPublished(Conflict):
    """Only a published list can be withdrawn."""

    code = "price_list_not_published"


class PriceListIsEmpty(Invalid):
    """A price list that holds has prices."""

    code = "price_list_is_empty"


class SameBreakTwice(Invalid):
    """A product has one price from a quantity on."""

    code = "same_break_twice"


class PriceNeeded(Invalid):
    """No price list and no list price of the product is in the document's currency."""

    code = "price_needed"


class PriceList(Aggregate, Base):
    """Prices that hold from a day on, for everybody or for those who meet all its conditions."""

    __tablename__ = "price_lists"
    __table_args__ = (
        Index("ix_price_lists_created_at_id", "created_at", "id"),
        Index("ix_price_lists_name_id", "name", "id"),
        Index("ix_price_lists_held", "valid_from", postgresql_where=text("state = 'published'")),
    )

    name: Mapped[str] = mapped_column(String(200))
    currency: Mapped[str] = mapped_column(String(3))
    state: Mapped[str] = mapped_column(String(20))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    customer_id: Mapped[UUID | None] = mapped_column(index=True)
    partner_tier: Mapped[str | None] = mapped_column(String(40))
    region_id: Mapped[UUID | None]
    industry: Mapped[str | None] = mapped_column(String(60))

    lines: Mapped[list["PriceLine"]] = relationship(
        lazy="raise",
        order_by="(PriceLine.product_id, PriceLine.min_quantity)",
        cascade="all, delete-orphan",
    )

    @classmethod
    def draft(
        cls, *, lines: Sequence["PriceLine"], **facts: Any
    ) -> tuple["PriceList", events.PriceListDrafted]:
        """A new price list that does not hold yet."""
        price_list = cls(state=PriceListState.DRAFT, lines=[], **facts)
        price_list._put(lines)
        return price_list, price_list._drafted()

    def redraft(
        self, changes: dict[str, Any], lines: Sequence["PriceLine"] | None
    ) -> events.PriceListDrafted:
        """Change the draft."""
        if self.state != PriceListState.DRAFT:
            raise PriceListIsFrozen(f"the price list is {self.state}")
        for name, value in changes.items():
            setattr(self, name, value)
        self._put(self.lines if lines is None else lines)
        return self._drafted()

    def publish(self) -> events.PriceListPublished:
        """Let the list hold from its first day on."""
        if self.state != PriceListState.DRAFT:
            raise PriceListIsFrozen(f"the price list is {self.state}")
        if not self.lines:
            raise PriceListIsEmpty("the price list has no prices", pointer="/lines")
        self.state = PriceListState.PUBLISHED
        return events.PriceListPublished(
            price_list_id=self.id,
            name=self.name,
            currency=self.currency,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )

    def withdraw(self) -> events.PriceListWithdrawn:
        """Let the list hold no longer."""
        if self.state != PriceListState.PUBLISHED:
            raise PriceListNotPublished(f"the price list is {self.state}")
        self.state = PriceListState.WITHDRAWN
        return events.PriceListWithdrawn(
            price_list_id=self.id, name=self.name, currency=self.currency
        )

    def _put(self, lines: Sequence["PriceLine"]) -> None:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValidityReversed("valid_to lies before valid_from", pointer="/valid_to")
        seen = set()
        for place, line in enumerate(lines):
            if (line.product_id, line.min_quantity) in seen:
                raise SameBreakTwice(
                    f"two prices from {line.min_quantity} on", pointer=f"/lines/{place}"
                )
            seen.add((line.product_id, line.min_quantity))
        if lines is not self.lines:
            self.lines = list(lines)

    def _drafted(self) -> events.PriceListDrafted:
        return events.PriceListDrafted(
            price_list_id=self.id, name=self.name, currency=self.currency
        )


class PriceLine(Base):
    """The price of a product from a quantity on."""

    __tablename__ = "price_lines"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    price_list_id: Mapped[UUID] = mapped_column(
        ForeignKey("price_lists.id", ondelete="CASCADE"), index=True
    )
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id"), index=True)
    min_quantity: Mapped[Decimal] = mapped_column(EXACT)
    unit_price: Mapped[Decimal] = mapped_column(EXACT)

    @classmethod
    def of(cls, product_id: UUID, min_quantity: Decimal, unit_price: Decimal) -> "PriceLine":
        """The price from that quantity on."""
        return cls(
            id=new_id(), product_id=product_id, min_quantity=min_quantity, unit_price=unit_price
        )
