"""The shop's own tables."""

from pathlib import Path

from sqlalchemy.orm import DeclarativeBase

from common.db import Tables, new_metadata

SERVICE = "shop"
MIGRATIONS = Path(__file__).parent / "migrations"


class Base(Tables, DeclarativeBase):
    metadata = new_metadata()
