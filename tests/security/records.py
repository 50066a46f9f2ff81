"""One record of each kind, made through the API as somebody makes it, for whoever asks for them.

A kind is the noun of a path before an id: `customers` of `/customer/v1/customers/{customer_id}`. A
new route with an id of a new kind fails the tests of object level until `RECORDS` says how such a
record is made, mostly in one short row: `made("grades")`.
"""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from common.ids import new_id
from customer.duplicates.use_cases import scan_on

from ..access.conftest import Guarded
from .bodies import Ids, body_for, schema_of_body

MARK = "绝密甲方机电"
"""Stands in every text of a record, so that it can be found wherever it comes out."""
OWN_MARK = "海达自家经销"

BY_RIGHT = "for administrators, by right"
FOR_EVERYBODY = {
    "channel": {
        "accounts": BY_RIGHT,
        "custom-fields": "which fields there are everybody knows who fills in a form",
        "departments": "the organisation is known to its people; dealers lack the right",
        "employees": "as departments",
        "parameters": BY_RIGHT,
        "roles": BY_RIGHT,
        "scorecard-policies": "the rules of the score are known to whom they are applied",
        "territories": "as departments",
    },
    "contract": {
        "approval-policies": "the rules of approval are known to whom they are applied",
        "custom-fields": "which fields there are everybody knows who fills in a form",
    },
    "customer": {
        "custom-fields": "which fields there are everybody knows who fills in a form",
        "duplicate-scans": "by right; a scan compares everybody's customers, and shows none",
        "assessment-policies": "the rules of the classes are known to whom they are applied",
        "dictionaries": "the words of the installation are known to all who fill in a form",
        "entries": "of a dictionary",
        "number-patterns": BY_RIGHT,
        "pool-policies": "the rules of the pool are known to whom they are applied",
        "reminder-rules": "by right",
        "verification-policies": "what has to be verified is known to who registers a customer",
    },
    "reporting": {"reports": "the name of a report; its figures are narrowed"},
    "sales": {
        "custom-fields": "which fields there are everybody knows who fills in a form",
        "commission-periods": "by right",
        "commission-rules": "by right",
        "competitors": "whom we compete with is known to all who sell",
        "exchange-rates": "the rates are those of the organisation",
        "lead-routing-policies": "by right",
        "lead-scoring-policies": "the rules of the score are known to whom they are applied",
        "lost-reasons": "a choice of words, known to all who sell",
        "pipelines": "the stages are known to all who sell",
        "price-lists": "by right",
        "products": "what we sell is known to all who sell it",
        "routing-members": "by right",
        "routing-teams": "by right",
    },
    "service_desk": {
        "custom-fields": "which fields there are everybody knows who fills in a form",
        "sla-calendars": "working hours are no secret",
        "sla-policies": "what we promise is no secret",
        "surveys/{token}": "the secret of one survey, which is the right to answer it",
    },
}
"""Kinds that are nobody's records, and why that is right."""

NOT_COMPARED = {
    "customer": {
        "customer-transfers": "comes of a move of many customers by the worker",
        "partner-relations": "is said by headquarters: which partners serve a customer",
        "quality-issues": "is found by the worker",
    },
    "sales": {
        "commission-statements": "comes of the close of a period by the worker",
        "targets": "is of the organisation's people, and no partner's account can set one",
    },
}
"""Kinds whose records no request of a partner makes; the tests of their features ask for others'."""

_NAMED = re.compile(r"([^/{}]+)/\{([^{}]+)\}")


def kinds_in(path: str, package: str) -> dict[str, str]:
    """The kinds of somebody's records that a path names, by its parameters."""
    known = FOR_EVERYBODY.get(package, {}).keys() | NOT_COMPARED.get(package, {}).keys()
    return {
        parameter: kind
        for kind, parameter in _NAMED.findall(path)
        if kind not in known and f"{kind}/{{{parameter}}}" not in known
    }


