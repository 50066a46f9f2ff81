from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import Table, select, text

from common.ids import new_id
from common.testing.service import received_event
from reporting.consumers import PROJECTED
from reporting.projections import model
from reporting.projections.rebuild import MERGES
from reporting.recordsets import read

from .builders import (
    NOBODY,
    a_lost_deal,
    a_partner,
    a_receipt,
    a_scorecard,
    a_survey,
    a_won_deal,
    an_opened_deal,
    an_opened_ticket,
    hear_all,
)

WHO = {
    "owner_id": "01936f5e-8a2b-7c3d-9e4f-000000000001",
    "department_id": "01936f5e-8a2b-7c3d-9e4f-000000000002",
    "partner_id": "01936f5e-8a2b-7c3d-9e4f-000000000003",
    "region_id": "01936f5e-8a2b-7c3d-9e4f-000000000004",
}
OTHER = "01936f5e-8a2b-7c3d-9e4f-000000000005"


class Case(NamedTuple):
    """Events of one aggregate, and what its row is after the last of them."""

    entity: Any
    events: list[tuple[str, dict[str, Any]]]
    becomes: dict[str, Any]


CUSTOMER = {"number": "C1", "name": "远航", "kind": "company", "status": "prospect"} | WHO
PRODUCT = {"sku": "GTX", "name": "GTX Pro", "kind": "own", "state": "active"}
LEAD = {"number": "L1", "name": "询价", "source": "fair", "score": 40} | WHO
ORDER = {
    "number": "O1",
    "customer_id": OTHER,
    "opportunity_id": OTHER,
    "total": "1200.50",
    "currency": "CNY",
    "confirmed_at": "2026-03-02T09:30:00Z",
    "ordered_on": "2026-03-02",
}
CONTRACT = {
    "number": "CT1",
    "kind": "sales",
    "title": "采购合同",
    "customer_id": OTHER,
    "total": "5000.00",
    "currency": "CNY",
    "starts_on": "2026-01-01",
    "ends_on": "2026-12-31",
}
CAPTURED = ("sales.lead.captured.v1", LEAD)
OPENED = ("sales.opportunity.opened.v1", an_opened_deal(name="设备") | WHO)
CONFIRMED = ("sales.order.confirmed.v1", ORDER)
DRAFTED = ("contract.contract.drafted.v1", CONTRACT)
TICKET = ("service_desk.ticket.opened.v1", an_opened_ticket() | WHO)
CLOSED = (
    "service_desk.ticket.closed.v1",
    {"closed_at": "2026-02-02T02:00:00Z", "within_sla": True, "minutes": 90} | WHO,
)
ONBOARDED = ("channel.partner.onboarded.v1", a_partner())

