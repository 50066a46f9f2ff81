"""The interaction endpoints."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from customer.interactions import use_cases as interactions
from customer.interactions.model import Interaction
from customer.interactions.schemas import (
    InteractionCorrect,
    InteractionCreate,
    InteractionRead,
)

router = service_router("customer", "interactions")


@router.post("", status_code=201, response_model=InteractionRead)
async def log_interaction(
    new: InteractionCreate, session: Session, actor: CurrentActor, now: Now, response: Response
) -> Interaction:
    interaction = await interactions.log_interaction(session, new, actor=actor, now=now)
    response.headers["Location"] = f"{router.prefix}/{interaction.id}"
    return interaction


@router.get("", response_model=PageOf[InteractionRead])
async def list_interactions(
    session: Session,
    page: Paging,
    customer_id: UUID | None = None,
    contact_id: UUID | None = None,
    channel: str | None = None,
) -> Page[Interaction]:
    return await interactions.list_interactions(
        session, page, customer_id=customer_id, contact_id=contact_id, channel=channel
    )


@router.get("/{interaction_id}", response_model=InteractionRead)
async def get_interaction(interaction_id: UUID, session: Session) -> Interaction:
    return await interactions.get_interaction(session, interaction_id)


@router.patch("/{interaction_id}", response_model=InteractionRead)
async def correct_interaction(
    interaction_id: UUID,
    changes: InteractionCorrect,
    session: Session,
    actor: CurrentActor,
    now: Now,
) -> Interaction:
    return await interactions.correct_interaction(
        session,
        interaction_id,
        changes=changes.changes(),
        actor=actor,
        now=now,
    )
