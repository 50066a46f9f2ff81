"""What becomes of samples when business with their partner is put on hold."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common.messaging.outbox import record
from template_service.samples.model import Sample, SampleState


async def close_samples_of_partner(
    session: AsyncSession, partner_id: UUID, *, now: datetime
) -> None:
    """Close what the partner has open; repeating it changes nothing."""
    found = await session.execute(
        select(Sample)
        .where(Sample.partner_id == partner_id, Sample.state == SampleState.OPEN)
        .order_by(Sample.id)
        .with_for_update()
    )
    for sample in found.scalars():
        record(session, sample, sample.close(now=now))
