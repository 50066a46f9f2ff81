"""The reporting service's own tables."""

from pathlib import Path

from sqlalchemy.orm import DeclarativeBase

from common.db import Tables, new_metadata

SERVICE = "reporting"
MIGRATIONS = Path(__file__).parents[2] / "migrations"


class Base(Tables, DeclarativeBase):
    """The declarative base of every mapped class of this service."""

    metadata = new_metadata()
