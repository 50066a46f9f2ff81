import asyncio
from decimal import Decimal
from itertools import permutations
from uuid import UUID, uuid4

import pytest

from common.messaging.consumers import Consumers
from common.messaging.inbox import Inbox
from common.testing.service import published, received_event, said
from contract.consumers import CONSUMERS
from contract.contracts import use_cases as contracts

from .builders import (
    DRAFTER,
    a_confirmed_order,
    a_contract_in_force,
    a_drafted_contract,
    a_known_customer,
    a_receipt,
    an_accepted_quote,
    milestones_of,
)


async def the_contract_of(client, quote):
    page = await client.get("/contract/v1/contracts", params={"quote_id": quote["quote_id"]})
    (contract,) = page.json()["data"]
    return (await client.get(f"/contract/v1/contracts/{contract['id']}")).json()


def a_shipment(order, **values):
    return {
        "order_id": order["order_id"],
        "customer_id": order["customer_id"],
        "shipped_at": "2026-04-20T18:00:00Z",
        "lines": [],
        "complete": True,
        **values,
    }


@pytest.mark.capability("CON-02", "CON-04")
async def test_an_accepted_quote_drafts_one_contract(client, session, hear):
    quote = an_accepted_quote()
    await a_known_customer(hear, customer_id=quote["customer_id"])

    heard = await hear("sales.quote.accepted.v1", **quote)
    await hear.again(heard)
    await hear("sales.quote.accepted.v1", **quote)

    contract = await the_contract_of(client, quote)
    assert (contract["state"], contract["total"], contract["kind"]) == (
        "draft",
        "3000.00",
        "sales",
    )
    assert (contract["starts_on"], contract["ends_on"]) == ("2026-03-02", "2027-03-01")
    assert contract["drafted_by"] == contract["owner_id"] == str(DRAFTER)
    assert contract["lines"][1]["remark"] == "As quoted"
    assert [(row["kind"], row["due_on"]) for row in await milestones_of(client, contract)] == [
        ("payment", "2026-04-01"),
        ("delivery", "2026-05-01"),
        ("delivery", "2027-03-01"),
    ]
    assert (await published(session)).count("contract.contract.drafted.v1") == 1


async def test_the_same_quote_heard_at_the_same_time_drafts_one_contract(session, database):
    inbox = Inbox(database, Consumers("contract", CONSUMERS))
    quote = an_accepted_quote()

    await asyncio.gather(
        *(
            inbox.apply(
                [received_event("sales.quote.accepted.v1", subject=uuid4(), version=1, data=quote)]
            )
            for _ in range(4)
        )
    )

    assert (await published(session)).count("contract.contract.drafted.v1") == 1


async def test_the_name_of_a_customer_is_shown_once_it_is_heard_of(client, hear):
    quote = an_accepted_quote()
    await hear("sales.quote.accepted.v1", **quote)
    before = await the_contract_of(client, quote)

    await a_known_customer(hear, customer_id=quote["customer_id"], name="远航机电")
    await hear(
        "customer.customer.updated.v1",
        customer_id=quote["customer_id"],
        number="C2026-000007",
        name="远航机电集团",
    )

    after = await the_contract_of(client, quote)
    assert (before["customer_name"], after["customer_name"]) == (None, "远航机电集团")


@pytest.mark.capability("CON-04")
async def test_quote_contract_and_order_stand_beside_each_other(client, session, hear):
    quote = an_accepted_quote()
    order = a_confirmed_order(quote_id=quote["quote_id"], total="2900.00")
    await hear("sales.quote.accepted.v1", **quote)
    heard = await hear("sales.order.confirmed.v1", **order)
    await hear.again(heard)

    contract = await the_contract_of(client, quote)
    chain = (await client.get(f"/contract/v1/contracts/{contract['id']}/chain")).json()

    assert contract["order_id"] == order["order_id"]
    assert (chain["quote_total"], chain["difference_from_quote"]) == ("3000.00", "0.00")
    assert (chain["orders_total"], chain["difference_from_orders"]) == ("2900.00", "100.00")
    assert [row["number"] for row in chain["orders"]] == [order["number"]]
    assert len(await said(session, "contract.contract.order_linked.v1")) == 1


@pytest.mark.capability("CON-04")
async def test_an_order_from_a_contract_is_linked_by_its_name(client, hear):
    contract = await a_contract_in_force(client, hear)
    order = a_confirmed_order(contract_id=contract["id"])

    await hear("sales.order.confirmed.v1", **order)

    shown = (await client.get(f"/contract/v1/contracts/{contract['id']}")).json()
    content = (await client.get(f"/contract/v1/contracts/{contract['id']}/content")).json()
    assert shown["order_id"] == order["order_id"]
    assert content["is_intact"] is True


