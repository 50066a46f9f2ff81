"""Customers are merged and taken apart again, and every service follows, through the suite."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from fairway.testing import Suite

WITHIN_S = 60
CUSTOMERS, DEALS, TICKETS = (
    "/customer/v1/customers",
    "/sales/v1/opportunities",
    "/service-desk/v1/tickets",
)


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


async def reaches(client: httpx.AsyncClient, places: dict[str, str]) -> dict[str, str]:
    """Whose customer each of these is, as soon as that is what it is to be."""
    found: dict[str, str] = {}
    for _ in range(WITHIN_S * 5):
        found = {path: (await client.get(path)).json()["customer_id"] for path in places}
        if found == places:
            break
        await asyncio.sleep(0.2)
    return found


@pytest.mark.capability("CUS-09")
@pytest.mark.capability("N9")
async def test_merging_and_undoing_is_as_if_nothing_had_been_merged(client):
    survivor = await done(client, CUSTOMERS, name="合并测试留存客户")
    other = await done(client, CUSTOMERS, name="合并测试重复客户", city="宁波")

    async def things_of(customer: dict[str, Any]) -> list[str]:
        of = {"customer_id": customer["id"]}
        deal = await done(client, DEALS, name="合并测试商机", **of)
        ticket = await done(
            client, TICKETS, subject="合并测试", category="pump", channel="phone", **of
        )
        contact = await done(client, "/customer/v1/contacts", name="王芳", **of)
        return [
            f"{DEALS}/{deal['id']}",
            f"{TICKETS}/{ticket['id']}",
            f"/customer/v1/contacts/{contact['id']}",
        ]

    own, others = await things_of(survivor), await things_of(other)
    merge = await done(client, f"{CUSTOMERS}/{survivor['id']}:merge", customer_ids=[other["id"]])
    merged = dict.fromkeys([*own, *others], survivor["id"])
    assert await reaches(client, merged) == merged

    changed = await client.patch(others[0], json={"expected_amount": "1200.00"})
    assert changed.is_success, changed.text
    own += await things_of(survivor)
    await done(client, f"{CUSTOMERS}/{survivor['id']}:unmerge", merge_id=merge["id"])

    apart = dict.fromkeys(own, survivor["id"]) | dict.fromkeys(others, other["id"])
    assert await reaches(client, apart) == apart
    assert (await client.get(others[0])).json()["expected_amount"].startswith("1200")
    for customer in (survivor, other):
        now = (await client.get(f"{CUSTOMERS}/{customer['id']}")).json()
        assert {name for name in now if now[name] != customer[name]} <= {"version", "updated_at"}
