from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from channel.roles.built_in import BUILT_IN
from fairway.demo import words
from fairway.demo.accounts import ACCOUNTS
from fairway.demo.data import DemoData
from fairway.demo.generator import OPEN_STAGES, SHIPPED_KINDS, Size, generate

TODAY = date(2026, 11, 22)
ZONE = ZoneInfo("Asia/Shanghai")
DAYS = [
    date(2026, 1, 1),
    date(2026, 2, 18),
    date(2027, 12, 31),
    date(2028, 2, 29),
    date(2026, 8, 3),
    date(2031, 7, 15),
    date(2041, 3, 31),
]


@pytest.fixture(scope="module")
def data() -> DemoData:
    return generate(TODAY)


def all_deals(data: DemoData):
    return [*data.past_deals, *data.deals]


def closed_deals(data: DemoData):
    return [deal for deal in all_deals(data) if deal.outcome is not None]


def test_the_same_seed_and_day_give_the_same_data(data):
    assert generate(TODAY) == data


@pytest.mark.parametrize(("today", "seed"), [(TODAY, 7), (date(2026, 5, 6), 20)])
def test_another_seed_or_day_gives_other_data(data, today, seed):
    assert generate(today, seed=seed) != data


@pytest.mark.parametrize("today", DAYS)
def test_whatever_is_named_is_there(today):
    data = generate(today)
    territories = {one.code for one in data.territories}
    departments = {one.key for one in data.departments}
    employees = {one.key for one in data.employees}
    partners = {one.key for one in data.partners}
    products = {one.key for one in data.products}
    customers = {one.key for one in data.customers}

    named = {
        "territories": [
            *(one.parent_code for one in data.territories),
            *(one.territory_code for one in data.departments),
            *(one.territory_code for one in data.partners),
            *(one.territory_code for one in data.customers),
            *(one.territory_code for one in data.leads),
            *(one.territory_code for one in all_deals(data)),
        ],
        "departments": [
            *(one.parent_key for one in data.departments),
            *(one.department_key for one in data.employees),
            *(one.department_key for one in data.partners),
            *(one.department_key for one in data.customers),
        ],
        "employees": [
            *(one.manager_key for one in data.employees),
            *(one.owner_key for one in data.partners),
            *(one.owner_key for one in data.customers),
            *(one.assignee_key for one in data.leads),
            *(one.owner_key for one in all_deals(data)),
            *(one.owner_key for one in data.service_contracts),
            *(one.assignee_key for one in data.tickets),
        ],
        "partners": [
            *(one.partner_key for one in data.customers),
            *(one.partner_key for one in data.leads),
            *(one.partner_key for one in all_deals(data)),
        ],
        "products": [
            *(key for prices in data.price_lists for key in prices.prices),
            *(one.product_key for one in data.leads),
            *(one.product_key for one in all_deals(data)),
            *(one.product_key for one in data.service_contracts),
            *(one.product_key for one in data.tickets),
        ],
        "customers": [
            *(one.customer_key for one in data.contacts),
            *(one.customer_key for one in data.interactions),
            *(one.customer_key for one in data.leads),
            *(one.customer_key for one in all_deals(data)),
            *(one.customer_key for one in data.service_contracts),
            *(one.customer_key for one in data.tickets),
        ],
    }

    there = {
        "territories": territories,
        "departments": departments,
        "employees": employees,
        "partners": partners,
        "products": products,
        "customers": customers,
    }
    for kind, keys in named.items():
        assert set(keys) - {None} <= there[kind], kind
    for records in (data.partners, data.customers, data.products, data.leads, all_deals(data)):
        keys = [one.key for one in records]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize("today", DAYS)
def test_nothing_has_happened_after_yesterday(today):
    data = generate(today)
    midnight = datetime(today.year, today.month, today.day, tzinfo=ZONE)

    days = [
        *(day for deal in all_deals(data) for _, day in deal.stages),
        *(deal.closed_on for deal in closed_deals(data)),
        *(one.joined_on for one in data.employees),
        *(one.onboarded_on for one in data.partners),
        *(one.starts_on for one in data.service_contracts),
        *(last for _, last in data.months),
    ]
    moments = [
        *(one.occurred_at for one in data.interactions),
        *(
            moment
            for one in data.tickets
            for moment in (one.opened_at, one.responded_at, one.closed_at, one.closed_again_at)
            if moment is not None
        ),
    ]

    assert max(days) < today
    assert max(moments) < midnight


@pytest.mark.parametrize("today", DAYS)
def test_a_deal_goes_forward_and_ends_after_its_last_stage(today):
    for deal in all_deals(generate(today)):
        names = [name for name, _ in deal.stages]
        days = [day for _, day in deal.stages]
        assert [OPEN_STAGES.index(name) for name in names] == sorted(
            {OPEN_STAGES.index(name) for name in names}
        )
        assert days == sorted(days)
        assert deal.opened_on == days[0]
        assert (deal.outcome is None) == (deal.closed_on is None)
        assert deal.closed_on is None or deal.closed_on >= days[-1]
        assert deal.amount > 0
        assert (deal.outcome == "lost") == bool(deal.lost_reason) or deal.outcome is None


@pytest.mark.parametrize("today", DAYS)
def test_half_of_the_closed_deals_are_won(today):
    outcomes = Counter(deal.outcome for deal in closed_deals(generate(today)))

    assert 0.45 <= outcomes["won"] / outcomes.total() <= 0.55


def test_there_is_as_much_as_was_asked_for():
    data = generate(TODAY, size=Size(customers=50, closed_deals=80, open_deals=9, tickets=11))

    assert len(data.customers) == 50
    assert len(closed_deals(data)) == 80
    assert len(all_deals(data)) == 89
    assert len(data.tickets) == 11
    assert len(data.months) == Size().months


