"""What people do with orders."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from common.custom_fields import writing
from common.days import day_of
from common.ids import new_id
from common.messaging.outbox import record
from common.money import places_of
from common.numbers import next_number
from common.pagination import Page, PageRequest, paginate
from common.parameters import value_on
from sales.commissions import use_cases as commissions
from sales.copies import use_cases as copies
from sales.copies.model import CustomerNotKnown, KnownContract, Wanted
from sales.credit import use_cases as credit
from sales.exchange_rates import use_cases as exchange_rates
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
    RevisedLine,
)
from sales.orders.schemas import OrderCancel, OrderCreate, OrderLineIn, OrderShip
from sales.parameters import ORDER_PLACES
from sales.prices import use_cases as prices
from sales.products import use_cases as products
from sales.products.model import DEFAULT_CURRENCY, ProductNotKnown, known
from sales.quotes.model import Quote, QuoteNotKnown, QuoteState
from sales.quotes.schemas import LineIn
from sales.quotes.totals import LineValues, settled
from sales.receivables import use_cases as receivables


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
    if "places" not in facts:
        facts["places"] = await _places_for(session, facts["lines"], on=day_of(now))
    own = await writing.for_new(session, Order, {"custom": new.custom})
    order, drafted = Order.draft(
        number=await next_number(session, "orders"),
        now=now,
        ordered_on=new.ordered_on or day_of(now),
        notes=new.notes,
        **own,
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
    """Bind the customer and us; its customer's credit must cover it."""
    order = await get_order(session, order_id, lock=True)
    await _confirm(session, order, now=now)
    return order


async def update_order(
    session: AsyncSession,
    order_id: UUID,
    *,
    changes: dict[str, Any],
    lines: Sequence[OrderLineIn] | None,
    now: datetime,
) -> Order:
    """Change notes or lines; `lines` replaces all of them, None leaves them.

    Where the order binds, its customer's credit must cover what it comes to now, and its
    instalments keep their shares of that.
    """
    order = await get_order(session, order_id, lock=True)
    revised = None if lines is None else await _revised(session, order, lines, on=day_of(now))
    plan = await receivables.load_plan(session, order) if revised is not None else None
    due_on = await receivables.default_due_on(session, order.ordered_on)
    before = order.due_amount
    changed = order.revise(revised, await writing.for_change(session, order, changes))
    if changed is None:
        return order
    record(session, order, changed)
    if plan is not None and order.due_amount != before and (order.binds or plan.instalments):
        record(session, order, plan.spread_anew(due_on=due_on, now=now))
        await receivables.keep(session, plan)
    if order.binds:
        await credit.reserve(session, order, now=now)
        await commissions.ask_for(session, order)
    return order


async def cancel_rest(
    session: AsyncSession, order_id: UUID, cancelled: OrderCancel, *, now: datetime
) -> Order:
    """Call off what was not delivered of an order; the instalments keep their shares of the rest."""
    order = await get_order(session, order_id, lock=True)
    plan = await receivables.load_plan(session, order)
    due_on = await receivables.default_due_on(session, order.ordered_on)
    taken_back = order.cancel_rest(reason=cancelled.reason, now=now)
    plan.spread_anew(due_on=due_on, now=now)
    told = order.rest_cancelled(taken_back, plan.told, reason=cancelled.reason)
    record(session, order, told)
    await receivables.keep(session, plan)
    await credit.settle(session, order, now=now)
    await commissions.ask_for(session, order)
    return order


async def reopen_order(session: AsyncSession, order_id: UUID, *, now: datetime) -> Order:
    """Take an order that was called off up again: what bound before binds, if credit covers it."""
    order = await get_order(session, order_id, lock=True)
    if order.quote_id is not None or order.contract_id is not None:
        await _refuse_ordered_again(session, order)
    reopened = order.reopen()
    record(session, order, reopened)
    if reopened.was_confirmed:
        await _confirm(session, order, now=now)
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
    await credit.settle(session, order, now=now)
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
    await credit.settle(session, order, now=now)
    return order


async def cancel_order(
    session: AsyncSession, order_id: UUID, cancelled: OrderCancel, *, now: datetime
) -> Order:
    """Call an order off, as long as nothing was delivered or paid."""
    order = await get_order(session, order_id, lock=True)
    plan = await receivables.load_plan(session, order)
    was_bound = order.binds
    record(session, order, order.cancel(reason=cancelled.reason, now=now))
    if was_bound:
        plan.end(now=now)
    await credit.release(session, order, now=now)
    await commissions.ask_for(session, order)
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


async def _confirm(session: AsyncSession, order: Order, *, now: datetime) -> None:
    plan = await receivables.load_plan(session, order)
    plan.bind(due_on=await receivables.default_due_on(session, order.ordered_on), now=now)
    rate = await exchange_rates.rate_to_base(session, order.currency, on=day_of(now))
    record(session, order, order.confirm(now=now, instalments=plan.told, rate=rate))
    await receivables.keep(session, plan)
    await credit.reserve(session, order, now=now)
    await commissions.ask_for(session, order)


async def _revised(
    session: AsyncSession, order: Order, lines: Sequence[OrderLineIn], *, on: date
) -> list[RevisedLine]:
    worked_out = await prices.work_out_lines(
        session,
        [LineIn(**line.model_dump(exclude={"line_no"})) for line in lines],
        references=await copies.look_up(session, Wanted(customer_id=order.customer_id)),
        on=on,
        currency=order.currency,
        places=order.places,
    )
    priced = settled(
        worked_out,
        discount=order.discount_amount,
        prices_include_tax=order.prices_include_tax,
        places=order.places,
    )
    return [RevisedLine(line.line_no, values) for line, values in zip(lines, priced, strict=True)]


async def _places_for(session: AsyncSession, lines: Sequence[LineValues], *, on: date) -> int:
    """Decimal places of a new order: those of orders, or as many as the lines it takes over have."""
    places = await value_on(session, ORDER_PLACES, on)
    return max([places, *(places_of(line.amount) for line in lines)])


async def _refuse_ordered_again(session: AsyncSession, order: Order) -> None:
    same = [
        getattr(Order, name) == getattr(order, name)
        for name in ("quote_id", "contract_id")
        if getattr(order, name) is not None
    ]
    existing = await _existing(session, and_(or_(*same), Order.id != order.id))
    if existing is not None:
        named = QuoteOrderedAlready if order.quote_id else ContractOrderedAlready
        raise named("it was ordered by another order since", existing_id=str(existing))


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
        "prices_include_tax": quote.prices_include_tax,
        "discount_amount": quote.discount_amount,
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
    places = await value_on(session, ORDER_PLACES, on)
    lines = await prices.work_out_lines(
        session, new.lines, references=references, on=on, currency=currency, places=places
    )
    return {
        "opportunity_id": new.opportunity_id,
        "customer_id": customer_id,
        "currency": currency,
        "lines": settled(
            lines,
            discount=Decimal(0),
            prices_include_tax=new.prices_include_tax,
            places=places,
        ),
        "prices_include_tax": new.prices_include_tax,
        "places": places,
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
