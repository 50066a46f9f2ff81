"""What the shop says."""

from typing import Annotated

from pydantic import BaseModel, Field

from common.events import Event, Id
from common.money import Amount


class Item(BaseModel):
    """A thing in a basket, and what is packed with it."""

    sku: Annotated[str, Field(examples=["A-1"])]
    price: Amount


class BasketFilled(Event):
    """A basket was filled."""

    type = "shop.basket.filled.v1"

    basket_id: Id
    name: Annotated[str, Field(examples=["apples"])]
    items: list[Item] = []


class BasketEmptied(Event):
    """A basket was emptied."""

    type = "shop.basket.emptied.v1"

    basket_id: Id
