from channel.departments import use_cases as departments
from channel.departments.schemas import DepartmentCreate
from channel.employees import use_cases as employees
from channel.employees.schemas import EmployeeCreate
from channel.partners import use_cases as partners
from channel.partners.schemas import PartnerCreate
from channel.territories import use_cases as territories
from channel.territories.schemas import TerritoryCreate
from common.auth import LOCAL_OPERATOR
from common.numbers import next_numbers
from common.testing.service import published

from ..builders import NOW, TODAY

BY = {"actor": LOCAL_OPERATOR, "now": NOW}


async def bring_in_everything(database, *, tier="silver", office="West", position="代表"):
    """Import a region, two departments, two people and a partner in one transaction."""
    outcomes = []
    async with database.transaction() as session:
        region = TerritoryCreate(code="WEST", name="西区")
        existing = await territories.find_territories(session, ["WEST"])
        territory, outcome = await territories.bring_in_territory(
            session, region, existing=existing.get("WEST")
        )
        outcomes.append(outcome)

        found = await departments.find_departments(session, "crm", ["West", "East"])
        made = {}
        for name in ("West", "East"):
            new = DepartmentCreate(
                name=name,
                kind="branch",
                region_id=territory.id,
                external_source="crm",
                external_id=name,
            )
            made[name], outcome = await departments.bring_in_department(
                session, new, existing=found.get(name), parent=None, **BY
            )
            outcomes.append(outcome)

        people = await employees.find_employees(session, "crm", ["boss", "agent"])
        numbers = await next_numbers(session, "employees", 2)
        manager = None
        for name in ("boss", "agent"):
            person = EmployeeCreate(
                name=name,
                position=position,
                department_id=made[office].id,
                manager_id=None if manager is None else manager.id,
                external_source="crm",
                external_id=name,
            )
            manager, outcome = await employees.bring_in_employee(
                session, person, existing=people.get(name), number=numbers.pop()
            )
            outcomes.append(outcome)

        known = await partners.find_partners(session, "crm", ["P1"])
        _, outcome = await partners.bring_in_partner(
            session,
            PartnerCreate(
                name="海达",
                kind="agent",
                tier=tier,
                region_id=territory.id,
                email="info@haida.example",
                external_source="crm",
                external_id="P1",
            ),
            existing=known.get("P1"),
            onboarded_on=TODAY,
            **BY,
        )
        outcomes.append(outcome)
    return [str(outcome) for outcome in outcomes]


async def test_records_of_another_system_come_in_once(database, session):
    assert await bring_in_everything(database) == ["created"] * 6
    told = await published(session)

    assert await bring_in_everything(database) == ["unchanged"] * 6
    assert await published(session) == told


async def test_what_differs_is_changed_and_told(database, session, client):
    await bring_in_everything(database)

    outcomes = await bring_in_everything(database, tier="gold", office="East")

    assert outcomes == ["unchanged"] * 3 + ["updated"] * 3
    assert (await published(session))[-3:] == [
        "channel.employee.changed.v1",
        "channel.employee.changed.v1",
        "channel.partner.tier_changed.v1",
    ]
    partner = (await client.get("/channel/v1/partners?external_id=P1")).json()["data"][0]
    changes = (await client.get(f"/channel/v1/partners/{partner['id']}/changes")).json()
    assert (partner["state"], partner["tier"], partner["onboarded_on"]) == (
        "active",
        "gold",
        "2026-03-02",
    )
    assert changes[0]["reason"] == "brought in from crm"


async def test_a_department_that_moved_elsewhere_moves_here_with_history(database, client):
    await bring_in_everything(database)
    async with database.transaction() as session:
        found = await departments.find_departments(session, "crm", ["West", "East"])
        west, east = found["West"], found["East"]
        new = DepartmentCreate(
            name="East",
            kind="office",
            parent_id=west.id,
            external_source="crm",
            external_id="East",
        )
        _, outcome = await departments.bring_in_department(
            session, new, existing=east, parent=west, **BY
        )

    subtree = (await client.get(f"/channel/v1/departments/{west.id}/subtree")).json()
    (move,) = (await client.get(f"/channel/v1/departments/{east.id}/moves")).json()
    assert outcome == "updated"
    assert [(row["name"], row["kind"]) for row in subtree] == [
        ("West", "branch"),
        ("East", "office"),
    ]
    assert (move["parent_id"], move["reason"]) == (str(west.id), "brought in from crm")
