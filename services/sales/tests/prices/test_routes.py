from datetime import date
from uuid import uuid4

import pytest

from common.testing.service import said

from ..builders import (
    a_created_product,
    a_known_customer,
    a_known_partner,
    a_known_territory,
    posted,
)


async def a_published_list(client, product, *prices, **values):
    """A price list with (quantity from, unit price) for one product."""
    defaults = {"name": "2026", "valid_from": "2026-01-01"}
    lines = [
        {"product_id": product["id"], "min_quantity": quantity, "unit_price": price}
        for quantity, price in prices
    ]
    made = await posted(client, "price-lists", lines=lines, **{**defaults, **values})
    return await posted(client, f"price-lists/{made['id']}:publish", 200)


async def the_price(client, product, **values):
    answer = await client.get(
        "/sales/v1/prices", params={"product_id": product["id"], "on": "2026-03-02", **values}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.capability("SAL-14")
async def test_a_price_follows_from_quantity_and_day_and_says_why(client):
    product = await a_created_product(client, list_price="120.00")
    made = await a_published_list(
        client, product, ("1", "100.00"), ("10", "90.00"), valid_to="2026-12-31"
    )

    one = await the_price(client, product)
    ten = await the_price(client, product, quantity="10")
    before = await the_price(client, product, on="2025-12-31")
    after = await the_price(client, product, on="2027-01-01")

    assert (one["unit_price"], ten["unit_price"]) == ("100.00", "90.00")
    assert ten["price_list_id"] == made["id"]
    assert "from 10 on" in ten["why"]
    assert len(ten["considered"]) == 2
    assert before["unit_price"] == after["unit_price"] == "120.00"
    assert before["price_list_id"] is None


@pytest.mark.capability("SAL-14")
@pytest.mark.parametrize("condition", ["customer_id", "partner_tier", "region_id", "industry"])
async def test_a_list_with_a_condition_holds_for_those_who_meet_it(client, hear, condition):
    region_id = await a_known_territory(hear)
    customer_id = await a_known_customer(
        hear,
        region_id=region_id,
        industry="manufacturing",
        partner_id=await a_known_partner(hear, tier="gold"),
    )
    stranger_id = await a_known_customer(hear)
    wanted = {
        "customer_id": customer_id,
        "partner_tier": "gold",
        "region_id": region_id,
        "industry": "manufacturing",
    }
    product = await a_created_product(client, list_price="120.00")
    await a_published_list(client, product, ("1", "110.00"), name="Everybody")
    await a_published_list(client, product, ("1", "80.00"), **{condition: wanted[condition]})

    meant = await the_price(client, product, customer_id=customer_id)
    stranger = await the_price(client, product, customer_id=stranger_id)
    nobody = await the_price(client, product)

    assert meant["unit_price"] == "80.00"
    assert condition.removesuffix("_id").replace("_", " ") in meant["why"]
    assert stranger["unit_price"] == nobody["unit_price"] == "110.00"


async def test_a_draft_and_a_withdrawn_list_hold_for_nobody(client, session):
    product = await a_created_product(client, list_price="120.00")
    await posted(
        client,
        "price-lists",
        name="Draft",
        valid_from="2026-01-01",
        lines=[{"product_id": product["id"], "unit_price": "1.00"}],
    )
    held = await a_published_list(client, product, ("1", "2.00"))
    await posted(client, f"price-lists/{held['id']}:withdraw", 200)

    assert (await the_price(client, product))["unit_price"] == "120.00"
    (told,) = await said(session, "sales.price_list.published.v1")
    assert (told["price_list_id"], told["valid_to"]) == (held["id"], None)


async def test_a_published_list_is_frozen(client):
    product = await a_created_product(client)
    held = await a_published_list(client, product, ("1", "2.00"))
    path = f"/sales/v1/price-lists/{held['id']}"

    changed = await client.patch(path, json={"name": "x"}, headers={"If-Match": "*"})

    assert changed.json()["code"] == "price_list_is_frozen"
    assert (await client.post(f"{path}:publish")).status_code == 409


async def test_a_draft_takes_other_lines(client):
    product = await a_created_product(client)
    made = await posted(client, "price-lists", name="Draft", valid_from="2026-01-01")
    path = f"/sales/v1/price-lists/{made['id']}"
    empty = await client.post(f"{path}:publish")

    lines = [{"product_id": product["id"], "unit_price": "9.90"}]
    unread = await client.patch(path, json={"lines": lines})
    changed = await client.patch(
        path, json={"lines": lines}, headers={"If-Match": f'"{made["version"]}"'}
    )

    assert unread.json()["code"] == "precondition_required"
    assert empty.json()["code"] == "price_list_is_empty"
    assert [line["unit_price"] for line in changed.json()["lines"]] == ["9.90"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"valid_to": str(date(2025, 12, 31))}, "validity_reversed"),
        ({"customer_id": str(uuid4())}, "customer_not_known"),
        ({"lines": [{"product_id": str(uuid4()), "unit_price": "1"}]}, "product_not_known"),
    ],
)
async def test_a_list_that_cannot_be_is_refused(client, values, code):
    body = {"name": "2026", "valid_from": "2026-01-01", **values}

    response = await client.post("/sales/v1/price-lists", json=body)

    assert (response.status_code, response.json()["code"]) == (422, code)


async def test_two_prices_from_one_quantity_on_are_refused(client):
    product = await a_created_product(client)
    line = {"product_id": product["id"], "unit_price": "1.00"}

    response = await client.post(
        "/sales/v1/price-lists",
        json={"name": "2026", "valid_from": "2026-01-01", "lines": [line, line]},
    )

    assert response.json()["code"] == "same_break_twice"


@pytest.mark.capability("SAL-14")
async def test_a_quote_keeps_why_each_price_also_of_one_set_by_hand(client, hear):
    product = await a_created_product(client, list_price="120.00")
    customer_id = await a_known_customer(hear)
    general = await a_published_list(client, product, ("1", "100.00"), ("10", "90.00"))
    theirs = await a_published_list(client, product, ("1", "95.00"), customer_id=customer_id)
    line = {"product_id": product["id"], "quantity": "10"}

    quote = await posted(
        client,
        "quotes",
        customer_id=customer_id,
        valid_until="2099-12-31",
        lines=[line, {**line, "unit_price": "50.00"}],
    )
    await posted(client, f"price-lists/{theirs['id']}:withdraw", 200)

    kept = (await client.get(f"/sales/v1/quotes/{quote['id']}")).json()
    assert [line["unit_price"] for line in kept["lines"]] == ["95.00", "50.00"]
    for line in kept["lines"]:
        basis = line["price_basis"]
        assert (line["list_unit_price"], basis["price_list_id"]) == ("95.00", theirs["id"])
        outcomes = {each["unit_price"]: each["outcome"] for each in basis["considered"]}
        assert outcomes["95.00"] == "chosen"
        assert outcomes["90.00"].startswith("less particular")
        assert general["id"] in {each["price_list_id"] for each in basis["considered"]}
    assert kept["lines"][1]["price_reason"] is None
