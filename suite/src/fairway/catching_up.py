"""Whether the reports have everything the services have said, counted on both sides.

Versions of an aggregate have no gaps, so the sum of the last versions that reporting has applied is
the number of events it has applied.
"""

import asyncio

import asyncpg

from fairway.home import Running

_SAID = "SELECT count(*) FROM event_log"
_APPLIED = """
    SELECT coalesce(sum(last_version), 0) FROM consumer_aggregate
    WHERE split_part(aggregate_type, '.', 1) = $1
"""
POLL_S = 0.1


async def behind(running: Running) -> dict[str, int]:
    """How many events of each service reporting has not applied yet."""
    missing = {}
    reporting = await asyncpg.connect(running.databases["reporting"])
    try:
        for package, url in running.databases.items():
            if package == "reporting":
                continue
            # What was applied is read first: what is said meanwhile may only make it look later.
            applied = await reporting.fetchval(_APPLIED, package)
            service = await asyncpg.connect(url)
            try:
                missing[package] = await service.fetchval(_SAID) - applied
            finally:
                await service.close()
    finally:
        await reporting.close()
    return missing


async def until_reported(running: Running, *, timeout_s: float = 600) -> None:
    """Wait until reporting has applied everything; raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while any((await behind(running)).values()):
            await asyncio.sleep(POLL_S)
