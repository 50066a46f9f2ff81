"""Somebody leaves, and what was theirs is the successor's in every service, through the suite."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from fairway.testing import Suite

WITHIN_S = 60


@pytest_asyncio.fixture
async def client(suite: Suite) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=suite.url, auth=suite.sign_in, timeout=60, trust_env=False
    ) as held:
        yield held


async def done(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    """What the API answers to a POST, which must succeed; a copy on its way is waited for."""
    for _ in range(WITHIN_S * 5):
        response = await client.post(path, json=body)
        if not response.is_success and response.json()["code"].endswith("_not_known"):
            await asyncio.sleep(0.2)
            continue
        break
    assert response.is_success, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.capability("X-04")
async def test_what_somebody_owned_goes_to_the_successor_in_every_service(client):
    department = await done(client, "/channel/v1/departments", name="交接测试部", kind="office")
    here = {"department_id": department["id"]}
    leaving = await done(client, "/channel/v1/employees", name="离职员工", **here)
    successor = await done(client, "/channel/v1/employees", name="接任员工", **here)
    owned = {"owner_id": leaving["id"]}
    customer = await done(client, "/customer/v1/customers", name="交接测试客户", **owned)
    lead = await done(client, "/sales/v1/leads", name="交接测试线索", source="web", **owned)
    deal = await done(client, "/sales/v1/opportunities", name="交接测试商机", **owned)
    ticket = await done(
        client, "/service-desk/v1/tickets", subject="交接测试", category="pump", channel="phone"
    )
    await done(client, f"/service-desk/v1/tickets/{ticket['id']}:assign", assignee_id=leaving["id"])
    things = [
        f"/customer/v1/customers/{customer['id']}",
        f"/sales/v1/leads/{lead['id']}",
        f"/sales/v1/opportunities/{deal['id']}",
        f"/service-desk/v1/tickets/{ticket['id']}",
    ]

    await done(client, f"/channel/v1/employees/{leaving['id']}:leave", successor_id=successor["id"])

    owners: set[str] = set()
    for _ in range(WITHIN_S * 5):
        owners = {(await client.get(path)).json()["owner_id"] for path in things}
        if owners == {successor["id"]}:
            break
        await asyncio.sleep(0.2)
    assert owners == {successor["id"]}
