"""Drafting a migration, with a real server and a service of one table."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import migration
from tools.tree import Service

from .builders import write

DB = """
from sqlalchemy.orm import DeclarativeBase

from common.db import Tables, new_metadata

class Base(Tables, DeclarativeBase):
    metadata = new_metadata()
"""
MODEL = """
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.dialects.postgresql import JSONB

from pottery.db import Base

class Pot(Base):
    __tablename__ = "pots"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    fired_at: Mapped[datetime]
    glaze: Mapped[dict] = mapped_column(JSONB)
"""
ENV = """
from common.migrations import run_env
from pottery.db import Base

run_env(Base.metadata)
"""
MAKO = '''"""${message}."""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
'''
OURS = '''"""A table that no model names."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE event_log (seq bigint)")
'''


@pytest.fixture
def pottery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    folder = "services/pottery"
    write(
        tmp_path,
        f"{folder}/alembic.ini",
        "[alembic]\nscript_location = %(here)s/migrations\nfile_template = %%(rev)s_%%(slug)s\n",
    )
    write(tmp_path, f"{folder}/migrations/env.py", ENV)
    write(tmp_path, f"{folder}/migrations/script.py.mako", MAKO)
    write(tmp_path, f"{folder}/migrations/versions/0001_ours.py", OURS)
    write(tmp_path, f"{folder}/src/pottery/__init__.py")
    write(tmp_path, f"{folder}/src/pottery/db.py", DB)
    write(tmp_path, f"{folder}/src/pottery/pots/model.py", MODEL)
    monkeypatch.syspath_prepend(tmp_path / folder / "src")
    importlib.invalidate_caches()
    yield Service("pottery", tmp_path / folder)
    for name in [name for name in sys.modules if name.split(".")[0] == "pottery"]:
        del sys.modules[name]


def test_a_draft_makes_what_the_models_name_and_leaves_the_rest_alone(pottery):
    first = migration.draft(pottery, "pots get a table")
    second = migration.draft(pottery, "nothing new")

    assert first is not None
    assert first.name == "0002_pots_get_a_table.py"
    text = first.read_text()
    assert "op.create_table('pots'" in text
    assert "from sqlalchemy.dialects import postgresql" in text
    assert "event_log" not in text
    assert second is None
