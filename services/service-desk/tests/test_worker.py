from common.testing.service import said
from service_desk.worker import TIMERS

from .builders import an_opened_ticket


async def test_the_worker_has_a_timer_that_tells_of_breaches(client, database, session):
    await an_opened_ticket(client, opened_at="2026-01-05T02:00:00Z")

    timer = TIMERS[0]
    async with database.transaction() as transaction:
        await timer.run(transaction)

    assert len(await said(session, "service_desk.ticket.sla_breached.v1")) == 2
