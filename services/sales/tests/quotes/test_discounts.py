from datetime import timedelta
from decimal import Decimal

import pytest

from common.auth import Actor
from common.testing.service import published, said
from sales.quotes import use_cases as quotes
from sales.quotes.approvals import ApproverIsRequester, QuoteApproval, QuoteChangedSince
from sales.quotes.model import DiscountNeedsApproval
from sales.quotes.schemas import DiscountDecision

from ..builders import (
    NOW,
    TODAY,
    a_created_product,
    a_known_customer,
    a_line,
    a_quote,
    posted,
    set_parameter,
)

LIMIT = Decimal(10)


def a_discounted_quote(unit_price="80", **values):
    """Ten pieces whose list price is 100.00."""
    price = Decimal(unit_price)
    line = a_line(unit_price=price, amount=price * 10, list_unit_price=Decimal(100))
    return a_quote(lines=[line], **values)


def asked(quote):
    return QuoteApproval.request(quote, limit=LIMIT, reason="volume", by="seller", now=NOW)[0]


DECISION = {"is_approved": True, "reason": "agreed", "now": NOW}


@pytest.mark.capability("SAL-15")
@pytest.mark.parametrize(
    ("values", "exceeds"),
    [
        ({"unit_price": "90"}, False),
        ({"unit_price": "89.99"}, True),
        ({"unit_price": "90", "discount_percent": Decimal(1)}, True),
        ({"unit_price": "100", "discount_amount": Decimal("100.10")}, True),
        ({"unit_price": "120"}, False),
    ],
)
def test_every_way_to_go_below_the_price_lists_counts(values, exceeds):
    assert a_discounted_quote(**values).exceeds(LIMIT) is exceeds


@pytest.mark.capability("SAL-15")
def test_one_line_is_not_made_up_for_by_another():
    lines = [
        a_line(amount=Decimal(500), list_unit_price=Decimal(100)),
        a_line(amount=Decimal(5000), list_unit_price=Decimal(100)),
    ]
    quote = a_quote(lines=lines)

    assert (quote.exceeds(LIMIT), quote.largest_discount) == (True, Decimal("50.00"))


@pytest.mark.capability("SAL-15")
def test_tax_on_top_hides_no_discount():
    line = a_line(amount=Decimal(800), list_unit_price=Decimal(100), tax_percent=Decimal(25))

    assert a_quote(lines=[line], prices_include_tax=False).exceeds(LIMIT)


@pytest.mark.capability("SAL-15")
def test_what_has_no_list_price_needs_approval_where_there_is_a_limit():
    quote = a_quote(lines=[a_line()])

    assert (quote.exceeds(LIMIT), quote.exceeds(Decimal(100))) == (True, False)
    assert quote.largest_discount is None


@pytest.mark.capability("SAL-15")
def test_an_approval_lets_out_the_figures_that_were_asked_for_and_no_others():
    quote = a_discounted_quote()
    approval = asked(quote)
    approval.decide(quote, by="manager", **DECISION)
    quote.redraft({"valid_until": TODAY + timedelta(days=300)}, None)

    with pytest.raises(DiscountNeedsApproval):
        quote.send(now=NOW, today=TODAY, limit=LIMIT, approved=[approval.fingerprint])

    quote = a_discounted_quote()
    approved = [asked(quote).fingerprint]
    assert quote.send(now=NOW, today=TODAY, limit=LIMIT, approved=approved)


@pytest.mark.capability("SAL-15")
def test_who_asks_does_not_approve_and_nobody_approves_what_was_not_asked_for():
    quote = a_discounted_quote()
    approval = asked(quote)

    with pytest.raises(ApproverIsRequester):
        approval.decide(quote, by="seller", **DECISION)
    quote.redraft({"discount_amount": Decimal("50.00")}, None)
    with pytest.raises(QuoteChangedSince):
        approval.decide(quote, by="manager", **DECISION)


async def a_limited_draft(client, hear, unit_price="80.00"):
    await set_parameter(hear, "quote_discount_limit_percent", 5)
    # The actor of tests has every right, and so that to larger discounts.
    await set_parameter(hear, "quote_larger_discount_limit_percent", 10)
    product = await a_created_product(client, list_price="100.00")
    line = {"product_id": product["id"], "quantity": "10", "unit_price": unit_price}
    return await posted(
        client,
        "quotes",
        customer_id=await a_known_customer(hear),
        valid_until="2099-12-31",
        lines=[line],
    )


