"""Contracts, policies and heard events for tests: valid by default, say only what matters."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from httpx import AsyncClient

from common.testing.service import Hearing
from contract.approval_policies.routing import Route
from contract.contracts.model import Contract, InstalmentText, LineText
from contract.milestones.model import Milestone
from contract.milestones.planning import MilestoneKind, Planned

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TODAY = date(2026, 3, 2)
DRAFTER, SUBMITTER = UUID(int=1), UUID(int=2)
MANAGER, FINANCE = UUID(int=3), UUID(int=4)
ONE_STEP = Route(1, ("manager",))
TWO_STEPS = Route(1, ("manager", "finance"))


def a_line(**values: Any) -> LineText:
    """Ten pumps."""
    defaults = {"product_name": "离心泵", "quantity": Decimal(10), "unit_price": Decimal("125.00")}
    return LineText(**{**defaults, **values})


def a_contract(**values: Any) -> Contract:
    """A draft in memory, over 1250.00 CNY."""
    defaults: dict[str, Any] = {
        "number": "CT2026-000042",
        "by": "somebody",
        "kind": "sales",
        "title": "离心泵采购合同",
        "customer_id": uuid4(),
        "currency": "CNY",
        "starts_on": date(2026, 1, 1),
        "ends_on": date(2026, 12, 31),
        "lines": [a_line()],
        "payment_schedule": [InstalmentText(date(2026, 4, 1), Decimal(100))],
        "drafted_by": DRAFTER,
    }
    contract = Contract.draft(**{**defaults, **values})[0]
    contract.version = 1
    return contract


def a_submitted_contract(*, route: Route = ONE_STEP, **values: Any) -> Contract:
    """A contract that waits for its first step."""
    contract = a_contract(**values)
    contract.submit(submitted_by=SUBMITTER, route=route, checked=[], now=NOW)
    return contract


def an_approved_contract(**values: Any) -> Contract:
    """A contract that may be signed."""
    contract = a_submitted_contract(**values)
    contract.approve(decided_by=MANAGER, opinion=None, deciders=[], now=NOW)
    return contract


def a_signed_contract(**values: Any) -> Contract:
    """A contract in force."""
    contract = an_approved_contract(**values)
    contract.sign(signed_on=TODAY, our_signatory="王芳", their_signatory="李强", today=TODAY)
    return contract


def a_milestone(kind: str = "delivery", *, amount: str | None = None, **values: Any) -> Milestone:
    """A milestone of a contract, due on 2026-04-01."""
    defaults: dict[str, Any] = {"title": kind, "due_on": date(2026, 4, 1)}
    planned = Planned(
        MilestoneKind(kind),
        amount=None if amount is None else Decimal(amount),
        **{**defaults, **values},
    )
    return Milestone.plan(a_contract(), planned, place=0)[0]


async def a_known_customer(hear: Hearing, **values: Any) -> str:
    """The id of a customer that was heard of."""
    customer_id = str(uuid4())
    await hear(
        "customer.customer.created.v1",
        **{"customer_id": customer_id, "number": "C2026-000007", "name": "远航机电", **values},
    )
    return customer_id


def contract_text(customer_id: str, **values: Any) -> dict[str, Any]:
    """The body of a new contract, over 1250.00 CNY."""
    return {
        "title": "离心泵采购合同",
        "customer_id": customer_id,
        "currency": "CNY",
        "starts_on": "2026-01-01",
        "ends_on": "2026-12-31",
        "lines": [{"product_name": "离心泵", "quantity": "10", "unit_price": "125.00"}],
        "payment_schedule": [{"due_on": "2026-04-01", "share": "100"}],
        "drafted_by": str(DRAFTER),
        **values,
    }


async def a_drafted_contract(client: AsyncClient, hear: Hearing, **values: Any) -> dict[str, Any]:
    """A contract in the database, as the API answers it."""
    if "customer_id" not in values:
        values["customer_id"] = await a_known_customer(hear)
    response = await client.post("/contract/v1/contracts", json=contract_text(**values))
    assert response.status_code == 201, response.text
    drafted: dict[str, Any] = response.json()
    return drafted


async def told(client: AsyncClient, contract: dict[str, Any], verb: str, **body: Any) -> Any:
    """The answer to `POST …/{id}:verb`, which must succeed."""
    response = await client.post(f"/contract/v1/contracts/{contract['id']}:{verb}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def a_contract_in_force(client: AsyncClient, hear: Hearing, **values: Any) -> dict[str, Any]:
    """A signed contract in the database."""
    contract = await a_drafted_contract(client, hear, **values)
    await told(client, contract, "submit", submitted_by=str(SUBMITTER))
    await told(client, contract, "approve", decided_by=str(MANAGER))
    signed: dict[str, Any] = await told(
        client,
        contract,
        "sign",
        signed_on="2026-01-05",
        our_signatory="王芳",
        their_signatory="李强",
    )
    return signed


async def milestones_of(client: AsyncClient, contract: dict[str, Any], **filters: Any) -> Any:
    """The contract's milestones, by due date."""
    response = await client.get(
        "/contract/v1/milestones", params={"contract_id": contract["id"], **filters}
    )
    assert response.status_code == 200, response.text
    return response.json()["data"]


def an_accepted_quote(**values: Any) -> dict[str, Any]:
    """The data of sales.quote.accepted.v1, over 3000.00 CNY."""
    return {
        "quote_id": str(uuid4()),
        "number": "Q2026-000011",
        "quote_version": 2,
        "opportunity_id": str(uuid4()),
        "customer_id": str(uuid4()),
        "total": "3000.00",
        "currency": "CNY",
        "accepted_at": "2026-03-02T09:30:00Z",
        "owner_id": str(DRAFTER),
        "lines": [
            {
                "line_no": 1,
                "product_id": str(uuid4()),
                "product_name": "离心泵 CP-200",
                "quantity": "2",
                "unit_price": "1000.00",
                "amount": "2000.00",
                "delivery_on": "2026-05-01",
            },
            {
                "line_no": 2,
                "product_id": str(uuid4()),
                "product_name": "安装调试",
                "quantity": "1",
                "unit_price": "1200.00",
                "amount": "1000.00",
                "delivery_on": None,
            },
        ],
        **values,
    }


def a_confirmed_order(**values: Any) -> dict[str, Any]:
    """The data of sales.order.confirmed.v1."""
    return {
        "order_id": str(uuid4()),
        "number": "O2026-000021",
        "customer_id": str(uuid4()),
        "quote_id": None,
        "contract_id": None,
        "total": "1250.00",
        "currency": "CNY",
        "confirmed_at": "2026-03-03T01:00:00Z",
        **values,
    }


def a_receipt(order_id: str, amount: str, **values: Any) -> dict[str, Any]:
    """The data of sales.receipt.recorded.v1."""
    return {
        "receipt_id": str(uuid4()),
        "order_id": order_id,
        "amount": amount,
        "currency": "CNY",
        "received_on": "2026-03-20",
        **values,
    }
