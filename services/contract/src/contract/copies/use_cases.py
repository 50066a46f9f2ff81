"""Keeping the copies, and finding in them; every act may be repeated."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from contract.copies.model import KnownCustomer, KnownOrder, KnownReceipt


async def remember_customer(
    session: AsyncSession, customer_id: UUID, *, number: str, name: str
) -> None:
    """Keep the customer's number and name."""
    statement = insert(KnownCustomer).values(id=customer_id, number=number, name=name)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[KnownCustomer.id],
            set_={"number": statement.excluded.number, "name": statement.excluded.name},
        )
    )


async def find_customer(session: AsyncSession, customer_id: UUID) -> KnownCustomer | None:
    """The copy of the customer, if it has been heard of."""
    return await session.get(KnownCustomer, customer_id)


async def remember_order(session: AsyncSession, order_id: UUID, **facts: Any) -> KnownOrder:
    """Keep these facts of the order beside what is known of it, and lock it.

    Whoever works on one order or its receipts comes through here first, so that of two who do so
    at the same time the later sees what the earlier wrote.
    """
    statement = insert(KnownOrder).values(id=order_id, **facts)
    found = await session.scalars(
        statement.on_conflict_do_update(
            index_elements=[KnownOrder.id], set_=facts or {"id": statement.excluded.id}
        ).returning(KnownOrder),
        execution_options={"populate_existing": True},
    )
    return found.one()


async def hold_orders(session: AsyncSession, order_ids: Iterable[UUID]) -> None:
    """Lock these orders, known or not yet, as `remember_orders` does."""
    await remember_orders(session, {order_id: {} for order_id in order_ids})


async def remember_orders(
    session: AsyncSession, facts: Mapping[UUID, dict[str, Any]]
) -> Sequence[KnownOrder]:
    """Keep these facts of many orders, in one statement, and lock them; all name the same facts."""
    # In one order for everybody, so that two who come with the same orders do not wait in a circle.
    rows = [{"id": order_id, **facts[order_id]} for order_id in sorted(facts)]
    statement = insert(KnownOrder).values(rows)
    found = await session.scalars(
        statement.on_conflict_do_update(
            index_elements=[KnownOrder.id],
            set_={name: statement.excluded[name] for name in rows[0]},
        ).returning(KnownOrder),
        execution_options={"populate_existing": True},
    )
    return found.all()


async def orders_to_link(
    session: AsyncSession, *, quote_id: UUID | None, order_id: UUID | None
) -> Sequence[KnownOrder]:
    """The known orders from this quote, or with this id, that no contract has yet; locked."""
    belongs = [
        column == value
        for column, value in ((KnownOrder.quote_id, quote_id), (KnownOrder.id, order_id))
        if value is not None
    ]
    found = await session.scalars(
        select(KnownOrder)
        .where(or_(*belongs), KnownOrder.linked_to.is_(None))
        .order_by(KnownOrder.id)
        .with_for_update()
    )
    return found.all()


async def orders_of(session: AsyncSession, contract_id: UUID) -> Sequence[KnownOrder]:
    """The orders that carry out the contract."""
    found = await session.scalars(
        select(KnownOrder).where(KnownOrder.linked_to == contract_id).order_by(KnownOrder.id)
    )
    return found.all()


async def receipts_of(
    session: AsyncSession, order_ids: Sequence[UUID], *, currency: str
) -> Sequence[tuple[date, Decimal]]:
    """Day and amount of what was received for these orders and not taken back, by day."""
    remaining = KnownReceipt.amount - KnownReceipt.reversed_amount
    found = await session.execute(
        select(KnownReceipt.received_on, remaining)
        .where(
            KnownReceipt.order_id.in_(order_ids),
            KnownReceipt.currency == currency,
            remaining > 0,
        )
        .order_by(KnownReceipt.received_on, KnownReceipt.id)
    )
    return [(row[0], row[1]) for row in found]


async def remember_receipt(session: AsyncSession, receipt_id: UUID, **facts: Any) -> None:
    """Keep what was received."""
    statement = insert(KnownReceipt).values(id=receipt_id, reversed_amount=Decimal(0), **facts)
    await session.execute(statement.on_conflict_do_nothing(index_elements=[KnownReceipt.id]))


async def remember_receipts(session: AsyncSession, receipts: Sequence[dict[str, Any]]) -> None:
    """Keep what was received, many receipts in one statement."""
    statement = insert(KnownReceipt).values(
        [{"reversed_amount": Decimal(0), **receipt} for receipt in receipts]
    )
    await session.execute(statement.on_conflict_do_nothing(index_elements=[KnownReceipt.id]))


async def find_receipt(session: AsyncSession, receipt_id: UUID) -> KnownReceipt | None:
    """The receipt, locked, if it was for an order."""
    return await session.get(KnownReceipt, receipt_id, with_for_update=True)
