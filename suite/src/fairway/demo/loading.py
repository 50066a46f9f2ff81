"""Loading demo data into the services, each record by the call a client would make."""

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from common.days import ZONE
from fairway.demo.api import CONNECTIONS, Api, Json, waits
from fairway.demo.data import (
    CURRENCY,
    SOURCE,
    Contact,
    Customer,
    Deal,
    DemoData,
    Department,
    Employee,
    Interaction,
    Lead,
    Partner,
    PriceList,
    Product,
    ServiceContract,
    Territory,
    Ticket,
)
from fairway.demo.generator import SHIPPED_KINDS

T = TypeVar("T")


class LoadingFailed(Exception):
    """What was loaded did not have the effect it must have."""


class Loading:
    """One loading of demo data; an object is good for one."""

    def __init__(self, api: Api, data: DemoData) -> None:
        self._api = api
        self._data = data
        self._ids: dict[str, dict[str, str]] = {}
        """Of what was created, by kind and key."""
        self._scores: dict[str, int] = {}
        """What customers will answer to the survey about a ticket, by the ticket's id."""
        self._kinds = {product.key: product.kind for product in data.products}

    async def run(self) -> None:
        """Everything, as far side by side as one thing does not need the other."""
        data = self._data
        await _together(self._organisation(), self._catalogue())
        await self._each(data.customers, self._customer)
        await _together(
            self._each(data.contacts, self._contact),
            self._each(data.interactions, self._interaction),
            self._each(data.leads, self._lead),
            self._past_deals(),
            self._each(data.deals, self._deal),
            self._each(data.service_contracts, self._service_contract),
            self._each(data.tickets, self._ticket),
        )
        await self._surveys()
        await self._reported()
        for first, last in data.months:
            await self._scorecards(first, last)

    # --- the firm

    async def _organisation(self) -> None:
        data = self._data
        await self._by_level(data.territories, self._territory, lambda one: one.parent_code)
        await self._by_level(data.departments, self._department, lambda one: one.parent_key)
        await self._by_level(data.employees, self._employee, lambda one: one.manager_key)
        await self._each(data.partners, self._partner)

    async def _territory(self, one: Territory) -> None:
        await self._create(
            "territories",
            one.code,
            "/channel/v1/territories",
            code=one.code,
            name=one.name,
            english_name=one.english_name,
            parent_id=self._id("territories", one.parent_code),
        )

    async def _department(self, one: Department) -> None:
        await self._create(
            "departments",
            one.key,
            "/channel/v1/departments",
            name=one.name,
            kind=one.kind,
            code=one.key,
            parent_id=self._id("departments", one.parent_key),
            region_id=self._id("territories", one.territory_code),
            **_external(one.key),
        )

    async def _employee(self, one: Employee) -> None:
        await self._create(
            "employees",
            one.key,
            "/channel/v1/employees",
            name=one.name,
            position=one.position,
            department_id=self._id("departments", one.department_key),
            manager_id=self._id("employees", one.manager_key),
            email=one.email,
            phone=one.phone,
            joined_on=one.joined_on,
            **_external(one.key),
        )

    async def _partner(self, one: Partner) -> None:
        partner = await self._create(
            "partners",
            one.key,
            "/channel/v1/partners",
            name=one.name,
            kind=one.kind,
            tier=one.tier,
            contact_name=one.contact_name,
            phone=one.phone,
            email=one.email,
            country="中国",
            city=one.city,
            region_id=self._id("territories", one.territory_code),
            department_id=self._id("departments", one.department_key),
            owner_id=self._id("employees", one.owner_key),
            **_external(one.key),
        )
        await self._post(
            f"/channel/v1/partners/{partner['id']}:onboard", onboarded_on=one.onboarded_on
        )

    # --- what it sells

    async def _catalogue(self) -> None:
        await self._each(self._data.products, self._product)
        await self._each(self._data.price_lists, self._price_list)

    async def _product(self, one: Product) -> None:
        await self._create(
            "products",
            one.key,
            "/sales/v1/products",
            sku=one.key,
            name=one.name,
            series=one.series,
            kind=one.kind,
            unit=one.unit,
            list_price=one.list_price,
            currency=CURRENCY,
            description=one.description,
            **_external(one.key),
        )

    async def _price_list(self, one: PriceList) -> None:
        price_list = await self._post(
            "/sales/v1/price-lists",
            name=one.name,
            currency=CURRENCY,
            valid_from=one.valid_from,
            partner_tier=one.partner_tier,
            lines=[
                {"product_id": self._id("products", key), "unit_price": str(price)}
                for key, price in one.prices.items()
            ],
        )
        await self._post(f"/sales/v1/price-lists/{price_list['id']}:publish")

    # --- customers

    async def _customer(self, one: Customer) -> None:
        await self._create(
            "customers",
            one.key,
            "/customer/v1/customers",
            name=one.name,
            industry=one.industry,
            status=one.status,
            country="中国",
            city=one.city,
            address=one.address,
            phone=one.phone,
            email=one.email,
            employee_count=one.employee_count,
            founded_year=one.founded_year,
            annual_revenue=one.annual_revenue,
            region_id=self._id("territories", one.territory_code),
            partner_id=self._id("partners", one.partner_key),
            owner_id=self._id("employees", one.owner_key),
            department_id=self._id("departments", one.department_key),
            **_external(one.key),
        )

    async def _contact(self, one: Contact) -> None:
        await self._post(
            "/customer/v1/contacts",
            customer_id=self._id("customers", one.customer_key),
            name=one.name,
            sex=one.sex,
            position=one.position,
            mobile_phone=one.mobile_phone,
            email=one.email,
            is_primary=one.is_primary,
        )

    async def _interaction(self, one: Interaction) -> None:
        await self._post(
            "/customer/v1/interactions",
            customer_id=self._id("customers", one.customer_key),
            channel=one.channel,
            direction=one.direction,
            occurred_at=one.occurred_at,
            subject=one.subject,
            result=one.result,
        )

    # --- selling

    async def _lead(self, one: Lead) -> None:
        lead = await self._post(
            "/sales/v1/leads",
            name=one.name,
            source=one.source,
            company=one.company,
            contact_name=one.contact_name,
            phone=one.phone,
            email=one.email,
            city=one.city,
            industry=one.industry,
            employee_count=one.employee_count,
            need=one.need,
            budget=one.budget,
            product_id=self._id("products", one.product_key),
            region_id=self._id("territories", one.territory_code),
            partner_id=self._id("partners", one.partner_key),
            **_external(one.key),
        )
        path = f"/sales/v1/leads/{lead['id']}"
        if one.outcome in ("assigned", "converted"):
            await self._post(
                f"{path}:assign",
                assignee_id=self._id("employees", one.assignee_key),
                reason=one.reason,
            )
        if one.outcome == "converted":
            await self._post(f"{path}:convert", customer_id=self._id("customers", one.customer_key))
        if one.outcome == "lost":
            await self._post(f"{path}:lose", reason=one.reason)

    async def _past_deals(self) -> None:
        """The deals of the old system come as its file."""
        held = io.StringIO()
        writer = csv.writer(held)
        writer.writerow(_PAST_COLUMNS)
        writer.writerows(_past_row(deal) for deal in self._data.past_deals)
        fields = {
            name: {"column": name, **({"kind": kind} if kind else {})}
            for name, kind in _PAST_COLUMNS.items()
        }
        job = await self._api.upload(
            "/sales/v1/imports",
            "past-deals.csv",
            held.getvalue().encode(),
            {
                "target": "opportunities",
                "mapping": json.dumps({"external_source": SOURCE, "fields": fields}),
            },
        )
        if job["state"] != "done" or job["rejected"]:
            rejected = await self._api.get(
                f"/sales/v1/imports/{job['id']}/rows", outcome="rejected"
            )
            why = rejected["data"][0]["reason"] if rejected["data"] else job["error"]
            raise LoadingFailed(f"{job['rejected']} past deals were rejected: {why}")

    async def _deal(self, one: Deal) -> None:
        (stage, opened_on), *moves = one.stages
        deal = await self._create(
            "deals",
            one.key,
            "/sales/v1/opportunities",
            name=one.name,
            customer_id=self._id("customers", one.customer_key),
            product_id=self._id("products", one.product_key),
            stage=stage,
            expected_amount=one.amount,
            currency=CURRENCY,
            expected_close_on=one.expected_close_on,
            opened_on=opened_on,
            owner_id=self._id("employees", one.owner_key),
            partner_id=self._id("partners", one.partner_key),
            region_id=self._id("territories", one.territory_code),
            **_external(one.key),
        )
        path = f"/sales/v1/opportunities/{deal['id']}"
        for stage, day in moves:
            await self._post(f"{path}:move", stage=stage, changed_on=day)
        if one.outcome == "lost":
            await self._post(f"{path}:lose", reason=one.lost_reason, lost_on=one.closed_on)
        elif one.outcome is None and stage in ("proposal", "negotiation"):
            quote = await self._quote(one, deal)
            if stage == "negotiation" and one.discount_percent == 0:
                await self._post(
                    f"/sales/v1/quotes/{quote['id']}:reject", reason="要求折扣 asks for a discount"
                )
        elif one.outcome == "won" and one.papers == "full":
            await self._carry_out(one, deal)
        elif one.outcome == "won":
            await self._post(f"{path}:win", amount=one.amount, won_on=one.closed_on)
            if one.papers == "order":
                order = await self._order(one, opportunity_id=deal["id"])
                await self._receipt(order, one, Decimal(1))

    async def _quote(self, one: Deal, deal: Json) -> Json:
        lines = [
            {
                "product_id": self._id("products", one.product_key),
                "quantity": one.quantity,
                "discount_percent": str(one.discount_percent),
                "delivery_on": _text(_today() + timedelta(days=45)),
            }
        ]
        if self._kinds[one.product_key] == "own":
            lines.append({"product_id": self._id("products", "S-COM"), "quantity": 1})
        quote = await self._post(
            "/sales/v1/quotes",
            opportunity_id=deal["id"],
            valid_until=_today() + timedelta(days=30),
            lines=lines,
        )
        return await self._post(f"/sales/v1/quotes/{quote['id']}:send")

    async def _carry_out(self, one: Deal, deal: Json) -> None:
        """From the quote to the money, as people do it after a deal was agreed."""
        quote = await self._quote(one, deal)
        await self._post(f"/sales/v1/quotes/{quote['id']}:accept")
        await self._post(
            f"/sales/v1/opportunities/{deal['id']}:win",
            amount=quote["total"],
            won_on=one.closed_on,
            lines=[
                {"product_id": line["product_id"], "amount": line["amount"]}
                for line in quote["lines"]
            ],
        )
        contract = await self._api.first("/contract/v1/contracts", quote_id=quote["id"])
        path = f"/contract/v1/contracts/{contract['id']}"
        await self._api.patch(
            path, {"payment_schedule": _three_payments()}, version=contract["version"]
        )
        place = int(one.key[1:])
        if place % 7 == 3:
            return
        await self._sign(path, one.owner_key, _today())
        order = await self._order(one, quote_id=quote["id"])
        await self._receipt(order, one, Decimal("0.3"))
        if self._kinds[one.product_key] in SHIPPED_KINDS and place % 3:
            await self._post(f"/sales/v1/orders/{order['id']}:ship", note="顺丰快运 by express")
            if place % 2:
                await self._receipt(order, one, Decimal("0.6"))

    async def _sign(self, path: str, submitter_key: str, signed_on: date) -> None:
        submitter = next(one for one in self._data.employees if one.key == submitter_key)
        contract = await self._post(
            f"{path}:submit", submitted_by=self._id("employees", submitter_key)
        )
        deciders = {"manager": submitter.manager_key, "finance": "FM"}
        for step in contract["steps"]:
            await self._post(
                f"{path}:approve", decided_by=self._id("employees", deciders.get(step, "GM"))
            )
        await self._post(
            f"{path}:sign",
            signed_on=signed_on,
            our_signatory=next(one.name for one in self._data.employees if one.key == "GM"),
            their_signatory="采购负责人",
        )

    async def _order(self, one: Deal, **origin: str) -> Json:
        order = await self._post(
            "/sales/v1/orders", ordered_on=one.closed_on, notes=f"{one.key}", **origin
        )
        return await self._post(f"/sales/v1/orders/{order['id']}:confirm")

    async def _receipt(self, order: Json, one: Deal, share: Decimal) -> None:
        assert one.closed_on is not None
        await self._post(
            "/sales/v1/receipts",
            order_id=order["id"],
            amount=(Decimal(order["total"]) * share).quantize(Decimal("0.01")),
            received_on=min(one.closed_on + timedelta(days=int(60 * share)), _today()),
        )

    # --- service

    async def _service_contract(self, one: ServiceContract) -> None:
        contract = await self._post(
            "/contract/v1/contracts",
            kind="service",
            title=one.title,
            customer_id=self._id("customers", one.customer_key),
            currency=CURRENCY,
            starts_on=one.starts_on,
            ends_on=one.ends_on,
            lines=[
                {
                    "product_id": self._id("products", one.product_key),
                    "product_name": "年度保养 Yearly maintenance",
                    "quantity": str(one.quantity),
                    "unit_price": str(one.unit_price),
                }
            ],
            payment_schedule=[{"due_on": _text(one.starts_on + timedelta(days=30)), "share": "1"}],
            drafted_by=self._id("employees", one.owner_key),
            owner_id=self._id("employees", one.owner_key),
        )
        await self._sign(f"/contract/v1/contracts/{contract['id']}", one.owner_key, one.starts_on)

    async def _ticket(self, one: Ticket) -> None:
        ticket = await self._post(
            "/service-desk/v1/tickets",
            subject=one.subject,
            description=one.description,
            category=one.category,
            channel=one.channel,
            impact=one.impact,
            urgency=one.urgency,
            customer_id=self._id("customers", one.customer_key),
            product_id=self._id("products", one.product_key),
            opened_at=one.opened_at,
        )
        path = f"/service-desk/v1/tickets/{ticket['id']}"
        if one.score is not None:
            self._scores[ticket["id"]] = one.score
        await self._post(
            f"{path}:assign",
            assignee_id=self._id("employees", one.assignee_key),
            assigned_at=one.opened_at + timedelta(minutes=3),
        )
        if one.responded_at is not None:
            await self._post(f"{path}:respond", responded_at=one.responded_at)
        if one.closed_at is not None:
            await self._post(f"{path}:close", solution=one.solution, closed_at=one.closed_at)
        if one.reopened_at is not None:
            await self._post(f"{path}:reopen", reason="问题再次出现", reopened_at=one.reopened_at)
            await self._post(f"{path}:close", solution=one.solution, closed_at=one.closed_again_at)

    async def _surveys(self) -> None:
        """What the customers answer to the surveys that the closed tickets asked."""
        asked = [
            survey
            async for survey in self._api.pages("/service-desk/v1/surveys", state="open")
            if survey["ticket_id"] in self._scores
        ]

        async def answer(survey: Json) -> None:
            await self._post(
                f"/service-desk/v1/surveys/{survey['token']}:answer",
                score=self._scores[survey["ticket_id"]],
            )

        await self._each(asked, answer)

    # --- figures

    async def _reported(self) -> None:
        """Wait until the reports count every deal: then everybody else has heard of them too."""
        closed = [deal for deal in (*self._data.past_deals, *self._data.deals) if deal.outcome]
        won = sum(deal.outcome == "won" for deal in closed)
        for wait_s in waits():
            report = await self._api.get(
                "/reporting/v1/reports/won-revenue", group_by="month", currency=CURRENCY
            )
            totals = report["totals"]
            if (totals["won_deals"], totals["lost_deals"]) == (won, len(closed) - won):
                return
            await asyncio.sleep(wait_s)
        raise LoadingFailed(
            f"the reports show {totals['won_deals']} won deals, {won} were reported"
        )

    async def _scorecards(self, first: date, last: date) -> None:
        await self._post(
            "/channel/v1/scorecards:publish", period_start=first, period_end=last, currency=CURRENCY
        )

    # --- how

    def _id(self, kind: str, key: str | None) -> str | None:
        return None if key is None else self._ids[kind][key]

    async def _create(self, kind: str, key: str, path: str, /, **fields: Any) -> Json:
        created = await self._post(path, **fields)
        self._ids.setdefault(kind, {})[key] = created["id"]
        return created

    async def _post(self, path: str, **fields: Any) -> Json:
        body = {name: _text(value) for name, value in fields.items() if value is not None}
        return await self._api.post(path, body)

    async def _each(self, things: Sequence[T], load: Callable[[T], Awaitable[None]]) -> None:
        """Load all, as many at once as there are connections."""
        queue = iter(things)

        async def work() -> None:
            for thing in queue:
                await load(thing)

        await _together(*(work() for _ in range(CONNECTIONS)))

    async def _by_level(
        self,
        things: Sequence[T],
        load: Callable[[T], Awaitable[None]],
        parent_of: Callable[[T], str | None],
    ) -> None:
        """Load a tree from the top: each level when the one above is there."""
        left = list(things)
        above: set[str | None] = {None}
        while left:
            level = [thing for thing in left if parent_of(thing) in above]
            await self._each(level, load)
            above |= {_key_of(thing) for thing in level}
            left = [thing for thing in left if thing not in level]


