from uuid import uuid4

import pytest

from common.testing.service import published, said

from ..builders import (
    a_joined_employee,
    a_registered_partner,
    an_onboarded_partner,
    an_open_department,
    an_open_territory,
)

PARTNERS = "/channel/v1/partners"


@pytest.mark.capability("CHN-01")
async def test_a_partner_is_registered_and_taken_on(client, session):
    region = await an_open_territory(client)
    owner = await a_joined_employee(client)
    partner = await a_registered_partner(
        client,
        kind="agent",
        region_id=region["id"],
        owner_id=owner["id"],
        department_id=owner["department_id"],
        email="info@haida.example",
        external_source="erp",
        external_id="P1",
    )

    response = await client.post(
        f"{PARTNERS}/{partner['id']}:onboard",
        json={"tier": "silver", "onboarded_on": "2026-01-15"},
    )

    assert partner["number"].startswith("P")
    assert (partner["state"], response.json()["state"]) == ("prospect", "active")
    (told,) = await said(session, "channel.partner.onboarded.v1")
    assert told["onboarded_on"] == "2026-01-15"
    assert {
        name: told[name] for name in ("kind", "tier", "region_id", "owner_id", "external_id")
    } == {
        "kind": "agent",
        "tier": "silver",
        "region_id": region["id"],
        "owner_id": owner["id"],
        "external_id": "P1",
    }
    assert "haida.example" not in str(told)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("region_id", "territory_unknown"),
        ("department_id", "department_unknown"),
        ("owner_id", "employee_unknown"),
    ],
)
async def test_a_reference_that_leads_nowhere_is_refused(client, session, field, code):
    partner = await a_registered_partner(client)

    created = await client.post(
        PARTNERS, json={"name": "无", "kind": "dealer", field: str(uuid4())}
    )
    changed = await client.patch(f"{PARTNERS}/{partner['id']}", json={field: str(uuid4())})

    for response in (created, changed):
        assert (response.status_code, response.json()["code"]) == (422, code)
        assert response.json()["errors"][0]["pointer"] == f"/{field}"
    assert len(await published(session)) == 1


async def test_a_kept_reference_may_have_gone_out_of_use(client):
    department = await an_open_department(client)
    partner = await a_registered_partner(client, department_id=department["id"])
    await client.post(f"/channel/v1/departments/{department['id']}:close")

    response = await client.patch(
        f"{PARTNERS}/{partner['id']}", json={"department_id": department["id"], "city": "宁波"}
    )

    assert response.status_code == 200


@pytest.mark.capability("CHN-01")
async def test_a_partner_that_cannot_be_reached_is_not_taken_on(client):
    partner = await a_registered_partner(client)

    response = await client.post(f"{PARTNERS}/{partner['id']}:onboard", json={})

    assert response.status_code == 409
    assert response.json()["missing"] == ["region_id", "phone, email or owner_id"]


@pytest.mark.capability("CHN-01")
async def test_the_history_keeps_every_tier_and_state_with_its_reason(client, session):
    partner = await an_onboarded_partner(client)
    path = f"{PARTNERS}/{partner['id']}"

    for verb, body in (
        ("change-tier", {"tier": "gold", "reason": "业绩突出", "changed_on": "2026-02-01"}),
        ("suspend", {"reason": "欠款"}),
        ("reactivate", {"reason": "已付清"}),
        ("end", {"reason": "合同到期"}),
    ):
        assert (await client.post(f"{path}:{verb}", json=body)).status_code == 200

    changes = (await client.get(f"{path}/changes")).json()
    assert [(row["before"], row["after"], row["reason"]) for row in reversed(changes)] == [
        ("prospect", "active", None),
        ("registered", "gold", "业绩突出"),
        ("active", "suspended", "欠款"),
        ("suspended", "active", "已付清"),
        ("active", "ended", "合同到期"),
    ]
    assert changes[3]["changed_on"] == "2026-02-01"
    assert (await published(session))[-6:] == [
        "channel.partner.onboarded.v1",
        "channel.partner.tier_changed.v1",
        "channel.partner.suspended.v1",
        "channel.partner.reactivated.v1",
        "channel.partner.ended.v1",
        "channel.partner.updated.v1",
    ]
    assert (await client.post(f"{path}:reactivate", json={"reason": "又"})).status_code == 409


@pytest.mark.parametrize("verb", ["suspend", "end", "reactivate"])
async def test_a_change_of_state_needs_a_reason(client, verb):
    partner = await an_onboarded_partner(client)

    response = await client.post(f"{PARTNERS}/{partner['id']}:{verb}", json={"reason": " "})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/reason"


async def test_an_external_id_names_one_partner(client):
    first = await a_registered_partner(client, external_source="erp", external_id="P1")

    response = await client.post(
        PARTNERS,
        json={
            "name": "另一家",
            "kind": "dealer",
            "external_source": "erp",
            "external_id": "P1",
        },
    )

    assert (response.status_code, response.json()["existing_id"]) == (409, first["id"])


async def test_a_patch_changes_what_it_names_and_null_clears(client, session):
    partner = await a_registered_partner(client, city="宁波", phone="0574-87654321")
    path = f"{PARTNERS}/{partner['id']}"

    changed = (await client.patch(path, json={"city": None, "name": "海达"})).json()
    again = (await client.patch(path, json={"city": None, "name": "海达"})).json()
    refused = await client.patch(path, json={"state": "active"})

    assert (changed["city"], changed["phone"], changed["version"]) == (None, "0574-87654321", 2)
    assert again["version"] == 2
    assert refused.status_code == 422


async def test_a_walk_over_the_pages_sees_every_partner_once(client):
    for number in range(5):
        await a_registered_partner(client, name=f"伙伴 {number % 2}")

    seen, cursor = [], ""
    while True:
        page = (await client.get(f"{PARTNERS}?limit=2&sort=name&include=total{cursor}")).json()
        assert page["total"] == 5
        seen += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert len(seen) == len(set(seen)) == 5


async def test_a_partner_nobody_knows_is_not_found(client):
    response = await client.get(f"{PARTNERS}/{uuid4()}/changes")

    assert (response.status_code, response.json()["code"]) == (404, "partner_not_found")
