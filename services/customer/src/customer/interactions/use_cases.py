"""What people do with interactions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Actor
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from customer.contacts import use_cases as contacts
from customer.contacts.model import Contact, ContactNotFound
from customer.customers import use_cases as customers
from customer.interactions.model import Interaction, InteractionNotFound, NextStep
from customer.interactions.schemas import InteractionCreate, NextStepRead, TagCount


async def log_interaction(
    session: AsyncSession, new: InteractionCreate, *, actor: Actor, now: datetime
) -> Interaction:
    """Write down what was said with a customer."""
    customer = await customers.get_customer(session, new.customer_id)
    await _check_people(session, customer.id, new)
    interaction, logged = Interaction.log(
        by=actor.id, now=now, **new.model_dump(), **customer.scope
    )
    session.add(interaction)
    record(session, interaction, logged)
    return interaction


async def get_interaction(
    session: AsyncSession, interaction_id: UUID, *, lock: bool = False
) -> Interaction:
    """The interaction; `lock` keeps it for this transaction."""
    interaction = await session.get(Interaction, interaction_id, with_for_update=lock or None)
    if interaction is None:
        raise InteractionNotFound(f"no interaction {interaction_id}")
    return interaction


async def tag_interaction(
    session: AsyncSession, interaction_id: UUID, *, needs: Sequence[str], problems: Sequence[str]
) -> Interaction:
    """Say which needs and problems came up."""
    interaction = await get_interaction(session, interaction_id, lock=True)
    tagged = interaction.tag(needs=needs, problems=problems)
    if tagged is not None:
        record(session, interaction, tagged)
    return interaction


async def link_interaction(
    session: AsyncSession, interaction_id: UUID, *, links: dict[str, UUID | None]
) -> Interaction:
    """Say to what the interaction belongs."""
    interaction = await get_interaction(session, interaction_id, lock=True)
    linked = interaction.link(links)
    if linked is not None:
        record(session, interaction, linked)
    return interaction


async def count_tags(
    session: AsyncSession,
    *,
    customer_id: UUID | None,
    since: datetime | None,
    until: datetime | None,
) -> list[TagCount]:
    """How often each need and problem came up, the most frequent first; `until` is excluded."""
    counted = []
    for kind, column in (("need", Interaction.needs), ("problem", Interaction.problems)):
        tags = select(
            func.unnest(column).label("tag"), Interaction.id, Interaction.customer_id
        ).where(func.cardinality(column) > 0)
        if customer_id is not None:
            tags = tags.where(Interaction.customer_id == customer_id)
        if since is not None:
            tags = tags.where(Interaction.occurred_at >= since)
        if until is not None:
            tags = tags.where(Interaction.occurred_at < until)
        each = tags.subquery()
        counted.append(
            select(
                literal(kind).label("kind"),
                each.c.tag,
                func.count(each.c.id.distinct()).label("interactions"),
                func.count(each.c.customer_id.distinct()).label("customers"),
            ).group_by(each.c.tag)
        )
    both = union_all(*counted).subquery()
    found = await session.execute(
        select(both).order_by(both.c.interactions.desc(), both.c.kind, both.c.tag)
    )
    return [TagCount(**row) for row in found.mappings()]


async def prepare_next_step(
    session: AsyncSession, interaction_id: UUID, *, step: NextStep
) -> NextStepRead:
    """The command that opens an opportunity or a ticket from what was said."""
    interaction = await get_interaction(session, interaction_id)
    is_deal = step == NextStep.OPPORTUNITY
    return NextStepRead(
        method="POST",
        path="/sales/v1/opportunities" if is_deal else "/service-desk/v1/tickets",
        body=interaction.command_for(step),
        existing_id=interaction.opportunity_id if is_deal else interaction.ticket_id,
    )


async def _check_people(session: AsyncSession, customer_id: UUID, new: InteractionCreate) -> None:
    """Refuse who does not work at the customer."""
    if new.contact_id is not None:
        contact = await contacts.get_contact(session, new.contact_id)
        if contact.customer_id != customer_id:
            raise ContactNotFound(f"no contact {new.contact_id} at this customer")
    if new.also_contact_ids:
        there = await session.execute(
            select(Contact.id).where(
                Contact.id.in_(new.also_contact_ids), Contact.customer_id == customer_id
            )
        )
        missing = set(new.also_contact_ids) - set(there.scalars())
        if missing:
            raise ContactNotFound(f"no contact {min(missing)} at this customer")


async def list_interactions(
    session: AsyncSession,
    page: PageRequest,
    *,
    customer_id: UUID | None,
    contact_id: UUID | None,
    channel: str | None,
    need: str | None = None,
    problem: str | None = None,
    links: Mapping[str, UUID | None] = MappingProxyType({}),
) -> Page[Interaction]:
    """A page of interactions, the latest first."""
    query = select(Interaction)
    if customer_id is not None:
        query = query.where(Interaction.customer_id == customer_id)
    if contact_id is not None:
        query = query.where(Interaction.contact_id == contact_id)
    if channel is not None:
        query = query.where(Interaction.channel == channel)
    if need is not None:
        query = query.where(Interaction.needs.contains([need.casefold()]))
    if problem is not None:
        query = query.where(Interaction.problems.contains([problem.casefold()]))
    for name, linked_to in links.items():
        if linked_to is not None:
            query = query.where(getattr(Interaction, name) == linked_to)
    return await paginate(
        session,
        query,
        page,
        id_column=Interaction.id,
        sort_keys={"occurred_at": Interaction.occurred_at},
        default_sort="-occurred_at",
    )


async def correct_interaction(
    session: AsyncSession,
    interaction_id: UUID,
    *,
    changes: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> Interaction:
    """Correct the texts of an interaction; what they replace is kept."""
    interaction = await get_interaction(session, interaction_id, lock=True)
    corrected = interaction.correct(changes, by=actor.id, now=now)
    if corrected is not None:
        record(session, interaction, corrected)
    return interaction
