"""What people do with partners."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from channel.departments import use_cases as departments
from channel.employees import use_cases as employees
from channel.outcome import Outcome
from channel.partners.model import (
    Partner,
    PartnerChange,
    PartnerExternalIdTaken,
    PartnerNotFound,
    PartnerState,
)
from channel.partners.schemas import PartnerCreate
from channel.territories import use_cases as territories
from common.auth import Actor
from common.custom_fields import writing
from common.days import day_of
from common.messaging.outbox import record
from common.numbers import next_number
from common.pagination import Page, PageRequest, paginate


async def register_partner(session: AsyncSession, new: PartnerCreate, *, now: datetime) -> Partner:
    """Write down a prospective partner."""
    if new.external_id is not None:
        await _refuse_taken_external_id(session, new.external_source, new.external_id)
    await _check_references(session, new.model_dump(exclude_unset=True), None)
    return await _register(session, new, await next_number(session, "partners"), now)


async def get_partner(session: AsyncSession, partner_id: UUID, *, lock: bool = False) -> Partner:
    """The partner; `lock` keeps it for this transaction."""
    partner = await session.get(Partner, partner_id, with_for_update=lock or None)
    if partner is None:
        raise PartnerNotFound(f"no partner {partner_id}")
    return partner


async def find_partners(
    session: AsyncSession, source: str, external_ids: Iterable[str]
) -> dict[str, Partner]:
    """The partners with these ids of another system, kept for this transaction; for imports."""
    found = await session.execute(
        select(Partner)
        .where(Partner.external_source == source, Partner.external_id.in_(set(external_ids)))
        .order_by(Partner.id)
        .with_for_update()
    )
    return {str(partner.external_id): partner for partner in found.scalars()}


async def list_partners(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    filters: Sequence[ColumnElement[bool]] = (),
) -> Page[Partner]:
    """A page of partners; `q` is looked for in the name and at the start of the number."""
    query = select(Partner).where(*filters)
    if q:
        query = query.where(
            or_(
                Partner.name.icontains(q, autoescape=True),
                Partner.number.istartswith(q, autoescape=True),
            )
        )
    return await paginate(
        session,
        query,
        page,
        id_column=Partner.id,
        sort_keys={
            "created_at": Partner.created_at,
            "updated_at": Partner.updated_at,
            "name": Partner.name,
            "number": Partner.number,
        },
        default_sort="-created_at",
    )


async def list_partner_changes(session: AsyncSession, partner_id: UUID) -> Sequence[PartnerChange]:
    """The changes of a partner's tier and state, the latest first."""
    await get_partner(session, partner_id)
    found = await session.execute(
        select(PartnerChange)
        .where(PartnerChange.partner_id == partner_id)
        .order_by(PartnerChange.changed_at.desc(), PartnerChange.id.desc())
    )
    return found.scalars().all()


async def update_partner(
    session: AsyncSession, partner_id: UUID, *, changes: dict[str, Any]
) -> Partner:
    """Change the profile; unchanged values cause no event."""
    partner = await get_partner(session, partner_id, lock=True)
    await _check_references(session, changes, partner)
    updated = partner.update(await writing.for_change(session, partner, changes))
    if updated is not None:
        record(session, partner, updated)
    return partner


async def onboard_partner(
    session: AsyncSession,
    partner_id: UUID,
    *,
    tier: str | None,
    onboarded_on: date | None,
    actor: Actor,
    now: datetime,
) -> Partner:
    """Take a prospect on: from now on we sell through it."""
    partner = await get_partner(session, partner_id, lock=True)
    if partner.region_id is not None:
        await territories.get_open_territory(session, partner.region_id, pointer="/region_id")
    change, onboarded = partner.onboard(
        tier=tier, on=onboarded_on or day_of(now), by=actor.id, now=now
    )
    session.add(change)
    record(session, partner, onboarded)
    return partner


async def change_partner_tier(
    session: AsyncSession,
    partner_id: UUID,
    *,
    tier: str,
    reason: str,
    changed_on: date | None,
    actor: Actor,
    now: datetime,
) -> Partner:
    """Move a partner to another tier."""
    partner = await get_partner(session, partner_id, lock=True)
    change, changed = partner.change_tier(
        tier, reason=reason, on=changed_on or day_of(now), by=actor.id, now=now
    )
    session.add(change)
    record(session, partner, changed)
    return partner


