"""The background process of the customer service."""

from typing import Any

from common.handovers import LOOK_AGAIN_EVERY_S, HandoverRunner, look_again
from common.imports.jobs import ImportRunner
from common.worker import Job, Timer, Worker
from customer.consumers import CONSUMERS
from customer.customers import use_cases as customers
from customer.db import MIGRATIONS, SERVICE
from customer.imports.targets import TARGETS
from customer.settings import Settings

TIMERS: list[Timer] = [Timer("hand over what came late", LOOK_AGAIN_EVERY_S, look_again)]
JOBS: list[Job] = [ImportRunner(TARGETS), HandoverRunner([customers.hand_over_customers])]


def create(settings: Settings | None = None, **parts: Any) -> Worker:
    """The worker; `parts` are the database and transports that the suite and tests hand over."""
    return Worker(
        SERVICE,
        settings=settings or Settings(),
        consumers=CONSUMERS,
        migrations=MIGRATIONS,
        timers=TIMERS,
        jobs=JOBS,
        **parts,
    )
