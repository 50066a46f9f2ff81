"""The shop's background process."""

from typing import Any

from common.settings import ServiceSettings
from common.worker import Worker

from .consumers import CONSUMERS
from .db import MIGRATIONS, SERVICE


def create(settings: ServiceSettings | None = None, **parts: Any) -> Worker:
    return Worker(
        SERVICE,
        settings=settings or ServiceSettings(),
        consumers=CONSUMERS,
        migrations=MIGRATIONS,
        **parts,
    )
