"""A basket."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate

from .db import Base
from .events import BasketEmptied, BasketFilled


class Basket(Aggregate, Base):
    __tablename__ = "baskets"

    name: Mapped[str] = mapped_column(String(200))
    weight: Mapped[int | None]
    price: Mapped[Decimal | None]
    placed_at: Mapped[datetime | None]

    def fill(self, name: str) -> BasketFilled:
        self.name = name
        return BasketFilled(basket_id=self.id, name=name)

    def empty(self) -> BasketEmptied:
        self.name = ""
        return BasketEmptied(basket_id=self.id)
