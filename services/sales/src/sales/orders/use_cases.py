"""What people do with orders."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from common.days import day_of
from common.ids import new_id
from common.messaging.outbox import record
from common.numbers import next_number
from common.pagination import Page, PageRequest, paginate
from sales.copies import use_cases as copies
from sales.copies.model import CustomerNotKnown, KnownContract, Wanted
from sales.opportunities import use_cases as opportunities
from sales.opportunities.model import (
    Opportunity,
    OpportunityNotKnown,
    OpportunityNotWon,
    Stage,
)
from sales.orders.model import (
    ContractOrderedAlready,
    Delivery,
    Order,
    OrderNotFound,
    OrderState,
    QuoteNotAccepted,
    QuoteOrderedAlready,
)
from sales.orders.schemas import OrderCancel, OrderCreate, OrderShip
from sales.prices import use_cases as prices
from sales.products import use_cases as products
from sales.products.model import DEFAULT_CURRENCY, ProductNotKnown, known
from sales.quotes.model import Quote, QuoteNotKnown, QuoteState
from sales.quotes.totals import LineValues


async def create_order(session: AsyncSession, new: OrderCreate, *, now: datetime) -> Order:
    """Write an order down: from a quote, a contract, a won opportunity, or directly."""
    if new.quote_id is not None:
        facts = await _from_quote(session, new.quote_id)
    elif new.contract_id is not None:
        facts = await _from_contract(session, new.contract_id)
    elif new.lines is None:
        facts = await _from_won_opportunity(session, new.opportunity_id)
    else:
        facts = await _direct(session, new, on=day_of(now))
    order, drafted = Order.draft(
        number=await next_number(session, "orders"),
        now=now,
        ordered_on=new.ordered_on or day_of(now),
        notes=new.notes,
        **facts,
    )
    session.add(order)
    record(session, order, drafted)
    return order


async def get_order(session: AsyncSession, order_id: UUID, *, lock: bool = False) -> Order:
    """The order with its lines; `lock` keeps it for this transaction."""
    order = await session.get(
        Order, order_id, options=[selectinload(Order.lines)], with_for_update=lock or None
    )
    if order is None:
        raise OrderNotFound(f"no order {order_id}")
    return order


async def list_orders(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[Order]:
    """A page of orders, without their lines."""
    return await paginate(
        session,
        select(Order).where(*filters),
        page,
        id_column=Order.id,
        sort_keys={
            "created_at": Order.created_at,
            "updated_at": Order.updated_at,
            "ordered_on": Order.ordered_on,
            "number": Order.number,
        },
        default_sort="-created_at",
    )


async def confirm_order(session: AsyncSession, order_id: UUID, *, now: datetime) -> Order:
    """Bind the customer and us."""
    order = await get_order(session, order_id, lock=True)
    record(session, order, order.confirm(now=now))
    return order


async def ship_order(
    session: AsyncSession, order_id: UUID, delivery: OrderShip, *, now: datetime
) -> Order:
    """Deliver a part of the order, or what is left."""
    order = await get_order(session, order_id, lock=True)
    quantities = None
    if delivery.lines is not None:
        quantities = {line.line_no: line.quantity for line in delivery.lines}
    shipped = order.ship(quantities, now=now)
    record(session, order, shipped)
    session.add(
        Delivery(
            id=new_id(),
            order_id=order.id,
            shipped_at=now,
            note=delivery.note,
            lines=[line.model_dump(mode="json") for line in shipped.lines],
        )
    )
    return order


async def list_deliveries(session: AsyncSession, order_id: UUID) -> Sequence[Delivery]:
    """The deliveries of an order, the first one first."""
    await get_order(session, order_id)
    found = await session.execute(
        select(Delivery)
        .where(Delivery.order_id == order_id)
        .order_by(Delivery.shipped_at, Delivery.id)
    )
    return found.scalars().all()


async def complete_order(session: AsyncSession, order_id: UUID, *, now: datetime) -> Order:
    """Close an order of which nothing is left to deliver."""
    order = await get_order(session, order_id, lock=True)
    record(session, order, order.complete(now=now))
    return order


async def cancel_order(
    session: AsyncSession, order_id: UUID, cancelled: OrderCancel, *, now: datetime
) -> Order:
    """Call an order off, as long as nothing was delivered or paid."""
    order = await get_order(session, order_id, lock=True)
    record(session, order, order.cancel(reason=cancelled.reason, now=now))
    return order


async def link_contract(
    session: AsyncSession,
    *,
    contract_id: UUID,
    kind: str,
    quote_id: UUID | None,
    opportunity_id: UUID | None,
    **contract: Any,
) -> None:
    """Remember a signed sales contract, and name it on the order of its quote or opportunity."""
    if kind != "sales":
        return
    lines = [
        {name: str(value) if value is not None else None for name, value in line.items()}
        for line in contract.pop("lines")
    ]
    await copies.keep(
        session,
        KnownContract,
        contract_id,
        quote_id=quote_id,
        opportunity_id=opportunity_id,
        lines=lines,
        **contract,
    )
    if quote_id is not None:
        same = Order.quote_id == quote_id
    elif opportunity_id is not None:
        same = Order.opportunity_id == opportunity_id
    else:
        return
    found = await session.execute(
        select(Order)
        .where(same, Order.contract_id.is_(None), Order.state != OrderState.CANCELLED)
        .order_by(Order.created_at)
        .limit(1)
        .with_for_update()
    )
    order = found.scalar()
    linked = order.link(contract_id) if order is not None else None
    if order is not None and linked is not None:
        record(session, order, linked)


async def _from_quote(session: AsyncSession, quote_id: UUID) -> dict[str, Any]:
    # Locked, so that of two orders from one quote the second is refused by name.
    quote = await session.get(
        Quote, quote_id, options=[selectinload(Quote.lines)], with_for_update=True
    )
    if quote is None:
        raise QuoteNotKnown(f"no quote {quote_id}", pointer="/quote_id")
    if quote.state != QuoteState.ACCEPTED:
        raise QuoteNotAccepted(f"the quote is {quote.state}")
    existing = await _existing(session, Order.quote_id == quote_id)
    if existing is not None:
        raise QuoteOrderedAlready(
            f"quote {quote.number} is ordered already", existing_id=str(existing)
        )
    contract = await copies.find_contract_of_quote(session, quote_id)
    return {
        "quote_id": quote.id,
        "contract_id": contract.id if contract else None,
        "opportunity_id": quote.opportunity_id,
        "customer_id": quote.customer_id,
        "currency": quote.currency,
        "places": quote.places,
        "lines": [line.values for line in quote.lines],
        **quote.scope,
    }


async def _from_contract(session: AsyncSession, contract_id: UUID) -> dict[str, Any]:
    contract = await copies.get_contract(session, contract_id)
    same = Order.contract_id == contract_id
    if contract.quote_id is not None:
        same = or_(same, Order.quote_id == contract.quote_id)
    existing = await _existing(session, same)
    if existing is not None:
        raise ContractOrderedAlready(
            f"contract {contract.number} is ordered already", existing_id=str(existing)
        )
    scope = (
        (await opportunities.get_opportunity(session, contract.opportunity_id)).scope
        if contract.opportunity_id
        else await _scope_of(session, contract.customer_id)
    )
    return {
        "contract_id": contract.id,
        "quote_id": contract.quote_id,
        "opportunity_id": contract.opportunity_id,
        "customer_id": contract.customer_id,
        "currency": contract.currency,
        "lines": await _contract_lines(session, contract),
        **scope,
    }


async def _contract_lines(session: AsyncSession, contract: KnownContract) -> list[LineValues]:
    ids = [UUID(line["product_id"]) for line in contract.lines if line["product_id"]]
    found = await products.find_products(session, ids)
    lines = []
    for place, line in enumerate(contract.lines):
        pointer = f"/contract_id/lines/{place}/product_id"
        if line["product_id"] is None:
            raise ProductNotKnown(
                f"line {place + 1} of the contract has no product", pointer=pointer
            )
        product = known(found, UUID(line["product_id"]), pointer=pointer)
        lines.append(
            LineValues(
                product_id=product.id,
                product_name=line["product_name"],
                quantity=Decimal(line["quantity"]),
                unit_price=Decimal(line["unit_price"]),
                discount_percent=Decimal(0),
                amount=Decimal(line["amount"]),
                is_shipped=product.is_shipped,
            )
        )
    return lines


async def _from_won_opportunity(
    session: AsyncSession, opportunity_id: UUID | None
) -> dict[str, Any]:
    opportunity = await _known_opportunity(session, opportunity_id)
    if opportunity.stage != Stage.WON:
        raise OpportunityNotWon(f"the deal is {opportunity.stage}: give the order lines")
    if opportunity.customer_id is None:
        raise CustomerNotKnown("the deal has no customer yet", pointer="/opportunity_id")
    won = await opportunities.get_lines(session, opportunity.id)
    found = await products.find_products(session, (line.product_id for line in won))
    lines = []
    for line in won:
        if line.product_id is None:
            raise ProductNotKnown("the deal was won without a product", pointer="/lines")
        product = known(found, line.product_id, pointer="/opportunity_id")
        lines.append(
            LineValues(
                product_id=product.id,
                product_name=product.name,
                quantity=Decimal(1),
                unit_price=line.amount,
                discount_percent=Decimal(0),
                amount=line.amount,
                is_shipped=product.is_shipped,
            )
        )
    return {
        "opportunity_id": opportunity.id,
        "customer_id": opportunity.customer_id,
        "currency": opportunity.currency,
        "lines": lines,
        **opportunity.scope,
    }


async def _direct(session: AsyncSession, new: OrderCreate, *, on: date) -> dict[str, Any]:
    assert new.lines is not None
    opportunity = (
        await _known_opportunity(session, new.opportunity_id) if new.opportunity_id else None
    )
    customer_id = new.customer_id or (opportunity.customer_id if opportunity else None)
    if customer_id is None:
        raise CustomerNotKnown("an order is a customer's", pointer="/customer_id")
    currency = new.currency or (opportunity.currency if opportunity else DEFAULT_CURRENCY)
    wanted = Wanted(customer_id=customer_id)
    references = await copies.look_up(session, wanted)
    return {
        "opportunity_id": new.opportunity_id,
        "customer_id": customer_id,
        "currency": currency,
        "lines": await prices.work_out_lines(
            session,
            new.lines,
            references=references,
            on=on,
            currency=currency,
            document="order",
        ),
        **(opportunity.scope if opportunity else references.scope(wanted)),
    }


async def _known_opportunity(session: AsyncSession, opportunity_id: UUID | None) -> Opportunity:
    opportunity = await session.get(Opportunity, opportunity_id)
    if opportunity is None:
        raise OpportunityNotKnown(f"no opportunity {opportunity_id}", pointer="/opportunity_id")
    return opportunity


async def _scope_of(session: AsyncSession, customer_id: UUID) -> dict[str, Any]:
    wanted = Wanted(customer_id=customer_id)
    return (await copies.look_up(session, wanted)).scope(wanted)


async def _existing(session: AsyncSession, same: ColumnElement[bool]) -> UUID | None:
    found = await session.execute(
        select(Order.id).where(same, Order.state != OrderState.CANCELLED).limit(1)
    )
    return found.scalar()