CASES = [
    Case(model.Customer, [("customer.customer.created.v1", CUSTOMER)], {"name": "远航"}),
    Case(
        model.Customer,
        [
            ("customer.customer.created.v1", CUSTOMER),
            ("customer.customer.updated.v1", CUSTOMER | {"name": "远航机电"}),
        ],
        {"name": "远航机电", "status": "prospect"},
    ),
    Case(
        model.Customer,
        [
            ("customer.customer.created.v1", CUSTOMER),
            ("customer.customer.transferred.v1", NOBODY | {"department_id": OTHER}),
        ],
        {"name": "远航", "owner_id": None, "department_id": UUID(OTHER)},
    ),
    Case(
        model.Customer,
        [("customer.customer.created.v1", CUSTOMER), ("customer.customer.deleted.v1", {})],
        {"deleted": True, "owner_id": UUID(WHO["owner_id"])},
    ),
    Case(
        model.Customer,
        [
            ("customer.customer.created.v1", CUSTOMER),
            ("customer.customer.deleted.v1", {}),
            ("customer.customer.restored.v1", {}),
        ],
        {"deleted": False},
    ),
    Case(model.Product, [("sales.product.created.v1", PRODUCT)], {"name": "GTX Pro"}),
    Case(
        model.Product,
        [
            ("sales.product.created.v1", PRODUCT),
            ("sales.product.updated.v1", PRODUCT | {"state": "retired"}),
        ],
        {"state": "retired", "sku": "GTX"},
    ),
    Case(
        model.Person,
        [
            (
                "channel.employee.changed.v1",
                {"number": "E1", "name": "王芳", "department_id": OTHER, "state": "active"},
            )
        ],
        {"name": "王芳", "department_id": UUID(OTHER)},
    ),
    Case(
        model.Department,
        [
            (
                "channel.department.changed.v1",
                {"name": "华东", "kind": "branch", "region_id": OTHER, "state": "active"},
            )
        ],
        {"name": "华东", "region_id": UUID(OTHER)},
    ),
    Case(
        model.Region,
        [("channel.territory.changed.v1", {"code": "E", "name": "华东", "state": "active"})],
        {"name": "华东", "parent_id": None},
    ),
    Case(model.Partner, [ONBOARDED], {"name": "宁波海达", "state": "active"}),
    Case(
        model.Partner,
        [ONBOARDED, ("channel.partner.updated.v1", a_partner(name="宁波海达经销"))],
        {"name": "宁波海达经销"},
    ),
    Case(
        model.Partner,
        [ONBOARDED, ("channel.partner.tier_changed.v1", {"from_tier": "silver", "tier": "gold"})],
        {"tier": "gold", "name": "宁波海达"},
    ),
    Case(
        model.Partner,
        [ONBOARDED, ("channel.partner.suspended.v1", {"reason": "late"})],
        {"state": "suspended"},
    ),
    Case(
        model.Partner,
        [
            ONBOARDED,
            ("channel.partner.suspended.v1", {"reason": "late"}),
            ("channel.partner.reactivated.v1", {}),
        ],
        {"state": "active"},
    ),
    Case(model.Lead, [CAPTURED], {"state": "open", "score": 40}),
    Case(
        model.Lead,
        [CAPTURED, ("sales.lead.assigned.v1", {"assignee_id": OTHER, "reason": "near"})],
        {"owner_id": UUID(OTHER), "state": "open"},
    ),
    Case(
        model.Lead,
        [CAPTURED, ("sales.lead.converted.v1", {"customer_id": OTHER, "opportunity_id": OTHER})],
        {"state": "converted", "opportunity_id": UUID(OTHER)},
    ),
    Case(
        model.Lead,
        [CAPTURED, ("sales.lead.lost.v1", {"reason": "no budget"})],
        {"state": "lost", "lost_reason": "no budget"},
    ),
    Case(
        model.Lead,
        [
            CAPTURED,
            ("sales.lead.lost.v1", {"reason": "no budget"}),
            ("sales.lead.reopened.v1", {"reason": "there is one now"}),
        ],
        {"state": "open", "lost_reason": None},
    ),
    Case(
        model.Lead,
        [
            CAPTURED,
            ("sales.lead.assigned.v1", {"assignee_id": OTHER, "reason": "near"}),
            ("sales.lead.released.v1", {"owner_id": None, "cause": "idle", "reason": "x"}),
        ],
        {"owner_id": None, "state": "open"},
    ),
    Case(
        model.Opportunity,
        [OPENED],
        {"state": "open", "stage": "prospecting", "furthest_rank": 0, "name": "设备"},
    ),
    Case(
        model.Opportunity,
        [
            OPENED,
            (
                "sales.opportunity.stage_changed.v1",
                {"stage": "proposal", "expected_amount": None, "currency": "CNY"} | WHO,
            ),
            (
                "sales.opportunity.stage_changed.v1",
                {"stage": "engaging", "expected_amount": "800.00", "currency": "CNY"} | WHO,
            ),
        ],
        {"stage": "engaging", "furthest_rank": 2, "expected_amount": Decimal(800)},
    ),
    Case(
        model.Opportunity,
        [
            OPENED,
            (
                "sales.opportunity.changed.v1",
                {"expected_amount": "750.00", "currency": "CNY", "product_id": OTHER} | WHO,
            ),
        ],
        {"expected_amount": Decimal(750), "product_id": UUID(OTHER), "stage": "prospecting"},
    ),
    Case(
        model.Opportunity,
        [OPENED, ("sales.opportunity.won.v1", a_won_deal(amount="1000.00") | WHO)],
        {"state": "won", "stage": "won", "furthest_rank": 4, "amount": Decimal(1000)},
    ),
    Case(
        model.Opportunity,
        [OPENED, ("sales.opportunity.lost.v1", a_lost_deal(from_stage="proposal") | WHO)],
        {"state": "lost", "stage": "lost", "furthest_rank": 2, "lost_reason": "price"},
    ),
    Case(model.Order, [CONFIRMED], {"state": "confirmed", "total": Decimal("1200.50")}),
    Case(
        model.Order,
        [
            CONFIRMED,
            (
                "sales.order.shipped.v1",
                {"shipped_at": "2026-03-04T01:00:00Z", "complete": False},
            ),
        ],
        {"state": "confirmed"},
    ),
    Case(
        model.Order,
        [
            CONFIRMED,
            ("sales.order.shipped.v1", {"shipped_at": "2026-03-04T01:00:00Z", "complete": True}),
        ],
        {"state": "shipped"},
    ),
    Case(
        model.Order,
        [CONFIRMED, ("sales.order.cancelled.v1", {"reason": "withdrawn"})],
        {"state": "cancelled", "cancel_reason": "withdrawn"},
    ),
    Case(
        model.Order,
        [
            CONFIRMED,
            ("sales.order.changed.v1", {"is_confirmed": True, "total": "1300.00"}),
            ("sales.order.changed.v1", {"is_confirmed": False, "total": "1.00"}),
        ],
        {"state": "confirmed", "total": Decimal(1300)},
    ),
    Case(
        model.Order,
        [CONFIRMED, ("sales.order.rest_cancelled.v1", {"total": "400.00"})],
        {"state": "shipped", "total": Decimal(400)},
    ),
    Case(
        model.Order,
        [
            CONFIRMED,
            ("sales.order.cancelled.v1", {"reason": "withdrawn"}),
            ("sales.order.reopened.v1", {}),
        ],
        {"state": "draft", "cancel_reason": None},
    ),
    Case(
        model.Receipt,
        [("sales.receipt.recorded.v1", a_receipt())],
        {"amount": Decimal(400), "reversed_on": None},
    ),
    Case(
        model.Receipt,
        [
            ("sales.receipt.recorded.v1", a_receipt()),
            ("sales.receipt.reversed.v1", {"reversed_on": "2026-03-01", "reason": "bounced"}),
        ],
        {"amount": Decimal(400), "number": "R2026-000001"},
    ),
    Case(model.Contract, [DRAFTED], {"state": "drafted", "title": "采购合同"}),
    Case(
        model.Contract,
        [DRAFTED, ("contract.contract.submitted.v1", {})],
        {"state": "submitted"},
    ),
    Case(model.Contract, [DRAFTED, ("contract.contract.approved.v1", {})], {"state": "approved"}),
    Case(
        model.Contract,
        [DRAFTED, ("contract.contract.rejected.v1", {"reason": "terms"})],
        {"state": "rejected", "reason": "terms"},
    ),
    Case(
        model.Contract,
        [
            DRAFTED,
            (
                "contract.contract.signed.v1",
                CONTRACT | {"signed_on": "2026-01-02", "total": "4900.00"},
            ),
        ],
        {"state": "signed", "total": Decimal(4900)},
    ),
    Case(
        model.Contract,
        [
            DRAFTED,
            (
                "contract.contract.terminated.v1",
                {"reason": "breach", "terminated_on": "2026-05-01"},
            ),
        ],
        {"state": "terminated", "reason": "breach"},
    ),
    Case(model.Contract, [DRAFTED, ("contract.contract.expired.v1", {})], {"state": "expired"}),
    Case(
        model.Contract,
        [DRAFTED, ("contract.contract.transferred.v1", {"owner_id": OTHER})],
        {"state": "drafted", "owner_id": UUID(OTHER)},
    ),
    Case(model.Ticket, [TICKET], {"times_reopened": 0, "closed_at": None}),
    Case(
        model.Ticket,
        [TICKET, ("service_desk.ticket.assigned.v1", {"assignee_id": OTHER, "team": "east"})],
        {"owner_id": UUID(OTHER), "team": "east"},
    ),
    Case(
        model.Ticket,
        [
            TICKET,
            (
                "service_desk.ticket.responded.v1",
                {"responded_at": "2026-02-01T03:00:00Z", "within_sla": True, "minutes": 60},
            ),
        ],
        {"responded_within_sla": True, "response_minutes": 60},
    ),
    Case(model.Ticket, [TICKET, CLOSED], {"closed_within_sla": True, "solution_minutes": 90}),
    Case(
        model.Ticket,
        [
            TICKET,
            CLOSED,
            (
                "service_desk.ticket.reopened.v1",
                {"reopened_at": "2026-02-03T02:00:00Z", "reason": "again"},
            ),
        ],
        {"times_reopened": 1, "closed_at": None, "closed_within_sla": None},
    ),
    Case(
        model.Ticket,
        [TICKET, ("service_desk.ticket.sla_breached.v1", {"clock": "response"})],
        {"response_breached": True, "solution_breached": False},
    ),
    Case(model.Survey, [("service_desk.survey.answered.v1", a_survey(score=5))], {"score": 5}),
    Case(
        model.Scorecard,
        [("channel.scorecard.published.v1", a_scorecard(partner_id=OTHER))],
        {"score": Decimal(80), "partner_id": UUID(OTHER)},
    ),
]