def one_of(kind: str) -> str:
    """The noun of a kind in the singular, as fields name it: `price_list` of `price-lists`."""
    noun = kind.replace("-", "_")
    return f"{noun[:-3]}y" if noun.endswith("ies") else noun.removesuffix("s")


def _without_names(path: str) -> str:
    return re.sub(r"\{[^{}]+\}", "{}", path)


@dataclass
class Records:
    """The records of one partner in one service."""

    guarded: Guarded
    maker: httpx.AsyncClient
    operator: httpx.AsyncClient
    partner_id: UUID
    mark: str
    ids: dict[str, str] = field(default_factory=dict)
    """By kind; beside those of paths, what else a body may name, as a customer of another service."""
    paths: dict[str, str] = field(default_factory=dict)
    """Where each record can be read, by kind."""
    of_headquarters: dict[str, str] = field(default_factory=dict)
    """What is nobody's and needed for the records, as a product."""

    @property
    def service(self) -> str:
        """The first segment of its paths."""
        return self.guarded.entry.package.replace("_", "-")

    @property
    def named(self) -> Ids:
        """The ids, by what fields call them."""
        return {one_of(kind): one for kind, one in (self.of_headquarters | self.ids).items()}

    def at(self, path: str) -> str:
        """The whole path, `{customers}` being the customer."""
        return f"/{self.service}/v1/{path.format(**self.of_headquarters, **self.ids)}"

    def filled(self, value: Any) -> Any:
        """The value with ids for `{customers}` in its texts."""
        match value:
            case str():
                return self.named[one_of(value[1:-1])] if value[:1] == "{" else value
            case dict():
                return {name: self.filled(inner) for name, inner in value.items()}
            case list():
                return [self.filled(inner) for inner in value]
        return value

    async def post(
        self, client: httpx.AsyncClient, path: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """POST what the document asks for with `body` put in; the answer."""
        document = self.guarded.app.openapi()
        shape = _without_names(f"/{self.service}/v1/{path}")
        (operations,) = [
            operations
            for described, operations in document["paths"].items()
            if _without_names(described) == shape
        ]
        mark = self.mark if client is self.maker else "总部"
        schema = schema_of_body(operations["post"], document) or {}
        needed = body_for(operations["post"], document, self.named, mark) or {}
        if body and not schema.get("required"):
            needed = {}
        answer = await client.post(self.at(path), json={**needed, **self.filled(body)})
        assert answer.is_success, (
            f"{path} refuses {answer.request.content.decode()}: {answer.text}\n"
            f"Say what it needs in RECORDS[{self.guarded.entry.package!r}]."
        )
        return dict(answer.json()) if answer.content else {}

    def remember(self, kind: str, one: str, path: str) -> None:
        """The record of this kind, and where it is read."""
        self.ids[kind], self.paths[kind] = one, path


Step = Callable[[Records], Awaitable[None]]


def made(
    kind: str, /, *, by_headquarters: bool = False, at: str = "", read: str = "", **body: Any
) -> Step:
    """POST to the path of the kind, or `at` another; `body` is what the document does not say of it.

    `read` is where one sees it, if it is no page of its own.
    """

    async def step(records: Records) -> None:
        if by_headquarters:
            answer = await records.post(records.operator, kind, body)
            records.of_headquarters[kind] = answer["id"]
        else:
            answer = await records.post(records.maker, at or kind, body)
            records.remember(kind, answer["id"], records.at(read or f"{kind}/{answer['id']}"))

    return step


def done(path: str, **body: Any) -> Step:
    """POST to a verb of a record, as `leads/{leads}:assign`."""

    async def step(records: Records) -> None:
        await records.post(records.maker, path, body)

    return step


def found(kind: str, /, *, at: str | None = None) -> Step:
    """The first of a list, where it came by itself; read in the list where it has no page."""

    async def step(records: Records) -> None:
        path = records.at(at or kind)
        rows = (await records.maker.get(path)).json()
        first = (rows if isinstance(rows, list) else rows["data"])[0]
        records.remember(kind, first["id"], path if at else f"{path}/{first['id']}")

    return step


async def a_customer_heard_of(records: Records) -> None:
    """A customer of this partner, as the other services hear of it."""
    customer_id = new_id()
    records.ids["customers"] = str(customer_id)
    await records.guarded.hear(
        "customer.customer.created.v1",
        subject=customer_id,
        customer_id=customer_id,
        number=f"C2026-{customer_id.hex[-6:]}",
        name=records.mark,
        kind="company",
        partner_id=records.partner_id,
    )
    if records.service == "sales":
        records.paths["customers"] = records.at("customers/{customers}/payments/summary")


async def somebody_to_assign(records: Records) -> None:
    """An employee, whom bodies call `assignee_id`."""
    employee_id = await records.guarded.employee(await records.guarded.department())
    records.ids["assignees"] = str(employee_id)


async def an_import(records: Records) -> None:
    targets = {"customer": "customers", "sales": "products", "channel": "territories"}
    path = f"/{records.service}/v1/imports"
    started = await records.maker.post(
        path,
        files={"file": (f"{records.mark}.csv", f"name\n{records.mark}".encode())},
        data={
            "target": targets[records.service],
            "mapping": json.dumps(
                {"external_source": "old", "fields": {"name": {"column": "name"}}}
            ),
        },
    )
    assert started.status_code == 202, started.text
    records.remember("imports", started.json()["id"], f"{path}/{started.json()['id']}")


async def a_view(records: Records) -> None:
    await made("views", list=next(iter(records.guarded.app.state.lists)))(records)


async def suspected_duplicates(records: Records) -> None:
    """Two customers that look alike, and nobody else's; and the scan that says so."""
    phone = f"0571-8{records.partner_id.int % 10**7:07}"
    for _ in range(2):
        await made("customers", phone=phone)(records)
    started = await records.operator.post(records.at("duplicate-scans"), json={})
    assert started.status_code == 202, started.text
    while await scan_on(records.guarded.database):
        pass
    rows = (await records.maker.get(records.at("duplicate-groups"))).json()["data"]
    records.remember("duplicate-groups", rows[0]["id"], records.at("duplicate-groups"))


async def the_partner_itself(records: Records) -> None:
    """Its own record is what the accounts of a partner see."""
    operator = records.operator
    region = await operator.post(
        "/channel/v1/territories", json={"code": f"R{new_id().hex[-8:]}", "name": "华东"}
    )
    registered = await operator.post(
        "/channel/v1/partners",
        json={
            "name": records.mark,
            "kind": "dealer",
            "region_id": region.json()["id"],
            "phone": "0571-1234567",
        },
    )
    assert registered.status_code == 201, registered.text
    partner_id = registered.json()["id"]
    path = f"/channel/v1/partners/{partner_id}"
    onboarded = await operator.post(f"{path}:onboard", json={})
    assert onboarded.status_code == 200, onboarded.text
    records.remember("partners", partner_id, path)
    records.partner_id = UUID(partner_id)
    records.maker, _ = await records.guarded.signed_in(
        "*", scope="partner", partner_id=records.partner_id
    )


async def its_scorecard(records: Records) -> None:
    await records.guarded.hear(
        "sales.opportunity.won.v1",
        partner_id=records.partner_id,
        won_on="2026-02-10",
        amount="100.00",
        currency="CNY",
    )
    published = await records.operator.post(
        "/channel/v1/scorecards:publish",
        json={"period_start": "2026-01-01", "period_end": "2026-03-31"},
    )
    assert published.status_code == 200, published.text
    await found("scorecards")(records)


async def a_service_promise(records: Records) -> None:
    """The one that an installation starts with goes when a test begins."""
    await made(
        "sla-calendars",
        by_headquarters=True,
        windows=[{"weekday": 1, "opens": "09:00", "closes": "18:00"}],
    )(records)
    soon = {"response_minutes": 60, "solution_minutes": 480}
    each = ("low", "medium", "high")
    await made(
        "sla-policies",
        by_headquarters=True,
        calendar_id="{sla-calendars}",
        targets=dict.fromkeys(("low", "normal", "high", "urgent"), soon),
        priorities={impact: dict.fromkeys(each, "normal") for impact in each},
    )(records)


async def an_opportunity_heard_of(records: Records) -> None:
    opportunity_id = new_id()
    await records.guarded.hear(
        "sales.opportunity.opened.v1",
        subject=opportunity_id,
        opportunity_id=opportunity_id,
        number=f"OP2026-{opportunity_id.hex[-6:]}",
        name=records.mark,
        partner_id=records.partner_id,
        stage="qualification",
        amount="100.00",
        currency="CNY",
        opened_on="2026-01-05",
    )


_A_LINE = {"product_id": "{products}", "quantity": "1", "unit_price": "100.00"}

RECORDS: dict[str, list[Step]] = {
    "channel": [the_partner_itself, its_scorecard, an_import, a_view],
    "contract": [
        a_customer_heard_of,
        made(
            "contracts",
            starts_on="2026-01-01",
            ends_on="2099-12-31",
            payment_schedule=[{"due_on": "2026-04-01", "share": "100"}],
        ),
        done("contracts/{contracts}:submit", submitted_by=str(new_id())),
        done("contracts/{contracts}:approve", decided_by=str(new_id())),
        done("contracts/{contracts}:sign", signed_on="2026-01-05"),
        found("milestones"),
        a_view,
    ],
    "customer": [
        somebody_to_assign,
        suspected_duplicates,
        made("contacts"),
        made("interactions"),
        made("follow-ups", due_at="2099-12-31T09:30:00Z"),
        made("segments"),
        an_import,
        a_view,
    ],
    "reporting": [an_opportunity_heard_of, a_view],
    "sales": [
        a_customer_heard_of,
        somebody_to_assign,
        made("products", by_headquarters=True, list_price="100.00", currency="CNY"),
        made("leads", phone="0571-87654321"),
        done("leads/{leads}:assign"),
        found("assignments", at="leads/{leads}/assignments"),
        made("opportunities"),
        made(
            "activities",
            at="opportunities/{opportunities}/activities",
            read="opportunities/{opportunities}",
            kind="call",
            due_on="2099-12-31",
        ),
        made("quotes", customer_id="{customers}", valid_until="2099-12-31", lines=[_A_LINE]),
        made("orders", customer_id="{customers}", lines=[_A_LINE]),
        done("orders/{orders}:confirm"),
        made(
            "receipts",
            order_id="{orders}",
            amount="1.00",
            currency="CNY",
            method="cash",
            received_on="2026-03-02",
        ),
        an_import,
        a_view,
    ],
    "service_desk": [
        a_service_promise,
        a_customer_heard_of,
        made("tickets", customer_id="{customers}"),
        done("tickets/{tickets}:close"),
        found("surveys"),
        a_view,
    ],
}
"""How one record of each kind is made, in this order."""


async def records_of(guarded: Guarded, partner_id: UUID, mark: str = MARK) -> Records:
    """Everything that a path of this service can name, made by an account of this partner."""
    operator, _ = await guarded.signed_in("*")
    maker, _ = await guarded.signed_in("*", scope="partner", partner_id=partner_id)
    records = Records(guarded, maker, operator, partner_id, mark)
    for step in RECORDS[guarded.entry.package]:
        await step(records)
    return records


def check_made(records: Records) -> None:
    """Raises AssertionError that says what to write, where a path names a kind without a record."""
    package = records.guarded.entry.package
    missing = {
        kind: path
        for path in records.guarded.app.openapi()["paths"]
        for kind in kinds_in(path, package).values()
        if kind not in records.ids
    }
    assert not missing, "\n".join(
        f"{path} names a record that no test makes: write made({kind!r}) into RECORDS[{package!r}]"
        f" of tests/security/records.py, or {kind!r} with the reason into FOR_EVERYBODY[{package!r}]"
        for kind, path in missing.items()
    )
