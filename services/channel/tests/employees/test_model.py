from datetime import date
from uuid import uuid4

import pytest

from channel.employees.model import (
    DepartmentTwice,
    EmployeeHasLeft,
    EmployeeIsNeeded,
    ManagerCycle,
    SuccessorNotSuitable,
)

from ..builders import TODAY, an_employee

ALONE = {"on": TODAY, "successor": None, "reports": 0, "partners": 0}


def somebody_who_left():
    employee = an_employee()
    employee.leave(**ALONE)
    return employee


@pytest.mark.capability("X-04")
def test_leaving_tells_the_day_and_who_takes_over():
    employee, successor = an_employee(), an_employee()

    told = employee.leave(on=date(2026, 2, 28), successor=successor, reports=3, partners=1)

    assert told is not None
    assert (told.state, told.left_on, told.successor_id) == (
        "left",
        date(2026, 2, 28),
        successor.id,
    )


@pytest.mark.capability("X-04")
@pytest.mark.parametrize(("reports", "partners"), [(1, 0), (0, 1)])
def test_somebody_with_people_or_partners_needs_a_successor(reports, partners):
    with pytest.raises(EmployeeIsNeeded):
        an_employee().leave(on=TODAY, successor=None, reports=reports, partners=partners)


def test_a_successor_is_another_employee_who_stays():
    employee = an_employee()

    for unsuitable in (employee, somebody_who_left()):
        with pytest.raises(SuccessorNotSuitable):
            employee.leave(on=TODAY, successor=unsuitable, reports=0, partners=0)


def test_leaving_twice_says_it_once():
    assert somebody_who_left().leave(**ALONE) is None


def test_the_record_of_somebody_who_left_is_not_changed():
    with pytest.raises(EmployeeHasLeft):
        somebody_who_left().update({"position": "经理"})


@pytest.mark.capability("X-04")
def test_nobody_reports_to_themselves():
    employee, manager = an_employee(), an_employee()

    with pytest.raises(ManagerCycle):
        employee.check_manager([manager.id, employee.id])


def test_an_update_that_changes_nothing_says_nothing():
    assert an_employee(position="代表").update({"position": "代表"}) is None


@pytest.mark.capability("X-04")
def test_the_departments_of_an_employee_are_each_named_once():
    main, other = uuid4(), uuid4()
    employee = an_employee(department_id=main, other_department_ids=[other])

    for twice in ([main], [other, other]):
        with pytest.raises(DepartmentTwice):
            employee.update({"other_department_ids": twice})


@pytest.mark.capability("X-04")
def test_a_successor_is_named_later_and_once():
    employee, successor = somebody_who_left(), an_employee()

    told = employee.leave(on=date(2026, 3, 9), successor=successor, reports=0, partners=0)

    assert (told.successor_id, told.successor_department_id, told.left_on) == (
        successor.id,
        successor.department_id,
        TODAY,
    )
    assert employee.leave(on=TODAY, successor=successor, reports=0, partners=0) is None
    with pytest.raises(EmployeeHasLeft):
        employee.leave(on=TODAY, successor=an_employee(), reports=0, partners=0)
