import asyncio
from uuid import uuid4

import pytest

from common.testing.service import said

from ..builders import (
    a_binding_order,
    a_created_product,
    a_known_customer,
    a_known_employee,
    a_known_partner,
    an_opened_opportunity,
    line_of,
    posted,
)

pytestmark = pytest.mark.capability("SAL-21")


async def a_department(hear, **values):
    department_id = uuid4()
    await hear(
        "channel.department.changed.v1",
        subject=department_id,
        department_id=department_id,
        **{"name": "华东销售部", "state": "active", **values},
    )
    return str(department_id)


async def a_target(client, kind, subject_id, value="1000.00", status=201, **values):
    body = {
        "subject_kind": kind,
        "subject_id": subject_id,
        "measure": "won_amount",
        "period": "quarter",
        "starts_on": "2026-01-01",
        "value": value,
        "currency": "CNY",
        **values,
    }
    if body["currency"] is None:
        del body["currency"]
    return await posted(client, "targets", status, **body)


async def a_won_deal(client, amount, on="2026-02-10", **values):
    deal = await an_opened_opportunity(client, **values)
    return await posted(client, f"opportunities/{deal['id']}:win", 200, amount=amount, won_on=on)


async def test_targets_below_one_do_not_come_to_more_and_the_tree_tells_the_difference(
    client, session, hear
):
    east = await a_department(hear)
    first, second = [await a_known_employee(hear, department_id=east) for _ in range(2)]
    top = await a_target(client, "department", east)
    below = {"parent_id": top["id"]}
    await a_target(client, "person", first, "600.00", **below)

    refused = await a_target(client, "person", second, "400.01", 409, **below)
    await a_target(client, "person", second, "300.00", **below)

    assert (refused["code"], refused["room"]) == ("targets_exceed_parent", "400.00")
    node, *leaves = (await client.get(f"/sales/v1/targets/{top['id']}/tree")).json()
    assert (node["children_value"], node["difference"]) == ("900.00", "100.00")
    assert node["adds_up"] is True
    assert [leaf["difference"] for leaf in leaves] == [None, None]
    assert (await said(session, "sales.target.set.v1"))[0]["value"] == "1000.00"


async def test_where_it_has_to_be_exact_what_is_missing_is_told(client, hear):
    east = await a_department(hear)
    top = await a_target(client, "department", east, sums="exact")
    person = await a_known_employee(hear)
    await a_target(client, "person", person, "600.00", parent_id=top["id"])

    node = (await client.get(f"/sales/v1/targets/{top['id']}/tree")).json()[0]

    assert (node["difference"], node["adds_up"]) == ("400.00", False)


async def test_of_two_at_once_only_what_fits_is_set(client, hear):
    east = await a_department(hear)
    top = await a_target(client, "department", east)
    people = [await a_known_employee(hear) for _ in range(6)]
    # So that each has its connection, and they do not come one after the other.
    await asyncio.gather(*(client.get("/sales/v1/targets") for _ in people))

    async def ask(person):
        return await client.post(
            "/sales/v1/targets",
            json={
                "subject_kind": "person",
                "subject_id": person,
                "measure": "won_amount",
                "period": "quarter",
                "starts_on": "2026-01-01",
                "value": "600.00",
                "currency": "CNY",
                "parent_id": top["id"],
            },
        )

    answers = await asyncio.gather(*(ask(person) for person in people))

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"currency": "USD"}, "target_does_not_fit"),
        ({"measure": "order_amount"}, "target_does_not_fit"),
        ({"starts_on": "2026-04-01"}, "target_does_not_fit"),
        ({"period": "quarter", "starts_on": "2026-02-01"}, "target_period_invalid"),
        ({"measure": "won_count"}, "target_not_measurable"),
    ],
)
async def test_what_would_not_add_up_is_refused(client, hear, values, code):
    east = await a_department(hear)
    top = await a_target(client, "department", east)
    person = await a_known_employee(hear)

    refused = await a_target(client, "person", person, "1.00", 422, parent_id=top["id"], **values)

    assert refused["code"] == code


