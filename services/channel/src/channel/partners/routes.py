"""The partner endpoints."""

from uuid import UUID

from fastapi import Response
from pydantic import AwareDatetime

from channel.partners import use_cases as partners
from channel.partners.model import Partner, PartnerChange
from channel.partners.schemas import (
    PartnerChangeRead,
    PartnerCreate,
    PartnerOnboard,
    PartnerRead,
    PartnerStateChange,
    PartnerTierChange,
    PartnerUpdate,
)
from common.app import service_router
from common.auth import CurrentActor
from common.batches import Batch, BatchAnswer, DoOneByOne
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging

router = service_router("channel", "partners")


@router.post("", status_code=201, response_model=PartnerRead)
async def register_partner(
    new: PartnerCreate, session: Session, now: Now, response: Response
) -> Partner:
    partner = await partners.register_partner(session, new, now=now)
    response.headers["Location"] = f"{router.prefix}/{partner.id}"
    return partner


@router.post(":batch", response_model=BatchAnswer)
async def register_partners(
    batch: Batch[PartnerCreate], session: Session, now: Now, one_by_one: DoOneByOne
) -> BatchAnswer:
    return await one_by_one.do(batch, lambda new: partners.register_partner(session, new, now=now))


@router.get("", response_model=PageOf[PartnerRead])
async def list_partners(
    session: Session,
    page: Paging,
    q: str | None = None,
    kind: str | None = None,
    tier: str | None = None,
    state: str | None = None,
    region_id: UUID | None = None,
    department_id: UUID | None = None,
    owner_id: UUID | None = None,
    external_source: str | None = None,
    external_id: str | None = None,
    updated_since: AwareDatetime | None = None,
) -> Page[Partner]:
    equal = {
        Partner.kind: kind,
        Partner.tier: tier,
        Partner.state: state,
        Partner.region_id: region_id,
        Partner.department_id: department_id,
        Partner.owner_id: owner_id,
        Partner.external_source: external_source,
        Partner.external_id: external_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if updated_since is not None:
        filters.append(Partner.updated_at >= updated_since)
    return await partners.list_partners(session, page, q=q, filters=filters)


@router.get("/{partner_id}", response_model=PartnerRead)
async def get_partner(partner_id: UUID, session: Session) -> Partner:
    return await partners.get_partner(session, partner_id)


@router.get("/{partner_id}/changes", response_model=list[PartnerChangeRead])
async def list_partner_changes(partner_id: UUID, session: Session) -> list[PartnerChange]:
    return list(await partners.list_partner_changes(session, partner_id))


@router.patch("/{partner_id}", response_model=PartnerRead)
async def update_partner(partner_id: UUID, changes: PartnerUpdate, session: Session) -> Partner:
    return await partners.update_partner(session, partner_id, changes=changes.changes())


@router.post("/{partner_id}:onboard", response_model=PartnerRead)
async def onboard_partner(
    partner_id: UUID, how: PartnerOnboard, session: Session, actor: CurrentActor, now: Now
) -> Partner:
    return await partners.onboard_partner(
        session, partner_id, actor=actor, now=now, **how.model_dump()
    )


@router.post("/{partner_id}:change-tier", response_model=PartnerRead)
async def change_partner_tier(
    partner_id: UUID, to: PartnerTierChange, session: Session, actor: CurrentActor, now: Now
) -> Partner:
    return await partners.change_partner_tier(
        session, partner_id, actor=actor, now=now, **to.model_dump()
    )


@router.post("/{partner_id}:suspend", response_model=PartnerRead)
async def suspend_partner(
    partner_id: UUID, why: PartnerStateChange, session: Session, actor: CurrentActor, now: Now
) -> Partner:
    return await partners.suspend_partner(
        session, partner_id, actor=actor, now=now, **why.model_dump()
    )


@router.post("/{partner_id}:reactivate", response_model=PartnerRead)
async def reactivate_partner(
    partner_id: UUID, why: PartnerStateChange, session: Session, actor: CurrentActor, now: Now
) -> Partner:
    return await partners.reactivate_partner(
        session, partner_id, actor=actor, now=now, **why.model_dump()
    )


@router.post("/{partner_id}:end", response_model=PartnerRead)
async def end_partner(
    partner_id: UUID, why: PartnerStateChange, session: Session, actor: CurrentActor, now: Now
) -> Partner:
    return await partners.end_partner(session, partner_id, actor=actor, now=now, **why.model_dump())
