import pytest

from ..builders import a_created_customer
from ..standings.builders import assess_all
from ..standings.test_grades import TODAY, buys
from ..transactions.builders import a_line, an_order, confirmed

SEGMENTS = "/customer/v1/segments"


async def size(client, *conditions, status=200):
    response = await client.post(f"{SEGMENTS}:preview", json={"conditions": list(conditions)})
    assert response.status_code == status, response.text
    return response.json()["size"] if status == 200 else response.json()["code"]


def where(field, op, value):
    return {"field": field, "op": op, "value": value}


@pytest.mark.capability("CUS-29")
async def test_a_preview_says_how_many_there_are(client):
    await a_created_customer(
        client, name="甲", city="杭州", employee_count=10, industry="machinery"
    )
    await a_created_customer(client, name="乙", city="杭州", employee_count=500)
    await a_created_customer(client, name="丙", city="上海", annual_revenue="2000000.50")

    assert await size(client, where("city", "is", "杭州")) == 2
    assert await size(client, where("city", "is_not", "杭州")) == 1
    assert await size(client, where("city", "in", ["杭州", "上海"])) == 3
    assert await size(client, where("employee_count", "at_least", 500)) == 1
    assert await size(client, where("annual_revenue", "at_most", "2000000.50")) == 1
    assert await size(client, where("industry", "exists", False)) == 2
    assert (
        await size(client, where("city", "is", "杭州"), where("employee_count", "at_most", 10)) == 1
    )
    either = {"any_of": [where("city", "is", "上海"), where("industry", "is", "machinery")]}
    assert await size(client, either) == 2


@pytest.mark.capability("CUS-29")
async def test_customers_are_chosen_by_what_they_bought(client, hear, database):
    buyer, former, _ = [await a_created_customer(client) for _ in range(3)]
    line = a_line()
    await confirmed(hear, an_order(buyer, ordered_on=str(TODAY), lines=[line]))
    await buys(hear, former, ago=400)
    await assess_all(database)

    assert await size(client, where("product_id", "is", line["product_id"])) == 1
    assert await size(client, where("product_id", "is_not", line["product_id"])) == 2
    assert await size(client, where("last_ordered_on", "within_days", 30)) == 1
    assert await size(client, where("last_ordered_on", "older_than_days", 30)) == 1
    assert await size(client, where("stage", "is", "lost")) == 1
    assert await size(client, where("order_count", "at_most", 0)) == 1


@pytest.mark.capability("CUS-29")
@pytest.mark.parametrize(
    ("condition", "code"),
    [
        (where("phone", "is", "138"), "unknown_condition_field"),
        (where("deleted_at", "exists", True), "unknown_condition_field"),
        (where("city", "at_least", "杭州"), "condition_not_valid"),
        (where("employee_count", "is", "10; DROP TABLE customers"), "condition_not_valid"),
        (where("region_id", "is", "nowhere"), "condition_not_valid"),
        (where("city", "in", []), "condition_not_valid"),
        (where("last_ordered_on", "within_days", -1), "condition_not_valid"),
        (where("custom.nothing", "is", "x"), "unknown_parameter"),
    ],
)
async def test_what_nobody_may_ask_or_means_nothing_is_refused(client, condition, code):
    assert await size(client, condition, status=422) == code
    defined = await client.post(SEGMENTS, json={"name": "x", "conditions": [condition]})
    assert (defined.status_code, defined.json()["code"]) == (422, code)


@pytest.mark.capability("CUS-29")
async def test_custom_fields_choose_too(client):
    response = await client.post(
        "/customer/v1/custom-fields",
        json={
            "entity": "customers",
            "key": "style",
            "kind": "text",
            "label_zh": "风格",
            "label_en": "Style",
        },
    )
    assert response.status_code == 201, response.text
    await a_created_customer(client, custom={"style": "conservative"})
    await a_created_customer(client)

    assert await size(client, where("custom.style", "is", "conservative")) == 1
    assert await size(client, where("custom.style", "exists", False)) == 1
