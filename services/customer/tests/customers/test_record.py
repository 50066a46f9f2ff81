"""The customer record in depth: numbers, mnemonics, search, copies, groups, filters."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from common.testing.service import said
from customer.db import take_turn

from ..builders import a_created_customer, an_added_contact

CUSTOMERS = "/customer/v1/customers"


async def found(client, **parameters):
    page = await client.get(CUSTOMERS, params=parameters)
    assert page.status_code == 200, page.text
    return {row["name"] for row in page.json()["data"]}


@pytest.mark.capability("CUS-01")
@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("homepage", "www.yuanhang.cn", "javascript:alert(1)"),
        ("homepage", "https://远航.中国/about", "https://nowhere"),
        ("postcode", "310000", "31"),
        ("country", "cn", "ZZ"),
        ("country", "中国", "C1"),
        ("email", "info@yuanhang.cn", f"{'x' * 200}@a.cn"),
        ("finance_phone", "0571-88886666", "call us"),
        ("office_address", "江南大道 1 号", ""),
    ],
)
async def test_a_typed_field_takes_what_it_is_for_and_nothing_else(client, field, good, bad):
    customer = await a_created_customer(client, **{field: good})

    refused = await client.patch(f"{CUSTOMERS}/{customer['id']}", json={field: bad})

    assert customer[field] in (good, good.upper())
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == f"/{field}"


@pytest.mark.capability("CUS-01")
async def test_a_customer_with_open_business_is_not_deleted_and_the_refusal_says_why(client, hear):
    customer = await a_created_customer(client)
    ticket = uuid4()
    facts = {"number": "T-1", "customer_id": customer["id"], "category": "repair"}
    await hear(
        "service_desk.ticket.opened.v1",
        subject=ticket,
        **facts,
        priority="high",
        opened_at="2026-03-02T09:30:00Z",
    )

    refused = await client.delete(f"{CUSTOMERS}/{customer['id']}")
    await hear("service_desk.ticket.closed.v1", subject=ticket, closed_at="2026-03-03T09:30:00Z")
    deleted = await client.delete(f"{CUSTOMERS}/{customer['id']}")

    assert (refused.status_code, refused.json()["code"]) == (409, "customer_has_open_business")
    assert refused.json()["reasons"] == [{"kind": "ticket", "id": str(ticket), "number": "T-1"}]
    assert deleted.status_code == 204


@pytest.mark.capability("CUS-03")
async def test_concurrent_creates_get_numbers_and_mnemonics_of_their_own(client):
    created = await asyncio.gather(
        *(a_created_customer(client, name="重庆长安汽车有限公司") for _ in range(8))
    )

    assert len({one["number"] for one in created}) == 8
    assert {one["mnemonic"] for one in created} == {
        "CQCAQC",
        *(f"CQCAQC-{n}" for n in range(2, 9)),
    }


@pytest.mark.capability("CUS-03")
async def test_an_administrator_sets_the_pattern_and_old_numbers_stay(client):
    before = await a_created_customer(client)

    path = "/customer/v1/number-patterns/customers"
    pattern = {"prefix": "KH", "date_part": "month", "width": 4}
    changed = await client.put(path, json=pattern)
    # The first one may still be written by the pattern that the process remembers.
    await a_created_customer(client, name="二")
    after = await a_created_customer(client, name="三")
    again = (await client.get(f"{CUSTOMERS}/{before['id']}")).json()

    assert changed.status_code == 200, changed.text
    assert after["number"].startswith("KH20")
    assert len(after["number"]) == len("KH202603-0003")
    assert again["number"] == before["number"]
    refused = await client.patch(f"{CUSTOMERS}/{before['id']}", json={"number": "X-1"})
    assert refused.status_code == 422


@pytest.mark.capability("CUS-04")
async def test_a_mnemonic_is_derived_overridden_and_made_again(client):
    customer = await a_created_customer(client, name="杭州远航机电有限公司")
    person = await a_created_customer(client, name="单雄信", kind="person")
    path = f"{CUSTOMERS}/{customer['id']}"

    chosen = (await client.patch(path, json={"mnemonic": "yh-1"})).json()
    taken = await a_created_customer(client, name="别家", mnemonic="YH-1")
    again = (await client.patch(path, json={"mnemonic": None})).json()

    assert (customer["mnemonic"], person["mnemonic"]) == ("HZYHJD", "SXX")
    assert (chosen["mnemonic"], taken["mnemonic"]) == ("YH-1", "YH-1-2")
    assert again["mnemonic"] == "HZYHJD"
    assert await found(client, mnemonic="hzy") == {"杭州远航机电有限公司"}


@pytest.mark.capability("N19")
@pytest.mark.capability("CUS-04")
@pytest.mark.parametrize(
    "typed",
    ["cqca", "ZQCA", "zqza", "chongqingchang", "chongq", "zhongqing", "cqzhangan", "长安", "重庆"],
)
async def test_every_reading_of_a_character_finds_the_name(client, typed):
    await a_created_customer(client, name="重庆长安汽车有限公司")
    await a_created_customer(client, name="宁波海达")

    assert await found(client, q=typed) == {"重庆长安汽车有限公司"}


@pytest.mark.capability("N19")
async def test_search_uses_the_index(session, client):
    await a_created_customer(client, name="重庆长安汽车有限公司")
    await session.execute(text("SELECT set_config('enable_seqscan', 'off', false)"))
    plan = await session.execute(
        text(
            "EXPLAIN SELECT id FROM customers WHERE mnemonic LIKE 'CQ%'"
            " OR number LIKE 'CQ%' OR search_tokens @> ARRAY['0c', '1q']"
        )
    )

    steps = "\n".join(row[0] for row in plan)
    for index in ("uq_customers_mnemonic", "uq_customers_number", "ix_customers_search_tokens"):
        assert index in steps


@pytest.mark.capability("CUS-05")
async def test_two_who_put_each_above_the_other_at_once_do_not_close_a_circle(client, session):
    one, other = await a_created_customer(client), await a_created_customer(client, name="海达")

    answers = await asyncio.gather(
        client.patch(f"{CUSTOMERS}/{one['id']}", json={"parent_id": other["id"]}),
        client.patch(f"{CUSTOMERS}/{other['id']}", json={"parent_id": one["id"]}),
    )

    assert sorted(answer.status_code for answer in answers) == [200, 422]


@pytest.mark.capability("CUS-05")
async def test_who_changes_a_group_waits_for_whoever_is_changing_one(client, database):
    one, other = await a_created_customer(client), await a_created_customer(client, name="海达")

    async with database.transaction() as changing:
        await take_turn(changing, "groups")
        waiting = asyncio.create_task(
            client.patch(f"{CUSTOMERS}/{one['id']}", json={"parent_id": other["id"]})
        )
        done, _ = await asyncio.wait([waiting], timeout=1)

    assert not done
    assert (await waiting).status_code == 200


@pytest.mark.capability("CUS-05")
async def test_a_group_is_listed_and_added_up_over_its_subtree(client, hear):
    top = await a_created_customer(client, name="集团")
    middle = await a_created_customer(client, name="分公司", parent_id=top["id"], status="active")
    await a_created_customer(client, name="办事处", parent_id=middle["id"])
    await a_created_customer(client, name="别家")
    await an_added_contact(client, middle)
    await hear(
        "sales.order.drafted.v1",
        number="O-1",
        customer_id=middle["id"],
        total="100.50",
        currency="CNY",
    )

    totals = (await client.get(f"{CUSTOMERS}/{top['id']}/group-totals")).json()
    alone = await client.get(f"{CUSTOMERS}/{top['id']}/group-totals", params={"scope": "node"})

    assert await found(client, within=top["id"]) == {"集团", "分公司", "办事处"}
    assert await found(client, within=top["id"], scope="node") == {"集团"}
    assert (totals["customers"], totals["contacts"], totals["open_orders"]) == (3, 1, 1)
    assert totals["by_status"] == {"prospect": 2, "active": 1}
    assert (alone.json()["customers"], alone.json()["open_orders"]) == (1, 0)


@pytest.mark.capability("CUS-07")
async def test_registration_is_set_by_the_server(client):
    customer = await a_created_customer(client)

    for field in ("registered_at", "registered_by", "number", "source"):
        refused = await client.patch(f"{CUSTOMERS}/{customer['id']}", json={field: "2020"})
        assert refused.status_code == 422
    assert customer["registered_by"]
    assert customer["registered_at"]


@pytest.mark.capability("CUS-08")
async def test_a_copy_has_what_was_chosen_and_nothing_that_was_done(client, session):
    customer = await a_created_customer(
        client, city="杭州", industry="food", tax_number="91330100MA1", notes="老客户"
    )
    chosen = await an_added_contact(client, customer, mobile_phone="13800138000")
    await an_added_contact(client, customer, name="李强")

    answer = await client.post(
        f"{CUSTOMERS}/{customer['id']}:copy",
        json={"name": "远航机电", "parts": ["address"], "contact_ids": [chosen["id"]]},
    )

    copy = answer.json()
    assert answer.status_code == 201, answer.text
    assert (copy["city"], copy["industry"], copy["tax_number"], copy["notes"]) == (
        "杭州",
        None,
        None,
        None,
    )
    assert copy["number"] != customer["number"]
    assert copy["mnemonic"] == f"{customer['mnemonic']}-2"
    people = await client.get("/customer/v1/contacts", params={"customer_id": copy["id"]})
    (person,) = people.json()["data"]
    assert (person["name"], person["mobile_phone"]) == ("王芳", "13800138000")
    assert person["id"] != chosen["id"]
    told = await said(session, "customer.customer.created.v1")
    assert told[-1]["source"] == "copy"


@pytest.mark.capability("CUS-10")
async def test_the_list_is_filtered_and_sorted_by_every_field(client):
    await a_created_customer(client, name="甲", employee_count=10, size="small", country="CN")
    await a_created_customer(client, name="乙", employee_count=200, phone="0571-88886666")

    assert await found(client, **{"employee_count[gte]": 11}) == {"乙"}
    assert await found(client, size="small", country="CN") == {"甲"}
    assert await found(client, phone="0571-88886666") == {"乙"}
    for key in ("employee_count", "size", "registered_at", "mnemonic", "annual_revenue"):
        for sort in (key, f"-{key}"):
            page = await client.get(CUSTOMERS, params={"sort": sort, "limit": 1})
            rest = await client.get(
                CUSTOMERS,
                params={"sort": sort, "limit": 1, "cursor": page.json()["next_cursor"]},
            )
            assert {page.json()["data"][0]["name"], rest.json()["data"][0]["name"]} == {"甲", "乙"}
    refused = await client.get(CUSTOMERS, params={"sort": "notes"})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_sort_key")
