"""Whatever is done to orders, receipts and limits, the ledger is what the orders owe."""

import asyncio
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from common.db import Database
from common.testing.service import Hearing, settings_for
from sales.__main__ import ENTRY

from ..builders import a_created_product, a_limited_customer, limit_credit, line_of

PRICE = Decimal("33.33")
quantities = st.integers(1, 9)


@dataclass
class Known:
    """What the test itself knows of an order."""

    id: str
    ordered: int
    state: str = "draft"
    shipped: int = 0
    cancelled: Decimal = Decimal(0)
    paid: dict[str, Decimal] = field(default_factory=dict)

    @property
    def owed(self) -> Decimal:
        """By the definition: what is sold, without what was called off or paid."""
        if self.state in ("draft", "cancelled"):
            return Decimal(0)
        return self.ordered * PRICE - self.cancelled - sum(self.paid.values())


class Ledger(RuleBasedStateMachine):
    """One customer's orders; each rule says by itself whether it must be refused."""

    url: str

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.orders: list[Known] = []
        self.limit = Decimal(1000)
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        self.database = Database("sales", self.url)
        app = ENTRY.create_app(settings_for(ENTRY, self.url), self.database)
        transport = httpx.ASGITransport(app=app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://test")
        self.hear = Hearing(ENTRY, self.database)
        self.customer_id = await a_limited_customer(self.hear, str(self.limit))
        self.product = await a_created_product(self.client, sku=str(uuid4()))

    def teardown(self) -> None:
        async def end() -> None:
            await self.client.aclose()
            await self.database.close()

        if hasattr(self, "database"):
            self.runner.run(end())
            self.runner.close()

    def ask(self, path: str, expected: int = 200, *, patch: bool = False, **body: Any) -> Any:
        async def send() -> httpx.Response:
            if patch:
                return await self.client.patch(
                    f"/sales/v1/{path}", json=body, headers={"If-Match": "*"}
                )
            return await self.client.post(f"/sales/v1/{path}", json=body)

        response = self.runner.run(send())
        assert response.status_code == expected, (path, body, response.text)
        return response.json()

    def those(self, *states: str) -> list[Known]:
        return [order for order in self.orders if order.state in states]

    @property
    def exposure(self) -> Decimal:
        return sum((order.owed for order in self.orders), Decimal(0))

    def fits(self, more: Decimal) -> bool:
        return more <= 0 or self.exposure + more <= self.limit

    def line(self, quantity: int, **values: Any) -> dict[str, Any]:
        return line_of(self.product, quantity=str(quantity), unit_price=str(PRICE), **values)

    @rule(quantity=quantities)
    def order(self, quantity: int) -> None:
        made = self.ask("orders", 201, customer_id=self.customer_id, lines=[self.line(quantity)])
        known = Known(made["id"], quantity)
        self.orders.append(known)
        fits = self.fits(quantity * PRICE)
        self.ask(f"orders/{known.id}:confirm", 200 if fits else 409)
        if fits:
            known.state = "confirmed"

    @precondition(lambda self: self.those("confirmed", "partially_shipped"))
    @rule(data=st.data())
    def ship(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.those("confirmed", "partially_shipped")))
        quantity = data.draw(st.integers(1, order.ordered - order.shipped))
        lines = [{"line_no": 1, "quantity": str(quantity)}]
        self.ask(f"orders/{order.id}:ship", lines=lines)
        order.shipped += quantity
        order.state = "shipped" if order.shipped == order.ordered else "partially_shipped"

    @precondition(lambda self: any(order.owed for order in self.orders))
    @rule(data=st.data())
    def pay(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from([each for each in self.orders if each.owed]))
        amount = data.draw(st.decimals("0.01", order.owed + 50, places=2))
        receipt = self.ask("receipts", 201, order_id=order.id, amount=str(amount), unallocated=True)
        order.paid[receipt["id"]] = min(amount, order.owed)

    @precondition(lambda self: any(order.paid for order in self.orders))
    @rule(data=st.data(), act=st.sampled_from(["reverse", "release"]))
    def take_back(self, data: st.DataObject, act: str) -> None:
        order = data.draw(st.sampled_from([each for each in self.orders if each.paid]))
        receipt_id = list(order.paid)[data.draw(st.integers(0, len(order.paid) - 1))]
        body: dict[str, Any] = {"reason": "bounced"}
        if act == "release":
            body = {"order_id": order.id}
        self.ask(f"receipts/{receipt_id}:{act}", **body)
        del order.paid[receipt_id]

    @precondition(lambda self: self.those("confirmed"))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.those("confirmed")))
        self.ask(f"orders/{order.id}:cancel", 409 if order.paid else 200, reason="off")
        if not order.paid:
            order.state = "cancelled"

    @precondition(lambda self: self.those("partially_shipped"))
    @rule(data=st.data())
    def cancel_rest(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.those("partially_shipped")))
        whole = order.ordered * PRICE
        delivered = (whole * order.shipped / order.ordered).quantize(
            Decimal("0.01"), rounding=ROUND_HALF_UP
        )
        overpaid = sum(order.paid.values()) > delivered
        self.ask(f"orders/{order.id}:cancel-rest", 409 if overpaid else 200, reason="off")
        if not overpaid:
            order.state, order.cancelled = "shipped", whole - delivered

    @precondition(lambda self: self.those("cancelled"))
    @rule(data=st.data())
    def reopen(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.those("cancelled")))
        fits = self.fits(order.ordered * PRICE)
        self.ask(f"orders/{order.id}:reopen", 200 if fits else 409)
        if fits:
            order.state = "confirmed"

    @precondition(lambda self: self.those("confirmed", "partially_shipped"))
    @rule(data=st.data(), quantity=quantities)
    def change(self, data: st.DataObject, quantity: int) -> None:
        order = data.draw(st.sampled_from(self.those("confirmed", "partially_shipped")))
        more = (quantity - order.ordered) * PRICE
        if quantity < order.shipped:
            expected = 422
        elif sum(order.paid.values()) > quantity * PRICE or not self.fits(more):
            expected = 409
        else:
            expected = 200
        lines = [self.line(quantity, line_no=1)]
        self.ask(f"orders/{order.id}", expected, patch=True, lines=lines)
        if expected == 200:
            order.ordered = quantity
            if order.shipped == quantity:
                order.state = "shipped"

    @rule(limit=st.integers(0, 2000))
    def set_limit(self, limit: int) -> None:
        self.limit = Decimal(limit)
        self.runner.run(limit_credit(self.hear, self.customer_id, str(limit)))

    @invariant()
    def the_ledger_is_what_the_orders_owe(self) -> None:
        if not hasattr(self, "client"):
            return
        path = f"/sales/v1/customers/{self.customer_id}/credit"
        shown = self.runner.run(self.client.get(path)).json()
        documents = {row["order_id"]: Decimal(row["amount"]) for row in shown["documents"]}

        assert len(documents) == len(shown["documents"])
        assert documents == {order.id: order.owed for order in self.orders if order.owed}
        assert Decimal(shown["available"]) == self.limit - self.exposure
        assert all(Decimal(row["unseen_amount"]) == 0 for row in shown["exposure"])


@pytest.mark.capability("C-14")
@pytest.mark.capability("SAL-17")
@pytest.mark.capability("CUS-15")
def test_the_ledger_is_what_the_orders_owe(database_url):
    machine = type("LedgerHere", (Ledger,), {"url": database_url})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=16,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
