"""Alembic's entry."""

from sqlalchemy import MetaData

from common.migrations import run_env

run_env(MetaData())
