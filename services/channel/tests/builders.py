"""Territories, departments, employees and partners for tests: valid by default, say only what matters."""

from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from httpx import AsyncClient

from channel.accounts.model import Account
from channel.departments.model import Department
from channel.employees.model import Employee
from channel.partners.model import Partner
from channel.roles.model import Role
from channel.territories.model import Territory

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TODAY = date(2026, 3, 2)
PASSWORD = "horse battery staple"
WHEN: dict[str, Any] = {"on": TODAY, "by": "somebody", "now": NOW}

_numbers = count(1)


def a_territory(**values: Any) -> Territory:
    """A territory in memory."""
    return Territory.open(**{"code": "CN-ZJ", "name": "浙江", **values})[0]


def a_department(parent: Department | None = None, **values: Any) -> Department:
    """A department in memory; the state may be given as well."""
    state = values.pop("state", None)
    department = Department.open(parent=parent, **{"name": "销售部", "kind": "office", **values})[0]
    if state is not None:
        department.state = state
    return department


def an_employee(**values: Any) -> Employee:
    """An employee in memory."""
    defaults = {"number": 42, "name": "王芳", "department_id": uuid4()}
    return Employee.join(**{**defaults, **values})[0]


def a_prospect(**values: Any) -> Partner:
    """A prospective partner in memory, ready to be taken on."""
    defaults = {
        "number": 42,
        "now": NOW,
        "name": "宁波海达",
        "kind": "dealer",
        "region_id": uuid4(),
        "phone": "0574-87654321",
    }
    return Partner.register(**{**defaults, **values})[0]


def an_active_partner(**values: Any) -> Partner:
    """A partner in memory that was taken on."""
    partner = a_prospect(**values)
    partner.onboard(tier=None, **WHEN)
    return partner


def a_role(**values: Any) -> Role:
    """A role in memory."""
    defaults = {"code": "reader", "name": "只读", "rights": ["sales.*.read"], "scope": "all"}
    return Role.define(**{**defaults, **values})[0]


def an_account(**values: Any) -> Account:
    """A person's account in memory."""
    defaults = {
        "username": "fang.wang",
        "kind": "person",
        "secret_hash": "hash",
        "region_ids": [],
        "role_ids": [],
        "now": NOW,
    }
    return Account.open(**{**defaults, **values})[0]


async def _created(client: AsyncClient, path: str, values: dict[str, Any]) -> dict[str, Any]:
    response = await client.post(f"/channel/v1/{path}", json=values)
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


async def an_open_territory(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """A territory in the database, as the API answers it."""
    defaults = {"code": f"R{next(_numbers)}", "name": "华东"}
    return await _created(client, "territories", {**defaults, **values})


async def an_open_department(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """A department in the database, as the API answers it."""
    return await _created(client, "departments", {"name": "华东销售部", "kind": "office", **values})


async def a_joined_employee(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """An employee in the database, in a department of their own unless one is named."""
    if "department_id" not in values:
        values["department_id"] = (await an_open_department(client))["id"]
    return await _created(client, "employees", {"name": "王芳", **values})


async def a_registered_partner(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """A prospective partner in the database, as the API answers it."""
    return await _created(client, "partners", {"name": "宁波海达", "kind": "dealer", **values})


async def an_onboarded_partner(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """A partner in the database that was taken on, in a territory of its own unless one is named."""
    if "region_id" not in values:
        values["region_id"] = (await an_open_territory(client))["id"]
    partner = await a_registered_partner(client, **{"phone": "0574-87654321", **values})
    response = await client.post(f"/channel/v1/partners/{partner['id']}:onboard", json={})
    assert response.status_code == 200, response.text
    onboarded: dict[str, Any] = response.json()
    return onboarded


async def a_defined_role(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """A role in the database, as the API answers it."""
    defaults = {
        "code": f"role_{next(_numbers)}",
        "name": "只读",
        "rights": ["sales.*.read"],
        "scope": "all",
    }
    return await _created(client, "roles", {**defaults, **values})


async def an_opened_account(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """An account in the database, as the API answers it; a person's has the password `PASSWORD`."""
    defaults = {"username": f"fang.wang{next(_numbers)}"}
    if values.get("kind") != "client":
        defaults["password"] = PASSWORD
    return await _created(client, "accounts", {**defaults, **values})


async def an_administrator(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """The account of somebody who may do everything, with a role of its own."""
    role = await a_defined_role(client, rights=["*"], scope="all")
    return await an_opened_account(client, role_ids=[role["id"]], **values)
