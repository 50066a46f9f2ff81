"""What people do with samples."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from template_service.samples.model import Sample, SampleNotFound
from template_service.samples.schemas import SampleCreate

SORT_KEYS: dict[str, InstrumentedAttribute[Any]] = {
    "created_at": Sample.created_at,
    "name": Sample.name,
}


async def create_sample(session: AsyncSession, new: SampleCreate) -> Sample:
    """Create a sample."""
    sample, created = Sample.create(**new.model_dump())
    session.add(sample)
    record(session, sample, created)
    return sample


async def get_sample(session: AsyncSession, sample_id: UUID, *, lock: bool = False) -> Sample:
    """One of them; `lock` keeps it for this transaction."""
    sample = await session.get(Sample, sample_id, with_for_update=lock or None)
    if sample is None:
        raise SampleNotFound(f"no sample {sample_id}")
    return sample


async def list_samples(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[Sample]:
    """A page of them."""
    return await paginate(
        session,
        select(Sample).where(*filters),
        page,
        id_column=Sample.id,
        sort_keys=SORT_KEYS,
        default_sort="-created_at",
    )


async def update_sample(session: AsyncSession, sample_id: UUID, *, name: str) -> Sample:
    """Give it another name; the same name causes no event."""
    sample = await get_sample(session, sample_id, lock=True)
    renamed = sample.rename(name)
    if renamed is not None:
        record(session, sample, renamed)
    return sample


async def close_sample(session: AsyncSession, sample_id: UUID, *, now: datetime) -> Sample:
    """End the work on it."""
    sample = await get_sample(session, sample_id, lock=True)
    record(session, sample, sample.close(now=now))
    return sample
