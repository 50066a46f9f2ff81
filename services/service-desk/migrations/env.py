"""Alembic's entry; run by `python -m service_desk migrate`."""

from common.migrations import run_env
from service_desk.db import Base

run_env(Base.metadata)
