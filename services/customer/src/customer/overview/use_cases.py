"""Reading all that is known of a customer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.masks import sees
from common.days import day_of
from customer.contacts.model import Contact
from customer.contacts.schemas import ContactRead
from customer.customers import use_cases as customers
from customer.customers.schemas import CustomerRead
from customer.overview.schemas import (
    Bought,
    Contacts,
    ContractRead,
    Contracts,
    CustomerOverview,
    Part,
    PartState,
    TicketRead,
    Tickets,
)
from customer.standings import use_cases as standings
from customer.transactions import use_cases as transactions
from customer.transactions.model import KnownContract, KnownTicket
from customer.transactions.schemas import FeedState, Freshness

LATEST = 10
"""Orders, contracts, tickets and contacts that are shown; their lists have all."""


async def get_customer_overview(
    session: AsyncSession, customer_id: UUID, *, now: datetime
) -> CustomerOverview:
    """All that is known of a customer; a part whose copy is behind says so, and spoils no other."""
    customer = await customers.get_customer(session, customer_id)
    fresh = await transactions.freshness(session, now)
    today = day_of(now)

    async def payments(_: AsyncSession, of_id: UUID) -> Any:
        return await transactions.payment_totals(session, of_id, today=today)

    async def standing(_: AsyncSession, of_id: UUID) -> Any:
        return await standings.get_standing(session, of_id, now=now)

    async def contracts(_: AsyncSession, of_id: UUID) -> Any:
        return await _contracts(session, of_id, now)

    async def part(read: Reader, right: str, *feeds: str) -> Part[Any]:
        if not sees(f"customer.{right}"):
            return Part(state=PartState.NOT_PERMITTED, as_of=None, data=None)
        state, as_of = _age([fresh[feed] for feed in feeds], now)
        return Part(state=state, as_of=as_of, data=await read(session, customer_id))

    parts: Mapping[str, Part[Any]] = {
        "profile": Part(
            state=PartState.CURRENT, as_of=now, data=CustomerRead.model_validate(customer)
        ),
        "contacts": await part(_contacts, "contacts.read"),
        "standing": await part(standing, "standings.read"),
        "transactions": await part(_bought, "transactions.read", "sales.order"),
        "payments": await part(payments, "transactions.read", "sales.order", "sales.receipt"),
        "contracts": await part(contracts, "transactions.read", "contract.contract"),
        "tickets": await part(_tickets, "transactions.read", "service_desk.ticket"),
    }
    return CustomerOverview.model_validate({name: dict(each) for name, each in parts.items()})


Reader = Callable[[AsyncSession, UUID], Awaitable[Any]]


def _age(feeds: Sequence[Freshness], now: datetime) -> tuple[PartState, datetime | None]:
    """The worst of the feeds that a part is copied from; what is kept here is of this moment."""
    if not feeds:
        return PartState.CURRENT, now
    states = {feed.state for feed in feeds}
    heard = [feed.as_of for feed in feeds if feed.as_of is not None]
    if FeedState.BEHIND in states:
        state = PartState.BEHIND
    elif states == {FeedState.NEVER_HEARD}:
        state = PartState.NEVER_HEARD
    else:
        state = PartState.CURRENT
    return state, min(heard, default=None)


async def _contacts(session: AsyncSession, customer_id: UUID) -> Contacts:
    there = (Contact.customer_id == customer_id, Contact.deleted_at.is_(None))
    counted = await session.execute(select(func.count()).select_from(Contact).where(*there))
    found = await session.execute(
        select(Contact)
        .where(*there)
        .order_by(Contact.is_primary.desc(), Contact.name, Contact.id)
        .limit(LATEST)
    )
    first = [ContactRead.model_validate(contact) for contact in found.scalars()]
    return Contacts(count=counted.scalar_one(), first=first)


async def _bought(session: AsyncSession, customer_id: UUID) -> Bought:
    return Bought(
        totals=await transactions.bought_totals(session, customer_id),
        latest=await transactions.latest_transactions(session, customer_id, LATEST),
    )


async def _contracts(session: AsyncSession, customer_id: UUID, now: datetime) -> Contracts:
    today = day_of(now)
    in_force = (
        (KnownContract.state == "signed")
        & (KnownContract.starts_on <= today)
        & (KnownContract.ends_on >= today)
    )
    counted = await session.execute(
        select(func.count(), func.count().filter(in_force)).where(
            KnownContract.customer_id == customer_id
        )
    )
    count, signed = counted.one()
    found = await session.execute(
        select(KnownContract)
        .where(KnownContract.customer_id == customer_id)
        .order_by(KnownContract.starts_on.desc(), KnownContract.id.desc())
        .limit(LATEST)
    )
    latest = [ContractRead.model_validate(contract) for contract in found.scalars()]
    return Contracts(count=count, in_force=signed, latest=latest)


async def _tickets(session: AsyncSession, customer_id: UUID) -> Tickets:
    counted = await session.execute(
        select(func.count(), func.count().filter(KnownTicket.state == "open")).where(
            KnownTicket.customer_id == customer_id
        )
    )
    count, still_open = counted.one()
    found = await session.execute(
        select(KnownTicket)
        .where(KnownTicket.customer_id == customer_id)
        .order_by(KnownTicket.opened_at.desc(), KnownTicket.id.desc())
        .limit(LATEST)
    )
    latest = [TicketRead.model_validate(ticket) for ticket in found.scalars()]
    return Tickets(count=count, open=still_open, latest=latest)
