from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from common.clock import utc_now
from common.testing.service import said
from customer.quality import use_cases as quality
from customer.quality.completeness import COMPANY, completeness_of
from customer.quality.tidying import tidied, tidied_email, tidied_phone

from ..builders import a_created_customer, an_added_contact

pytestmark = [pytest.mark.capability("CUS-27")]

ISSUES = "/customer/v1/quality-issues"


async def checked(database):
    async with database.transaction() as session:
        return await quality.check_quality(session, now=utc_now())


async def issues(client, **params):
    return (await client.get(ISSUES, params=params)).json()["data"]


async def complete(client, **values):
    return await a_created_customer(
        client,
        **{"phone": "0571-88880000", "industry": "manufacturing", "city": "杭州", **values},
    )


async def test_what_is_typed_differently_is_kept_in_one_spelling(client):
    customer = await a_created_customer(
        client,
        name="  远航（集团）ＡＢＣ　　有限公司 ",
        address="文三路　１２３ 号",
        phone="＋86 571–8888　0000",
        email="Sales＠Yuanhang.CN",
    )

    assert customer["name"] == "远航（集团）ABC 有限公司"
    assert customer["address"] == "文三路 123 号"
    assert customer["phone"] == "+86 571-8888 0000"
    assert customer["email"] == "sales@yuanhang.cn"


@pytest.mark.parametrize("tidy", [tidied, tidied_phone, tidied_email])
@given(text=st.text())
def test_tidying_twice_is_tidying_once(tidy, text):
    assert tidy(tidy(text)) == tidy(text)


@given(st.sets(st.sampled_from(sorted(COMPANY))), st.sampled_from(sorted(COMPANY)))
def test_completeness_is_the_share_of_the_weights_and_grows_with_each_field(filled, one_more):
    figure = completeness_of(dict.fromkeys(filled, "x"), COMPANY)
    more = completeness_of(dict.fromkeys(filled | {one_more}, "x"), COMPANY)

    assert figure.percent == 100 * sum(COMPANY[field] for field in filled) // sum(COMPANY.values())
    assert (figure.percent == 100) == (not figure.missing)
    assert set(figure.missing) == set(COMPANY) - filled
    assert more.percent >= figure.percent


async def test_a_record_says_how_complete_it_is_and_what_is_missing(client):
    customer = await complete(client, employee_count=0)
    contact = await an_added_contact(
        client, customer, is_primary=True, office_phone="0571-88880001"
    )

    answer = (await client.get(f"/customer/v1/customers/{customer['id']}/completeness")).json()

    # Phone 3, industry 2, city 1, employees 1 and the primary contact 3, of 17.
    assert answer["percent"] == 58
    assert answer["missing"] == ["email", "tax_number", "address", "homepage"]
    assert answer["contacts"] == [
        {
            "contact_id": contact["id"],
            "percent": 30,
            "missing": ["email", "position", "department", "birthday", "preferred_channel"],
        }
    ]


async def test_issues_are_found_once_and_resolve_when_they_are_put_right(client, database, session):
    customer = await complete(client, phone="12345")
    await an_added_contact(client, customer, mobile_phone="13800138000")

    looks = [await checked(database), await checked(database)]
    (issue,) = await issues(client)
    await client.patch(f"/customer/v1/customers/{customer['id']}", json={"phone": "0571-88880000"})
    await checked(database)

    assert looks == [1, 0]
    assert (issue["kind"], issue["fields"], issue["state"]) == ("invalid_phone", ["phone"], "open")
    (resolved,) = await issues(client)
    assert resolved["state"] == "resolved"
    told = await said(session, "customer.quality_issue.changed.v1")
    assert [each["state"] for each in told] == ["open", "resolved"]
    assert "12345" not in str(told)


async def test_a_changed_contact_is_looked_at_as_well(client, database):
    customer = await complete(client)
    contact = await an_added_contact(client, customer, mobile_phone="13800138000")
    await checked(database)

    await client.patch(f"/customer/v1/contacts/{contact['id']}", json={"mobile_phone": None})

    assert await checked(database) == 1
    (issue,) = await issues(client)
    assert (issue["kind"], issue["contact_id"], issue["fields"]) == (
        "missing_fields",
        contact["id"],
        ["mobile_phone"],
    )


async def test_what_was_dismissed_comes_back_with_another_value_only(client, database):
    customer = await complete(client, phone="12345")
    await checked(database)
    (issue,) = await issues(client)
    person = str(uuid4())

    assigned = await client.post(f"{ISSUES}/{issue['id']}:assign", json={"assignee_id": person})
    dismissed = await client.post(f"{ISSUES}/{issue['id']}:dismiss", json={"note": "分机"})
    again = await client.post(f"{ISSUES}/{issue['id']}:resolve", json={})
    await client.patch(f"/customer/v1/customers/{customer['id']}", json={"city": "宁波"})
    await checked(database)
    same = await issues(client, state="open")
    await client.patch(f"/customer/v1/customers/{customer['id']}", json={"phone": "54321"})
    await checked(database)

    assert (assigned.json()["state"], assigned.json()["assignee_id"]) == ("assigned", person)
    assert dismissed.json()["state"] == "dismissed"
    assert (again.status_code, again.json()["code"]) == (409, "quality_issue_settled")
    assert same == []
    assert len(await issues(client, state="open")) == 1


async def test_suspected_duplicates_are_on_the_list_until_they_are_dismissed(client, database):
    one, other = await complete(client), await complete(client, name="海达")
    await checked(database)
    first, second = sorted((UUID(one["id"]), UUID(other["id"])))
    async with database.transaction() as session:
        await session.execute(
            text("""
                INSERT INTO duplicate_pairs (one_id, other_id, score, reasons)
                VALUES (:one, :other, 90, '[]')
            """),
            {"one": first, "other": second},
        )
    await checked(database)
    found = await issues(client)
    async with database.transaction() as session:
        await session.execute(text("UPDATE duplicate_pairs SET dismissed_at = now()"))
    await checked(database)

    assert {(each["kind"], each["customer_id"]) for each in found} == {
        ("suspected_duplicate", one["id"]),
        ("suspected_duplicate", other["id"]),
    }
    assert {each["state"] for each in await issues(client)} == {"resolved"}
    summary = (await client.get(f"{ISSUES}/summary")).json()
    assert (summary["customers"], summary["open_issues"]) == (2, {})
    assert summary["average_completeness"] == 35.0
