"""100,000 customers from a file, with dirt: a dry run, the run, and taking it back.

The companies are those of `benchmarks.duplicates`; of every hundred rows three have no name or a
number that is none, and two stand in the file twice. The run is killed at random points, in the
middle of a batch, and goes on in a new runner.

Measured: rows a second of each, storing with events, trail, match keys and the check for
duplicates. `FAIRWAY_BENCH_ROWS` is how many rows there are; `FAIRWAY_BENCH_KILLS` how many kills.
"""

import asyncio
import csv
import io
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from benchmarks.duplicates import company
from common.auth import LOCAL_OPERATOR
from common.db import Database
from common.embedded_postgres import EmbeddedPostgres
from common.ids import new_id
from common.imports.jobs import ImportRunner
from common.imports.mapping import ImportMapping
from common.imports.undo import START, ImportUndo
from common.migrations import upgrade
from customer.db import MIGRATIONS
from customer.imports.targets import TARGETS

ROWS = int(os.environ.get("FAIRWAY_BENCH_ROWS", "100000"))
KILLS = int(os.environ.get("FAIRWAY_BENCH_KILLS", "5"))
SEED = 20260417
COLUMNS = ("id", "name", "phone", "email", "employees")
MAPPING = ImportMapping.model_validate(
    {
        "external_source": "bench",
        "fields": {
            "external_id": {"column": "id", "required": True},
            "name": {"column": "name", "required": True},
            "phone": {"column": "phone"},
            "email": {"column": "email"},
            "employee_count": {"column": "employees", "kind": "integer"},
        },
    }
)


def run() -> None:
    """Measure and print."""
    asyncio.run(_run())


async def _run() -> None:
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        await asyncio.to_thread(postgres.start)
        try:
            url = await postgres.ensure_database("customer")
            await upgrade(url, MIGRATIONS)
            database = Database("customer", url, pool_size=2)
            await _measure(database)
            await database.close()
        finally:
            await asyncio.to_thread(postgres.stop)


async def _measure(database: Database) -> None:
    content, dice = _file(), random.Random(SEED)
    await _import("dry run", database, await _queued(database, content, dry_run=True), dice, 0)
    job_id = await _queued(database, content, dry_run=False)
    await _import(f"run, killed {KILLS} times", database, job_id, dice, KILLS)
    async with database.transaction() as session:
        asked = ImportUndo().model_dump_json()
        await session.execute(START, {"id": job_id, "by": LOCAL_OPERATOR.id, "choices": asked})
    await _import("taken back", database, job_id, dice, 0)


async def _queued(database: Database, content: bytes, *, dry_run: bool) -> UUID:
    job_id = new_id()
    async with database.transaction() as session:
        await session.execute(
            text("""
                INSERT INTO import_jobs (id, target, file_name, mapping, content, dry_run, state,
                    total_rows, created_by)
                VALUES (:id, 'customers', 'customers.csv', CAST(:mapping AS jsonb), :content,
                    :dry_run, 'queued', :total, :by)
            """),
            {
                "id": job_id,
                "mapping": MAPPING.model_dump_json(),
                "content": content,
                "dry_run": dry_run,
                "total": ROWS,
                "by": LOCAL_OPERATOR.id,
            },
        )
    return job_id


async def _import(
    what: str, database: Database, job_id: UUID, dice: random.Random, kills: int
) -> None:
    begun = time.perf_counter()
    for _ in range(kills):
        working = asyncio.create_task(_work_off(database))
        await asyncio.wait([working], timeout=dice.uniform(0.5, 5))
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    await _work_off(database)
    seconds = time.perf_counter() - begun
    async with database.reading() as session:
        found = await session.execute(
            text("SELECT * FROM import_jobs WHERE id = :id"), {"id": job_id}
        )
        job = found.mappings().one()
    counts = {
        name: job[name]
        for name in ("created", "updated", "unchanged", "duplicates", "rejected", "undone")
    }
    if job["state"] != "done" or job["undo_state"] not in (None, "done"):
        raise RuntimeError(f"{job['error']}, {job['undo_error']}")
    sys.stdout.write(
        f"customer import, {what}: {ROWS:,} rows in {seconds:.1f} s = {ROWS / seconds:,.0f}/s;"
        f" {', '.join(f'{count:,} {name}' for name, count in counts.items())}\n"
    )


async def _work_off(database: Database) -> None:
    runner = ImportRunner(TARGETS)
    while await runner(database):
        pass


def _file() -> bytes:
    dice = random.Random(SEED)
    held = io.StringIO()
    writer = csv.writer(held)
    writer.writerow(COLUMNS)
    for number in range(ROWS):
        row = _row(number)
        dirt = dice.random()
        if dirt < 0.01:
            row["name"] = ""
        elif dirt < 0.03:
            row["employees"] = "many"
        elif dirt < 0.05 and number:
            row = _row(dice.randrange(number))
        writer.writerow([row[name] for name in COLUMNS])
    return held.getvalue().encode()


def _row(number: int) -> dict[str, Any]:
    values = company(number)
    (phone,), (email,) = values["phones"], values["emails"]
    return {
        "id": f"K-{number}",
        "name": values["name"],
        "phone": phone or "",
        "email": email or "",
        "employees": number % 1000,
    }


if __name__ == "__main__":
    run()