@pytest.mark.capability("SAL-15")
async def test_a_discount_beyond_the_limit_goes_out_when_a_second_person_agreed(
    client, session, hear, database
):
    quote = await a_limited_draft(client, hear)
    path = f"/sales/v1/quotes/{quote['id']}"

    held = await client.post(f"{path}:send")
    asked_for = await posted(client, f"quotes/{quote['id']}:request-discount", 200, reason="volume")
    alone = await client.post(f"{path}:approve-discount", json={"reason": "fine"})
    async with database.transaction() as work:
        await quotes.decide_discount(
            work,
            quote["id"],
            DiscountDecision(reason="agreed"),
            is_approved=True,
            actor=Actor("manager"),
            now=NOW,
        )
    sent = await client.post(f"{path}:send")

    assert (held.status_code, held.json()["code"]) == (409, "discount_needs_approval")
    assert (held.json()["limit"], held.json()["discount"]) == ("10", "20.00")
    assert asked_for["fingerprint"] == quote["fingerprint"]
    assert (alone.status_code, alone.json()["code"]) == (403, "approver_is_requester")
    assert sent.json()["state"] == "sent"
    (decided,) = await said(session, "sales.quote.discount_decided.v1")
    assert (decided["is_approved"], decided["total"]) == (True, "800.00")
    listed = await client.get("/sales/v1/quote-approvals", params={"quote_id": quote["id"]})
    assert [each["decided_by"] for each in listed.json()["data"]] == ["manager"]


@pytest.mark.capability("SAL-15")
async def test_a_change_voids_what_was_asked_for(client, session, hear):
    quote = await a_limited_draft(client, hear)
    await posted(client, f"quotes/{quote['id']}:request-discount", 200, reason="volume")

    await client.patch(
        f"/sales/v1/quotes/{quote['id']}",
        json={"discount_percent": "5"},
        headers={"If-Match": "*"},
    )
    refused = await client.post(
        f"/sales/v1/quotes/{quote['id']}:approve-discount", json={"reason": "fine"}
    )

    assert refused.json()["code"] == "no_discount_to_decide"
    listed = await client.get("/sales/v1/quote-approvals", params={"state": "lapsed"})
    assert [each["quote_id"] for each in listed.json()["data"]] == [quote["id"]]
    assert "sales.quote.discount_decided.v1" not in await published(session)


@pytest.mark.capability("SAL-15")
async def test_a_quote_converts_to_an_order_with_every_figure(client, hear):
    await set_parameter(hear, "quote_decimal_places", 3)
    product = await a_created_product(client, list_price="99.9999")
    customer_id = await a_known_customer(hear)
    line = {"product_id": product["id"], "quantity": "3", "tax_percent": "13"}
    quote = await posted(
        client,
        "quotes",
        customer_id=customer_id,
        valid_until="2099-12-31",
        discount_amount="10.001",
        prices_include_tax=False,
        lines=[line, line, line],
    )
    await set_parameter(hear, "quote_decimal_places", 0, effective_on="2020-01-02")
    await posted(client, f"quotes/{quote['id']}:send", 200)
    await posted(client, f"quotes/{quote['id']}:accept", 200)

    order = await posted(client, "orders", quote_id=quote["id"])

    same = ("places", "total", "tax_total", "discount_amount", "prices_include_tax", "currency")
    assert [order[name] for name in same] == [quote[name] for name in same]
    assert (quote["places"], quote["discount_amount"]) == (3, "10.001")
    for ordered, quoted in zip(order["lines"], quote["lines"], strict=True):
        same = ("quantity", "unit_price", "amount", "document_discount", "tax_amount")
        assert [ordered[name] for name in same] == [quoted[name] for name in same]
    assert sum(Decimal(line["amount"]) for line in order["lines"]) == Decimal(order["total"])


@pytest.mark.capability("SAL-15")
async def test_all_versions_of_a_quote_stay_readable(client, hear):
    quote = await a_limited_draft(client, hear, unit_price="95.00")
    await posted(client, f"quotes/{quote['id']}:send", 200)
    new = await posted(client, f"quotes/{quote['id']}:revise", valid_until="2100-06-30")

    for one in (quote, new):
        versions = await client.get(f"/sales/v1/quotes/{one['id']}/versions")
        assert [(v["quote_version"], v["state"], v["total"]) for v in versions.json()] == [
            (1, "replaced", "950.00"),
            (2, "draft", "950.00"),
        ]
