"""Drafts a migration: what the models say, less what the migrations so far have made.

A PostgreSQL of its own is brought to the newest revision and compared with the models. Tables that
no model names (the messaging's own, partitions) are left alone. Read the draft before committing
it: a rename looks like a loss and a gain, and old code must still run on the new schema.

    python -m tools.migration sales "quotes get a discount"
"""

import argparse
import asyncio
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import rev_id
from sqlalchemy import Connection, MetaData, make_url, pool
from sqlalchemy.ext.asyncio import create_async_engine

from common.custom_fields.indexes import NAMED
from common.embedded_postgres import EmbeddedPostgres
from common.migrations import upgrade
from tools.tree import Service, services


def draft(service: Service, message: str) -> Path | None:
    """Write the next revision of the service; None when the models ask for nothing new."""
    metadata = metadata_of(service)
    migrations = service.folder / "migrations"
    config = Config(str(service.folder / "alembic.ini"))
    script = ScriptDirectory.from_config(config)
    with tempfile.TemporaryDirectory(prefix="fairway-migration-") as directory:
        # PostgreSQL runs as somebody else when root starts it, and has to get through.
        Path(directory).chmod(0o711)
        with EmbeddedPostgres(Path(directory) / "postgres", fast=True) as server:
            if script.get_heads():
                asyncio.run(upgrade(server.url(), migrations))
            changes = asyncio.run(_compare(server.url(), metadata))
    if changes is None:
        return None
    revision = script.generate_revision(
        next_revision(script.get_current_head()),
        message,
        upgrades=changes,
        downgrades="pass",
        imports="from sqlalchemy.dialects import postgresql\n" if "postgresql." in changes else "",
    )
    return Path(revision.path) if revision else None


def next_revision(head: str | None) -> str:
    """0003 after 0002; anything but a number is followed by alembic's own kind of name."""
    if head is None:
        return "0001"
    return f"{int(head) + 1:04}" if head.isdigit() else rev_id()


def metadata_of(service: Service) -> MetaData:
    """The metadata of the service's models, all of them imported."""
    for path in sorted(service.source.rglob("*.py")):
        if path.name != "__main__.py":
            importlib.import_module(
                ".".join(path.relative_to(service.source.parent).with_suffix("").parts)
            )
    metadata: MetaData = importlib.import_module(f"{service.package}.db").Base.metadata
    return metadata


async def _compare(url: str, metadata: MetaData) -> str | None:
    """The statements that are missing, as Python."""
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"), poolclass=pool.NullPool
    )
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_render, metadata)
    finally:
        await engine.dispose()


def _render(connection: Connection, metadata: MetaData) -> str | None:
    def include(_: Any, name: str | None, kind: str, reflected: bool, compared_to: Any) -> bool:
        # An index of a custom field is asked for by data and not by a model.
        is_by_data = kind == "index" and str(name).startswith(NAMED)
        return not is_by_data and not (kind == "table" and reflected and compared_to is None)

    context = MigrationContext.configure(
        connection,
        opts={"compare_type": True, "include_object": include, "target_metadata": metadata},
    )
    changes = produce_migrations(context, metadata).upgrade_ops
    if changes is None or changes.is_empty():
        return None
    return render_python_code(changes, migration_context=context)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code is 1 when there is nothing to migrate."""
    parser = argparse.ArgumentParser(
        prog="make migration", usage='make migration S=sales M="quotes get a discount"'
    )
    parser.add_argument("service")
    parser.add_argument("message")
    options = parser.parse_args(arguments)
    if not options.service or not options.message:
        parser.error("S= names the service, M= says what changes")

    (service,) = services(only=[options.service])
    path = draft(service, options.message)
    if path is None:
        print(f"the migrations of {service.name} already make what its models say")
        return 1
    print(f"wrote {path.relative_to(service.folder.parent.parent)}; read it before you commit it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
