"""Whose a thing is: the four columns that data scope is decided by, on every scoped record."""

from typing import Any
from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.orm import Mapped, mapped_column


class Scoped:
    """Columns of a mapped class whose rows belong to somebody.

    Events carry the same four values, so that readers can scope what they keep without asking.
    """

    owner_id: Mapped[UUID | None] = mapped_column(Uuid, index=True, sort_order=800)
    department_id: Mapped[UUID | None] = mapped_column(Uuid, index=True, sort_order=801)
    partner_id: Mapped[UUID | None] = mapped_column(Uuid, index=True, sort_order=802)
    region_id: Mapped[UUID | None] = mapped_column(Uuid, index=True, sort_order=803)

    @property
    def scope(self) -> dict[str, Any]:
        """The four values, as the fields of a ScopedEvent."""
        return {
            "owner_id": self.owner_id,
            "department_id": self.department_id,
            "partner_id": self.partner_id,
            "region_id": self.region_id,
        }