_PAST_COLUMNS = {
    "external_id": "",
    "name": "",
    "stage": "code",
    "customer_external_id": "",
    "product_external_id": "",
    "owner_external_id": "",
    "partner_external_id": "",
    "engaged_on": "date",
    "closed_on": "date",
    "amount": "decimal",
    "currency": "",
    "lost_reason": "",
}
"""The columns of the old system's file, named as the fields, and their kinds."""


def _past_row(deal: Deal) -> list[str]:
    return [
        deal.key,
        deal.name,
        deal.outcome or "",
        deal.customer_key,
        deal.product_key,
        deal.owner_key,
        deal.partner_key or "",
        deal.opened_on.isoformat(),
        deal.closed_on.isoformat() if deal.closed_on else "",
        str(deal.amount),
        CURRENCY,
        deal.lost_reason or "-",
    ]


def _external(key: str) -> dict[str, str]:
    return {"external_source": SOURCE, "external_id": key}


def _key_of(thing: Any) -> str:
    key: str = thing.code if isinstance(thing, Territory) else thing.key
    return key


def _text(value: Any) -> Any:
    """JSON has no dates and decimals."""
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _today() -> date:
    return datetime.now(ZONE).date()


def _three_payments() -> list[Json]:
    """30 % in advance, 60 % with the delivery, 10 % when the warranty ends."""
    return [
        {"title": title, "due_on": _text(_today() + timedelta(days=days)), "share": share}
        for title, days, share in (
            ("预付款 Advance", 10, "30"),
            ("发货款 On delivery", 60, "60"),
            ("质保金 Warranty", 360, "10"),
        )
    ]


async def _together(*works: Awaitable[None]) -> None:
    """All at once; the first that fails ends the others."""

    async def one(work: Awaitable[None]) -> None:
        await work

    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(one(work))
