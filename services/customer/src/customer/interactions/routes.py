"""The interaction endpoints."""

from uuid import UUID

from fastapi import Response
from pydantic import AwareDatetime

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from customer.interactions import use_cases as interactions
from customer.interactions.model import Interaction, NextStep
from customer.interactions.schemas import (
    InteractionCorrect,
    InteractionCreate,
    InteractionLink,
    InteractionRead,
    InteractionTag,
    NextStepRead,
    TagCount,
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
    need: str | None = None,
    problem: str | None = None,
    opportunity_id: UUID | None = None,
    contract_id: UUID | None = None,
    ticket_id: UUID | None = None,
    with_partner_id: UUID | None = None,
) -> Page[Interaction]:
    return await interactions.list_interactions(
        session,
        page,
        customer_id=customer_id,
        contact_id=contact_id,
        channel=channel,
        need=need,
        problem=problem,
        links={
            "opportunity_id": opportunity_id,
            "contract_id": contract_id,
            "ticket_id": ticket_id,
            "with_partner_id": with_partner_id,
        },
    )


@router.get("/tags", response_model=list[TagCount])
async def count_interaction_tags(
    session: Session,
    customer_id: UUID | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> list[TagCount]:
    return await interactions.count_tags(session, customer_id=customer_id, since=since, until=until)


@router.post("/{interaction_id}:tag", response_model=InteractionRead)
async def tag_interaction(
    interaction_id: UUID, tags: InteractionTag, session: Session
) -> Interaction:
    return await interactions.tag_interaction(session, interaction_id, **tags.model_dump())


@router.post("/{interaction_id}:link", response_model=InteractionRead)
async def link_interaction(
    interaction_id: UUID, links: InteractionLink, session: Session
) -> Interaction:
    return await interactions.link_interaction(session, interaction_id, links=links.changes())


@router.get("/{interaction_id}/next-step", response_model=NextStepRead)
async def prepare_next_step(interaction_id: UUID, to: NextStep, session: Session) -> NextStepRead:
    return await interactions.prepare_next_step(session, interaction_id, step=to)


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
