"""What people do with price lists, and what a product costs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, selectinload

from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from sales.copies import use_cases as copies
from sales.copies.model import References, Wanted
from sales.prices.model import (
    PriceLine,
    PriceList,
    PriceListNotFound,
    PriceListState,
    PriceNeeded,
)
from sales.prices.pricing import Offer, Price, choose
from sales.prices.schemas import OfferRead, PriceLineIn, PriceListCreate, PriceRead
from sales.products import use_cases as products
from sales.products.model import known
from sales.quotes.schemas import LineIn
from sales.quotes.totals import LineValues, line_amount


async def create_price_list(session: AsyncSession, new: PriceListCreate) -> PriceList:
    """Begin a price list."""
    await copies.look_up(session, Wanted(customer_id=new.customer_id, region_id=new.region_id))
    price_list, drafted = PriceList.draft(
        lines=await _lines(session, new.lines), **new.model_dump(exclude={"lines"})
    )
    session.add(price_list)
    record(session, price_list, drafted)
    return price_list


async def get_price_list(
    session: AsyncSession, price_list_id: UUID, *, lock: bool = False
) -> PriceList:
    """The price list with its lines; `lock` keeps it for this transaction."""
    price_list = await session.get(
        PriceList,
        price_list_id,
        options=[selectinload(PriceList.lines)],
        with_for_update=lock or None,
    )
    if price_list is None:
        raise PriceListNotFound(f"no price list {price_list_id}")
    return price_list


async def list_price_lists(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[PriceList]:
    """A page of price lists, without their lines."""
    return await paginate(
        session,
        select(PriceList).where(*filters),
        page,
        id_column=PriceList.id,
        sort_keys={"created_at": PriceList.created_at, "name": PriceList.name},
        default_sort="-created_at",
    )


async def update_price_list(
    session: AsyncSession,
    price_list_id: UUID,
    *,
    changes: dict[str, Any],
    lines: Sequence[PriceLineIn] | None,
) -> PriceList:
    """Change a draft; `lines` replaces all of them, None leaves them."""
    made = None if lines is None else await _lines(session, lines)
    price_list = await get_price_list(session, price_list_id, lock=True)
    record(session, price_list, price_list.redraft(changes, made))
    return price_list


async def publish_price_list(session: AsyncSession, price_list_id: UUID) -> PriceList:
    """Let the list hold from its first day on."""
    price_list = await get_price_list(session, price_list_id, lock=True)
    record(session, price_list, price_list.publish())
    return price_list


async def withdraw_price_list(session: AsyncSession, price_list_id: UUID) -> PriceList:
    """Let the list hold no longer."""
    price_list = await get_price_list(session, price_list_id, lock=True)
    record(session, price_list, price_list.withdraw())
    return price_list


async def get_price(
    session: AsyncSession,
    *,
    product_id: UUID,
    quantity: Decimal,
    on: date,
    customer_id: UUID | None,
    currency: str | None,
) -> PriceRead:
    """What a product costs on a day, for a customer, and why."""
    product = await products.get_product(session, product_id)
    references = await copies.look_up(session, Wanted(customer_id=customer_id))
    offers = await _offers(
        session, {product_id: quantity}, references=references, on=on, currency=currency
    )
    fitting = _fitting(offers, product_id, quantity)
    price = choose(fitting, list_price=product.list_price, currency=product.currency)
    return PriceRead(
        product_id=product_id,
        quantity=quantity,
        on=on,
        unit_price=price.unit_price,
        currency=price.currency,
        price_list_id=price.offer.price_list_id if price.offer else None,
        why=price.why,
        considered=_considered(fitting, price),
    )


async def work_out_lines(
    session: AsyncSession,
    lines: Sequence[LineIn],
    *,
    references: References,
    on: date,
    currency: str,
    places: int,
    with_list_prices: bool = False,
) -> list[LineValues]:
    """The lines of a quote or order with prices and amounts; two statements at most.

    The amounts are at so many decimal places, before a discount on the whole and before taxes.
    `with_list_prices` has what the price lists say also where the unit price is given.

    Raises ProductNotKnown, ProductNotForSale, and PriceNeeded where no price is in `currency`.
    """
    found = await products.find_products(session, (line.product_id for line in lines))
    unpriced: dict[UUID, Decimal] = {}
    for line in lines:
        if with_list_prices or line.unit_price is None:
            unpriced[line.product_id] = max(
                line.quantity, unpriced.get(line.product_id, line.quantity)
            )
    offers = (
        await _offers(session, unpriced, references=references, on=on, currency=currency)
        if unpriced
        else []
    )
    worked_out = []
    for place, line in enumerate(lines):
        product = known(found, line.product_id, pointer=f"/lines/{place}/product_id")
        product.check_for_sale(on, pointer=f"/lines/{place}/product_id")
        unit_price, reason, price = line.unit_price, None, None
        fitting = _fitting(offers, product.id, line.quantity)
        if with_list_prices or unit_price is None:
            price = choose(fitting, list_price=product.list_price, currency=product.currency)
            price = price if price.currency == currency else None
        if unit_price is None:
            if price is None:
                raise PriceNeeded(
                    f"{product.sku} has no price in {currency}",
                    pointer=f"/lines/{place}/unit_price",
                )
            unit_price, reason = price.unit_price, price.why[:300]
        worked_out.append(
            LineValues(
                product_id=product.id,
                product_name=product.name,
                quantity=line.quantity,
                unit_price=unit_price,
                discount_percent=line.discount_percent,
                amount=line_amount(line.quantity, unit_price, line.discount_percent, places),
                tax_percent=line.tax_percent,
                list_unit_price=None if price is None else price.unit_price,
                price_basis=None if price is None else _basis(price, fitting, on),
                is_shipped=product.is_shipped,
                delivery_on=line.delivery_on,
                price_reason=reason,
            )
        )
    return worked_out


def _considered(fitting: Sequence[Offer], price: Price) -> list[OfferRead]:
    if price.offer is None:
        return []
    return [OfferRead(**asdict(offer), outcome=offer.outcome(price.offer)) for offer in fitting]


def _basis(price: Price, fitting: Sequence[Offer], on: date) -> Mapping[str, Any]:
    """How the price lists came to the price, as a line keeps it."""
    return {
        "on": str(on),
        "unit_price": str(price.unit_price),
        "currency": price.currency,
        "price_list_id": str(price.offer.price_list_id) if price.offer else None,
        "why": price.why,
        "considered": [each.model_dump(mode="json") for each in _considered(fitting, price)],
    }


def _fitting(
    offers: Sequence[tuple[UUID, Offer]], product_id: UUID, quantity: Decimal
) -> list[Offer]:
    return [
        offer
        for offered, offer in offers
        if offered == product_id and offer.min_quantity <= quantity
    ]


async def _offers(
    session: AsyncSession,
    quantities: Mapping[UUID, Decimal],
    *,
    references: References,
    on: date,
    currency: str | None,
) -> list[tuple[UUID, Offer]]:
    """The prices of these products that hold on the day for this customer, with their product."""
    customer = references.customer
    tier = references.partner.tier if references.partner else None
    query = (
        select(PriceLine, PriceList)
        .join(PriceList, PriceLine.price_list_id == PriceList.id)
        .where(
            PriceLine.product_id.in_(quantities),
            PriceLine.min_quantity <= max(quantities.values()),
            PriceList.state == PriceListState.PUBLISHED,
            PriceList.valid_from <= on,
            or_(PriceList.valid_to.is_(None), PriceList.valid_to >= on),
            _open_to(PriceList.customer_id, customer.id if customer else None),
            _open_to(PriceList.region_id, customer.region_id if customer else None),
            _open_to(PriceList.industry, customer.industry if customer else None),
            _open_to(PriceList.partner_tier, tier),
        )
    )
    if currency is not None:
        query = query.where(PriceList.currency == currency)
    return [
        (
            line.product_id,
            Offer(
                price_list_id=price_list.id,
                name=price_list.name,
                currency=price_list.currency,
                valid_from=price_list.valid_from,
                conditions=_conditions(price_list),
                min_quantity=line.min_quantity,
                unit_price=line.unit_price,
            ),
        )
        for line, price_list in (await session.execute(query))
    ]


def _open_to(condition: InstrumentedAttribute[Any], value: Any) -> ColumnElement[bool]:
    return condition.is_(None) if value is None else or_(condition.is_(None), condition == value)


def _conditions(price_list: PriceList) -> tuple[str, ...]:
    wanted = {
        "customer": price_list.customer_id,
        "partner tier": price_list.partner_tier,
        "region": price_list.region_id,
        "industry": price_list.industry,
    }
    return tuple(name for name, value in wanted.items() if value is not None)


async def _lines(session: AsyncSession, lines: Sequence[PriceLineIn]) -> list[PriceLine]:
    found = await products.find_products(session, (line.product_id for line in lines))
    return [
        PriceLine.of(
            known(found, line.product_id, pointer=f"/lines/{place}/product_id").id,
            line.min_quantity,
            line.unit_price,
        )
        for place, line in enumerate(lines)
    ]
