import asyncio

import pytest

from common.testing.service import published, said

from ..builders import (
    a_binding_order,
    a_created_product,
    a_known_customer,
    line_of,
    posted,
)


async def an_owing_order(client, hear, **customer):
    product = await a_created_product(client)
    return await a_binding_order(
        client, await a_known_customer(hear, **customer), [line_of(product)]
    )


@pytest.mark.capability("SAL-18")
async def test_the_order_counts_what_was_received_and_what_went_back(client, session, hear):
    order = await an_owing_order(client, hear)
    path = f"/sales/v1/orders/{order['id']}"

    receipt = await posted(
        client, "receipts", order_id=order["id"], amount="400.00", received_on="2026-02-01"
    )
    paid = (await client.get(path)).json()
    reversal = await posted(client, f"receipts/{receipt['id']}:reverse", 200, reason="bounced")
    unpaid = (await client.get(path)).json()

    assert receipt["number"].startswith("R")
    assert (paid["paid_amount"], paid["open_amount"]) == ("400.00", "600.00")
    assert (unpaid["paid_amount"], unpaid["open_amount"]) == ("0.00", "1000.00")
    assert reversal["state"] == "reversed"
    assert (await published(session))[-4:] == [
        "sales.receipt.recorded.v1",
        "sales.order.payment_changed.v1",
        "sales.receipt.reversed.v1",
        "sales.order.payment_changed.v1",
    ]
    (recorded,) = await said(session, "sales.receipt.recorded.v1")
    assert (recorded["amount"], recorded["received_on"], recorded["customer_id"]) == (
        "400.00",
        "2026-02-01",
        order["customer_id"],
    )


@pytest.mark.capability("SAL-18")
async def test_too_much_is_refused_unless_it_may_stay_unallocated(client, hear):
    order = await an_owing_order(client, hear)
    body = {"order_id": order["id"], "amount": "1200.00"}

    refused = await client.post("/sales/v1/receipts", json=body)
    kept = await posted(client, "receipts", unallocated=True, **body)

    assert (refused.status_code, refused.json()["code"]) == (409, "over_payment")
    assert refused.json()["open_amount"] == "1000.00"
    assert (kept["allocated_amount"], kept["unallocated_amount"]) == ("1000.00", "200.00")


async def test_a_second_reversal_is_refused(client, hear):
    order = await an_owing_order(client, hear)
    receipt = await posted(client, "receipts", order_id=order["id"], amount="1.00")
    path = f"/sales/v1/receipts/{receipt['id']}:reverse"

    assert (await client.post(path, json={"reason": "bounced"})).status_code == 200
    refused = await client.post(path, json={"reason": "bounced"})

    assert (refused.status_code, refused.json()["code"]) == (409, "receipt_reversed_already")


async def test_money_without_an_order_is_its_customers(client, hear):
    customer_id = await a_known_customer(hear)

    receipt = await posted(client, "receipts", customer_id=customer_id, amount="50.00")

    assert (receipt["order_id"], receipt["unallocated_amount"]) == (None, "50.00")


async def test_the_receipts_of_an_order_are_listed(client, hear):
    order, other = await an_owing_order(client, hear), await an_owing_order(client, hear)
    await posted(client, "receipts", order_id=other["id"], amount="1.00")
    for day in ("2026-02-02", "2026-02-01"):
        await posted(client, "receipts", order_id=order["id"], amount="10.00", received_on=day)

    page = (await client.get("/sales/v1/receipts", params={"order_id": order["id"]})).json()

    assert [row["received_on"] for row in page["data"]] == ["2026-02-02", "2026-02-01"]


async def test_an_external_id_names_one_receipt(client, hear):
    customer_id = await a_known_customer(hear)
    named = {"external_source": "erp", "external_id": "4711", "customer_id": customer_id}
    first = await posted(client, "receipts", amount="1.00", **named)

    again = await client.post("/sales/v1/receipts", json={"amount": "1.00", **named})

    assert (again.status_code, again.json()["existing_id"]) == (409, first["id"])


@pytest.mark.capability("SAL-18")
async def test_of_two_payments_at_once_the_order_takes_what_it_is_owed(client, hear):
    order = await an_owing_order(client, hear)
    body = {"order_id": order["id"], "amount": "600.00"}

    answers = await asyncio.gather(
        *(client.post("/sales/v1/receipts", json=body) for _ in range(3))
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    shown = (await client.get(f"/sales/v1/orders/{order['id']}")).json()
    assert shown["paid_amount"] == "600.00"
