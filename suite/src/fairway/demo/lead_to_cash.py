"""One deal through all six services: from the partner who brings it to the figures of the reports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from common.days import ZONE
from fairway.demo.api import Json
from fairway.demo.data import CURRENCY, SOURCE
from fairway.demo.walking import EffectMissing, Figure, Walk

SURVEY_SCORE = 5
_EMPLOYEES = {
    "S01": "销售工程师 Sales engineer",
    "BM-HD": "分公司经理 Branch manager",
    "FM": "财务经理 Finance manager",
    "T01": "服务工程师 Service engineer",
}
_PRODUCTS = {
    "CP100": ("CP100 离心泵", "own", "台", "31800"),
    "S-COM": ("现场调试", "services", "次", "12000"),
}


@dataclass(frozen=True, slots=True)
class House:
    """Who and what takes part from our side; found where it is there, made where it is not."""

    territory: Json
    department: Json
    employees: Mapping[str, Json]
    products: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Deal:
    """What the walk has made so far."""

    partner: Json
    customer: Json
    opportunity: Json
    quote: Json
    contract: Json


def follow(walk: Walk, on_figure: Callable[[Figure], None]) -> None:
    """The whole way; raises EffectMissing where something does not follow.

    `on_figure` is told of every report figure that the deal must change, before this raises for
    one that is wrong.
    """
    walk.chapter("Who takes part")
    house = _house(walk)
    before = _figures(walk)
    walk.chapter("A lead, and what it is worth")
    partner, customer, opportunity = _lead(walk, house)
    walk.chapter("The offer")
    quote = _quote(walk, house, opportunity)
    walk.chapter("The contract")
    contract = _contract(walk, house, quote)
    deal = Deal(partner, customer, opportunity, quote, contract)
    walk.chapter("The order, the goods and the money")
    received = _order(walk, house, deal)
    walk.chapter("After the sale")
    _service(walk, house, deal)
    walk.chapter("The partner's scorecard")
    _scorecard(walk, partner)
    walk.chapter("The reports")
    expected = {
        ("won-revenue", "won_revenue"): Decimal(quote["total"]),
        ("won-revenue", "won_deals"): Decimal(1),
        ("won-revenue", "received"): received,
        ("sales-funnel", "won_deals"): Decimal(1),
        ("channel-performance", "won_revenue"): Decimal(quote["total"]),
        ("channel-performance", "tickets"): Decimal(1),
        ("service-levels", "tickets"): Decimal(1),
    }
    _compare(walk, before, expected, on_figure)


def _in_days(days: int) -> str:
    return (datetime.now(ZONE).date() + timedelta(days=days)).isoformat()


def _house(walk: Walk) -> House:
    territory = walk.find("/channel/v1/territories", code="HD") or walk.post(
        "A region",
        "/channel/v1/territories",
        said=["channel.territory.changed.v1"],
        shows=["name"],
        code="HD",
        name="华东",
        english_name="East China",
    )
    department = _ours(walk, "departments", "BR-HD") or walk.post(
        "A branch",
        "/channel/v1/departments",
        said=["channel.department.changed.v1"],
        shows=["name"],
        name="华东分公司",
        kind="branch",
        region_id=territory["id"],
        **_external("BR-HD"),
    )
    employees = {
        key: _ours(walk, "employees", key)
        or walk.post(
            "Somebody of ours",
            "/channel/v1/employees",
            said=["channel.employee.changed.v1"],
            shows=["number", "position"],
            name=position,
            position=position,
            department_id=department["id"],
            **_external(key),
        )
        for key, position in _EMPLOYEES.items()
    }
    products = {
        sku: walk.find("/sales/v1/products", sku=sku)
        or walk.post(
            "A product",
            "/sales/v1/products",
            said=["sales.product.created.v1"],
            shows=["sku", "name"],
            sku=sku,
            name=name,
            kind=kind,
            unit=unit,
            list_price=price,
            currency=CURRENCY,
            **_external(sku),
        )
        for sku, (name, kind, unit, price) in _PRODUCTS.items()
    }
    people = ", ".join(one["name"] for one in employees.values())
    goods = ", ".join(one["name"] for one in products.values())
    walk.seen("channel", f"{territory['name']}, {department['name']}: {people}")
    walk.seen("sales", goods)
    return House(territory, department, employees, products)


def _ours(walk: Walk, kind: str, key: str) -> Json | None:
    return walk.find(f"/channel/v1/{kind}", **_external(key))


def _external(key: str) -> dict[str, str]:
    return {"external_source": SOURCE, "external_id": key}


def _lead(walk: Walk, house: House) -> tuple[Json, Json, Json]:
    seller = house.employees["S01"]["id"]
    stamp = f"{datetime.now(ZONE):%H%M%S%f}"[:8]
    partner = walk.post(
        "A dealer is registered",
        "/channel/v1/partners",
        said=["channel.partner.registered.v1"],
        name=f"苏州同行流体设备有限公司 {stamp}",
        kind="dealer",
        tier="gold",
        region_id=house.territory["id"],
        department_id=house.department["id"],
        owner_id=seller,
        phone=f"+86 139 {stamp[:4]} {stamp[4:]}",
    )
    walk.post(
        "and taken on",
        f"/channel/v1/partners/{partner['id']}:onboard",
        said=["channel.partner.onboarded.v1"],
        shows=["state", "tier"],
    )
    customer = walk.post(
        "A customer of the dealer",
        "/customer/v1/customers",
        said=["customer.customer.created.v1"],
        name=f"苏州远帆制药有限公司 {stamp}",
        industry="pharmaceuticals",
        city="苏州",
        region_id=house.territory["id"],
        partner_id=partner["id"],
        owner_id=seller,
        department_id=house.department["id"],
    )
    contact = walk.post(
        "and whom to speak to there",
        "/customer/v1/contacts",
        said=["customer.contact.added.v1"],
        shows=["name"],
        customer_id=customer["id"],
        name="宋雨桐",
        position="采购经理",
        mobile_phone=f"+86 137 {stamp[:4]} {stamp[4:]}",
        is_primary=True,
    )
    lead = walk.post(
        "The dealer brings a lead",
        "/sales/v1/leads",
        said=["sales.lead.captured.v1"],
        shows=["number", "score", "rating"],
        name="循环水泵更换",
        source="partner",
        company=customer["name"],
        customer_id=customer["id"],
        contact_name=contact["name"],
        email=f"song.yutong.{stamp}@yuanfan.example",
        need="两台离心泵，含现场调试",
        budget="80000",
        product_id=house.products["CP100"]["id"],
        employee_count=260,
    )
    why = ", ".join(f"{one['rule']} {one['points']:+d}" for one in lead["score_contributions"])
    path = f"/sales/v1/leads/{lead['id']}"
    walk.seen("sales", f"score {lead['score']} = {why}")
    walk.post(
        "It goes to a seller",
        f"{path}:assign",
        said=["sales.lead.assigned.v1"],
        shows=["state"],
        assignee_id=seller,
        reason="按区域分配 by region",
    )
    converted = walk.post(
        "who makes it an opportunity",
        f"{path}:convert",
        said=["sales.lead.converted.v1", "sales.opportunity.opened.v1"],
        shows=["state"],
        customer_id=customer["id"],
        contact_id=contact["id"],
    )
    opportunity = f"/sales/v1/opportunities/{converted['opportunity_id']}"
    for stage in ("engaging", "proposal"):
        walk.post(
            f"It is {stage}",
            f"{opportunity}:move",
            said=["sales.opportunity.stage_changed.v1"],
            shows=["number", "stage", "probability"],
            stage=stage,
        )
    walk.post(
        "and in negotiation",
        f"{opportunity}:move",
        said=["sales.opportunity.changed.v1", "sales.opportunity.stage_changed.v1"],
        shows=["number", "stage", "probability"],
        stage="negotiation",
        expected_close_on=_in_days(14),
    )
    return partner, customer, walk.get(opportunity)


def _quote(walk: Walk, house: House, opportunity: Json) -> Json:
    quote = walk.post(
        "A quote, priced by the price lists",
        "/sales/v1/quotes",
        said=["sales.quote.drafted.v1"],
        shows=["number", "total", "currency"],
        opportunity_id=opportunity["id"],
        valid_until=_in_days(30),
        lines=[
            {"product_id": house.products["CP100"]["id"], "quantity": 2, "discount_percent": "5"},
            {"product_id": house.products["S-COM"]["id"], "quantity": 1},
        ],
    )
    path = f"/sales/v1/quotes/{quote['id']}"
    walk.post("It is sent", f"{path}:send", said=["sales.quote.sent.v1"], shows=["state"])
    walk.post(
        "and accepted",
        f"{path}:accept",
        said=["sales.quote.accepted.v1", "contract.contract.drafted.v1"],
        shows=["state"],
    )
    walk.post(
        "So the deal is won",
        f"/sales/v1/opportunities/{opportunity['id']}:win",
        said=["sales.opportunity.won.v1"],
        shows=["number", "stage", "amount"],
        amount=quote["total"],
        lines=[
            {"product_id": one["product_id"], "amount": one["amount"]} for one in quote["lines"]
        ],
    )
    return quote


def _contract(walk: Walk, house: House, quote: Json) -> Json:
    drafted = walk.row_until(
        "contract",
        "/contract/v1/contracts",
        quote_id=quote["id"],
        word=lambda row: f"contract {row['number']} was drafted from quote {quote['number']}",
        missing="no contract was drafted from the accepted quote",
    )
    if Decimal(drafted["total"]) != Decimal(quote["total"]):
        raise EffectMissing(f"the contract is over {drafted['total']}, the quote {quote['total']}")
    path = f"/contract/v1/contracts/{drafted['id']}"
    walk.patch(
        "It is to be paid in two parts",
        path,
        version=drafted["version"],
        said=["contract.contract.changed.v1"],
        shows=["number", "revision"],
        payment_schedule=[
            {"title": "预付款 Advance", "due_on": _in_days(7), "share": "30"},
            {"title": "发货款 On delivery", "due_on": _in_days(45), "share": "70"},
        ],
    )
    submitted = walk.post(
        "It is handed in",
        f"{path}:submit",
        said=["contract.contract.submitted.v1"],
        shows=["state", "steps"],
        submitted_by=house.employees["S01"]["id"],
    )
    deciders = iter(("BM-HD", "FM"))
    for step in submitted["steps"]:
        is_last = step == submitted["steps"][-1]
        walk.post(
            f"approved by the {step}",
            f"{path}:approve",
            said=[
                "contract.contract.approved.v1" if is_last else "contract.contract.step_approved.v1"
            ],
            shows=["state"],
            decided_by=house.employees[next(deciders)]["id"],
        )
    signed = walk.post(
        "and signed",
        f"{path}:sign",
        said=["contract.contract.signed.v1"],
        shows=["number", "state", "content_hash"],
        our_signatory="陈志强",
        their_signatory="宋雨桐",
    )
    walk.row_until(
        "service-desk",
        "/service-desk/v1/entitlements",
        contract_id=signed["id"],
        word=lambda row: (
            f"{row['product_name']} is covered from {row['starts_on']} to {row['ends_on']}"
        ),
        missing="the signed contract entitles the customer to nothing",
    )
    return signed


def _order(walk: Walk, house: House, deal: Deal) -> Decimal:
    order = walk.post(
        "An order from the quote",
        "/sales/v1/orders",
        said=["sales.order.drafted.v1"],
        shows=["number", "total"],
        quote_id=deal.quote["id"],
    )
    path = f"/sales/v1/orders/{order['id']}"
    walk.post(
        "It is confirmed",
        f"{path}:confirm",
        said=[
            "sales.order.confirmed.v1",
            "contract.contract.order_linked.v1",
            "customer.customer.updated.v1",
        ],
        shows=["state"],
    )
    walk.until(
        "customer",
        lambda: _is(
            walk.get(f"/customer/v1/customers/{deal.customer['id']}"),
            "status",
            "active",
            f"customer {deal.customer['number']} is active now",
        ),
        "the customer did not become active",
    )
    walk.post(
        "and shipped",
        f"{path}:ship",
        said=["sales.order.shipped.v1", "contract.milestone.met.v1"],
        shows=["state"],
    )
    walk.row_until(
        "service-desk",
        "/service-desk/v1/installed-base",
        order_id=order["id"],
        word=lambda row: (
            f"the customer has {Decimal(row['quantity']).normalize():f} pumps installed"
        ),
        missing="the shipment is not in the installed base",
    )
    _milestone_met(walk, deal.contract, "delivery")
    received = (Decimal(order["total"]) * 30 / 100).quantize(Decimal("0.01"))
    walk.post(
        "The advance comes in",
        "/sales/v1/receipts",
        said=["sales.receipt.recorded.v1", "contract.milestone.met.v1"],
        shows=["number", "amount"],
        order_id=order["id"],
        amount=str(received),
    )
    _milestone_met(walk, deal.contract, "payment")
    return received


def _milestone_met(walk: Walk, contract: Json, kind: str) -> None:
    walk.row_until(
        "contract",
        "/contract/v1/milestones",
        contract_id=contract["id"],
        kind=kind,
        state="met",
        word=lambda row: f"milestone {row['title']!r} of {contract['number']} is met",
        missing=f"no {kind} milestone of {contract['number']} was met",
    )


def _is(record: Json, field: str, value: Any, words: str) -> str | None:
    return words if record[field] == value else None


def _service(walk: Walk, house: House, deal: Deal) -> None:
    ticket = walk.post(
        "The customer needs help",
        "/service-desk/v1/tickets",
        said=["service_desk.ticket.opened.v1"],
        shows=["number", "priority", "covered", "response_due_at"],
        subject="机械密封泄漏",
        category="pump.seal",
        channel="phone",
        customer_id=deal.customer["id"],
        product_id=house.products["CP100"]["id"],
    )
    if ticket["contract_id"] != deal.contract["id"]:
        raise EffectMissing(f"ticket {ticket['number']} is not covered by the contract just signed")
    path = f"/service-desk/v1/tickets/{ticket['id']}"
    walk.post(
        "It goes to an engineer",
        f"{path}:assign",
        said=["service_desk.ticket.assigned.v1"],
        shows=["state"],
        assignee_id=house.employees["T01"]["id"],
    )
    walk.post(
        "who answers",
        f"{path}:respond",
        said=["service_desk.ticket.responded.v1"],
        shows=["state"],
        note="已电话指导，明日上门",
    )
    walk.post(
        "and solves it",
        f"{path}:close",
        said=["service_desk.ticket.closed.v1", "service_desk.survey.asked.v1"],
        shows=["state"],
        solution="更换机械密封，重新对中",
    )
    survey = walk.find("/service-desk/v1/surveys", ticket_id=ticket["id"])
    assert survey is not None
    walk.post(
        f"The customer answers the survey: {SURVEY_SCORE} of 5",
        f"/service-desk/v1/surveys/{survey['token']}:answer",
        said=["service_desk.survey.answered.v1"],
        shows=["score"],
        score=SURVEY_SCORE,
    )


def _scorecard(walk: Walk, partner: Json) -> None:
    """The card of this month, as far as it has come; the last of it is published by the worker."""
    today = datetime.now(ZONE).date()
    first = today.replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    path = "/channel/v1/scorecards:publish"
    month = {
        "period_start": first.isoformat(),
        "period_end": last.isoformat(),
        "currency": CURRENCY,
    }
    walk.post("The cards of this month", path, shows=["period_start", "policy_version"], **month)

    def look() -> str | None:
        card = walk.find("/channel/v1/scorecards", partner_id=partner["id"])
        if card is None or card["won_deals"] != 1 or card["satisfaction"] is None:
            # What the partner achieved was still on its way to channel.
            walk.client.post(path, json=month).raise_for_status()
            return None
        return (
            f"{partner['number']}: {card['won_deals']} deal won for"
            f" {Decimal(card['won_amount']):.2f} {card['currency']},"
            f" satisfaction {card['satisfaction']}, score {card['score']}"
        )

    walk.until("channel", look, "the scorecard does not count the deal and the survey")


# --- figures

REPORTS = ("won-revenue", "sales-funnel", "channel-performance", "service-levels")


def _figures(walk: Walk) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = {}
    for report in REPORTS:
        where = {"group_by": "month"}
        if report != "service-levels":
            where["currency"] = CURRENCY
        totals = walk.get(f"/reporting/v1/reports/{report}", **where)["totals"]
        for name, value in totals.items():
            found[report, name] = Decimal(str(value or 0))
    return found


def _compare(
    walk: Walk,
    before: Mapping[tuple[str, str], Decimal],
    expected: Mapping[tuple[str, str], Decimal],
    on_figure: Callable[[Figure], None],
) -> None:
    compared: list[Figure] = []

    def look() -> str | None:
        after = _figures(walk)
        compared[:] = [
            Figure(report, name, before[report, name], after[report, name], difference)
            for (report, name), difference in expected.items()
        ]
        if all(figure.is_right for figure in compared):
            return "every figure changed by exactly this deal"
        return None

    try:
        walk.until(
            "reporting",
            look,
            "the figures did not change by exactly this deal (is somebody else at work?)",
        )
    finally:
        for figure in compared:
            on_figure(figure)
