"""Taking requests in: what opening needs to know is looked up once for a whole batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from common.days import day_of
from common.ids import stable_hash
from service_desk.copies import use_cases as copies
from service_desk.copies.model import CustomerNotKnown, KnownCustomer, PartnerNotKnown
from service_desk.entitlements import use_cases as entitlements
from service_desk.entitlements.model import Coverage, Entitlement, coverage_on
from service_desk.sla import use_cases as sla
from service_desk.sla.model import SlaPolicy
from service_desk.tickets.model import ExternalIdTaken, Ticket
from service_desk.tickets.schemas import TicketOpen

SCOPE = ("owner_id", "department_id", "partner_id", "region_id")

# One request of a channel at a time: a repetition waits here and then sees the ticket of the first.
_TAKE_TURNS = text("""
    SELECT pg_advisory_xact_lock(key)
    FROM unnest(CAST(:keys AS bigint[])) WITH ORDINALITY AS k (key, place) ORDER BY place
""")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a batch of requests is judged by."""

    customers: Mapping[UUID | str, KnownCustomer]
    partners: set[UUID]
    policies: Sequence[SlaPolicy]
    entitlements: Mapping[UUID, Sequence[Entitlement]]
    by_message: dict[tuple[str, str], Ticket]
    by_external_id: dict[tuple[str, str], UUID]

    def customer_of(self, new: TicketOpen) -> KnownCustomer | None:
        """The requester; raises CustomerNotKnown for one we never heard of."""
        named: UUID | str | None = new.customer_id or new.customer_number
        if named is None:
            return None
        if named not in self.customers:
            pointer = "/customer_id" if new.customer_id else "/customer_number"
            raise CustomerNotKnown(
                f"no customer {named} is known here; a new one may still be on its way",
                pointer=pointer,
            )
        return self.customers[named]

    def scope_of(self, new: TicketOpen, customer: KnownCustomer | None) -> dict[str, Any]:
        """Whose the ticket is: as the caller says, and the customer's where the caller does not."""
        if new.partner_id is not None and new.partner_id not in self.partners:
            raise PartnerNotKnown(
                f"no partner {new.partner_id} is known here; a new one may still be on its way",
                pointer="/partner_id",
            )
        scope: dict[str, Any] = dict.fromkeys(SCOPE) if customer is None else customer.scope
        return {**scope, **new.model_dump(include=set(SCOPE) & new.model_fields_set)}

    def coverage_of(
        self, new: TicketOpen, customer: KnownCustomer | None, opened_at: datetime
    ) -> Coverage | None:
        """Whether the product is covered; None where customer or product is not known."""
        if customer is None or new.product_id is None:
            return None
        day = day_of(opened_at)
        return coverage_on(self.entitlements.get(customer.id, ()), new.product_id, day)

    def refuse_taken_external_id(self, new: TicketOpen) -> None:
        """Refuse an id of another system that a ticket carries already."""
        if new.external_source is None or new.external_id is None:
            return
        existing = self.by_external_id.get((new.external_source, new.external_id))
        if existing is not None:
            raise ExternalIdTaken(
                f"a ticket with id {new.external_id!r} of {new.external_source} is there already",
                existing_id=str(existing),
            )


async def look_around(
    session: AsyncSession, news: Sequence[TicketOpen], *, now: datetime
) -> Surroundings:
    """What these requests are judged by, in as many statements as one request takes."""
    messages = {
        (str(new.channel), new.channel_message_id)
        for new in news
        if new.channel_message_id is not None
    }
    if messages:
        keys = sorted(stable_hash("\0".join(message).encode()) - 2**63 for message in messages)
        await session.execute(_TAKE_TURNS, {"keys": keys})
    customers = await copies.find_customers(
        session,
        ids={new.customer_id for new in news if new.customer_id is not None},
        numbers={new.customer_number for new in news if new.customer_number is not None},
    )
    with_product = {
        customer.id
        for customer in customers
        if any(
            new.product_id is not None and named in (customer.id, customer.number)
            for new in news
            for named in (new.customer_id, new.customer_number)
        )
    }
    opened = [new.opened_at or now for new in news]
    return Surroundings(
        customers={customer.id: customer for customer in customers}
        | {customer.number: customer for customer in customers},
        partners=await copies.find_partners(
            session, {new.partner_id for new in news if new.partner_id is not None}
        ),
        policies=await sla.find_policies(session, first=min(opened), last=max(opened)),
        entitlements=await entitlements.find_entitlements(session, with_product),
        by_message=await _find_by_message(session, messages),
        by_external_id=await _find_by_external_id(session, news),
    )


async def _find_by_message(
    session: AsyncSession, messages: set[tuple[str, str]]
) -> dict[tuple[str, str], Ticket]:
    if not messages:
        return {}
    found = await session.execute(
        select(Ticket).where(tuple_(Ticket.channel, Ticket.channel_message_id).in_(messages))
    )
    return {
        (ticket.channel, ticket.channel_message_id): ticket
        for ticket in found.scalars()
        if ticket.channel_message_id is not None
    }


async def _find_by_external_id(
    session: AsyncSession, news: Sequence[TicketOpen]
) -> dict[tuple[str, str], UUID]:
    wanted = {(new.external_source, new.external_id) for new in news if new.external_id is not None}
    if not wanted:
        return {}
    found = await session.execute(
        select(Ticket.external_source, Ticket.external_id, Ticket.id).where(
            tuple_(Ticket.external_source, Ticket.external_id).in_(wanted)
        )
    )
    return {(row.external_source, row.external_id): row.id for row in found}