@pytest.mark.capability("CON-11")
async def test_a_complete_shipment_meets_the_deliveries(client, session, hear):
    contract = await a_contract_in_force(client, hear)
    order = a_confirmed_order(contract_id=contract["id"])
    subject = UUID(order["order_id"])
    await hear("sales.order.confirmed.v1", subject=subject, **order)

    await hear("sales.order.shipped.v1", subject=subject, **a_shipment(order, complete=False))
    halfway = (await milestones_of(client, contract, kind="delivery"))[0]
    whole = await hear("sales.order.shipped.v1", subject=subject, **a_shipment(order))
    await hear.again(whole)

    delivery = (await milestones_of(client, contract, kind="delivery"))[0]
    assert (halfway["state"], delivery["state"]) == ("planned", "met")
    # 18:00 UTC is the next day in the organisation's zone.
    assert (delivery["met_on"], delivery["met_by"]) == ("2026-04-21", "shipment")
    assert len(await said(session, "contract.milestone.met.v1")) == 1


async def test_two_orders_deliver_when_both_have_left_or_one_is_off(client, hear):
    contract = await a_contract_in_force(client, hear)
    first, second = (a_confirmed_order(contract_id=contract["id"]) for _ in range(2))
    for order in (first, second):
        await hear("sales.order.confirmed.v1", **order)

    await hear("sales.order.shipped.v1", **a_shipment(first))
    halfway = (await milestones_of(client, contract, kind="delivery"))[0]
    await hear(
        "sales.order.cancelled.v1",
        **{**second, "reason": "重复下单"},
    )

    delivery = (await milestones_of(client, contract, kind="delivery"))[0]
    assert (halfway["state"], delivery["state"]) == ("planned", "met")


@pytest.mark.capability("CON-11")
async def test_receipts_add_up_to_payments_and_a_reversal_takes_back(client, session, hear):
    contract = await a_contract_in_force(
        client,
        hear,
        payment_schedule=[
            {"due_on": "2026-04-01", "share": "40"},
            {"due_on": "2026-06-01", "share": "60"},
        ],
    )
    order = a_confirmed_order(contract_id=contract["id"])
    await hear("sales.order.confirmed.v1", **order)
    first = a_receipt(order["order_id"], "300.00", received_on="2026-03-10")
    second = a_receipt(order["order_id"], "400.00", received_on="2026-03-20")

    await hear("sales.receipt.recorded.v1", **first)
    heard = await hear("sales.receipt.recorded.v1", subject=UUID(second["receipt_id"]), **second)
    await hear.again(heard)
    paid = await milestones_of(client, contract, kind="payment")
    reversal = await hear(
        "sales.receipt.reversed.v1",
        subject=UUID(second["receipt_id"]),
        **{**second, "reversed_on": "2026-03-25", "reason": "退票"},
    )
    await hear.again(reversal)

    taken_back = await milestones_of(client, contract, kind="payment")
    assert [(row["received"], row["state"], row["met_on"]) for row in paid] == [
        ("500.00", "met", "2026-03-20"),
        ("200.00", "planned", None),
    ]
    assert [(row["received"], row["state"], row["met_on"]) for row in taken_back] == [
        ("300.00", "planned", None),
        ("0.00", "planned", None),
    ]
    assert len(await said(session, "contract.milestone.reopened.v1")) == 1


async def test_money_in_another_currency_or_for_no_order_pays_nothing(client, hear):
    contract = await a_contract_in_force(client, hear)
    order = a_confirmed_order(contract_id=contract["id"])
    await hear("sales.order.confirmed.v1", **order)

    await hear("sales.receipt.recorded.v1", **a_receipt(order["order_id"], "1250", currency="USD"))
    loose = a_receipt(None, "1250.00")
    await hear("sales.receipt.recorded.v1", subject=UUID(loose["receipt_id"]), **loose)
    await hear(
        "sales.receipt.reversed.v1",
        subject=UUID(loose["receipt_id"]),
        **{**loose, "reversed_on": "2026-03-25", "reason": "退票"},
    )

    (payment,) = await milestones_of(client, contract, kind="payment")
    assert (payment["state"], payment["received"]) == ("planned", "0.00")


@pytest.mark.capability("CON-11")
@pytest.mark.parametrize("order_of_arrival", list(permutations(["quote", "order", "receipt"])))
async def test_quote_order_and_receipt_may_come_in_any_order(client, hear, order_of_arrival):
    quote = an_accepted_quote()
    order = a_confirmed_order(quote_id=quote["quote_id"])
    subject = UUID(order["order_id"])
    events = {
        "quote": [("sales.quote.accepted.v1", uuid4(), quote)],
        "order": [
            ("sales.order.confirmed.v1", subject, order),
            ("sales.order.shipped.v1", subject, a_shipment(order)),
        ],
        "receipt": [("sales.receipt.recorded.v1", uuid4(), a_receipt(order["order_id"], "3000"))],
    }

    for name in order_of_arrival:
        for event_type, about, data in events[name]:
            await hear(event_type, subject=about, **data)

    contract = await the_contract_of(client, quote)
    assert contract["order_id"] == order["order_id"]
    assert {row["state"] for row in await milestones_of(client, contract)} == {"met"}


