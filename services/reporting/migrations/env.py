"""Alembic's entry; run by `python -m reporting migrate`."""

from common.migrations import run_env
from reporting.db import Base

run_env(Base.metadata)
