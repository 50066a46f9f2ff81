"""Alembic, driven from code: one command brings a service's database to the head of its folder."""

import asyncio
from functools import cache
from pathlib import Path

import asyncpg
from alembic import command
from alembic import context as alembic_context
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, MetaData, make_url, pool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from common.custom_fields.indexes import NAMED, make_indexes
from common.database_roles import OWNER_TO_BECOME, make_roles
from common.db import Database

# One migration at a time, however many processes start at once.
_MIGRATION_LOCK = 0x46574D47


def _config(migrations: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return config


@cache
def head_of(migrations: Path) -> str:
    """The newest revision in the folder."""
    head = ScriptDirectory.from_config(_config(migrations)).get_current_head()
    if head is None:
        raise RuntimeError(f"no migrations in {migrations}")
    return head


async def upgrade(dsn: str, migrations: Path) -> None:
    """Bring the database to the head, and indexes to what custom fields ask for.

    Waits while another process does so. Raises RolesMissing.
    """
    await make_roles(dsn)
    engine = create_async_engine(
        make_url(dsn).set(drivername="postgresql+asyncpg"), poolclass=pool.NullPool
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            if (owner := await connection.scalar(text(OWNER_TO_BECOME))) is not None:
                await connection.execute(text(f"SET LOCAL ROLE {owner}"))
            await connection.run_sync(_upgrade_on, migrations)
        await make_indexes(engine)
    finally:
        await engine.dispose()


def _upgrade_on(connection: Connection, migrations: Path) -> None:
    config = _config(migrations)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def run_env(metadata: MetaData) -> None:
    """The body of every service's `migrations/env.py`."""
    connection: Connection | None = alembic_context.config.attributes.get("connection")
    if connection is None:
        raise RuntimeError("migrations run through `python -m <service> migrate`")
    alembic_context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=lambda name, kind, _: (
            name in metadata.tables if kind == "table" else not str(name).startswith(NAMED)
        ),
        compare_type=True,
    )
    with alembic_context.begin_transaction():
        alembic_context.run_migrations()


async def draft(dsn: str, migrations: Path, message: str) -> Path:
    """Write a migration for what the mapped classes have and the database lacks; returns it.

    The database must stand at the head. A draft is read and mended by a person before it counts.
    """
    engine = create_async_engine(
        make_url(dsn).set(drivername="postgresql+asyncpg"), poolclass=pool.NullPool
    )
    revision = f"{len(list((migrations / 'versions').glob('*.py'))) + 1:04d}"

    def write(connection: Connection) -> Path:
        config = _config(migrations)
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        config.attributes["connection"] = connection
        made = command.revision(config, message, autogenerate=True, rev_id=revision)
        assert isinstance(made, Script)
        return Path(made.path)

    try:
        async with engine.begin() as connection:
            return await connection.run_sync(write)
    finally:
        await engine.dispose()


@cache
def _revisions_of(migrations: Path) -> frozenset[str]:
    scripts = ScriptDirectory.from_config(_config(migrations))
    return frozenset(script.revision for script in scripts.walk_revisions())


def is_usable(revision: str | None, migrations: Path) -> bool:
    """Whether this release can work on a database that stands at `revision`.

    One that it does not know is of a newer release: migrations only widen what is there until no
    older release runs, so a rolling deployment and a rollback both go on.
    """
    if revision is None:
        return False
    return revision == head_of(migrations) or revision not in _revisions_of(migrations)


async def current_revision(dsn: str) -> str | None:
    """The revision the database stands at; None for an empty one."""
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return revision


AT_HEAD = "at head"


async def schema_state(database: Database, migrations: Path) -> str:
    """`at head`, or in a few words what is wrong; one cheap statement."""
    try:
        async with asyncio.timeout(4), database.reading() as session:
            found = await session.execute(text("SELECT version_num FROM alembic_version"))
            revision: str | None = found.scalar()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != asyncpg.UndefinedTableError.sqlstate:
            return f"away: {type(error).__name__}"
        revision = None
    except (PoolTimeout, OSError) as error:
        return f"away: {type(error).__name__}"
    if is_usable(revision, migrations):
        return AT_HEAD
    return f"at {revision}, head is {head_of(migrations)}"
