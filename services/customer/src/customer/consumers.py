"""Everything the customer service hears."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from common.access.consumers import ACCESS
from common.events import Consumed, Id
from common.handovers import EmployeeLeft, keep_handover
from common.messaging.consumers import ConsumersTable, batch, because_of
from customer.customers import use_cases as customers


class OrderConfirmed(Consumed):
    """The first confirmed order makes a prospect an active customer."""

    type = "sales.order.confirmed.v1"

    customer_id: Id
    confirmed_at: datetime


async def activate_customers(session: AsyncSession, orders: Sequence[OrderConfirmed]) -> None:
    told = {event.customer_id: event for event in orders}
    for customer_id in await customers.find_inactive(session, told):
        with because_of(told[customer_id]):
            await customers.activate_customer(session, customer_id)


CONSUMERS: ConsumersTable = {
    **ACCESS,
    OrderConfirmed: batch(activate_customers),
    EmployeeLeft: keep_handover,
}
