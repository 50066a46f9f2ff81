from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from sales.routing_members.model import AbsenceEndsBeforeStart, RoutingMember

from ..builders import a_known_employee, posted

pytestmark = [pytest.mark.capability("SAL-04")]


def a_member(**values) -> RoutingMember:
    defaults = {
        "employee_id": uuid4(),
        "team_ids": [],
        "quota": Decimal(1),
        "capacity": None,
        "skills": [],
        "territory_ids": [],
        "absences": [],
    }
    return RoutingMember.enrol(**{**defaults, **values})[0]


def test_an_absence_has_its_first_and_its_last_day():
    member = a_member(absences=[{"from_on": "2026-03-02", "to_on": "2026-03-04"}])

    there = [day for day in range(1, 7) if not member.is_absent_on(date(2026, 3, day))]

    assert there == [1, 5, 6]


def test_an_absence_that_ends_before_it_begins_is_refused():
    with pytest.raises(AbsenceEndsBeforeStart):
        a_member(absences=[{"from_on": "2026-03-02", "to_on": "2026-03-01"}])


async def test_an_employee_is_enrolled_once(client, hear):
    employee_id = await a_known_employee(hear)
    member = await posted(client, "routing-members", employee_id=employee_id, team_ids=[])

    again = await client.post(
        "/sales/v1/routing-members", json={"employee_id": employee_id, "team_ids": []}
    )

    assert (again.status_code, again.json()["existing_id"]) == (409, member["id"])