# Merges change no row of their own; tests/projections/test_merges.py has them.
TOLD = [consumed for consumed in PROJECTED if consumed.type not in MERGES]


def test_every_event_that_is_read_has_a_case():
    assert {case.events[-1][0] for case in CASES} == {consumed.type for consumed in TOLD}


@pytest.mark.capability("REP-05")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.events[-1][0])
async def test_an_event_makes_the_row_what_it_tells_once(hear, session, case):
    subject = new_id()
    for event_type, data in case.events:
        last = await hear(event_type, subject=subject, **data)
    (row,) = await read(session, case.entity.__table__, [subject])

    await hear.again(last)

    assert case.becomes.items() <= row.items()
    assert await read(session, case.entity.__table__, [subject]) == [row]
    kept = await session.execute(text("SELECT count(*) FROM events"))
    assert kept.scalar() == len(case.events)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.events[-1][0])
async def test_all_events_of_an_aggregate_in_one_transaction_come_to_the_same(
    database, session, case
):
    subject = new_id()
    events = [
        received_event(event_type, subject=subject, version=version, data=data)
        for version, (event_type, data) in enumerate(case.events, start=1)
    ]

    await hear_all(database, events)

    (row,) = await read(session, case.entity.__table__, [subject])
    assert case.becomes.items() <= row.items()


