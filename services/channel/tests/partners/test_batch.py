import pytest

from common.testing.service import published

PARTNER = {"name": "宁波海达", "kind": "dealer", "external_source": "crm", "external_id": "7"}


@pytest.mark.capability("P-15")
async def test_partners_are_registered_together(client, session):
    response = await client.post(
        "/channel/v1/partners:batch",
        json={"items": [PARTNER, PARTNER, {**PARTNER, "external_id": "8", "kind": "?"}]},
    )

    results = response.json()["results"]
    assert [result["status"] for result in results] == [201, 409, 422]
    assert results[1]["error"]["code"] == "external_id_taken"
    assert await published(session) == ["channel.partner.registered.v1"]
