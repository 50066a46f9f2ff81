"""What the brittle consumer hears, and what it does about it."""

import os

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.errors import Conflict
from common.events import Consumed
from common.messaging.consumers import ConsumersTable

DEADLY, REFUSED = "deadly", "refused"
"""Names of customers: the process dies over the one, and refuses the other until it is mended."""
BADLY, WELL = "badly", "well"
"""How it was mended, in the table `mended`: badly, and the process dies over the refused as well."""


class NotMended(Conflict):
    """The customer is refused until it is mended."""

    code = "not_mended"


class CustomerCreated(Consumed):
    """A customer, good or not."""

    type = "customer.customer.created.v1"

    name: str


class CustomerTransferred(Consumed):
    """What comes after."""

    type = "customer.customer.transferred.v1"


async def take_customer(session: AsyncSession, event: CustomerCreated) -> None:
    if event.name == DEADLY:
        os._exit(13)
    if event.name == REFUSED:
        mended = (await session.execute(text("SELECT how FROM mended"))).scalar()
        if mended is None:
            raise NotMended("this one is refused until it is mended")
        if mended == BADLY:
            os._exit(13)
    await keep(session, event)


async def keep(session: AsyncSession, event: Consumed) -> None:
    await session.execute(
        text("INSERT INTO events (aggregate_id, version, event_id) VALUES (:id, :version, :event)"),
        {
            "id": event.subject,
            "version": event.envelope.aggregateversion,
            "event": event.envelope.id,
        },
    )


CONSUMERS: ConsumersTable = {CustomerCreated: take_customer, CustomerTransferred: keep}
