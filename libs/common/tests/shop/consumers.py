"""What the shop hears."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.errors import Conflict
from common.events import Consumed
from common.ids import new_id
from common.messaging.consumers import ConsumersTable
from common.messaging.outbox import record

from .model import Basket


class BasketFilled(Consumed):
    """The shop hears itself, so that one process is enough for a whole way of an event."""

    type = "shop.basket.filled.v1"

    name: str


async def note_basket(session: AsyncSession, event: BasketFilled) -> None:
    if event.name == "poison":
        raise Conflict("no poison here")
    await session.execute(
        text("INSERT INTO heard (what) VALUES (:name)"),
        {"name": event.name},
    )
    if event.name == "seed":
        plant = Basket(id=new_id(), name="plant")
        session.add(plant)
        record(session, plant, plant.fill("plant"))


CONSUMERS: ConsumersTable = {BasketFilled: note_basket}
