"""The database of a service: one pool, one transaction a request or event, one place that commits."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from uuid import UUID

import asyncpg
from fastapi import Depends, Request
from sqlalchemy import Connection, DateTime, Engine, MetaData, Numeric, Uuid, make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.pool import NullPool

from common.access import rows
from common.access.schema import ALL_ROWS_ROLE
from common.custom_fields.definitions import MEMORY, Memory
from common.messaging.outbox import UnitOfWork
from common.silence import SilenceWatch

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of indexes and constraints, so that migrations can speak of them."""

_TRANSACTIONAL = "fairway_transactional"


class Tables:
    """What the declarative base of every service shares: how Python types become columns.

    A service's `db.py` has `class Base(Tables, DeclarativeBase)` with metadata of its own. Each has
    a registry of its own so, because the one-machine suite holds six services in one process and
    two may call a class alike.
    """

    type_annotation_map: ClassVar = {
        UUID: Uuid,
        datetime: DateTime(timezone=True),
        Decimal: Numeric(20, 6),
    }


def new_metadata() -> MetaData:
    """Metadata with our naming convention."""
    return MetaData(naming_convention=NAMING_CONVENTION)


class ServiceConnection(asyncpg.Connection):  # type: ignore[misc]  # it ships no types
    """A connection whose next transaction begins with a statement that travels with the BEGIN."""

    begin_with: str | None = None

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """As asyncpg's; both statements are one round trip."""
        if self.begin_with is not None and query.startswith("BEGIN"):
            query, self.begin_with = f"{query} {self.begin_with}", None
        status: str = await super().execute(query, *args, timeout=timeout)
        return status


@rows.watch
class Reading(SyncSession):
    """The session of reads; behind the wall of a partner they share one transaction."""

    def get_bind(self, *args: Any, **options: Any) -> Engine | Connection:
        """The engine without transactions, or the one with them."""
        if rows.was_walled(self):
            transactional: Engine = self.info[_TRANSACTIONAL]
            return transactional
        return super().get_bind(*args, **options)


rows.watch(UnitOfWork)


class Database:
    """The connections of one service.

    Opened without touching the server; the first use connects. `on_said` is called after every
    commit that recorded events, in the committing task.

    Sessions see all rows until `common.access.rows.narrow` says otherwise; one that is narrowed to
    a partner's is behind the wall of the database from its BEGIN on (`common.access.schema`).
    """

    def __init__(
        self,
        service: str,
        dsn: str,
        *,
        pool_size: int = 10,
        pooled: bool = True,
        behind_pooler: bool = False,
    ) -> None:
        """`behind_pooler`: the URL leads to a pooler that keeps nothing beyond a transaction."""
        self.service = service
        self.dsn = dsn
        url = make_url(dsn).set(drivername="postgresql+asyncpg")
        server_settings = {"application_name": f"fairway-{service}", "timezone": "UTC"}
        if not behind_pooler:
            # The login itself sees nothing. Said once a connection, it costs no statement; where
            # a connection is everybody's, each transaction has to say it.
            server_settings["role"] = ALL_ROWS_ROLE
        connect_args = {
            "timeout": 4,
            "server_settings": server_settings,
            "connection_class": ServiceConnection,
        }
        if pooled:
            # Refuse after 3 s with 503 instead of queueing without end behind a slow database.
            self.engine = create_async_engine(
                url,
                pool_size=pool_size,
                max_overflow=0,
                pool_timeout=3,
                connect_args=connect_args,
            )
        else:
            self.engine = create_async_engine(url, poolclass=NullPool, connect_args=connect_args)
        self._silence = SilenceWatch(self.engine, dsn)
        memory = Memory()
        says = {rows.SAYS_ALL_ROWS: behind_pooler}
        # A read of one statement needs no BEGIN and COMMIT of its own: two round trips less. Behind
        # a wall, or a pooler, it does: what a transaction may see goes with its BEGIN.
        without = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._reading = async_sessionmaker(
            self.engine if behind_pooler else without,
            sync_session_class=Reading,
            expire_on_commit=False,
            info={_TRANSACTIONAL: self.engine.sync_engine, MEMORY: memory, **says},
        )
        self.on_said: Callable[[], None] = lambda: None
        self.before_close: list[Callable[[], Awaitable[None]]] = []
        """Called by `close`, each to finish what still works with connections of this database."""
        self._writing = async_sessionmaker(
            self.engine,
            sync_session_class=UnitOfWork,
            expire_on_commit=False,
            info={"fairway_on_said": self._said, MEMORY: memory, **says},
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed with its events when the block ends, undone when it raises."""
        async with self._writing() as session, session.begin():
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session for reading; each statement sees what is committed when it starts."""
        async with self._reading() as session:
            yield session

    def _said(self) -> None:
        self.on_said()

    async def close(self) -> None:
        """Give the connections back, when what works with them is done."""
        for finish in self.before_close:
            await finish()
        self._silence.close()
        await self.engine.dispose()


async def request_session(request: Request) -> AsyncSession:
    """The session that `common.api_routing` opened for this request."""
    session: AsyncSession = request.state.session
    return session


Session = Annotated[AsyncSession, Depends(request_session)]
"""The transaction of this request, for routes; committed before the response leaves."""
