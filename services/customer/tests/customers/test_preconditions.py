import pytest

from common.testing.service import published

from ..builders import a_created_customer


@pytest.mark.capability("P-12")
async def test_no_write_goes_by_a_version_that_is_no_longer_there(client, session):
    customer = await a_created_customer(client)
    path = f"/customer/v1/customers/{customer['id']}"
    stale = {"If-Match": (await client.get(path)).headers["etag"]}
    await client.patch(path, json={"city": "宁波"}, headers=stale)
    before = await published(session)

    refused = [
        await client.patch(path, json={"city": "上海"}, headers=stale),
        await client.patch(path, json={"city": "宁波"}, headers=stale),
        await client.post(
            f"{path}:transfer",
            json={"owner_id": None, "department_id": None, "reason": "r"},
            headers=stale,
        ),
        await client.delete(path, headers=stale),
    ]

    for response in refused:
        assert (response.status_code, response.json()["current_version"]) == (412, 2)
    assert await published(session) == before
    current = {"If-Match": (await client.get(path)).headers["etag"]}
    assert (await client.delete(path, headers=current)).status_code == 204


@pytest.mark.capability("P-12")
async def test_a_deleted_customer_is_not_found_whatever_version_is_asked_for(client):
    customer = await a_created_customer(client)
    path = f"/customer/v1/customers/{customer['id']}"
    await client.delete(path)

    response = await client.patch(path, json={"city": "上海"}, headers={"If-Match": '"1"'})

    assert response.status_code == 404
