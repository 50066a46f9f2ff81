"""A product and its rules."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Numeric, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.custom_fields.columns import Extensible
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
    """Where a product is in its life; more may follow.

    A planned one is not sold yet, one that is phased out is sold to the end, a retired one no more.
    """

    PLANNED = "planned"
    ACTIVE = "active"
    PHASING_OUT = "phasing_out"
    RETIRED = "retired"


SOLD = {ProductState.ACTIVE, ProductState.PHASING_OUT}
"""The states in which a product is sold."""


class ProductNotFound(NotFound):
    """There is no such product."""

    code = "product_not_found"


class ProductNotKnown(Invalid):
    """The request names a product that is not in the catalogue."""

    code = "product_not_known"


class ProductNotForSale(Invalid):
    """The product is retired, or not sold on that day."""

    code = "product_not_for_sale"


class StateInThePast(Invalid):
    """A state is planned for today or a later day; what a product was stays as it was."""

    code = "state_in_the_past"


class NoStatePlanned(Conflict):
    """Nothing is planned for the product on that day."""

    code = "no_state_planned"


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


class Product(Aggregate, Extensible, Base):
    """Something we sell. `valid_from` and `valid_to` are the first and the last day it is sold.

    `planned_states` are the states it is to have, each from its day on, the earliest first;
    `next_state_on` is the day of the first. On that day it counts at once, and soon becomes `state`.
    """

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
        Index("ix_products_next_state_on", "next_state_on"),
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
    planned_states: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    next_state_on: Mapped[date | None]
    description: Mapped[str | None] = mapped_column(Text)
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))

    @classmethod
    def add(cls, **profile: Any) -> tuple["Product", events.ProductCreated]:
        """A new product."""
        profile.setdefault("state", ProductState.ACTIVE)
        product = cls(planned_states=[], **profile)
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

    def state_on(self, day: date) -> str:
        """Its state on a day that is not over, as it is planned."""
        return next(
            (plan["state"] for plan in reversed(self.planned_states) if plan["from"] <= str(day)),
            self.state,
        )

    def plan_state(
        self, state: ProductState, *, on: date, reason: str, today: date
    ) -> events.ProductUpdated | events.ProductStatePlanned:
        """Give it a state from a day on; of two for one day the later said counts."""
        if on < today:
            raise StateInThePast(f"{on} is over", pointer="/effective_on")
        if on == today:
            self._replan(other for other in self.planned_states if other["from"] > str(on))
            self.state = state
            return events.ProductUpdated(**self._facts())
        plan = {"from": str(on), "state": str(state), "reason": reason}
        others = [other for other in self.planned_states if other["from"] != str(on)]
        self._replan([*others, plan])
        return self._planned()

    def withdraw_state(self, *, on: date, today: date) -> events.ProductStatePlanned:
        """Take back what is planned for a day to come."""
        left = [plan for plan in self.planned_states if plan["from"] != str(on)]
        if on <= today or left == self.planned_states:
            raise NoStatePlanned(f"nothing is planned for {on}")
        self._replan(left)
        return self._planned()

    def enter_planned_state(self, *, today: date) -> events.ProductUpdated | None:
        """Have the state that was planned for today, or for a day since; None when none was."""
        if self.next_state_on is None or self.next_state_on > today:
            return None
        self.state = self.state_on(today)
        self._replan(plan for plan in self.planned_states if plan["from"] > str(today))
        return events.ProductUpdated(**self._facts())

    def check_for_sale(self, day: date, *, pointer: str) -> None:
        """Refuse what is not sold on that day."""
        state = self.state_on(day)
        if state not in SOLD:
            raise ProductNotForSale(f"{self.sku} is {state}", pointer=pointer)
        if (self.valid_from and day < self.valid_from) or (self.valid_to and day > self.valid_to):
            raise ProductNotForSale(f"{self.sku} is not sold on {day}", pointer=pointer)

    def _replan(self, plans: Iterable[dict[str, str]]) -> None:
        self.planned_states = sorted(plans, key=lambda plan: plan["from"])
        self.next_state_on = (
            date.fromisoformat(self.planned_states[0]["from"]) if self.planned_states else None
        )

    def _planned(self) -> events.ProductStatePlanned:
        return events.ProductStatePlanned(
            product_id=self.id,
            sku=self.sku,
            state=self.state,
            planned=[
                events.PlannedState(state=plan["state"], effective_on=plan["from"])
                for plan in self.planned_states
            ],
        )

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
            "custom": self.said_values,
        }


def known(products: dict[UUID, Product], product_id: UUID, *, pointer: str) -> Product:
    """The product of a request's line; refuses one that is not there."""
    product = products.get(product_id)
    if product is None:
        raise ProductNotKnown(f"no product {product_id}", pointer=pointer)
    return product
