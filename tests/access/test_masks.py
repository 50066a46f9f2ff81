"""Who sees a record does not therefore see whose telephone rings: "Property level" of the matrix."""

import csv
import io
import json
import re
from uuid import UUID

import pytest

from channel.roles.built_in import BUILT_IN
from common.access.rights import Grant
from common.ids import new_id
from common.testing.service import settings_for
from fairway.services import PACKAGES, load_one

from .conftest import Guard, Guarded

pytestmark = pytest.mark.capability("X-05")

CONTACTS, CUSTOMERS = "/customer/v1/contacts", "/customer/v1/customers"
PHONE, EMAIL = "13800001234", "fang@example.cn"
SEE = "customer.contacts.see-personal-data"
HIDDEN = sorted(
    ["age", "birthday", "email", "fax", "hobby", "home_phone", "mobile_phone", "office_phone"]
)


@pytest.fixture
async def customer(guard: Guard):
    return await guard("customer")


async def a_contact(client, **facts) -> dict:
    at = await client.post(CUSTOMERS, json={"name": f"海达 {new_id()}"})
    made = await client.post(
        CONTACTS,
        json={
            "customer_id": at.json()["id"],
            "name": "王芳",
            "mobile_phone": PHONE,
            "email": EMAIL,
            "birthday": "1990-05-01",
            **facts,
        },
    )
    assert made.status_code == 201, made.text
    return made.json()


def secrets_in(text: str) -> list[str]:
    return [secret for secret in (PHONE, EMAIL, "1990-05-01") if secret in text]


async def test_every_way_of_reading_hides_what_the_reader_has_no_right_to(customer: Guarded):
    writer, _ = await customer.signed_in("customer.*")
    reader, _ = await customer.signed_in("customer.*.read", "customer.*.export")
    contact = await a_contact(writer)

    one = await reader.get(f"{CONTACTS}/{contact['id']}")
    answers = [
        one,
        await reader.get(CONTACTS),
        await reader.get(CONTACTS, params={"fields": "name,mobile_phone"}),
        await reader.get(CONTACTS, headers={"Accept": "text/csv"}),
    ]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [secrets_in(answer.text) for answer in answers] == [[]] * 4
    assert one.json()["masked"] == HIDDEN
    assert {one.json()[name] for name in HIDDEN} == {None}
    assert one.json()["name"] == "王芳"
    assert answers[2].json()["data"][0] == {
        "id": contact["id"],
        "name": "王芳",
        "mobile_phone": None,
        "masked": HIDDEN,
    }
    (row,) = csv.DictReader(io.StringIO(answers[3].text.lstrip("\ufeff")))
    assert (row["name"], row["mobile_phone"]) == ("王芳", "")


async def test_who_has_the_right_gets_the_answer_as_it_always_was(customer: Guarded):
    writer, _ = await customer.signed_in("customer.*")
    reader, _ = await customer.signed_in("customer.*.read", SEE)
    contact = await a_contact(writer)

    seen = (await reader.get(f"{CONTACTS}/{contact['id']}")).json()

    assert seen == contact
    assert "masked" not in seen


async def test_where_the_right_reaches_fewer_rows_the_others_are_masked(customer: Guarded):
    office, other = await customer.department(), await customer.department()
    writer, _ = await customer.signed_in("customer.*")
    reader = customer.client(
        await customer.account(
            await customer.role("customer.*.read", scope="all"),
            await customer.role("customer.customers.see-personal-data", scope="department"),
            employee_id=await customer.employee(office),
        )
    )
    for department, phone in ((office, "13811110000"), (other, "13822220000")):
        made = await writer.post(
            CUSTOMERS,
            json={"name": f"海达 {new_id()}", "phone": phone, "department_id": str(department)},
        )
        assert made.status_code == 201, made.text

    rows = (await reader.get(CUSTOMERS)).json()["data"]

    phones = {UUID(row["department_id"]): (row["phone"], "masked" in row) for row in rows}
    assert phones == {office: ("13811110000", False), other: (None, True)}


@pytest.mark.parametrize("asked", [{"sort": "-mobile_phone"}, {"sort": "birthday"}])
async def test_no_order_and_no_view_tells_what_is_masked(customer: Guarded, asked):
    reader, _ = await customer.signed_in("customer.*.read")

    refused = await reader.get(CONTACTS, params=asked)
    view = await reader.post(
        "/customer/v1/views", json={"name": "by phone", "list": "contacts", **asked}
    )

    for answer in (refused, view):
        assert (answer.status_code, answer.json()["code"]) == (403, "field_masked")
        assert answer.json()["right"] == SEE


