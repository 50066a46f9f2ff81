import pytest

from common.testing.service import published

TICKET = {"subject": "水泵不转", "category": "hardware.pump", "channel": "email"}


@pytest.mark.capability("P-15")
async def test_tickets_are_opened_together_and_a_message_is_one_ticket(client, session):
    message = {**TICKET, "channel_message_id": "<1@example.org>"}

    response = await client.post(
        "/service-desk/v1/tickets:batch", json={"items": [message, TICKET, message, {}]}
    )

    results = response.json()["results"]
    assert [result["status"] for result in results] == [201, 201, 200, 422]
    assert results[0]["id"] == results[2]["id"] != results[1]["id"]
    assert (await published(session)).count("service_desk.ticket.opened.v1") == 2
