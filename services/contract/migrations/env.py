"""Alembic's entry; run by `python -m contract migrate`."""

from common.migrations import run_env
from contract.db import Base

run_env(Base.metadata)
