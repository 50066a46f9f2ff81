import pytest

from common.testing.service import said

from ..assessment_policies.test_routes import activated
from ..builders import a_created_customer
from .builders import act, assess_all, standing_of

CLASSIFIED = "customer.customer.classified.v1"


def rules(*ordered, otherwise="standard"):
    return {
        "kind": "classification",
        "rules": [{"class_code": code, "conditions": conditions} for code, conditions in ordered],
        "otherwise": otherwise,
    }


LARGE = [{"field": "employee_count", "op": "at_least", "value": 1000}]
MAKERS = [
    {
        "any_of": [
            {"field": "industry", "op": "is", "value": "manufacturing"},
            {"field": "industry", "op": "is", "value": "machinery"},
        ]
    }
]


@pytest.mark.capability("CUS-28")
async def test_the_first_rule_that_holds_decides_and_the_same_gives_the_same(
    client, session, database
):
    both = [
        await a_created_customer(client, name=name, employee_count=5000, industry="machinery")
        for name in ("甲矿业集团", "乙重工集团")
    ]
    maker = await a_created_customer(client, name="丙泵业", industry="manufacturing")
    neither = await a_created_customer(client, name="丁咨询")
    await activated(client, rules(("key", LARGE), ("maker", MAKERS)))
    await assess_all(database)
    await assess_all(database)

    classes = [(await standing_of(client, each))["class_code"] for each in (*both, maker, neither)]
    assert classes == ["key", "key", "maker", "standard"]
    assert len(await said(session, CLASSIFIED)) == 4

    await activated(client, rules(("maker", MAKERS), ("key", LARGE)))
    await assess_all(database)
    standing = await standing_of(client, both[0])
    assert (standing["class_code"], standing["classification_version"]) == ("maker", 2)


@pytest.mark.capability("CUS-28")
async def test_a_choice_wins_until_it_is_taken_back(client, session, database):
    customer = await a_created_customer(client, employee_count=5000)
    path = f"/customer/v1/customers/{customer['id']}"
    await activated(client, rules(("key", LARGE)))
    await assess_all(database)

    await act(client, customer, "choose-class", class_code="risky", reason="诉讼中")
    await client.patch(path, json={"employee_count": 9000})
    await assess_all(database)
    held = await standing_of(client, customer)
    cleared = await act(client, customer, "clear-class")
    again = await act(client, customer, "clear-class", 409)

    assert (held["class_code"], held["class_source"], held["class_reason"]) == (
        "risky",
        "manual",
        "诉讼中",
    )
    assert (cleared["class_code"], cleared["class_source"], cleared["class_reason"]) == (
        "key",
        "policy",
        None,
    )
    assert again["code"] == "class_not_chosen"
    told = [(event["class_code"], event["reason"]) for event in await said(session, CLASSIFIED)]
    assert told == [("key", None), ("risky", "诉讼中"), ("key", None)]
    history = (await client.get(f"{path}/classes")).json()["data"]
    assert [row["class_code"] for row in history] == ["key", "risky", "key"]
