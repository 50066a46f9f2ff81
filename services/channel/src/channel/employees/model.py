"""An employee and its rules."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from channel import events
from channel.db import Base
from channel.departments.model import Department
from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound


class EmployeeState(StrEnum):
    """Whether the person works for us."""

    ACTIVE = "active"
    LEFT = "left"


class EmployeeNotFound(NotFound):
    """There is no such employee."""

    code = "employee_not_found"


class EmployeeUnknown(Invalid):
    """What is written down names an employee who is not there, or has left."""

    code = "employee_unknown"


class ManagerCycle(Invalid):
    """The manager is the employee or reports to the employee."""

    code = "manager_cycle"


class EmployeeExternalIdTaken(Conflict):
    """Another employee carries this id of the other system."""

    code = "external_id_taken"


class EmployeeHasLeft(Conflict):
    """The record of somebody who has left is not changed."""

    code = "employee_has_left"


class EmployeeIsNeeded(Conflict):
    """Employees report to the leaving one, or partners are in their care: name a successor."""

    code = "employee_is_needed"


class DepartmentTwice(Invalid):
    """The further departments of an employee are others than the main one, each named once."""

    code = "department_twice"


class SuccessorNotSuitable(Invalid):
    """The successor is another employee, who stays."""

    code = "successor_not_suitable"


class Employee(Aggregate, Base):
    """A person who works for us. What they own names them by `owner_id`."""

    __tablename__ = "employees"
    __table_args__ = (
        Index(
            "uq_employees_external_id",
            "external_source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index("ix_employees_name_id", "name", "id"),
        Index("ix_employees_created_at_id", "created_at", "id"),
        Index("ix_employees_other_department_ids", "other_department_ids", postgresql_using="gin"),
    )

    number: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    position: Mapped[str | None] = mapped_column(String(120))
    email: Mapped[str | None] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(40))
    department_id: Mapped[UUID] = mapped_column(ForeignKey("departments.id"), index=True)
    other_department_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    manager_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"), index=True)
    state: Mapped[str] = mapped_column(String(20))
    joined_on: Mapped[date | None]
    left_on: Mapped[date | None]
    successor_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))
    # Never read: it has new departments written before new employees who work in them.
    department: Mapped[Department] = relationship(lazy="raise")

    @property
    def is_active(self) -> bool:
        """Whether the person works for us."""
        return self.state == EmployeeState.ACTIVE

    @classmethod
    def join(cls, *, number: int, **values: Any) -> tuple["Employee", events.EmployeeChanged]:
        """A new employee; the number stays for ever."""
        values.setdefault("other_department_ids", [])
        employee = cls(number=f"E{number:06d}", state=EmployeeState.ACTIVE, **values)
        employee._check_departments()
        return employee, employee._told()

    def update(self, changes: dict[str, Any]) -> events.EmployeeChanged | None:
        """Change what is known; None when every value is the same already."""
        if all(getattr(self, name) == value for name, value in changes.items()):
            return None
        if not self.is_active:
            raise EmployeeHasLeft(f"{self.number} left on {self.left_on}")
        for name, value in changes.items():
            setattr(self, name, value)
        self._check_departments()
        return self._told()

    def check_manager(self, chain: Iterable[UUID]) -> None:
        """Refuse a manager whose `chain` of managers (itself first) includes this employee."""
        if self.id in set(chain):
            raise ManagerCycle(
                "nobody reports to themselves, directly or through others", pointer="/manager_id"
            )

    def leave(
        self, *, on: date, successor: "Employee | None", reports: int, partners: int
    ) -> events.EmployeeChanged | None:
        """The person leaves; None when they have left already.

        `reports`: active employees who report to them; `partners`: those in their care. Who left
        without a successor may be given one later.
        """
        if not self.is_active and (successor is None or successor.id == self.successor_id):
            return None
        if self.successor_id is not None:
            raise EmployeeHasLeft(f"{self.number} has a successor since {self.left_on}")
        if successor is None and (reports or partners):
            raise EmployeeIsNeeded(
                f"{reports} employees report to {self.number} and {partners} partners are in"
                " their care: name a successor",
                reports=reports,
                partners=partners,
            )
        if successor is not None and (successor.id == self.id or not successor.is_active):
            raise SuccessorNotSuitable(
                "the successor is another employee, who stays", pointer="/successor_id"
            )
        if self.is_active:
            self.state, self.left_on = EmployeeState.LEFT, on
        if successor is None:
            return self._told()
        self.successor_id = successor.id
        return self._told(successor_department_id=successor.department_id)

    def _check_departments(self) -> None:
        departments = [self.department_id, *self.other_department_ids]
        if len(set(departments)) != len(departments):
            raise DepartmentTwice(
                "further departments are others than the main one, each named once",
                pointer="/other_department_ids",
            )

    def _told(self, *, successor_department_id: UUID | None = None) -> events.EmployeeChanged:
        return events.EmployeeChanged(
            employee_id=self.id,
            number=self.number,
            name=self.name,
            position=self.position,
            manager_id=self.manager_id,
            department_id=self.department_id,
            other_department_ids=self.other_department_ids,
            state=self.state,
            left_on=self.left_on,
            successor_id=self.successor_id,
            successor_department_id=successor_department_id,
            external_source=self.external_source,
            external_id=self.external_id,
        )
