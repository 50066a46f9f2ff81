"""A department and its rules."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from channel import events
from channel.db import Base
from channel.territories.model import Territory
from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id


class DepartmentKind(StrEnum):
    """What a department is; more may follow."""

    GROUP = "group"
    HQ = "hq"
    PLANT = "plant"
    SUBSIDIARY = "subsidiary"
    BRANCH = "branch"
    OFFICE = "office"
    WORKSHOP = "workshop"
    TEAM = "team"


class DepartmentState(StrEnum):
    """Whether people work in the department."""

    ACTIVE = "active"
    CLOSED = "closed"


_KIND = DepartmentKind
MAY_HOLD: Mapping[str, frozenset[str]] = {
    _KIND.GROUP: frozenset(_KIND) - {_KIND.GROUP},
    _KIND.HQ: frozenset(_KIND) - {_KIND.GROUP, _KIND.HQ},
    # A subsidiary below a subsidiary is one of the second level.
    _KIND.SUBSIDIARY: frozenset(_KIND) - {_KIND.GROUP, _KIND.HQ},
    _KIND.PLANT: frozenset({_KIND.OFFICE, _KIND.WORKSHOP, _KIND.TEAM}),
    _KIND.BRANCH: frozenset({_KIND.OFFICE, _KIND.WORKSHOP, _KIND.TEAM}),
    _KIND.OFFICE: frozenset({_KIND.OFFICE, _KIND.TEAM}),
    _KIND.WORKSHOP: frozenset({_KIND.TEAM}),
    _KIND.TEAM: frozenset(),
}
"""Which kinds may stand directly below which; any kind may stand at the top."""


class DepartmentNotFound(NotFound):
    """There is no such department."""

    code = "department_not_found"


class DepartmentUnknown(Invalid):
    """What is written down names a department that is not there, or is closed."""

    code = "department_unknown"


class DepartmentCycle(Invalid):
    """The department above is the department itself or lies below it."""

    code = "department_cycle"


class DepartmentMisplaced(Invalid):
    """A department of this kind does not stand below one of that kind."""

    code = "department_misplaced"


class DepartmentCodeTaken(Conflict):
    """Another department has this code."""

    code = "department_code_taken"


class DepartmentExternalIdTaken(Conflict):
    """Another department carries this id of the other system."""

    code = "external_id_taken"


class DepartmentInUse(Conflict):
    """Active employees or open departments are in the department."""

    code = "department_in_use"


class DepartmentClosed(Conflict):
    """A closed department is not changed; open it again first."""

    code = "department_closed"


class DepartmentStaysThere(Conflict):
    """The department stands at this place already."""

    code = "department_stays_there"


class MoveOutOfOrder(Invalid):
    """A move lies in the past, after the moves that made the place it goes to.

    `after` is the day of the latest move of the department and of those it comes to stand below.
    """

    code = "move_out_of_order"


class DepartmentMove(Base):
    """One move of a department in the tree; never changed afterwards."""

    __tablename__ = "department_moves"
    __table_args__ = (Index("ix_department_moves_department", "department_id", "moved_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    department_id: Mapped[UUID] = mapped_column(ForeignKey("departments.id"))
    from_parent_id: Mapped[UUID | None]
    parent_id: Mapped[UUID | None]
    moved_on: Mapped[date]
    moved_at: Mapped[datetime]
    moved_by: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(String(300))
    department: Mapped["Department"] = relationship(lazy="raise")


class Department(Aggregate, Base):
    """A part of our organisation. Who may see what follows the tree as it stands now."""

    __tablename__ = "departments"
    __table_args__ = (
        Index(
            "uq_departments_external_id",
            "external_source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index("ix_departments_name_id", "name", "id"),
        Index("ix_departments_created_at_id", "created_at", "id"),
    )

    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    code: Mapped[str | None] = mapped_column(String(40), unique=True)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("departments.id"), index=True)
    region_id: Mapped[UUID | None] = mapped_column(ForeignKey("territories.id"), index=True)
    state: Mapped[str] = mapped_column(String(20))
    closed_on: Mapped[date | None]
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))
    # Never read: it has new territories written before new departments that name them.
    region: Mapped[Territory | None] = relationship(lazy="raise")

    @property
    def is_active(self) -> bool:
        """Whether people work here."""
        return self.state == DepartmentState.ACTIVE

    @classmethod
    def open(
        cls, *, parent: "Department | None", **values: Any
    ) -> tuple["Department", events.DepartmentChanged]:
        """A new department below `parent`, or at the top."""
        department = cls(
            parent_id=None if parent is None else parent.id, state=DepartmentState.ACTIVE, **values
        )
        if parent is not None:
            check_place(department.kind, parent.kind)
        return department, department._told()

    def update(
        self, changes: dict[str, Any], *, parent_kind: str | None, kinds_below: Iterable[str]
    ) -> events.DepartmentChanged | None:
        """Change name, kind, code or territory; None when every value is the same already.

        `parent_kind` and `kinds_below` are looked at when the kind changes.
        """
        if all(getattr(self, name) == value for name, value in changes.items()):
            return None
        if not self.is_active:
            raise DepartmentClosed(f"the department {self.name} is closed")
        if changes.get("kind", self.kind) != self.kind:
            if parent_kind is not None:
                check_place(changes["kind"], parent_kind)
            for kind in kinds_below:
                check_place(kind, changes["kind"])
        for name, value in changes.items():
            setattr(self, name, value)
        return self._told()

    def move(
        self,
        *,
        to: "Department | None",
        ancestors: Iterable[UUID],
        on: date,
        today: date,
        after: date | None,
        by: str,
        now: datetime,
        reason: str,
    ) -> tuple[DepartmentMove, events.DepartmentChanged]:
        """Put the department below another, or at the top; the move is written down.

        `ancestors`: `to` and everything above it; `after`: the day of the latest move among them
        and this department. No move before that day: it could close a circle in the past.
        """
        parent_id = None if to is None else to.id
        if not self.is_active:
            raise DepartmentClosed(f"the department {self.name} is closed")
        if parent_id == self.parent_id:
            raise DepartmentStaysThere("the department stands there already")
        if self.id in set(ancestors):
            raise DepartmentCycle(
                "a department cannot stand below itself, directly or through others",
                pointer="/parent_id",
            )
        if to is not None:
            check_place(self.kind, to.kind)
        if on > today or (after is not None and on < after):
            raise MoveOutOfOrder(
                f"a move lies between {after or 'any day'} and today, {today}",
                pointer="/moved_on",
                after=None if after is None else after.isoformat(),
            )
        move = DepartmentMove(
            department_id=self.id,
            from_parent_id=self.parent_id,
            parent_id=parent_id,
            moved_on=on,
            moved_at=now,
            moved_by=by,
            reason=reason,
        )
        self.parent_id = parent_id
        return move, self._told()

    def close(
        self, *, open_departments: int, employees: int, on: date
    ) -> events.DepartmentChanged | None:
        """Take the department out of use; None when that was done already.

        `employees`: the active ones in it; `open_departments`: those directly below it.
        """
        if not self.is_active:
            return None
        if open_departments or employees:
            raise DepartmentInUse(
                f"{employees} active employees and {open_departments} open departments are in"
                f" {self.name}",
                employees=employees,
                open_departments=open_departments,
            )
        self.state, self.closed_on = DepartmentState.CLOSED, on
        return self._told()

    def reopen(self, *, parent_is_active: bool) -> events.DepartmentChanged | None:
        """Take a closed department into use again; None when it is open."""
        if self.is_active:
            return None
        if not parent_is_active:
            raise DepartmentClosed("the department above is closed; open it first")
        self.state, self.closed_on = DepartmentState.ACTIVE, None
        return self._told()

    def _told(self) -> events.DepartmentChanged:
        return events.DepartmentChanged(
            department_id=self.id,
            name=self.name,
            kind=self.kind,
            code=self.code,
            parent_id=self.parent_id,
            state=self.state,
            region_id=self.region_id,
            external_source=self.external_source,
            external_id=self.external_id,
        )


def check_place(kind: str, parent_kind: str) -> None:
    """Refuse a department of `kind` below one of `parent_kind`."""
    if kind not in MAY_HOLD[parent_kind]:
        raise DepartmentMisplaced(
            f"a {kind} does not stand below a {parent_kind}; there may be:"
            f" {', '.join(sorted(MAY_HOLD[parent_kind])) or 'nothing'}",
            pointer="/parent_id",
        )
