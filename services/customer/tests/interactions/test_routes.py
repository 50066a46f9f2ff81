from common.testing.service import said

from ..builders import a_created_customer, an_added_contact


def what_was_said(customer, **values):
    return {
        "customer_id": customer["id"],
        "channel": "visit",
        "occurred_at": "2026-03-02T09:30:00Z",
        "subject": "现场考察",
        **values,
    }


async def test_an_interaction_is_logged_and_told_without_its_text(client, session):
    customer = await a_created_customer(client)

    response = await client.post(
        "/customer/v1/interactions", json=what_was_said(customer, content="预算三百万")
    )

    assert response.status_code == 201
    (logged,) = await said(session, "customer.interaction.logged.v1")
    assert logged["channel"] == "visit"
    assert "预算" not in str(logged)


async def test_the_contact_must_work_at_the_customer(client):
    customer = await a_created_customer(client)
    stranger = await an_added_contact(client, await a_created_customer(client, name="海达"))

    response = await client.post(
        "/customer/v1/interactions", json=what_was_said(customer, contact_id=stranger["id"])
    )

    assert response.status_code == 404
    assert response.json()["code"] == "contact_not_found"


async def test_the_latest_interaction_comes_first(client):
    customer = await a_created_customer(client)
    for day in ("2026-03-01", "2026-03-03", "2026-03-02"):
        await client.post(
            "/customer/v1/interactions",
            json=what_was_said(customer, occurred_at=f"{day}T08:00:00Z", subject=day),
        )

    page = (
        await client.get("/customer/v1/interactions", params={"customer_id": customer["id"]})
    ).json()

    assert [row["subject"] for row in page["data"]] == ["2026-03-03", "2026-03-02", "2026-03-01"]


async def test_a_correction_shows_what_it_replaced(client):
    customer = await a_created_customer(client)
    logged = (await client.post("/customer/v1/interactions", json=what_was_said(customer))).json()

    response = await client.patch(
        f"/customer/v1/interactions/{logged['id']}", json={"subject": "现场勘察"}
    )

    assert response.json()["earlier_texts"][0]["texts"] == {"subject": "现场考察"}
