"""Things of the sales service for tests: valid by default, say only what matters."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from httpx import AsyncClient

from common.clock import utc_now
from common.days import day_of
from common.testing.service import Hearing
from sales.leads.model import Lead
from sales.opportunities.model import Opportunity
from sales.orders.model import Order
from sales.pipelines.flow import StageRules
from sales.pipelines.model import Pipeline
from sales.products.model import Product
from sales.quotes.model import Quote
from sales.quotes.totals import LineValues
from sales.receipts.model import Receipt

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TODAY = date(2026, 3, 2)


def a_product(**values: Any) -> Product:
    """A product in memory."""
    defaults = {
        "sku": "GTX-PRO",
        "name": "GTX Pro",
        "kind": "own",
        "unit": "piece",
        "list_price": Decimal("4821"),
        "currency": "CNY",
    }
    return Product.add(**{**defaults, **values})[0]


def a_lead(**values: Any) -> Lead:
    """A lead in memory."""
    defaults = {"number": 42, "now": NOW, "name": "远航机电", "source": "fair", "kind": "company"}
    return Lead.capture(**{**defaults, "currency": "CNY", **values})[0]


def an_opportunity(**values: Any) -> Opportunity:
    """An opportunity in memory, at the first stage."""
    defaults = {
        "number": 42,
        "name": "设备采购",
        "opened_on": date(2026, 1, 5),
        "currency": "CNY",
        "now": NOW,
        "today": TODAY,
    }
    return Opportunity.open(**{**defaults, **values})[0]


def a_stage(stage: str, *, moves: tuple[str, ...], **values: Any) -> StageRules:
    """A stage of a pipeline."""
    defaults = {"name_zh": "阶段", "name_en": "Stage", "probability": Decimal("0.5")}
    return StageRules(stage=stage, moves=moves, **{**defaults, **values})


def a_pipeline(**values: Any) -> Pipeline:
    """A drafted version of a pipeline in memory."""
    defaults: dict[str, Any] = {
        "code": "tenders",
        "pipeline_version": 1,
        "name": "招标",
        "rank": 100,
        "product_ids": [],
        "product_series": [],
        "region_ids": [],
        "stages": [a_stage("survey", moves=("won", "lost"))],
    }
    return Pipeline.draft(**{**defaults, **values})[0]


def a_line(**values: Any) -> LineValues:
    """A line of a quote or an order: ten pieces at 100.00."""
    defaults: dict[str, Any] = {
        "product_id": uuid4(),
        "product_name": "GTX Pro",
        "quantity": Decimal(10),
        "unit_price": Decimal(100),
        "discount_percent": Decimal(0),
        "amount": Decimal("1000.00"),
        "is_shipped": True,
    }
    return LineValues(**{**defaults, **values})


def a_quote(**values: Any) -> Quote:
    """A drafted quote in memory."""
    defaults = {
        "number": 42,
        "lines": [a_line()],
        "now": NOW,
        "customer_id": uuid4(),
        "currency": "CNY",
        "valid_until": date(2026, 3, 31),
    }
    return Quote.draft(**{**defaults, **values})[0]


def a_sent_quote(**values: Any) -> Quote:
    """A quote in memory that the customer has."""
    quote = a_quote(**values)
    quote.send(now=NOW, today=TODAY)
    return quote


def an_order(**values: Any) -> Order:
    """A drafted order in memory."""
    defaults = {
        "number": 42,
        "lines": [a_line()],
        "now": NOW,
        "ordered_on": TODAY,
        "customer_id": uuid4(),
        "currency": "CNY",
    }
    return Order.draft(**{**defaults, **values})[0]


def a_confirmed_order(**values: Any) -> Order:
    """An order in memory that binds."""
    order = an_order(**values)
    order.confirm(now=NOW)
    return order


def a_receipt(order: Order | None, **values: Any) -> Receipt:
    """A receipt in memory."""
    defaults = {
        "number": 42,
        "amount": Decimal("1000.00"),
        "currency": "CNY",
        "received_on": TODAY,
        "method": "cash",
        "order": order,
        "now": NOW,
        "today": TODAY,
    }
    return Receipt.take(**{**defaults, **values})[0]


async def a_known_customer(hear: Hearing, **values: Any) -> str:
    """A customer the customer service has told of; its id."""
    customer_id = uuid4()
    defaults = {"number": "C2026-000007", "name": "杭州远航机电有限公司", "kind": "company"}
    await hear(
        "customer.customer.created.v1",
        subject=customer_id,
        customer_id=customer_id,
        **{**defaults, **values},
    )
    return str(customer_id)


async def limit_credit(hear: Hearing, customer_id: str, amount: str, **values: Any) -> None:
    """The customer service has told how much a customer may owe."""
    is_held = values.pop("is_held", False)
    limit = {"amount": amount, "currency": "CNY", "valid_from": "2020-01-01", **values}
    await hear(
        "customer.customer.credit_changed.v1",
        subject=UUID(customer_id),
        customer_id=customer_id,
        limit=limit,
        is_held=is_held,
        reason="yearly review",
    )


async def a_limited_customer(hear: Hearing, amount: str, **values: Any) -> str:
    """A customer that may owe so much; its id."""
    customer_id = await a_known_customer(hear)
    await limit_credit(hear, customer_id, amount, **values)
    return customer_id


async def set_parameter(
    hear: Hearing, name: str, value: int | str, effective_on: str = "2020-01-01"
) -> None:
    """The channel service has told of a parameter."""
    await hear("channel.parameter.changed.v1", name=name, value=value, effective_on=effective_on)


async def a_known_employee(hear: Hearing, **values: Any) -> str:
    """An employee the channel service has told of; the id."""
    employee_id = uuid4()
    defaults = {"number": "E0007", "name": "李强", "department_id": uuid4(), "state": "active"}
    await hear(
        "channel.employee.changed.v1",
        subject=employee_id,
        employee_id=employee_id,
        **{**defaults, **values},
    )
    return str(employee_id)


async def a_known_partner(hear: Hearing, **values: Any) -> str:
    """A partner the channel service has told of; its id."""
    partner_id = uuid4()
    defaults = {"number": "P0007", "name": "华东经销", "tier": "gold", "state": "active"}
    await hear(
        "channel.partner.onboarded.v1",
        subject=partner_id,
        partner_id=partner_id,
        kind="dealer",
        **{**defaults, **values},
    )
    return str(partner_id)


async def a_known_territory(hear: Hearing, **values: Any) -> str:
    """A territory the channel service has told of; its id."""
    territory_id = uuid4()
    defaults = {"code": "EAST", "name": "华东", "state": "active"}
    await hear(
        "channel.territory.changed.v1",
        subject=territory_id,
        territory_id=territory_id,
        **{**defaults, **values},
    )
    return str(territory_id)


async def posted(client: AsyncClient, path: str, status: int = 201, **body: Any) -> dict[str, Any]:
    """What the API answers to a POST that must succeed with this status."""
    response = await client.post(f"/sales/v1/{path}", json=body)
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def a_created_product(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """A product in the catalogue."""
    defaults = {
        "sku": f"SKU-{uuid4()}",
        "name": "GTX Pro",
        "list_price": "4821.00",
        "currency": "CNY",
    }
    return await posted(client, "products", **{**defaults, **values})


async def a_stated_rate(client: AsyncClient, rate: str = "7.10", **values: Any) -> dict[str, Any]:
    """What a dollar is worth in yuan, from today on."""
    defaults = {
        "from_currency": "USD",
        "to_currency": "CNY",
        "rate_on": str(day_of(utc_now())),
        "source": "central parity",
    }
    return await posted(client, "exchange-rates", **{**defaults, "rate": rate, **values})


async def an_opened_opportunity(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """A deal, opened in January."""
    return await posted(
        client, "opportunities", **{"name": "设备采购", "opened_on": "2026-01-05", **values}
    )


async def an_accepted_quote(
    client: AsyncClient, customer_id: str, lines: list[dict[str, Any]], **values: Any
) -> dict[str, Any]:
    """A quote that the customer took."""
    quote = await posted(
        client,
        "quotes",
        **{"customer_id": customer_id, "valid_until": "2099-12-31", "lines": lines, **values},
    )
    await posted(client, f"quotes/{quote['id']}:send", 200)
    return await posted(client, f"quotes/{quote['id']}:accept", 200)


async def a_binding_order(
    client: AsyncClient, customer_id: str, lines: list[dict[str, Any]], **values: Any
) -> dict[str, Any]:
    """A confirmed order."""
    order = await posted(client, "orders", customer_id=customer_id, lines=lines, **values)
    return await posted(client, f"orders/{order['id']}:confirm", 200)


def line_of(product: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A line of a request: ten pieces at 100.00."""
    return {"product_id": product["id"], "quantity": "10", "unit_price": "100.00", **values}


SOMEBODY = UUID("01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f")