async def test_months_and_people_are_not_mixed_below_one(client, hear):
    east = await a_department(hear)
    top = await a_target(client, "department", east)
    await a_target(client, "department", east, "300.00", period="month", parent_id=top["id"])

    person = await a_known_employee(hear)
    refused = await a_target(client, "person", person, "1.00", 422, parent_id=top["id"])

    assert refused["code"] == "target_does_not_fit"


async def test_a_changed_value_keeps_the_former_one(client, session, hear):
    person = await a_known_employee(hear)
    target = await a_target(client, "person", person)
    path = f"targets/{target['id']}"

    changed = await posted(client, f"{path}:change", 200, value="1200.00", reason="新产品线")

    revisions = (await client.get(f"/sales/v1/{path}/revisions")).json()
    assert (changed["value"], changed["target_version"]) == ("1200.00", 2)
    assert [(each["value"], each["reason"]) for each in revisions] == [
        ("1200.00", "新产品线"),
        ("1000.00", None),
    ]
    told = (await said(session, "sales.target.set.v1"))[-1]
    assert (told["value_before"], told["value"]) == ("1000.00", "1200.00")


async def test_a_target_is_not_lowered_below_those_below_it(client, hear):
    east = await a_department(hear)
    top = await a_target(client, "department", east)
    person = await a_known_employee(hear)
    await a_target(client, "person", person, "600.00", parent_id=top["id"])

    refused = await posted(client, f"targets/{top['id']}:change", 409, value="599.99", reason="-")
    kept = await posted(client, f"targets/{top['id']}:withdraw", 409)

    assert (refused["code"], kept["code"]) == ("targets_exceed_parent", "target_has_children")


async def test_what_was_sold_is_counted_for_each_kind_of_subject(client, hear):
    top = await a_department(hear)
    east = await a_department(hear, parent_id=top)
    person = await a_known_employee(hear, department_id=east)
    partner = await a_known_partner(hear)
    product = await a_created_product(client)
    mine = {"owner_id": person, "partner_id": partner, "product_id": product["id"]}
    await a_won_deal(client, "300.00", **mine)
    await a_won_deal(client, "200.50", **mine)
    await a_won_deal(client, "999.00", on="2026-01-06", owner_id=await a_known_employee(hear))
    await a_won_deal(client, "70.00", opened_on="2025-12-01", on="2025-12-31", **mine)

    async def actual(kind, subject_id, value="1000.00", **values):
        target = await a_target(client, kind, subject_id, value, **values)
        return (await client.get(f"/sales/v1/targets/{target['id']}/tree")).json()[0]

    for kind, subject in (
        ("person", person),
        ("department", top),
        ("partner", partner),
        ("product", product["id"]),
    ):
        node = await actual(kind, subject)
        assert (node["actual"], node["attainment"]) == ("500.50", "0.5005"), kind
    count = await actual("person", person, "4", measure="won_count", currency=None)
    assert (count["actual"], count["attainment"]) == ("2", "0.5000")
    dollars = await actual("person", person, currency="USD")
    assert dollars["actual"] == "0"


async def test_orders_and_receipts_count_as_they_stand(client, hear):
    person = await a_known_employee(hear)
    product = await a_created_product(client)
    customer_id = await a_known_customer(hear, owner_id=person)
    orders = [
        await a_binding_order(client, customer_id, [line_of(product)], ordered_on="2026-02-01")
        for _ in range(2)
    ]
    await posted(client, f"orders/{orders[1]['id']}:cancel", 200, reason="off")
    for amount in ("250.00", "50.00"):
        receipt = await posted(
            client, "receipts", order_id=orders[0]["id"], amount=amount, received_on="2026-03-01"
        )
    await posted(client, f"receipts/{receipt['id']}:reverse", 200, reason="bounced")

    actual = {}
    for measure in ("order_amount", "receipts"):
        target = await a_target(client, "person", person, measure=measure, period="year")
        tree = (await client.get(f"/sales/v1/targets/{target['id']}/tree")).json()
        actual[measure] = tree[0]["actual"]

    assert actual == {"order_amount": "1000.00", "receipts": "250.00"}
