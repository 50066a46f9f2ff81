"""Alembic's entry; run by `python -m channel migrate`."""

from channel.db import Base
from common.migrations import run_env

run_env(Base.metadata)