@pytest.mark.parametrize("consumed", TOLD, ids=lambda consumed: consumed.type)
def test_an_event_writes_only_columns_that_its_projection_has(consumed):
    case = next(case for case in CASES if case.events[-1][0] == consumed.type)
    table: Table = case.entity.__table__
    row = {column.name: getattr(column.default, "arg", None) for column in table.columns}
    fields: dict[str, Any] = {name: case.events[-1][1].get(name) for name in consumed.model_fields}
    received = received_event(consumed.type, subject=new_id(), version=1, data=fields)

    consumed.of(received.envelope).fold(row)

    assert set(row) == set(table.columns.keys())


async def test_an_event_that_nobody_reads_here_is_kept(hear, session):
    await hear("sales.quote.expired.v1", number="Q1")

    found = (await session.execute(text("SELECT type, data FROM events"))).one()
    assert tuple(found) == ("sales.quote.expired.v1", {"number": "Q1"})


async def test_a_field_that_the_event_does_not_mention_stays(hear, session):
    deal = new_id()
    await hear(*OPENED[:1], subject=deal, **OPENED[1])

    await hear("sales.opportunity.changed.v1", subject=deal, currency="CNY")

    (row,) = await read(session, model.Opportunity.__table__, [deal])
    assert str(row["region_id"]) == WHO["region_id"]
    assert row["expected_amount"] == Decimal(900)


@pytest.mark.parametrize("order", [("deal", "region"), ("region", "deal")])
async def test_the_order_between_different_aggregates_does_not_matter(hear, client, order):
    region = new_id()
    events: dict[str, tuple[str, dict[str, Any]]] = {
        "region": (
            "channel.territory.changed.v1",
            {"code": "E", "name": "华东", "state": "active"},
        ),
        "deal": ("sales.opportunity.won.v1", a_won_deal() | {"region_id": str(region)}),
    }

    for name in order:
        event_type, data = events[name]
        await hear(event_type, subject=region if name == "region" else new_id(), **data)

    answer = (await client.get("/reporting/v1/reports/won-revenue?group_by=region")).json()
    assert [row["region"] for row in answer["rows"]] == ["华东"]


async def test_the_lines_of_a_won_deal_are_kept_in_their_order(hear, session):
    deal, products = new_id(), [str(new_id()), None]
    lines = [{"product_id": product, "amount": "500.00"} for product in products]

    await hear("sales.opportunity.won.v1", subject=deal, **a_won_deal(lines=lines))

    rows = await session.execute(select(model.WonLine).order_by(model.WonLine.line_no))
    assert [str(line.product_id) for line in rows.scalars()] == [products[0], "None"]
