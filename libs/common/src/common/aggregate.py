"""The base of every mapped class that has events of its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Integer, Uuid
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from common.ids import new_id


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
        super().__init__(**values)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version, "version_id_generator": False}
