"""A territory and its rules."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from channel import events
from channel.db import Base
from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound


class TerritoryState(StrEnum):
    """Whether partners may work in the territory."""

    ACTIVE = "active"
    CLOSED = "closed"


class TerritoryNotFound(NotFound):
    """There is no such territory."""

    code = "territory_not_found"


class TerritoryUnknown(Invalid):
    """What is written down names a territory that is not there, or is closed."""

    code = "territory_unknown"


class TerritoryCycle(Invalid):
    """The territory above is the territory itself or lies below it."""

    code = "territory_cycle"


class TerritoryCodeTaken(Conflict):
    """Another territory has this code."""

    code = "territory_code_taken"


class TerritoryClosed(Conflict):
    """A closed territory is not changed; open it again first."""

    code = "territory_closed"


class TerritoryInUse(Conflict):
    """Partners work in the territory, or open territories lie in it."""

    code = "territory_in_use"


class Territory(Aggregate, Base):
    """A region of the market. The others know its id as `region_id`."""

    __tablename__ = "territories"
    __table_args__ = (Index("ix_territories_name_id", "name", "id"),)

    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    english_name: Mapped[str | None] = mapped_column(String(120))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("territories.id"), index=True)
    state: Mapped[str] = mapped_column(String(20))

    @property
    def is_active(self) -> bool:
        """Whether partners may work here."""
        return self.state == TerritoryState.ACTIVE

    @classmethod
    def open(cls, **values: Any) -> tuple["Territory", events.TerritoryChanged]:
        """A new territory."""
        territory = cls(state=TerritoryState.ACTIVE, **values)
        return territory, territory._told()

    def update(self, changes: dict[str, Any]) -> events.TerritoryChanged | None:
        """Change code, names or the territory above; None when every value is the same already."""
        if all(getattr(self, name) == value for name, value in changes.items()):
            return None
        if not self.is_active:
            raise TerritoryClosed(f"the territory {self.code} is closed")
        for name, value in changes.items():
            setattr(self, name, value)
        return self._told()

    def check_parent(self, ancestors: Iterable[UUID]) -> None:
        """Refuse a territory above whose `ancestors` (itself first) include this one."""
        if self.id in set(ancestors):
            raise TerritoryCycle(
                "a territory cannot lie in itself, directly or through others",
                pointer="/parent_id",
            )

    def close(self, *, open_territories: int, partners: int) -> events.TerritoryChanged | None:
        """Take the territory out of use; None when that was done already.

        `partners`: those at work in it; `open_territories`: those directly below it.
        """
        if not self.is_active:
            return None
        if open_territories or partners:
            raise TerritoryInUse(
                f"{partners} partners and {open_territories} open territories are in {self.code}",
                partners=partners,
                open_territories=open_territories,
            )
        self.state = TerritoryState.CLOSED
        return self._told()

    def reopen(self, *, parent_is_active: bool) -> events.TerritoryChanged | None:
        """Take a closed territory into use again; None when it is open."""
        if self.is_active:
            return None
        if not parent_is_active:
            raise TerritoryClosed("the territory above is closed; open it first")
        self.state = TerritoryState.ACTIVE
        return self._told()

    def _told(self) -> events.TerritoryChanged:
        return events.TerritoryChanged(
            territory_id=self.id,
            code=self.code,
            name=self.name,
            english_name=self.english_name,
            parent_id=self.parent_id,
            state=self.state,
            region_id=self.id,
        )
