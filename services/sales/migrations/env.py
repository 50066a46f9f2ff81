"""Alembic's entry; run by `python -m sales migrate`."""

from common.migrations import run_env
from sales.db import Base

run_env(Base.metadata)
