"""What people do with interactions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Actor
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from customer.contacts import use_cases as contacts
from customer.contacts.model import ContactNotFound
from customer.customers import use_cases as customers
from customer.interactions.model import Interaction, InteractionNotFound
from customer.interactions.schemas import InteractionCreate


async def log_interaction(
    session: AsyncSession, new: InteractionCreate, *, actor: Actor, now: datetime
) -> Interaction:
    """Write down what was said with a customer."""
    customer = await customers.get_customer(session, new.customer_id)
    if new.contact_id is not None:
        contact = await contacts.get_contact(session, new.contact_id)
        if contact.customer_id != customer.id:
            raise ContactNotFound(f"no contact {new.contact_id} at this customer")
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


async def list_interactions(
    session: AsyncSession,
    page: PageRequest,
    *,
    customer_id: UUID | None,
    contact_id: UUID | None,
    channel: str | None,
) -> Page[Interaction]:
    """A page of interactions, the latest first."""
    query = select(Interaction)
    if customer_id is not None:
        query = query.where(Interaction.customer_id == customer_id)
    if contact_id is not None:
        query = query.where(Interaction.contact_id == contact_id)
    if channel is not None:
        query = query.where(Interaction.channel == channel)
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
