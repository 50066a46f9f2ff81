import os
import time
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from common.messaging.consumers import Consumers
from reporting.consumers import CONSUMERS

from ..builders import Histories

WANTED_PER_CPU_SECOND = 4000


def cpu_seconds_of(process: Path) -> float:
    """What a process has used, of Linux's own account."""
    fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def backend_of(client_port: int) -> Path:
    """The server process behind a connection; its own idea of its pid may be that of a container."""
    wanted = f"({client_port})".encode()
    return next(
        path.parent for path in Path("/proc").glob("[0-9]*/cmdline") if wanted in path.read_bytes()
    )


@pytest.mark.nightly
async def test_the_handlers_apply_thousands_of_events_in_a_second_of_a_core(database, capsys):
    events = [received.envelope for received in Histories(Random(1)).tell(8000)]
    consumers = Consumers("reporting", CONSUMERS)
    # One transaction after the other is one connection, so one backend does all the work.
    async with database.transaction() as session:
        port = (await session.execute(text("SELECT inet_client_port()"))).scalar_one()
    backend = backend_of(port)
    begun = time.perf_counter(), time.process_time(), cpu_seconds_of(backend)

    for first in range(0, len(events), 200):
        async with database.transaction() as session:
            await consumers.apply(session, events[first : first + 200])

    wall_s = time.perf_counter() - begun[0]
    python_s = time.process_time() - begun[1]
    backend_s = cpu_seconds_of(backend) - begun[2]
    per_cpu_second = len(events) / (python_s + backend_s)
    with capsys.disabled():
        print(
            f"\n{len(events)} events in batches of 200: {len(events) / wall_s:.0f}/s by the clock;"
            f" {per_cpu_second:.0f} a CPU second (Python {python_s:.1f} s,"
            f" PostgreSQL {backend_s:.1f} s)"
        )
    assert per_cpu_second >= WANTED_PER_CPU_SECOND