async def test_nobody_writes_back_what_they_were_not_shown(customer: Guarded):
    writer, _ = await customer.signed_in("customer.*")
    editor, _ = await customer.signed_in("customer.*.read", "customer.*.write")
    contact = await a_contact(writer)
    there = f"{CONTACTS}/{contact['id']}"

    echo = await editor.patch(there, json={"name": "王芳芳", "mobile_phone": None})
    renamed = await editor.patch(there, json={"name": "王芳芳"})

    assert (echo.status_code, echo.json()["code"]) == (403, "field_masked")
    assert renamed.status_code == 200
    assert secrets_in(renamed.text) == []
    after = (await writer.get(there)).json()
    assert (after["name"], after["mobile_phone"]) == ("王芳芳", PHONE)


async def test_an_upsert_overwrites_nothing_masked_either(customer: Guarded):
    writer, _ = await customer.signed_in("customer.*")
    editor, _ = await customer.signed_in("customer.*.read", "customer.*.write")
    made = await writer.post(CUSTOMERS, json={"name": "宁波海达", "phone": PHONE})
    item = {"number": made.json()["number"], "name": "宁波海达"}
    batch = {"match_on": ["number"], "items": [{**item, "phone": None}]}

    refused = await editor.post(f"{CUSTOMERS}:upsert", json=batch)
    allowed = await editor.post(f"{CUSTOMERS}:upsert", json={**batch, "items": [item]})

    assert (refused.status_code, refused.json()["code"]) == (403, "field_masked")
    assert allowed.json()["results"][0]["status"] == 200
    kept = (await writer.get(f"{CUSTOMERS}/{made.json()['id']}")).json()
    assert kept["phone"] == PHONE


async def test_a_repetition_is_masked_for_what_the_caller_may_see_by_now(customer: Guarded):
    role = await customer.role("customer.*")
    account = await customer.account(role)
    client = customer.client(account)
    new = {"name": "宁波海达", "phone": PHONE}
    key = {"Idempotency-Key": "k1"}
    first = await client.post(CUSTOMERS, json=new, headers=key)

    await customer.hear(
        "channel.role.changed.v1",
        subject=role,
        role_id=role,
        code="x",
        scope="all",
        state="active",
        rights=["customer.*.read", "customer.*.write"],
    )
    customer.forget()
    again = await client.post(CUSTOMERS, json=new, headers=key)

    assert (first.json()["phone"], again.json()["phone"]) == (PHONE, None)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["etag"] != first.headers["etag"]


