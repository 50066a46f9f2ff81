"""Giving a customer to somebody else, or to nobody: said, kept, and followed by what hangs on it.

# beside use_cases.py: customers that are transferred or handed over move the same way
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from common import context
from common.messaging.outbox import record
from customer import events
from customer.customers.model import Customer
from customer.follow_ups.moving import follow_customer
from customer.pools.model import CustomerMove


async def move_customer(
    session: AsyncSession,
    customer: Customer,
    moved: events.CustomerTransferred,
    *,
    now: datetime,
) -> None:
    """Record what `customer` was moved by, and keep it among its moves."""
    record(session, customer, moved)
    await follow_customer(session, customer, from_owner_id=moved.from_owner_id, reason=moved.reason)
    session.add(
        CustomerMove(
            customer_id=customer.id,
            happened_at=now,
            how=moved.how,
            from_owner_id=moved.from_owner_id,
            to_owner_id=moved.owner_id,
            department_id=moved.department_id,
            region_id=moved.region_id,
            reason=moved.reason,
            by=context.current().actor_id or "unknown",
        )
    )
