"""Tickets and what they are judged by, for tests: valid by default, say only what matters."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from httpx import AsyncClient

from common.ids import new_id
from service_desk.sla.model import Level, SlaCalendar, SlaPolicy
from service_desk.tickets.model import Ticket

TICKETS = "/service-desk/v1/tickets"
NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
"""Monday, 10:00 in Shanghai."""

OFFICE_HOURS = [
    {"weekday": weekday, "opens": opens, "closes": closes}
    for weekday in range(1, 6)
    for opens, closes in (("09:00", "12:00"), ("13:00", "18:00"))
]
PRIORITIES = {
    "low": {"low": "low", "medium": "low", "high": "normal"},
    "medium": {"low": "low", "medium": "normal", "high": "high"},
    "high": {"low": "normal", "medium": "high", "high": "urgent"},
}
TARGETS = {
    "low": {"response_minutes": 480, "solution_minutes": 2400},
    "normal": {"response_minutes": 240, "solution_minutes": 1440},
    "high": {"response_minutes": 60, "solution_minutes": 480},
    "urgent": {"response_minutes": 30, "solution_minutes": 240, "around_the_clock": True},
}


def a_calendar(**values: Any) -> SlaCalendar:
    """Office hours in Shanghai, in memory."""
    hours = {
        "name": "office",
        "revision": 1,
        "zone": "Asia/Shanghai",
        "windows": OFFICE_HOURS,
        "special_days": [],
    }
    return SlaCalendar.publish(by="somebody", now=NOW, **{**hours, **values})[0]


def a_policy(calendar: SlaCalendar | None = None, **values: Any) -> SlaPolicy:
    """The usual promise, in memory."""
    calendar = calendar or a_calendar()
    targets = {
        name: {"around_the_clock": False, **target} for name, target in TARGETS.items()
    } | values.pop("targets", {})
    promise = {
        "revision": 1,
        "effective_at": NOW,
        "priorities": PRIORITIES,
        "targets": targets,
        "reason": "usual",
        "calendar_id": calendar.id,
        "calendar": calendar,
    }
    return SlaPolicy.publish(by="somebody", now=NOW, **{**promise, **values})[0]


def a_ticket(**values: Any) -> Ticket:
    """A ticket of normal priority in memory, opened now: due 14:00 Monday and 18:00 Wednesday."""
    what = {
        "number": 42,
        "by": "somebody",
        "now": NOW,
        "opened_at": NOW,
        "policy": a_policy(),
        "impact": Level.MEDIUM,
        "urgency": Level.MEDIUM,
        "subject": "水泵不转",
        "category": "hardware.pump",
        "channel": "phone",
    }
    return Ticket.open(**{**what, **values})[0]


async def an_opened_ticket(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """A ticket in the database, as the API answers it."""
    what = {"subject": "水泵不转", "category": "hardware.pump", "channel": "phone"}
    response = await client.post(TICKETS, json={**what, **values})
    assert response.status_code == 201, response.text
    opened: dict[str, Any] = response.json()
    return opened


async def a_closed_ticket(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """A ticket that was closed, as the API answers it."""
    ticket = await an_opened_ticket(client, **values)
    return await did(client, ticket, "close", solution="更换了密封圈")


async def did(
    client: AsyncClient, ticket: dict[str, Any], verb: str, **body: Any
) -> dict[str, Any]:
    """Do something to a ticket through the API; the ticket after it."""
    response = await client.post(f"{TICKETS}/{ticket['id']}:{verb}", json=body)
    assert response.status_code == 200, response.text
    after: dict[str, Any] = response.json()
    return after


async def a_known_customer(hear: Any, **values: Any) -> UUID:
    """A customer we were told of."""
    customer_id = new_id()
    profile = {"number": "C2026-000042", "name": "远航机电", "customer_id": customer_id}
    await hear("customer.customer.created.v1", subject=customer_id, **{**profile, **values})
    return customer_id


async def a_known_partner(hear: Any, **values: Any) -> UUID:
    """A partner we were told of."""
    partner_id = new_id()
    profile = {"number": "P2026-000007", "name": "华东代理", "partner_id": partner_id}
    await hear("channel.partner.onboarded.v1", subject=partner_id, **{**profile, **values})
    return partner_id


async def a_signed_contract(hear: Any, customer_id: UUID, **values: Any) -> UUID:
    """A service contract that was signed, for everything of the customer's, during 2026."""
    contract_id = new_id()
    contract = {
        "contract_id": contract_id,
        "number": "K2026-000001",
        "kind": "service",
        "customer_id": customer_id,
        "starts_on": "2026-01-01",
        "ends_on": "2026-12-31",
        "lines": [{"line_no": 1, "product_id": None, "product_name": "全保", "quantity": "1"}],
    }
    await hear("contract.contract.signed.v1", subject=contract_id, **{**contract, **values})
    return contract_id


async def a_shipment(hear: Any, customer_id: UUID, product_id: UUID, **values: Any) -> UUID:
    """A product that was shipped to the customer."""
    order_id = new_id()
    shipment = {
        "order_id": order_id,
        "customer_id": customer_id,
        "shipped_at": NOW.isoformat(),
        "lines": [{"line_no": 1, "product_id": product_id, "quantity": "2"}],
    }
    await hear("sales.order.shipped.v1", subject=order_id, **{**shipment, **values})
    return order_id
