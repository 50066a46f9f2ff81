import pytest

from common.testing.service import said

from ..builders import SUBMITTER, a_drafted_contract, told


def a_policy(**values):
    return {
        "kind": "sales",
        "valid_from": "2026-01-01",
        "bands": [
            {"below": "1000", "steps": ["manager"]},
            {"below": None, "steps": ["manager", "legal", "board"]},
        ],
        **values,
    }


async def a_published_policy(client, **values):
    response = await client.post("/contract/v1/approval-policies", json=a_policy(**values))
    assert response.status_code == 201, response.text
    return response.json()


@pytest.mark.capability("CON-08")
async def test_a_published_policy_takes_the_place_of_the_one_before(client, session, hear):
    await a_published_policy(client)
    second = await a_published_policy(
        client, bands=[{"below": None, "steps": ["director"]}], checklist=["authority"]
    )
    contract = await a_drafted_contract(client, hear)
    path = f"/contract/v1/contracts/{contract['id']}:submit"

    unchecked = await client.post(path, json={"submitted_by": str(SUBMITTER)})
    submitted = await told(
        client, contract, "submit", submitted_by=str(SUBMITTER), checked=["authority"]
    )

    assert second["policy_version"] == 2
    assert (unchecked.status_code, unchecked.json()["missing"]) == (422, ["authority"])
    assert (submitted["steps"], submitted["policy_version"]) == (["director"], 2)
    assert len(await said(session, "contract.approval_policy.published.v1")) == 2


@pytest.mark.capability("CON-08")
async def test_a_running_approval_keeps_the_steps_it_began_with(client, hear):
    contract = await a_drafted_contract(client, hear)
    await told(client, contract, "submit", submitted_by=str(SUBMITTER))

    await a_published_policy(client)

    shown = (await client.get(f"/contract/v1/contracts/{contract['id']}")).json()
    assert (shown["steps"], shown["policy_version"]) == (["manager"], 0)


@pytest.mark.parametrize(
    ("currency", "kind", "steps"),
    [
        ("USD", "sales", ["treasurer"]),
        ("CNY", "sales", ["manager", "legal", "board"]),
        ("CNY", "service", ["manager"]),
    ],
)
async def test_a_policy_of_the_currency_goes_before_one_for_all(client, currency, kind, steps):
    await a_published_policy(
        client, currency="USD", bands=[{"below": None, "steps": ["treasurer"]}]
    )
    await a_published_policy(client)

    response = await client.get(
        "/contract/v1/approval-policies/route",
        params={"kind": kind, "total": "5000", "currency": currency},
    )

    assert response.json()["steps"] == steps


async def test_a_policy_is_not_in_force_before_its_first_day(client):
    await a_published_policy(client, valid_from="2999-01-01")

    response = await client.get(
        "/contract/v1/approval-policies/route",
        params={"kind": "sales", "total": "5000", "currency": "CNY"},
    )

    assert response.json() == {"policy_version": 0, "steps": ["manager"], "checklist": []}


async def test_policies_stay_to_be_read(client):
    first = await a_published_policy(client)
    await a_published_policy(client)

    page = (await client.get("/contract/v1/approval-policies", params={"kind": "sales"})).json()
    shown = await client.get(f"/contract/v1/approval-policies/{first['id']}")

    assert sorted(row["policy_version"] for row in page["data"]) == [1, 2]
    assert shown.json() == first


async def test_a_policy_with_a_hole_is_refused(client):
    response = await client.post(
        "/contract/v1/approval-policies",
        json=a_policy(bands=[{"below": "1000", "steps": ["manager"]}]),
    )

    assert (response.status_code, response.json()["code"]) == (422, "bands_incomplete")
