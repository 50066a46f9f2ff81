from uuid import uuid4

from common.testing.service import published, said

from ..builders import a_created_sample

SAMPLES = "/template-service/v1/samples"


async def test_a_sample_is_created_and_told(client, session):
    response = await client.post(SAMPLES, json={"name": "  第一  "})

    assert response.status_code == 201
    sample = response.json()
    assert sample["name"] == "第一"
    assert response.headers["location"] == f"{SAMPLES}/{sample['id']}"
    created = await said(session, "template_service.sample.created.v1")
    assert [event["sample_id"] for event in created] == [sample["id"]]


async def test_a_name_of_spaces_is_refused_and_nothing_is_written(client, session):
    response = await client.post(SAMPLES, json={"name": " "})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/name"
    assert await published(session) == []


async def test_a_sample_nobody_knows_is_not_found(client):
    response = await client.get(f"{SAMPLES}/{uuid4()}")

    assert response.status_code == 404
    assert response.json()["code"] == "sample_not_found"


async def test_a_sample_is_renamed_and_closed_and_then_stays(client, session):
    sample = await a_created_sample(client)
    path = f"{SAMPLES}/{sample['id']}"

    renamed = await client.patch(path, json={"name": "第二"})
    closed = await client.post(f"{path}:close")
    refused = await client.post(f"{path}:close")

    assert renamed.json()["name"] == "第二"
    assert closed.json()["state"] == "closed"
    assert refused.status_code == 409
    assert refused.json()["code"] == "sample_is_closed"
    assert await published(session) == [
        "template_service.sample.created.v1",
        "template_service.sample.renamed.v1",
        "template_service.sample.closed.v1",
    ]


async def test_a_list_shows_those_of_one_partner(client):
    partner_id = str(uuid4())
    theirs = await a_created_sample(client, partner_id=partner_id)
    await a_created_sample(client)

    page = (await client.get(SAMPLES, params={"partner_id": partner_id})).json()

    assert [row["id"] for row in page["data"]] == [theirs["id"]]
