"""Policies in force and customers assessed, for tests."""

from datetime import timedelta

from common.clock import utc_now
from customer.standings.use_cases import assess_batch, assess_due

GRADING = {
    "kind": "grading",
    "indicators": [
        {
            "name": "bought",
            "measure": "ordered_amount",
            "weight": 1,
            "bands": [
                {"at_least": 1000, "points": 60},
                {"at_least": 2000, "points": 84},
                {"at_least": 3000, "points": 90},
            ],
        }
    ],
    "grades": [
        {"grade": "A", "from_score": 80},
        {"grade": "B", "from_score": 50},
        {"grade": "C", "from_score": 0},
    ],
    "hysteresis": 5,
}


def in_days(days):
    """This time so many days from now."""
    return utc_now() + timedelta(days=days)


async def assess_all(database, now=None):
    """Assess whoever is due at a time; now, where none is said."""
    if now is None:
        while await assess_due(database):
            pass
    else:
        while await assess_batch(database, now=now):
            pass


async def standing_of(client, customer):
    """What the API says that the customer is to us."""
    response = await client.get(f"/customer/v1/customers/{customer['id']}/standing")
    assert response.status_code == 200, response.text
    return response.json()


async def act(client, customer, verb, status=200, **body):
    """What is answered to an act on the customer's standing."""
    response = await client.post(f"/customer/v1/customers/{customer['id']}:{verb}", json=body)
    assert response.status_code == status, response.text
    return response.json()