async def test_an_answer_with_masked_fields_is_never_taken_for_the_whole(customer: Guarded):
    writer, _ = await customer.signed_in("customer.*")
    editor, _ = await customer.signed_in("customer.*.read", "customer.*.write")
    made = await writer.post(CUSTOMERS, json={"name": "宁波海达", "phone": PHONE})
    there = f"{CUSTOMERS}/{made.json()['id']}"

    masked = await editor.get(there)
    known = {"If-None-Match": f"{made.headers['etag']}, {masked.headers['etag']}"}

    assert (await editor.get(there, headers=known)).status_code == 200
    stale = await writer.get(there, headers={"If-None-Match": masked.headers["etag"]})
    assert stale.status_code == 200
    changed = await editor.patch(
        there, json={"city": "宁波"}, headers={"If-Match": masked.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    late = await editor.patch(
        there, json={"city": "上海"}, headers={"If-Match": masked.headers["etag"]}
    )
    assert late.status_code == 412


@pytest.mark.capability("P-17")
async def test_the_trail_does_not_tell_what_its_reader_may_not_see(customer: Guarded):
    writer, _ = await customer.signed_in("customer.*")
    auditor, _ = await customer.signed_in("customer.audit.inspect")
    contact = await a_contact(writer)
    entries = {"record_id": contact["id"]}

    masked = await auditor.get("/customer/v1/audit-entries", params=entries)
    whole = await writer.get("/customer/v1/audit-entries", params=entries)

    assert secrets_in(masked.text) == []
    changes = masked.json()["data"][0]["changes"]
    assert changes["mobile_phone"] == [None, None]
    assert changes["name"] == [None, "王芳"]
    assert set(masked.json()["data"][0]["hash"]) == {"0"}
    assert whole.json()["data"][0]["changes"]["mobile_phone"] == [None, PHONE]


ANSWERS = {
    "channel": {
        "EmployeeRead": {"channel.employees.see-personal-data": ["email", "phone"]},
        "PartnerRead": {"channel.partners.see-personal-data": ["email", "phone"]},
    },
    "customer": {
        "ContactRead": {"customer.contacts.see-personal-data": HIDDEN},
        "CustomerRead": {
            "customer.customers.see-personal-data": ["email", "finance_phone", "phone"]
        },
        "CustomerTakenOn": {
            "customer.customers.see-personal-data": ["email", "finance_phone", "phone"]
        },
    },
    "sales": {"LeadRead": {"sales.leads.see-personal-data": ["email", "phone"]}},
    "contract": {},
    "service_desk": {"TicketRead": {"service-desk.tickets.see-personal-data": ["requester"]}},
    "reporting": {},
}
"""What is masked in answers, schema by schema and right by right: all of it."""

SENSITIVE = re.compile(
    r"phone|mobile|fax|e_?mail|birth|hobby|wechat|salary|bank_account|identity_card"
    r"|(^|_)(cost|floor|margin)(_|$)"
)
FOR_ALL_WHO_SEE_THE_RECORD = {
    ("service_desk", "TicketRead", "channel"): "a way of asking, no address",
}
"""Fields with such names that are not masked, and why that is right."""


def schemas_of(package: str) -> dict[str, dict]:
    """The schemas of the service's answers, by name."""
    app = load_one(package).create_app(
        settings_for(load_one(package), "postgresql://nobody@localhost/none"), None
    )
    document = app.openapi()
    schemas = document["components"]["schemas"]
    found: dict[str, dict] = {}
    waiting = [
        answer
        for methods in document["paths"].values()
        for operation in methods.values()
        for answer in operation.get("responses", {}).values()
    ]
    while waiting:
        for name in re.findall(r"#/components/schemas/([^\"]+)", json.dumps(waiting.pop())):
            if name not in found:
                found[name] = schemas[name]
                waiting.append(schemas[name])
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_what_each_right_shows_is_exactly_this(package):
    masked: dict[str, dict[str, list[str]]] = {}
    for name, schema in schemas_of(package).items():
        for field, written in sorted(schema.get("properties", {}).items()):
            if "x-seen-with" in written:
                masked.setdefault(name, {}).setdefault(written["x-seen-with"], []).append(field)

    assert masked == ANSWERS[package]


@pytest.mark.parametrize("package", PACKAGES)
def test_what_sounds_private_is_masked_or_said_to_be_for_all(package):
    for name, schema in schemas_of(package).items():
        for field, written in schema.get("properties", {}).items():
            if SENSITIVE.search(field) and "x-seen-with" not in written:
                assert (package, name, field) in FOR_ALL_WHO_SEE_THE_RECORD, (
                    f"who sees {field} of {name}? `Annotated[…, Seen(right)]`, or a line here"
                )


@pytest.mark.parametrize("package", PACKAGES)
def test_no_filter_goes_around_the_masks(package):
    app = load_one(package).create_app(
        settings_for(load_one(package), "postgresql://nobody@localhost/none"), None
    )
    masked = app.state.masked_fields
    for path, methods in app.openapi()["paths"].items():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                name = parameter["name"].partition("[")[0]
                if parameter["in"] == "query" and SENSITIVE.search(name):
                    assert name in masked, f"{path} can be asked by {name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_masked_field_can_be_null_and_answers_tell_which_are(package):
    for name, schema in schemas_of(package).items():
        fields = [
            field for field in schema.get("properties", {}).values() if "x-seen-with" in field
        ]
        for field in fields:
            assert {"type": "null"} in field["anyOf"], (name, field)
        assert ("masked" in schema.get("properties", {})) == bool(fields), name


@pytest.mark.parametrize(
    ("code", "sees_it"),
    [
        ("administrator", True),
        ("channel_manager", True),
        ("regional_manager", True),
        ("sales", True),
        ("service_agent", True),
        ("dealer", True),
        ("finance", False),
        ("reader", False),
    ],
)
def test_the_built_in_roles_show_personal_data_to_those_who_call_people(code, sees_it):
    role = next(role for role in BUILT_IN if role.code == code)
    grant = Grant(role.code, tuple(role.rights), role.scope)

    for right in ("customer.customers.see-personal-data", SEE):
        assert grant.gives(right) == sees_it, (code, right)
