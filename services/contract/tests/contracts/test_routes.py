from uuid import uuid4

import pytest
from sqlalchemy import text

from common.testing.service import published, said

from ..builders import (
    DRAFTER,
    FINANCE,
    MANAGER,
    SUBMITTER,
    a_contract_in_force,
    a_drafted_contract,
    a_known_customer,
    contract_text,
    told,
)

NOBODY = "01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f"
SIGNATURES = {"our_signatory": "王芳", "their_signatory": "李强"}


@pytest.mark.capability("CON-02")
async def test_a_contract_is_drafted_with_its_milestones(client, session, hear):
    customer_id = await a_known_customer(hear, name="远航机电")

    response = await client.post("/contract/v1/contracts", json=contract_text(customer_id))

    assert response.status_code == 201
    contract = response.json()
    assert contract["number"].startswith("CT")
    assert (contract["total"], contract["customer_name"]) == ("1250.00", "远航机电")
    assert contract["payments"][0]["amount"] == "1250.00"
    assert response.headers["location"] == f"/contract/v1/contracts/{contract['id']}"
    assert await published(session) == [
        "contract.contract.drafted.v1",
        "contract.milestone.planned.v1",
        "contract.milestone.planned.v1",
    ]
    shown = (await client.get(response.headers["location"])).json()
    assert shown == contract


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("customer_id", NOBODY, "/customer_id"),
        ("renews_id", NOBODY, "/renews_id"),
        ("ends_on", "2025-12-31", "/ends_on"),
        ("total", "1250.01", "/total"),
        ("lines", [], "/lines"),
        ("currency", "yuan", "/currency"),
        ("signed_on", "2026-01-01", "/signed_on"),
    ],
)
async def test_a_field_that_does_not_fit_is_named_and_nothing_is_written(
    client, session, hear, field, value, pointer
):
    body = {**contract_text(await a_known_customer(hear)), field: value}

    response = await client.post("/contract/v1/contracts", json=body)

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer
    assert await published(session) == []


async def test_a_quote_has_one_contract(client, hear):
    quote_id = str(uuid4())
    first = await a_drafted_contract(client, hear, quote_id=quote_id)

    response = await client.post(
        "/contract/v1/contracts",
        json=contract_text(first["customer_id"], quote_id=quote_id),
    )

    assert response.status_code == 409
    assert response.json()["existing_id"] == first["id"]


async def test_an_external_id_names_one_contract(client, hear):
    external = {"external_source": "erp", "external_id": "HT-4711"}
    first = await a_drafted_contract(client, hear, **external)

    response = await client.post(
        "/contract/v1/contracts", json=contract_text(first["customer_id"], **external)
    )

    assert response.status_code == 409
    assert response.json()["code"] == "external_id_taken"


@pytest.mark.capability("CON-08", "CON-09")
async def test_a_contract_goes_its_way_from_draft_to_signed(client, session, hear):
    contract = await a_drafted_contract(client, hear)

    submitted = await told(client, contract, "submit", submitted_by=str(SUBMITTER))
    approved = await told(client, contract, "approve", decided_by=str(MANAGER), opinion="可")
    signed = await told(client, contract, "sign", signed_on="2026-01-05", **SIGNATURES)

    assert (submitted["state"], submitted["waiting_for"]) == ("submitted", "manager")
    assert (approved["state"], approved["waiting_for"]) == ("approved", None)
    assert (signed["state"], signed["signed_on"]) == ("signed", "2026-01-05")
    (event,) = await said(session, "contract.contract.signed.v1")
    assert event["content_hash"] == signed["content_hash"]
    assert event["lines"][0]["amount"] == "1250.00"


@pytest.mark.capability("CON-08")
@pytest.mark.parametrize(
    ("unit_price", "steps"),
    [("99999.99", ["manager"]), ("100000.00", ["manager", "finance"])],
)
async def test_the_amount_decides_the_steps(client, hear, unit_price, steps):
    lines = [{"product_name": "生产线", "quantity": "1", "unit_price": unit_price}]
    contract = await a_drafted_contract(client, hear, lines=lines)

    submitted = await told(client, contract, "submit", submitted_by=str(SUBMITTER))

    assert submitted["steps"] == steps
    assert submitted["policy_version"] == 0


