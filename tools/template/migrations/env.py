"""Alembic's entry; run by `python -m template_service migrate`."""

from common.migrations import run_env
from template_service.db import Base

run_env(Base.metadata)
