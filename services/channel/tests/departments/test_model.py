from datetime import timedelta
from uuid import uuid4

import pytest

from channel.departments.model import (
    MAY_HOLD,
    DepartmentClosed,
    DepartmentCycle,
    DepartmentInUse,
    DepartmentKind,
    DepartmentMisplaced,
    DepartmentStaysThere,
    MoveOutOfOrder,
)

from ..builders import TODAY, WHEN, a_department

MOVED = {**WHEN, "today": TODAY, "after": None}


def test_every_kind_says_what_may_stand_below_it():
    assert set(MAY_HOLD) == set(DepartmentKind)


@pytest.mark.capability("X-03")
@pytest.mark.parametrize(
    ("above", "below"),
    [("group", "hq"), ("hq", "plant"), ("subsidiary", "subsidiary"), ("plant", "workshop")],
)
def test_a_department_stands_below_one_that_may_hold_it(above, below):
    parent = a_department(kind=above)

    assert a_department(parent, kind=below).parent_id == parent.id


@pytest.mark.capability("X-03")
@pytest.mark.parametrize(
    ("above", "below"), [("hq", "group"), ("team", "office"), ("workshop", "plant")]
)
def test_a_department_of_the_wrong_kind_is_refused(above, below):
    with pytest.raises(DepartmentMisplaced):
        a_department(a_department(kind=above), kind=below)


def test_a_move_tells_the_new_place_and_remembers_the_old_one():
    old, new = a_department(kind="branch"), a_department(kind="branch")
    office = a_department(old)

    move, told = office.move(to=new, ancestors=[new.id], reason="区域调整", **MOVED)

    assert told.parent_id == new.id
    assert (move.from_parent_id, move.parent_id, move.moved_on) == (old.id, new.id, TODAY)


@pytest.mark.capability("X-03")
def test_a_department_cannot_stand_below_itself():
    office = a_department()
    below = a_department(office)

    with pytest.raises(DepartmentCycle):
        office.move(to=below, ancestors=[below.id, office.id], reason="wrong", **MOVED)


def test_a_move_to_the_same_place_is_refused():
    with pytest.raises(DepartmentStaysThere):
        a_department().move(to=None, ancestors=(), reason="again", **MOVED)


@pytest.mark.capability("X-03")
@pytest.mark.parametrize(
    ("on", "after"), [(TODAY + timedelta(days=1), None), (TODAY - timedelta(days=1), TODAY)]
)
def test_a_move_lies_between_the_move_before_it_and_today(on, after):
    with pytest.raises(MoveOutOfOrder):
        a_department(a_department(kind="branch")).move(
            to=None, ancestors=(), reason="区域调整", **{**MOVED, "on": on, "after": after}
        )


@pytest.mark.parametrize(("departments", "employees"), [(1, 0), (0, 1)])
def test_a_department_in_use_is_not_closed(departments, employees):
    with pytest.raises(DepartmentInUse):
        a_department().close(open_departments=departments, employees=employees, on=TODAY)


def test_closing_twice_says_it_once():
    department = a_department()

    assert department.close(open_departments=0, employees=0, on=TODAY) is not None
    assert department.closed_on == TODAY
    assert department.close(open_departments=0, employees=0, on=TODAY) is None


def test_a_closed_department_is_not_changed():
    department = a_department(state="closed")

    with pytest.raises(DepartmentClosed):
        department.update({"name": "新名"}, parent_kind=None, kinds_below=())
    with pytest.raises(DepartmentClosed):
        department.move(to=None, ancestors=(), reason="wrong", **MOVED)


def test_a_department_below_a_closed_one_stays_closed():
    with pytest.raises(DepartmentClosed):
        a_department(state="closed").reopen(parent_is_active=False)


def test_an_update_that_changes_nothing_says_nothing():
    department = a_department(region_id=None)

    assert department.update({"region_id": None}, parent_kind=None, kinds_below=()) is None


@pytest.mark.parametrize(("parent_kind", "below"), [("workshop", []), (None, ["branch"])])
def test_a_change_of_kind_must_fit_above_and_below(parent_kind, below):
    department = a_department(kind="team")

    with pytest.raises(DepartmentMisplaced):
        department.update({"kind": "office"}, parent_kind=parent_kind, kinds_below=below)


def test_a_territory_is_told_as_the_region():
    region_id = uuid4()

    told = a_department().update({"region_id": region_id}, parent_kind=None, kinds_below=())

    assert told is not None
    assert told.region_id == region_id
