"""Open follow-ups go with their customer from one owner to the next.

# beside use_cases.py: customers move in several ways, and none of them knows of follow-ups
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.rows import all_rows
from common.messaging.outbox import record
from customer.customers.model import Customer
from customer.follow_ups.model import FollowUp, FollowUpState


async def follow_customer(
    session: AsyncSession, customer: Customer, *, from_owner_id: UUID | None, reason: str
) -> None:
    """Give the open follow-ups that the former owner had with the customer to the present one.

    What a third person has planned stays theirs.
    """
    if from_owner_id == customer.owner_id:
        return
    with all_rows(session):
        found = await session.execute(
            select(FollowUp)
            .where(
                FollowUp.customer_id == customer.id,
                FollowUp.owner_id.is_not_distinct_from(from_owner_id),
                FollowUp.state == FollowUpState.OPEN,
            )
            .order_by(FollowUp.id)
            .with_for_update()
        )
    for follow_up in found.scalars():
        passed = follow_up.pass_on(
            owner_id=customer.owner_id, department_id=customer.department_id, reason=reason
        )
        record(session, follow_up, passed)