@pytest.mark.capability("CON-08")
@pytest.mark.parametrize("who", [DRAFTER, SUBMITTER])
async def test_self_approval_is_forbidden_and_leaves_no_trace(client, session, hear, who):
    contract = await a_drafted_contract(client, hear)
    await told(client, contract, "submit", submitted_by=str(SUBMITTER))

    response = await client.post(
        f"/contract/v1/contracts/{contract['id']}:approve", json={"decided_by": str(who)}
    )

    assert response.status_code == 403
    assert response.json()["code"] == "self_approval"
    assert (await session.scalar(text("SELECT count(*) FROM approvals"))) == 0


@pytest.mark.capability("CON-09")
async def test_a_rejection_has_a_reason(client, session, hear):
    contract = await a_drafted_contract(client, hear)
    await told(client, contract, "submit", submitted_by=str(SUBMITTER))
    path = f"/contract/v1/contracts/{contract['id']}:reject"

    silent = await client.post(path, json={"decided_by": str(MANAGER)})
    spoken = await client.post(path, json={"decided_by": str(MANAGER), "opinion": "付款太晚"})

    assert silent.status_code == 422
    assert spoken.json()["state"] == "rejected"
    assert (await said(session, "contract.contract.rejected.v1"))[0]["reason"] == "付款太晚"


@pytest.mark.capability("CON-08")
async def test_an_edit_replans_what_it_changed_and_keeps_the_rest(client, session, hear):
    contract = await a_drafted_contract(client, hear, acceptance_on="2026-06-01")
    await told(client, contract, "submit", submitted_by=str(SUBMITTER))

    response = await client.patch(
        f"/contract/v1/contracts/{contract['id']}",
        json={
            "payment_schedule": [
                {"due_on": "2026-04-01", "share": "30"},
                {"due_on": "2026-08-01", "share": "70"},
            ]
        },
        headers={"If-Match": "*"},
    )

    edited = response.json()
    assert (edited["state"], edited["revision"]) == ("draft", 2)
    assert [payment["amount"] for payment in edited["payments"]] == ["375.00", "875.00"]
    page = await client.get("/contract/v1/milestones", params={"contract_id": contract["id"]})
    assert [(row["kind"], row["amount"]) for row in page.json()["data"]] == [
        ("payment", "375.00"),
        ("acceptance", None),
        ("payment", "875.00"),
        ("delivery", None),
    ]
    assert len(await said(session, "contract.milestone.cancelled.v1")) == 1


async def test_a_patch_that_changes_nothing_says_nothing(client, session, hear):
    contract = await a_drafted_contract(client, hear)
    before = await published(session)

    response = await client.patch(
        f"/contract/v1/contracts/{contract['id']}",
        json={"title": contract["title"], "lines": contract_text("")["lines"]},
        headers={"If-Match": f'"{contract["version"]}"'},
    )

    assert response.json()["version"] == contract["version"]
    assert await published(session) == before


async def test_lines_are_replaced_whole_and_the_total_follows(client, hear):
    contract = await a_drafted_contract(client, hear)

    response = await client.patch(
        f"/contract/v1/contracts/{contract['id']}",
        json={
            "lines": [
                {"product_name": "阀门", "quantity": "3", "unit_price": "33.33"},
                {"product_name": "运费", "quantity": "1", "unit_price": "0.01"},
            ],
            "total": "100.00",
        },
        headers={"If-Match": f'"{contract["version"]}"'},
    )

    assert response.status_code == 200
    shown = (await client.get(f"/contract/v1/contracts/{contract['id']}")).json()
    assert [line["product_name"] for line in shown["lines"]] == ["阀门", "运费"]
    assert (shown["total"], shown["payments"][0]["amount"]) == ("100.00", "100.00")


@pytest.mark.capability("P-12")
async def test_a_schedule_is_replaced_only_by_who_has_read_it(client, session, hear):
    contract = await a_drafted_contract(client, hear)
    path = f"/contract/v1/contracts/{contract['id']}"
    read = (await client.get(path)).headers["etag"]
    await client.patch(path, json={"title": "甲"}, headers={"If-Match": read})
    before = await published(session)

    schedule = {"payment_schedule": [{"due_on": "2026-04-01", "share": "1250"}]}
    unread = await client.patch(path, json=schedule)
    stale = await client.patch(path, json=schedule, headers={"If-Match": read})

    assert (unread.status_code, unread.json()["code"]) == (428, "precondition_required")
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert f'"{stale.json()["current_version"]}"' == (await client.get(path)).headers["etag"]
    assert await published(session) == before


