"""The database of a service: one pool, one transaction a request or event, one place that commits."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import DateTime, MetaData, Numeric, Uuid, make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.pool import NullPool

from common.access import rows
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


@rows.watch
class Reading(SyncSession):
    """The session of reads."""


rows.watch(UnitOfWork)


class Database:
    """The connections of one service.

    Opened without touching the server; the first use connects. `on_said` is called after every
    commit that recorded events, in the committing task.
    """

    def __init__(self, service: str, dsn: str, *, pool_size: int = 10, pooled: bool = True) -> None:
        self.service = service
        self.dsn = dsn
        url = make_url(dsn).set(drivername="postgresql+asyncpg")
        connect_args = {
            "timeout": 4,
            "server_settings": {"application_name": f"fairway-{service}", "timezone": "UTC"},
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
        # A read of one statement needs no BEGIN and COMMIT of its own: two round trips less.
        self._reading = async_sessionmaker(
            self.engine.execution_options(isolation_level="AUTOCOMMIT"),
            sync_session_class=Reading,
            expire_on_commit=False,
        )
        self.on_said: Callable[[], None] = lambda: None
        self._writing = async_sessionmaker(
            self.engine,
            sync_session_class=UnitOfWork,
            expire_on_commit=False,
            info={"fairway_on_said": self._said},
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
        """Give the connections back."""
        self._silence.close()
        await self.engine.dispose()


async def request_session(request: Request) -> AsyncSession:
    """The session that `common.api_routing` opened for this request."""
    session: AsyncSession = request.state.session
    return session


Session = Annotated[AsyncSession, Depends(request_session)]
"""The transaction of this request, for routes; committed before the response leaves."""
