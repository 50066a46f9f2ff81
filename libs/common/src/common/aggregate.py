"""The base of every mapped class that has events of its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Integer, Table, Uuid, event
from sqlalchemy.orm import Mapped, Mapper, declared_attr, mapped_column

from common.access.rows import is_scoped
from common.auth import current_rows
from common.ids import new_id

AGGREGATE = "fairway_aggregate"
"""In the `info` of a table: its rows are aggregates."""


class ChangedInSilence(Exception):
    """An aggregate changed and no event told it; the accident that `record` is there to prevent."""


class Aggregate:
    """A thing that changes as a whole, under one version that counts its events.

    Mix it in before the service's declarative base. `version` is 0 until the first event is
    recorded, and an UPDATE of a row whose version has moved on fails
    (sqlalchemy.orm.exc.StaleDataError).
    """

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, sort_order=-10)
    version: Mapped[int] = mapped_column(Integer, sort_order=900)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), sort_order=901)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), sort_order=902)

    def __init__(self, **values: Any) -> None:
        values.setdefault("id", new_id())
        values.setdefault("version", 0)
        rows = current_rows()
        if rows is not None and is_scoped(type(self)):
            rows.settle(values)
        super().__init__(**values)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version, "version_id_generator": False}


@event.listens_for(Aggregate, "mapper_configured", propagate=True)
def _mark_table(mapper: Mapper[Any], _: type) -> None:
    assert isinstance(mapper.local_table, Table)
    mapper.local_table.info[AGGREGATE] = True
