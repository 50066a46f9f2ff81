"""Whatever is merged and undone, in whichever order that is allowed, contacts are where they belong."""

import asyncio
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from common.db import Database
from common.testing.databases import truncate_all
from common.testing.service import settings_for
from customer.__main__ import ENTRY

from ..builders import a_created_customer, an_added_contact

CUSTOMERS = "/customer/v1/customers"
NAMES = ("甲", "乙", "丙", "丁")
acts = st.lists(
    st.tuples(st.sampled_from(("merge", "unmerge", "add")), st.integers(0, 3), st.integers(0, 3)),
    max_size=10,
)


@pytest.mark.capability("N9")
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts=acts)
def test_contacts_are_where_they_belong_and_one_at_most_is_primary(database_url, acts):
    asyncio.run(_check(database_url, acts))


async def _check(url: str, acts: list[tuple[str, int, int]]) -> None:
    await truncate_all(url)
    database = Database("customer", url, pool_size=2)
    app = ENTRY.create_app(settings_for(ENTRY, url), database)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        customers = [await a_created_customer(client, name=name) for name in NAMES]
        given_for = {
            (await an_added_contact(client, customer, is_primary=True))["id"]: place
            for place, customer in enumerate(customers)
        }
        into: dict[int, tuple[int, str]] = {}
        for what, one, other in acts:
            if what == "add" and one not in into:
                given_for[(await an_added_contact(client, customers[one]))["id"]] = one
            elif what == "merge":
                merged = await client.post(
                    f"{CUSTOMERS}/{customers[other]['id']}:merge",
                    json={"customer_ids": [customers[one]["id"]]},
                )
                allowed = one != other and one not in into and other not in into
                assert merged.is_success == allowed, merged.text
                if allowed:
                    into[one] = (other, merged.json()["id"])
            elif what == "unmerge" and one in into:
                survivor, merge_id = into[one]
                undone = await client.post(
                    f"{CUSTOMERS}/{customers[survivor]['id']}:unmerge",
                    json={"merge_id": merge_id},
                )
                assert undone.is_success == (survivor not in into), undone.text
                if undone.is_success:
                    del into[one]

    def end(place: int) -> int:
        return end(into[place][0]) if place in into else place

    async with database.reading() as session:
        rows = (
            await session.execute(text("SELECT id, customer_id, is_primary FROM contacts"))
        ).all()
    await database.close()
    assert {str(row.id): row.customer_id for row in rows} == {
        contact: UUID(customers[end(place)]["id"]) for contact, place in given_for.items()
    }
    primaries = [row.customer_id for row in rows if row.is_primary]
    # Each had one: so has each that is left.
    assert sorted(primaries) == sorted(
        UUID(customer["id"]) for place, customer in enumerate(customers) if place not in into
    )
