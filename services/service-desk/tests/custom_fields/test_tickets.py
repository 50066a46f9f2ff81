import pytest

from common.testing.service import said

from ..builders import TICKETS, a_closed_ticket, an_opened_ticket

pytestmark = pytest.mark.capability("P-18")

FIELDS = "/service-desk/v1/custom-fields"


@pytest.fixture(autouse=True)
async def warranty(client):
    labels = {"label_zh": "保修至", "label_en": "Warranty until"}
    body = {"entity": "tickets", "key": "warranty_until", "kind": "date", **labels}
    answer = await client.post(FIELDS, json=body)
    assert answer.status_code == 201, answer.text


async def test_values_are_taken_told_listed_and_exported(client, session):
    for day in ("2026-12-31", None, "2026-03-02"):
        await an_opened_ticket(client, custom={"warranty_until": day} if day else {})

    sorted_ = await client.get(TICKETS, params={"sort": "-custom.warranty_until"})
    found = await client.get(TICKETS, params={"custom.warranty_until[gte]": "2026-04-01"})
    file = await client.get(
        TICKETS,
        params={"fields": "custom.warranty_until", "sort": "custom.warranty_until"},
        headers={"Accept": "text/csv"},
    )

    assert [row["custom"].get("warranty_until") for row in sorted_.json()["data"]] == [
        "2026-12-31",
        "2026-03-02",
        None,
    ]
    assert len(found.json()["data"]) == 1
    assert [line.split(",")[1] for line in file.text.splitlines()] == [
        "custom.warranty_until",
        "2026-03-02",
        "2026-12-31",
        "",
    ]
    opened = await said(session, "service_desk.ticket.opened.v1")
    assert [event["custom"] for event in opened] == [
        {"warranty_until": "2026-12-31"},
        None,
        {"warranty_until": "2026-03-02"},
    ]


async def test_a_ticket_is_annotated_in_any_state(client, session):
    ticket = await a_closed_ticket(client)
    path = f"{TICKETS}/{ticket['id']}"

    refused = await client.patch(path, json={"custom": {"warranty_until": "soon"}})
    annotated = await client.patch(path, json={"custom": {"warranty_until": "2026-03-02"}})
    again = await client.patch(path, json={"custom": {"warranty_until": "2026-03-02"}})

    assert refused.json()["errors"][0]["pointer"] == "/custom/warranty_until"
    assert annotated.json()["custom"] == {"warranty_until": "2026-03-02"}
    assert annotated.json()["state"] == "closed"
    assert again.headers["etag"] == annotated.headers["etag"]
    (told,) = await said(session, "service_desk.ticket.annotated.v1")
    assert told["custom"] == {"warranty_until": "2026-03-02"}
