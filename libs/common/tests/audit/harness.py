"""A parcel with everything a record can have, for the tests of the trail."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from pydantic import Field
from sqlalchemy import ForeignKey, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from common.aggregate import Aggregate
from common.audit.schema import V1
from common.audit.trail import ONLY_THAT_IT_CHANGED
from common.audit.verify import verify
from common.db import Database, Tables, new_metadata
from common.events import Event
from common.messaging import schema
from common.messaging.outbox import record
from common.testing.databases import as_owner


class Base(Tables, DeclarativeBase):
    metadata = new_metadata()


class ParcelLine(Base):
    __tablename__ = "parcel_lines"

    parcel_id: Mapped[UUID] = mapped_column(ForeignKey("parcels.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Numeric(12, 3))


class Parcel(Aggregate, Base):
    __tablename__ = "parcels"

    name: Mapped[str]
    state: Mapped[str] = mapped_column(default="packed")
    value: Mapped[Decimal | None]
    pieces: Mapped[int | None]
    fragile: Mapped[bool] = mapped_column(default=False)
    sent_on: Mapped[date | None]
    sent_at: Mapped[datetime | None]
    partner_id: Mapped[UUID | None]
    notes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    secret: Mapped[str | None] = mapped_column(info=ONLY_THAT_IT_CHANGED)
    deleted_at: Mapped[datetime | None]
    lines: Mapped[list[ParcelLine]] = relationship(
        lazy="raise", cascade="all, delete-orphan", order_by=ParcelLine.line_no
    )


class ParcelChanged(Event):
    """A parcel is otherwise now."""

    type = "sales.parcel.changed.v1"

    name: Annotated[str, Field(examples=["books"])]


async def make_tables(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in (*schema.V1, *V1):
            await connection.execute(statement)
        await connection.execute("""
            CREATE TABLE parcels (id uuid PRIMARY KEY, name text NOT NULL, state text NOT NULL,
                value numeric(20, 6), pieces int, fragile bool NOT NULL, sent_on date,
                sent_at timestamptz, partner_id uuid, notes jsonb NOT NULL, secret text,
                deleted_at timestamptz, version int NOT NULL, created_at timestamptz NOT NULL,
                updated_at timestamptz NOT NULL);
            CREATE TABLE parcel_lines (parcel_id uuid REFERENCES parcels, line_no int,
                what text NOT NULL, quantity numeric(12, 3) NOT NULL,
                PRIMARY KEY (parcel_id, line_no));
        """)
    finally:
        await connection.close()


def say(session, parcel):
    record(session, parcel, ParcelChanged(name=parcel.name))


async def pack(database: Database, **values: Any) -> UUID:
    """A new parcel, in a transaction of its own."""
    async with database.transaction() as session:
        parcel = Parcel(**{"name": "books"} | values)
        session.add(parcel)
        say(session, parcel)
    return parcel.id


async def change(database: Database, parcel_id: UUID, **values: Any) -> None:
    async with database.transaction() as session:
        parcel = await session.get_one(Parcel, parcel_id, with_for_update=True)
        for name, value in values.items():
            setattr(parcel, name, value)
        say(session, parcel)


async def entries(database: Database, record_id: UUID | None = None) -> list[Any]:
    """The entries of a record, or of all, oldest first."""
    async with database.reading() as session:
        rows = await session.execute(
            text("""
                SELECT * FROM audit_entries WHERE CAST(:id AS uuid) IS NULL OR record_id = :id
                ORDER BY recorded_at, version
            """),
            {"id": record_id},
        )
        return list(rows)


async def faults(database: Database, **which: Any) -> list[tuple[UUID, int | None, str]]:
    found = await verify(database, ["parcels"], **which)
    return [(fault.record_id, fault.version, fault.fault) for fault in found.faults]


async def tamper(database: Database, statement: str, **values: Any) -> None:
    """Do what somebody can who may switch triggers off."""
    async with database.transaction() as session:
        await as_owner(session)
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text(statement), values)
