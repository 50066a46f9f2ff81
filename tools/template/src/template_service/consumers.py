"""Everything the template-service service hears."""

from sqlalchemy.ext.asyncio import AsyncSession

from common.access.consumers import ACCESS
from common.events import Consumed, Id
from common.messaging.consumers import ConsumersTable
from template_service.samples import suspensions


class PartnerSuspended(Consumed):
    """Business with a partner was put on hold."""

    type = "channel.partner.suspended.v1"

    partner_id: Id


async def close_samples_of_partner(session: AsyncSession, event: PartnerSuspended) -> None:
    await suspensions.close_samples_of_partner(session, event.partner_id, now=event.envelope.time)


CONSUMERS: ConsumersTable = {
    **ACCESS,
    PartnerSuspended: close_samples_of_partner,
}