@pytest.mark.capability("CON-11")
async def test_quote_order_and_receipt_may_come_at_the_same_time(client, database):
    inbox = Inbox(database, Consumers("contract", CONSUMERS))
    quotes = [an_accepted_quote() for _ in range(8)]
    everything = []
    for quote in quotes:
        order = a_confirmed_order(quote_id=quote["quote_id"])
        subject = UUID(order["order_id"])
        everything += [
            [("sales.quote.accepted.v1", uuid4(), quote)],
            [
                ("sales.order.confirmed.v1", subject, order),
                ("sales.order.shipped.v1", subject, a_shipment(order)),
            ],
            [("sales.receipt.recorded.v1", uuid4(), a_receipt(order["order_id"], "3000"))],
        ]

    async def apply(events):
        for version, (event_type, subject, data) in enumerate(events, start=1):
            await inbox.apply(
                [received_event(event_type, subject=subject, version=version, data=data)]
            )

    await asyncio.gather(*(apply(events) for events in everything))

    for quote in quotes:
        contract = await the_contract_of(client, quote)
        assert {row["state"] for row in await milestones_of(client, contract)} == {"met"}


@pytest.mark.capability("CON-11")
async def test_a_receipt_waits_for_the_order_that_is_being_linked(client, database, hear):
    contract = await a_contract_in_force(client, hear)
    order = a_confirmed_order(contract_id=contract["id"])

    async with database.transaction() as linking:
        facts = {
            "number": order["number"],
            "quote_id": None,
            "contract_id": UUID(contract["id"]),
            "total": Decimal(1250),
            "currency": "CNY",
        }
        (known,) = await contracts.remember_orders(linking, {UUID(order["order_id"]): facts})
        await contracts.link_order(linking, known)
        receipt = a_receipt(order["order_id"], "1250")
        heard = asyncio.create_task(hear("sales.receipt.recorded.v1", **receipt))
        await asyncio.sleep(0.3)
    await heard

    (payment,) = await milestones_of(client, contract, kind="payment")
    assert payment["state"] == "met"


async def test_an_edit_keeps_what_is_paid(client, hear):
    contract = await a_drafted_contract(client, hear)
    order = a_confirmed_order(contract_id=contract["id"])
    await hear("sales.order.confirmed.v1", **order)
    await hear("sales.receipt.recorded.v1", **a_receipt(order["order_id"], "500"))

    await client.patch(
        f"/contract/v1/contracts/{contract['id']}",
        json={
            "payment_schedule": [
                {"due_on": "2026-05-01", "share": "500"},
                {"due_on": "2026-06-01", "share": "750"},
            ]
        },
        headers={"If-Match": "*"},
    )

    payments = await milestones_of(client, contract, kind="payment")
    assert [(row["received"], row["state"]) for row in payments] == [
        ("500.00", "met"),
        ("0.00", "planned"),
    ]


async def test_a_contract_written_for_a_known_order_begins_with_its_facts(client, hear):
    order = a_confirmed_order()
    await hear("sales.order.confirmed.v1", **order)
    await hear("sales.receipt.recorded.v1", **a_receipt(order["order_id"], "1250"))

    contract = await a_drafted_contract(client, hear, order_id=order["order_id"])

    (payment,) = await milestones_of(client, contract, kind="payment")
    assert payment["state"] == "met"


async def test_many_receipts_and_their_reversals_in_one_delivery_are_kept_in_their_order(
    client, database, hear
):
    contract = await a_contract_in_force(client, hear)
    order = a_confirmed_order(contract_id=contract["id"])
    await hear("sales.order.confirmed.v1", **order)
    inbox = Inbox(database, Consumers("contract", CONSUMERS))
    subject = uuid4()
    recorded = a_receipt(order["order_id"], "1250")
    reversed_again = {
        "receipt_id": recorded["receipt_id"],
        "order_id": order["order_id"],
        "amount": "1250",
        "currency": "CNY",
        "reversed_on": "2026-03-03",
        "reason": "paid twice",
    }

    await inbox.apply(
        [
            received_event("sales.receipt.recorded.v1", subject=subject, version=1, data=recorded),
            received_event(
                "sales.receipt.reversed.v1", subject=subject, version=2, data=reversed_again
            ),
        ]
    )

    (payment,) = await milestones_of(client, contract, kind="payment")
    assert payment["state"] != "met"
