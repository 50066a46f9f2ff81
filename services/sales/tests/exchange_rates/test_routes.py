from datetime import timedelta

import pytest

from common.clock import utc_now
from common.days import day_of
from common.testing.service import said

from ..builders import (
    a_created_product,
    a_known_customer,
    a_limited_customer,
    a_stated_rate,
    line_of,
    posted,
    set_parameter,
)


def days_ago(days):
    return str(day_of(utc_now()) - timedelta(days=days))


async def a_sent_dollar_quote(client, hear):
    quote = await posted(
        client,
        "quotes",
        customer_id=await a_known_customer(hear),
        currency="USD",
        valid_until="2099-12-31",
        lines=[line_of(await a_created_product(client))],
    )
    return await posted(client, f"quotes/{quote['id']}:send", 200)


@pytest.mark.capability("P-10", "C-17")
async def test_a_document_keeps_the_rate_of_its_day_whatever_is_stated_later(client, session, hear):
    rate = await a_stated_rate(client, "7.10")
    quote = await a_sent_dollar_quote(client, hear)
    await posted(client, f"quotes/{quote['id']}:accept", 200)
    order = await posted(client, "orders", quote_id=quote["id"])
    await posted(client, f"orders/{order['id']}:confirm", 200)
    receipt = await posted(client, "receipts", order_id=order["id"], amount="100.00")

    corrected = await client.patch(
        f"/sales/v1/exchange-rates/{rate['id']}", json={"rate": "9.99", "source": "typing error"}
    )

    assert corrected.json()["rate"] == "9.99"
    for kind, thing, worth in (
        ("quotes", quote, ("base_total", "7100.00")),
        ("orders", order, ("base_total", "7100.00")),
        ("receipts", receipt, ("base_amount", "710.00")),
    ):
        kept = (await client.get(f"/sales/v1/{kind}/{thing['id']}")).json()
        assert (kept["exchange_rate"], kept["base_currency"]) == ("7.10", "CNY")
        assert kept["exchange_rate_on"] == rate["rate_on"]
        assert kept["exchange_rate_basis"].startswith("central parity")
        assert (worth[0], kept[worth[0]]) == worth
    for event in ("sales.quote.accepted.v1", "sales.order.confirmed.v1"):
        (told,) = await said(session, event)
        assert (told["exchange_rate"], told["base_total"]) == ("7.10", "7100.00")
    (told,) = await said(session, "sales.receipt.recorded.v1")
    assert (told["exchange_rate"], told["base_amount"]) == ("7.10", "710.00")
    (told,) = await said(session, "sales.exchange_rate.corrected.v1")
    assert (told["rate_before"], told["rate"]) == ("7.10", "9.99")


@pytest.mark.capability("P-10", "C-17")
async def test_nothing_is_decided_in_a_currency_without_a_rate(client, hear):
    quote = await a_sent_dollar_quote(client, hear)
    await a_stated_rate(client, rate_on=days_ago(32))

    refused = await client.post(f"/sales/v1/quotes/{quote['id']}:accept")

    assert (refused.status_code, refused.json()["code"]) == (409, "exchange_rate_needed")
    assert (refused.json()["from_currency"], refused.json()["to_currency"]) == ("USD", "CNY")
    await set_parameter(hear, "exchange_rate_max_age_days", 40)
    accepted = await posted(client, f"quotes/{quote['id']}:accept", 200)
    assert accepted["exchange_rate_on"] == days_ago(32)


@pytest.mark.capability("P-10")
async def test_money_is_worth_what_it_was_on_the_day_it_came(client, hear):
    await a_stated_rate(client, "7.00", rate_on=days_ago(10))
    await a_stated_rate(client, "7.50", rate_on=days_ago(2))

    receipt = await posted(
        client,
        "receipts",
        customer_id=await a_known_customer(hear),
        amount="10.00",
        currency="USD",
        received_on=days_ago(3),
    )

    assert (receipt["exchange_rate"], receipt["base_amount"]) == ("7.00", "70.00")


@pytest.mark.capability("P-10")
async def test_rates_are_brought_up_to_date_in_bulk(client):
    await a_stated_rate(client, "7.10")
    today = days_ago(0)
    items = [
        {"from_currency": code, "to_currency": "CNY", "rate_on": today, "rate": rate, "source": "x"}
        for code, rate in (("USD", "7.20"), ("EUR", "8"), ("CNY", "1"))
    ]

    answer = await posted(
        client, "exchange-rates:upsert", 200, match_on=["pair_and_day"], items=items
    )
    twice = await client.post("/sales/v1/exchange-rates", json=items[1])
    converted = await client.get(
        "/sales/v1/conversions",
        params={"amount": "100", "from_currency": "USD", "to_currency": "EUR"},
    )

    outcomes = [each.get("outcome") or each["error"]["code"] for each in answer["results"]]
    assert outcomes == ["updated", "created", "currencies_are_the_same"]
    assert (twice.status_code, twice.json()["code"]) == (409, "exchange_rate_there")
    assert converted.json()["converted_amount"] == "90.00"
    assert converted.json()["basis"].startswith("through CNY: ")


@pytest.mark.capability("P-10", "SAL-17")
async def test_credit_counts_what_is_owed_in_another_currency_at_the_rate_of_the_day(client, hear):
    customer_id = await a_limited_customer(hear, "10000.00")
    product = await a_created_product(client)
    await a_stated_rate(client, "7.10")

    async def confirm(quantity):
        line = line_of(product, quantity=quantity)
        order = await posted(
            client, "orders", customer_id=customer_id, currency="USD", lines=[line]
        )
        return await client.post(f"/sales/v1/orders/{order['id']}:confirm")

    first, second = await confirm("10"), await confirm("5")
    standing = (await client.get(f"/sales/v1/customers/{customer_id}/credit")).json()

    assert first.status_code == 200, first.text
    assert (second.status_code, second.json()["code"]) == (409, "credit_limit_exceeded")
    assert second.json()["exposure"] == "7100.00"
    assert standing["available"] == "2900.00"
    assert [(used["from_currency"], used["rate"]) for used in standing["rates"]] == [
        ("USD", "7.10")
    ]
