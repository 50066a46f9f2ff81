"""Alembic's entry; run by `python -m customer migrate`."""

from common.migrations import run_env
from customer.db import Base

run_env(Base.metadata)