async def suspend_partner(
    session: AsyncSession,
    partner_id: UUID,
    *,
    reason: str,
    changed_on: date | None,
    actor: Actor,
    now: datetime,
) -> Partner:
    """Put business with a partner on hold."""
    partner = await get_partner(session, partner_id, lock=True)
    change, suspended = partner.suspend(
        reason=reason, on=changed_on or day_of(now), by=actor.id, now=now
    )
    session.add(change)
    record(session, partner, suspended)
    return partner


async def reactivate_partner(
    session: AsyncSession,
    partner_id: UUID,
    *,
    reason: str,
    changed_on: date | None,
    actor: Actor,
    now: datetime,
) -> Partner:
    """Go on with a suspended partner."""
    partner = await get_partner(session, partner_id, lock=True)
    change, reactivated = partner.reactivate(
        reason=reason, on=changed_on or day_of(now), by=actor.id, now=now
    )
    session.add(change)
    record(session, partner, reactivated)
    return partner


async def end_partner(
    session: AsyncSession,
    partner_id: UUID,
    *,
    reason: str,
    changed_on: date | None,
    actor: Actor,
    now: datetime,
) -> Partner:
    """Part with a partner for good."""
    partner = await get_partner(session, partner_id, lock=True)
    change, *told = partner.end(reason=reason, on=changed_on or day_of(now), by=actor.id, now=now)
    session.add(change)
    record(session, partner, *told)
    return partner


async def bring_in_partner(
    session: AsyncSession,
    new: PartnerCreate,
    *,
    existing: Partner | None,
    actor: Actor,
    now: datetime,
    onboarded_on: date | None = None,
    number: int | None = None,
) -> tuple[Partner, Outcome]:
    """Write down or change the partner with this external id; for imports.

    `existing` is what `find_partners` found under the id. With `onboarded_on` a prospect is taken
    on as well. The caller vouches for territory, department and owner; `number` is one of
    `next_numbers`, for a batch. A field that `new` does not set stays as it is; a different tier
    is written down with the source as its reason, except for a partner that is one no longer.
    """
    if existing is None:
        if number is None:
            number = await next_number(session, "partners")
        partner = await _register(session, new, number, now)
        if onboarded_on is not None:
            _onboard(session, partner, on=onboarded_on, actor=actor, now=now)
        return partner, Outcome.CREATED
    version = existing.version
    changes = new.model_dump(exclude_unset=True, exclude={"tier", "external_source", "external_id"})
    tier = new.tier if "tier" in new.model_fields_set else existing.tier
    if existing.state == PartnerState.PROSPECT:
        changes["tier"] = tier
    updated = existing.update(await writing.for_change(session, existing, changes))
    if updated is not None:
        record(session, existing, updated)
    if existing.state == PartnerState.PROSPECT:
        if onboarded_on is not None:
            _onboard(session, existing, on=onboarded_on, actor=actor, now=now)
    elif existing.state != PartnerState.ENDED and tier != existing.tier:
        change, changed = existing.change_tier(
            tier,
            reason=f"brought in from {new.external_source}",
            on=day_of(now),
            by=actor.id,
            now=now,
        )
        session.add(change)
        record(session, existing, changed)
    return existing, Outcome.UNCHANGED if existing.version == version else Outcome.UPDATED


async def _register(
    session: AsyncSession, new: PartnerCreate, number: int, now: datetime
) -> Partner:
    profile = await writing.for_new(session, Partner, new.model_dump())
    partner, registered = Partner.register(number=number, now=now, **profile)
    session.add(partner)
    record(session, partner, registered)
    return partner


def _onboard(
    session: AsyncSession, partner: Partner, *, on: date, actor: Actor, now: datetime
) -> None:
    change, onboarded = partner.onboard(tier=None, on=on, by=actor.id, now=now)
    session.add(change)
    record(session, partner, onboarded)


async def _check_references(
    session: AsyncSession, changes: dict[str, Any], partner: Partner | None
) -> None:
    """Refuse a territory, department or owner that is not there or not in use; kept ones may be."""
    for name, check in (
        ("region_id", territories.get_open_territory),
        ("department_id", departments.get_open_department),
        ("owner_id", employees.get_active_employee),
    ):
        wanted = changes.get(name)
        if wanted is not None and wanted != getattr(partner, name, None):
            await check(session, wanted, pointer=f"/{name}")


async def _refuse_taken_external_id(
    session: AsyncSession, external_source: str | None, external_id: str
) -> None:
    found = await session.execute(
        select(Partner.id).where(
            Partner.external_source == external_source, Partner.external_id == external_id
        )
    )
    existing = found.scalar()
    if existing is not None:
        raise PartnerExternalIdTaken(
            f"a partner with id {external_id!r} of {external_source} is there already",
            existing_id=str(existing),
        )
