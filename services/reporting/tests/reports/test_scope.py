"""Reports in the data scope of who asks: every figure is that of their own rows, totals included."""

from decimal import Decimal
from random import Random

import pytest

from common.ids import new_id
from common.testing.sign_in import TestIssuer, client_of, guarded_app
from reporting.__main__ import ENTRY

from ..builders import a_receipt, a_survey, a_won_deal, an_opened_deal, an_opened_ticket

pytestmark = [pytest.mark.capability("X-05"), pytest.mark.capability("N10")]

REPORTS = "/reporting/v1/reports"
GROUPINGS = ["region", "month", "product", "person", "partner"]


@pytest.fixture
def issuer():
    return TestIssuer()


@pytest.fixture
def app(database, issuer):
    return guarded_app(ENTRY, database, issuer)


@pytest.fixture
def sign_in(app, issuer, hear):
    async def make(*, scope="all", **facts):
        role, account = new_id(), new_id()
        await hear(
            "channel.role.changed.v1",
            subject=role,
            role_id=role,
            code="reader",
            rights=["reporting.*"],
            scope=scope,
            state="active",
        )
        await hear(
            "channel.account.changed.v1",
            subject=account,
            account_id=account,
            username=str(account),
            kind="person",
            role_ids=[role],
            state="active",
            tokens_from="2020-01-01T00:00:00Z",
            **facts,
        )
        return client_of(app, issuer.token(account))

    return make


@pytest.fixture
async def business(hear, seed):
    """Deals, receipts, tickets and surveys of three partners, two regions and four people."""
    dice = Random(seed)
    belonging = {
        "partner_id": [new_id() for _ in range(3)] + [None],
        "region_id": [new_id() for _ in range(2)],
        "owner_id": [new_id() for _ in range(4)],
        "department_id": [new_id() for _ in range(2)],
    }
    deals = []
    for number in range(30):
        whose = {name: dice.choice(values) for name, values in belonging.items()}
        deal, amount = new_id(), Decimal(dice.randrange(100, 100_000)) / 100
        day = f"2026-0{dice.randrange(1, 7)}-1{dice.randrange(10)}"
        await hear("sales.opportunity.opened.v1", subject=deal, **an_opened_deal(**whose))
        won = a_won_deal(amount=str(amount), won_on=day, product_id=None, **whose)
        await hear("sales.opportunity.won.v1", subject=deal, **won)
        await hear(
            "sales.receipt.recorded.v1",
            **{**a_receipt(**whose), "opportunity_id": deal, "amount": str(amount)},
        )
        if number % 3 == 0:
            await hear("service_desk.ticket.opened.v1", **an_opened_ticket(**whose))
            await hear("service_desk.survey.answered.v1", **a_survey(**whose))
        deals.append({**whose, "amount": amount})
    return belonging, deals


async def totals_of(client, name, **parameters):
    answer = await client.get(f"{REPORTS}/{name}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("group_by", GROUPINGS)
@pytest.mark.parametrize("period", [{}, {"from": "2026-01-01", "to": "2026-06-30"}])
async def test_a_dealer_gets_the_figures_of_its_partner_and_nothing_else(
    sign_in, business, group_by, period
):
    belonging, deals = business
    partner = belonging["partner_id"][0]
    dealer = await sign_in(scope="partner", partner_id=partner)
    own = [deal for deal in deals if deal["partner_id"] == partner]

    answer = await totals_of(dealer, "won-revenue", group_by=group_by, **period)

    assert Decimal(answer["totals"]["won_revenue"] or 0) == sum(deal["amount"] for deal in own)
    assert answer["totals"]["won_deals"] == len(own)
    if group_by != "product":
        assert Decimal(answer["totals"]["received"] or 0) == sum(deal["amount"] for deal in own)
    if group_by == "partner":
        assert [row["partner_id"] for row in answer["rows"]] == [str(partner)] * bool(own)


async def test_a_regional_manager_gets_the_region_and_a_seller_their_own(sign_in, business, hear):
    belonging, deals = business
    region, owner = belonging["region_id"][0], belonging["owner_id"][0]
    manager = await sign_in(scope="territory", region_ids=[region])
    await hear(
        "channel.employee.changed.v1",
        subject=owner,
        employee_id=owner,
        number="E000001",
        name="王芳",
        department_id=new_id(),
        state="active",
    )
    seller = await sign_in(scope="own", employee_id=owner)

    for client, column, value in (
        (manager, "region_id", region),
        (seller, "owner_id", owner),
    ):
        own = [deal["amount"] for deal in deals if deal[column] == value]
        answer = await totals_of(client, "won-revenue", group_by="month")
        assert Decimal(answer["totals"]["won_revenue"] or 0) == sum(own)


async def test_headquarters_gets_everything(sign_in, business):
    _, deals = business
    client = await sign_in()

    answer = await totals_of(client, "won-revenue", group_by="region")

    assert Decimal(answer["totals"]["won_revenue"]) == sum(deal["amount"] for deal in deals)


@pytest.mark.parametrize(
    ("name", "group_by"),
    [
        ("sales-funnel", "month"),
        ("sales-funnel", "region"),
        ("channel-performance", "partner"),
        ("channel-performance", "month"),
        ("service-levels", "month"),
        ("service-levels", "partner"),
    ],
)
async def test_what_three_dealers_see_apart_is_what_partners_are_in_the_whole(
    sign_in, business, name, group_by
):
    belonging, _ = business
    partners = belonging["partner_id"][:3]
    apart = [
        await totals_of(await sign_in(scope="partner", partner_id=one), name, group_by=group_by)
        for one in partners
    ]
    everything = await sign_in()
    filtered = [
        await totals_of(everything, name, group_by=group_by, partner=str(one)) for one in partners
    ]

    for own, whole in zip(apart, filtered, strict=True):
        assert own["totals"] == whole["totals"]
        assert own["rows"] == whole["rows"]


async def test_the_csv_and_the_events_are_in_the_same_scope(sign_in, business):
    belonging, deals = business
    partner = belonging["partner_id"][0]
    dealer = await sign_in(scope="partner", partner_id=partner)
    foreign = [str(one) for one in belonging["partner_id"][1:3]]

    csv = await dealer.get(
        f"{REPORTS}/won-revenue", params={"group_by": "partner"}, headers={"Accept": "text/csv"}
    )
    events = await dealer.get("/reporting/v1/events", params={"limit": 200, "include": "total"})

    assert csv.status_code == 200
    assert not any(one in csv.text for one in foreign)
    assert not any(one in events.text for one in foreign)
    own = sum(1 for deal in deals if deal["partner_id"] == partner)
    assert events.json()["total"] >= 3 * own


async def test_who_belongs_nowhere_sees_nothing(sign_in, business):
    client = await sign_in(scope="department")

    answer = await totals_of(client, "won-revenue", group_by="region")

    assert answer["rows"] == []
    assert answer["totals"]["won_deals"] in (0, None)
    assert answer["other_currencies"] == []
    assert answer["currency"] is None
    assert (answer["from"], answer["to"]) == (None, None)
