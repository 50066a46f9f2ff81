"""The customer service's own tables."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from common.db import Tables, new_metadata
from common.ids import stable_hash

SERVICE = "customer"
MIGRATIONS = Path(__file__).parents[2] / "migrations"


class Base(Tables, DeclarativeBase):
    """The declarative base of every mapped class of this service."""

    metadata = new_metadata()


async def take_turn(session: AsyncSession, what: str) -> None:
    """Wait until no other transaction works on `what`, and keep the others waiting.

    For rules over many rows, which a lock on one row cannot hold.
    """
    await session.execute(
        text("SELECT pg_advisory_xact_lock(:lock)"),
        {"lock": stable_hash(f"customer {what}".encode()) - 2**63},
    )
