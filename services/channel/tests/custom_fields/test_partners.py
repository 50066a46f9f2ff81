import pytest

from common.testing.service import said

from ..builders import a_registered_partner

pytestmark = pytest.mark.capability("P-18")

FIELDS, PARTNERS = "/channel/v1/custom-fields", "/channel/v1/partners"


async def test_values_are_taken_told_listed_and_exported(client, session):
    labels = {"label_zh": "仓库", "label_en": "Warehouse"}
    body = {"entity": "partners", "key": "has_warehouse", "kind": "boolean", **labels}
    assert (await client.post(FIELDS, json=body)).status_code == 201
    partner = await a_registered_partner(client, name="A", custom={"has_warehouse": True})
    await a_registered_partner(client, name="B")

    changed = await client.patch(
        f"{PARTNERS}/{partner['id']}", json={"custom": {"has_warehouse": False}}
    )
    found = await client.get(PARTNERS, params={"custom.has_warehouse": "false"})
    file = await client.get(
        PARTNERS,
        params={"fields": "name,custom.has_warehouse", "sort": "custom.has_warehouse"},
        headers={"Accept": "text/csv"},
    )

    assert changed.json()["custom"] == {"has_warehouse": False}
    assert [row["name"] for row in found.json()["data"]] == ["A"]
    assert [line.split(",", 1)[1] for line in file.text.splitlines()] == [
        "name,custom.has_warehouse",
        "A,false",
        "B,",
    ]
    (registered, _) = await said(session, "channel.partner.registered.v1")
    (updated,) = await said(session, "channel.partner.updated.v1")
    assert (registered["custom"], updated["custom"]) == (
        {"has_warehouse": True},
        {"has_warehouse": False},
    )