def test_the_last_month_of_a_quarter_is_the_busiest(data):
    by_month = Counter(deal.closed_on.replace(day=1) for deal in closed_deals(data))
    full = {first: by_month[first] for first, _ in data.months}

    ends = [count for month, count in full.items() if month.month in (3, 6, 9, 12)]
    others = [count for month, count in full.items() if month.month not in (3, 6, 9, 12)]
    assert min(ends) > sum(others) / len(others)
    assert sum(by_month.values()) == Size().closed_deals


def test_hardly_anything_is_closed_around_chinese_new_year(data):
    feast = date(2026, 2, 17)
    around = [
        deal for deal in closed_deals(data) if abs(deal.closed_on - feast) <= timedelta(days=6)
    ]

    by_month = Counter(deal.closed_on.month for deal in closed_deals(data))
    assert len(around) <= len(closed_deals(data)) / 100
    assert by_month[2] == min(by_month.values())


def test_regions_and_partners_do_differently_well(data):
    won, closed = Counter(), Counter()
    for deal in closed_deals(data):
        for key in (deal.territory_code, deal.partner_key):
            closed[key] += 1
            won[key] += deal.outcome == "won"

    rates = {key: won[key] / closed[key] for key in closed if closed[key] >= 10}
    regions = [rates[region[0]] for region in words.REGIONS if region[0] in rates]
    partners = [rates[one.key] for one in data.partners if one.key in rates]
    assert max(regions) - min(regions) > 0.1
    assert max(partners) - min(partners) > 0.2


def test_deals_of_past_months_come_from_the_old_system_and_are_all_closed(data):
    worked_since = date(2026, 10, 1)

    assert all(deal.closed_on < worked_since for deal in data.past_deals)
    assert all(deal.closed_on is None or deal.closed_on >= worked_since for deal in data.deals)


def test_only_won_deals_have_papers(data):
    papers = Counter(deal.papers for deal in data.deals if deal.papers != "none")

    assert papers["full"] == Size().full_papers
    assert 0 < papers["order"] <= Size().orders
    assert all(deal.outcome == "won" for deal in data.deals if deal.papers != "none")


def test_a_ticket_is_about_something_that_was_delivered_to_the_customer(data):
    kinds = {product.key: product.kind for product in data.products}
    bought = {
        (deal.customer_key, deal.product_key) for deal in all_deals(data) if deal.outcome == "won"
    }

    for ticket in data.tickets:
        assert (ticket.customer_key, ticket.product_key) in bought
        assert kinds[ticket.product_key] in SHIPPED_KINDS


@pytest.mark.parametrize("today", DAYS)
def test_the_steps_of_a_ticket_come_one_after_the_other(today):
    for ticket in generate(today).tickets:
        steps = [
            ticket.opened_at,
            ticket.responded_at,
            ticket.closed_at,
            ticket.reopened_at,
            ticket.closed_again_at,
        ]
        reached = [moment for moment in steps if moment is not None]
        assert all(earlier < later for earlier, later in pairwise(reached))
        assert ticket.score is None or (ticket.closed_at is not None and 1 <= ticket.score <= 5)


def test_no_two_people_have_the_same_name_or_number(data):
    people = [one.name for one in data.employees]
    people += [one.contact_name for one in (*data.partners, *data.leads)]
    people += [one.name for one in data.contacts]
    phones = [one.phone for one in (*data.employees, *data.partners, *data.customers, *data.leads)]
    phones += [one.mobile_phone for one in data.contacts]

    assert len(people) == len(set(people))
    assert len(phones) == len(set(phones))


def test_addresses_lead_nowhere(data):
    """Names under .example belong to nobody (RFC 2606)."""
    emails = [one.email for one in (*data.employees, *data.partners, *data.customers, *data.leads)]

    assert all(email.endswith(".example") for email in emails)


def test_both_languages_and_all_kinds_of_products_are_there(data):
    names = [one.name for one in (*data.employees, *data.customers)]

    assert any(name.isascii() for name in names)
    assert any(not name.isascii() for name in names)
    assert {one.kind for one in data.products} == {"own", "outsourced", "services", "training"}
    assert {one.kind for one in data.partners} == {"dealer", "agent"}
    assert {one.outcome for one in data.leads} == {"new", "assigned", "converted", "lost"}


def test_better_partners_pay_less(data):
    standard, gold, platinum = (one.prices["CP100"] for one in data.price_lists)

    assert standard == Decimal("31800.00")
    assert platinum < gold < standard


@pytest.mark.capability("X-05")
@pytest.mark.parametrize("today", DAYS)
def test_the_demo_accounts_are_of_people_and_partners_that_have_something_to_see(today):
    data = generate(today)
    employees = {one.key: one for one in data.employees}
    partners = {one.key: one for one in data.partners}
    dealers = [account for account in ACCOUNTS if account.role == "dealer"]
    sellers = [deal.partner_key for deal in closed_deals(data) if deal.outcome == "won"]

    assert {account.role for account in ACCOUNTS} <= {role.code for role in BUILT_IN}
    assert all((a.employee_key is None) != (a.partner_key is None) for a in ACCOUNTS)
    assert {a.employee_key for a in ACCOUNTS if a.employee_key} <= set(employees)
    assert len({partners[a.partner_key].territory_code for a in dealers if a.partner_key}) == 2
    for account in dealers:
        partner = partners[account.partner_key or ""]
        assert partner.kind == "dealer"
        assert partner.name[:4] in account.sees
        assert partner.key in sellers
