from uuid import uuid4

import pytest

from common.testing.service import published, said

from ..builders import (
    a_created_product,
    a_known_customer,
    a_known_employee,
    a_known_partner,
    a_known_territory,
    an_opened_opportunity,
    posted,
)


@pytest.mark.capability("SAL-06")
async def test_a_deal_is_opened_with_its_need_and_told(client, session, hear):
    customer_id = await a_known_customer(hear)
    product = await a_created_product(client)

    deal = await an_opened_opportunity(
        client,
        customer_id=customer_id,
        product_id=product["id"],
        need="二期扩建",
        budget="50000.00",
        decision_cycle_days=45,
        expected_amount="48000.00",
        expected_close_on="2026-06-30",
    )

    assert deal["number"].startswith("D")
    assert (deal["need"], deal["budget"], deal["decision_cycle_days"]) == (
        "二期扩建",
        "50000.00",
        45,
    )
    (opened,) = await said(session, "sales.opportunity.opened.v1")
    assert (opened["customer_id"], opened["stage"], opened["opened_on"]) == (
        customer_id,
        "prospecting",
        "2026-01-05",
    )
    assert opened["expected_amount"] == "48000.00"


async def test_whose_a_deal_is_follows_from_its_owner_and_customer(client, session, hear):
    region_id, partner_id = await a_known_territory(hear), await a_known_partner(hear)
    department_id = str(uuid4())
    owner_id = await a_known_employee(hear, department_id=department_id)
    customer_id = await a_known_customer(hear, region_id=region_id, partner_id=partner_id)

    deal = await an_opened_opportunity(client, customer_id=customer_id, owner_id=owner_id)

    assert [deal[name] for name in ("owner_id", "department_id", "partner_id", "region_id")] == [
        owner_id,
        department_id,
        partner_id,
        region_id,
    ]
    (opened,) = await said(session, "sales.opportunity.opened.v1")
    assert (opened["partner_id"], opened["region_id"]) == (partner_id, region_id)


async def test_what_the_caller_says_of_its_owner_and_region_holds(client, hear):
    region_id = await a_known_territory(hear)
    customer_id = await a_known_customer(hear, region_id=str(uuid4()), owner_id=str(uuid4()))
    owner_id = await a_known_employee(hear)

    deal = await an_opened_opportunity(
        client, customer_id=customer_id, owner_id=owner_id, region_id=region_id
    )

    assert (deal["owner_id"], deal["region_id"]) == (owner_id, region_id)


async def test_a_deal_may_be_known_before_its_customer(client):
    deal = await an_opened_opportunity(client)

    assert deal["customer_id"] is None


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("customer_id", "customer_not_known"),
        ("product_id", "product_not_known"),
        ("owner_id", "employee_not_known"),
        ("department_id", "department_not_known"),
        ("partner_id", "partner_not_known"),
        ("region_id", "territory_not_known"),
    ],
)
async def test_a_name_that_stands_for_nothing_is_refused(client, session, field, code):
    response = await client.post(
        "/sales/v1/opportunities", json={"name": "设备采购", field: str(uuid4())}
    )

    assert response.status_code == 422
    assert response.json()["code"] == code
    assert response.json()["errors"][0]["pointer"] == f"/{field}"
    assert await published(session) == []


async def test_an_external_id_names_one_deal(client):
    first = await an_opened_opportunity(client, external_source="crm", external_id="Z063OYW0")

    response = await client.post(
        "/sales/v1/opportunities",
        json={"name": "x", "external_source": "crm", "external_id": "Z063OYW0"},
    )

    assert response.status_code == 409
    assert response.json()["existing_id"] == first["id"]


@pytest.mark.capability("SAL-06", "SAL-07")
async def test_stages_durations_and_changed_expectations_are_kept(client):
    deal = await an_opened_opportunity(client, expected_amount="1000.00")
    path = f"opportunities/{deal['id']}"
    await posted(client, f"{path}:move", 200, stage="engaging", changed_on="2026-01-15")
    await client.patch(f"/sales/v1/{path}", json={"expected_amount": "1500.00"})
    await posted(
        client,
        f"{path}:move",
        200,
        stage="negotiation",
        changed_on="2026-02-01",
        expected_close_on="2026-03-01",
    )
    await posted(client, f"{path}:win", 200, won_on="2026-02-11")

    history = (await client.get(f"/sales/v1/{path}/history")).json()

    assert [(stay["stage"], stay["days"]) for stay in history["stages"]] == [
        ("prospecting", 10),
        ("engaging", 17),
        ("negotiation", 10),
        ("won", None),
    ]
    assert [
        (change["from_expected_amount"], change["expected_amount"], change["expected_close_on"])
        for change in history["changes"]
    ] == [("1000.00", "1500.00", None), ("1500.00", "1500.00", "2026-03-01")]