@pytest.mark.capability("CON-10")
async def test_a_signed_contract_refuses_every_change(client, hear):
    contract = await a_contract_in_force(client, hear)
    path = f"/contract/v1/contracts/{contract['id']}"

    edited = await client.patch(path, json={"title": "新标题"}, headers={"If-Match": "*"})
    signed = await client.post(f"{path}:sign", json=SIGNATURES)

    assert (edited.status_code, edited.json()["code"]) == (409, "contract_frozen")
    assert (signed.status_code, signed.json()["code"]) == (409, "contract_state_forbids")


@pytest.mark.capability("CON-10")
async def test_a_text_touched_in_the_database_is_found_out(client, database, hear):
    contract = await a_contract_in_force(client, hear)
    path = f"/contract/v1/contracts/{contract['id']}/content"
    assert (await client.get(path)).json()["is_intact"] is True

    async with database.transaction() as writing:
        await writing.execute(text("UPDATE contract_lines SET unit_price = unit_price + 1"))

    assert (await client.get(path)).json()["is_intact"] is False


async def test_a_terminated_contract_expects_nothing_more(client, session, hear):
    contract = await a_contract_in_force(client, hear)

    ended = await told(client, contract, "terminate", reason="违约", terminated_on="2026-02-01")

    assert ended["state"] == "terminated"
    assert len(await said(session, "contract.milestone.cancelled.v1")) == 2
    (event,) = await said(session, "contract.contract.terminated.v1")
    assert (event["reason"], event["terminated_on"]) == ("违约", "2026-02-01")


async def test_a_renewal_names_what_it_renews(client, hear):
    old = await a_contract_in_force(client, hear)

    new = await a_drafted_contract(
        client, hear, customer_id=old["customer_id"], renews_id=old["id"]
    )

    page = await client.get("/contract/v1/contracts", params={"renews_id": old["id"]})
    assert [row["id"] for row in page.json()["data"]] == [new["id"]]


async def test_a_search_finds_by_title_number_and_customer(client, hear):
    customer_id = await a_known_customer(hear, name="宁波海达")
    wanted = await a_drafted_contract(client, hear, customer_id=customer_id, title="年度框架")
    await a_drafted_contract(client, hear)

    for q in ("框架", wanted["number"], "海达"):
        page = (await client.get("/contract/v1/contracts", params={"q": q})).json()
        assert [row["id"] for row in page["data"]] == [wanted["id"]]


async def test_the_list_tells_what_waits_for_a_step(client, hear):
    waiting = await a_drafted_contract(client, hear)
    await a_drafted_contract(client, hear, customer_id=waiting["customer_id"])
    await told(client, waiting, "submit", submitted_by=str(SUBMITTER))

    page = await client.get("/contract/v1/contracts", params={"waiting_for": "manager"})

    assert [row["id"] for row in page.json()["data"]] == [waiting["id"]]


@pytest.mark.parametrize("sort", ["created_at", "-total", "number", "ends_on", "-updated_at"])
async def test_a_walk_over_the_pages_sees_every_contract_once(client, hear, sort):
    customer_id = await a_known_customer(hear)
    for _ in range(5):
        await a_drafted_contract(client, hear, customer_id=customer_id)

    seen, cursor = [], {}
    while True:
        page = (
            await client.get(
                "/contract/v1/contracts",
                params={"limit": 2, "sort": sort, "include": "total", **cursor},
            )
        ).json()
        assert page["total"] == 5
        seen += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert len(seen) == len(set(seen)) == 5


async def test_a_contract_nobody_knows_is_not_found(client):
    response = await client.get(f"/contract/v1/contracts/{uuid4()}")

    assert (response.status_code, response.json()["code"]) == (404, "contract_not_found")


async def test_two_steps_are_two_persons(client, hear):
    lines = [{"product_name": "生产线", "quantity": "1", "unit_price": "250000"}]
    contract = await a_drafted_contract(client, hear, lines=lines)
    await told(client, contract, "submit", submitted_by=str(SUBMITTER))
    first = await told(client, contract, "approve", decided_by=str(MANAGER))
    path = f"/contract/v1/contracts/{contract['id']}:approve"

    again = await client.post(path, json={"decided_by": str(MANAGER)})
    second = await client.post(path, json={"decided_by": str(FINANCE)})

    assert (first["state"], first["waiting_for"]) == ("submitted", "finance")
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")
    assert second.json()["state"] == "approved"