async def test_a_move_the_pipeline_does_not_have_is_refused_with_those_it_has(client):
    deal = await an_opened_opportunity(client, stage="negotiation", **EXPECTED)

    response = await client.post(
        f"/sales/v1/opportunities/{deal['id']}:move", json={"stage": "engaging"}
    )

    assert response.status_code == 409
    assert response.json()["code"] == "stage_move_not_allowed"
    assert response.json()["allowed"] == ["lost", "proposal", "won"]


EXPECTED = {"expected_amount": "1000.00", "expected_close_on": "2026-06-01"}


async def test_a_won_deal_tells_lines_that_add_up(client, session, hear):
    product = await a_created_product(client)
    deal = await an_opened_opportunity(client)

    won = await posted(
        client,
        f"opportunities/{deal['id']}:win",
        200,
        lines=[{"product_id": product["id"], "amount": "70.10"}, {"amount": "29.90"}],
        won_on="2026-02-01",
    )

    assert (won["stage"], won["amount"], won["closed_on"]) == ("won", "100.00", "2026-02-01")
    (told,) = await said(session, "sales.opportunity.won.v1")
    assert told["amount"] == "100.00"
    assert [line["amount"] for line in told["lines"]] == ["70.10", "29.90"]
    assert (told["from_stage"], told["won_on"], told["opened_on"]) == (
        "prospecting",
        "2026-02-01",
        "2026-01-05",
    )


@pytest.mark.capability("SAL-12")
async def test_a_deal_is_not_lost_without_a_reason(client, session):
    deal = await an_opened_opportunity(client)
    path = f"/sales/v1/opportunities/{deal['id']}:lose"

    assert (await client.post(path, json={})).status_code == 422
    assert (await client.post(path, json={"reason": " "})).status_code == 422
    assert (await client.post(path, json={"reason": "price"})).json()["stage"] == "lost"
    (lost,) = await said(session, "sales.opportunity.lost.v1")
    assert lost["reason"] == "price"


@pytest.mark.capability("SAL-12")
async def test_the_funnel_follows_from_the_stage_history(client):
    for stages, end in (
        (["engaging", "proposal"], "win"),
        (["negotiation", "proposal"], "lose"),
        ([], "lose"),
        ([], None),
    ):
        deal = await an_opened_opportunity(client, **EXPECTED)
        path = f"opportunities/{deal['id']}"
        for stage in stages:
            await posted(client, f"{path}:move", 200, stage=stage, changed_on="2026-01-15")
        if end is not None:
            await posted(client, f"{path}:{end}", 200, **({"reason": "x"} if end == "lose" else {}))

    funnel = (
        await client.get(
            "/sales/v1/opportunities/conversion", params={"from": "2026-01-01", "to": "2026-01-31"}
        )
    ).json()
    empty = (await client.get("/sales/v1/opportunities/conversion?from=2026-02-01")).json()

    assert [(stage["stage"], stage["reached"]) for stage in funnel["stages"]] == [
        ("prospecting", 4),
        ("engaging", 2),
        ("proposal", 2),
        ("negotiation", 2),
    ]
    assert (funnel["won"], funnel["lost"], funnel["win_rate"]) == (1, 2, "0.3333")
    assert "win_rate" in funnel["definitions"]
    assert empty["opened"] == 0


async def test_a_changed_owner_brings_the_deal_to_their_department(client, session, hear):
    deal = await an_opened_opportunity(client)
    department_id = str(uuid4())
    owner_id = await a_known_employee(hear, department_id=department_id)

    changed = (
        await client.patch(f"/sales/v1/opportunities/{deal['id']}", json={"owner_id": owner_id})
    ).json()

    assert changed["department_id"] == department_id
    (told,) = await said(session, "sales.opportunity.changed.v1")
    assert (told["owner_id"], told["department_id"]) == (owner_id, department_id)


async def test_a_walk_over_the_pages_sees_every_deal_once(client):
    for day in (3, 1, 2, 2, 3):
        await an_opened_opportunity(client, opened_on=f"2026-01-0{day}")

    seen, cursor = [], ""
    while True:
        page = (
            await client.get(f"/sales/v1/opportunities?limit=2&sort=opened_on&is_open=true{cursor}")
        ).json()
        seen += [row["opened_on"] for row in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert seen == ["2026-01-01", "2026-01-02", "2026-01-02", "2026-01-03", "2026-01-03"]


async def test_the_pipeline_shows_its_moves(client):
    stages = (await client.get("/sales/v1/opportunities/pipeline")).json()

    assert [stage["stage"] for stage in stages] == [
        "prospecting",
        "engaging",
        "proposal",
        "negotiation",
        "won",
        "lost",
    ]
    assert stages[3]["moves"] == ["proposal", "won", "lost"]
    assert stages[2]["needs"] == ["expected_amount"]
    assert stages[4]["moves"] == []
