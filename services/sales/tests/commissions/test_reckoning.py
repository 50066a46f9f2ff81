"""Whatever happens to an order, its ledger says what its sources say, and never rewrites itself."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.commission_rules.model import CommissionRule
from sales.commission_rules.terms import Base, Payee, Share, Sold, Step, Terms
from sales.commissions.reckoning import Earning, Rules, Source, reckon

pytestmark = [pytest.mark.capability("C-13"), pytest.mark.capability("SAL-20")]

DAY = date(2026, 3, 2)
OWNER, PARTNER, LEADER = uuid4(), uuid4(), uuid4()
LINES = [uuid4() for _ in range(3)]
RECEIPTS = [uuid4() for _ in range(3)]
cents = st.integers(min_value=0, max_value=1_000_000).map(lambda value: Decimal(value) / 100)


def a_rule(code="direct", *, rule_version=1, valid_from=date(2026, 1, 1), **said):
    terms = Terms(
        **{
            "base": Base.RECEIPT,
            "currency": "CNY",
            "steps": [Step(from_amount=Decimal(0), rate=Decimal("2.5"))],
            "shares": [Share()],
            **said,
        }
    )
    rule, _ = CommissionRule.draft(
        code=code, rule_version=rule_version, name=code, valid_from=valid_from, terms=terms
    )
    rule.activate(by="finance")
    return rule


RULES = Rules(
    [
        a_rule(
            "team",
            shares=[
                Share(payee=Payee.OWNER, percent=Decimal("33.33")),
                Share(payee=Payee.PARTNER, percent=Decimal("33.33")),
                Share(payee=Payee.NAMED_PERSON, payee_id=LEADER, percent=Decimal("33.34")),
            ],
        ),
        a_rule(
            "volume",
            base=Base.ORDER_LINE,
            steps=[
                Step(from_amount=Decimal(0), rate=Decimal(1)),
                Step(from_amount=Decimal(5000), rate=Decimal("3.3333")),
            ],
            cap=Decimal("250.00"),
        ),
    ]
)


def an_order(amounts, received, *, owner_id=OWNER):
    """An order with lines of these amounts, which took so much of each receipt."""
    sold = [
        Sold(id_, number, uuid4(), "own", None, amount)
        for number, (id_, amount) in enumerate(zip(LINES, amounts, strict=False), start=1)
    ]
    sources = [
        Source(Base.ORDER_LINE, line.order_line_id, line.amount, DAY)
        for line in sold
        if line.amount
    ] + [
        Source(Base.RECEIPT, id_, amount, DAY + timedelta(40))
        for id_, amount in zip(RECEIPTS, received, strict=False)
        if amount
    ]
    return Earning(
        order_id=uuid4(),
        number="O2026-000042",
        owner_id=owner_id,
        partner_id=PARTNER,
        currency="CNY",
        places=2,
        sold=sold,
        sources=sources,
    )


def payees_of(lines):
    sums = defaultdict(Decimal)
    for line in lines:
        sums[line.rule_code, line.payee_id] += line.amount
    return {key: amount for key, amount in sums.items() if amount}


states = st.tuples(st.lists(cents, min_size=3, max_size=3), st.lists(cents, min_size=3, max_size=3))


@pytest.mark.capability("P-16")
@given(st.lists(states, min_size=1, max_size=6))
def test_a_sale_and_its_whole_refund_come_to_nothing_whatever_was_between(steps):
    ledger, today = [], DAY
    for amounts, received in [*steps, ([Decimal(0)] * 3, [Decimal(0)] * 3)]:
        today += timedelta(20)
        ledger += reckon(an_order(amounts, received), RULES, ledger, today=today)

    assert payees_of(ledger) == {}
    assert sum(line.base_amount for line in ledger) == 0
    reversed_ids = [line.reverses_id for line in ledger if line.reverses_id]
    assert len(reversed_ids) == len(set(reversed_ids))
    by_id = {line.id: line for line in ledger}
    for line in ledger:
        if line.reverses_id:
            original = by_id[line.reverses_id]
            assert line.amount == -original.amount
            for name in ("payee_id", "rule_id", "rate", "source_id", "order_line_id"):
                assert getattr(line, name) == getattr(original, name)


@given(st.lists(states, min_size=1, max_size=5))
def test_the_ledger_is_what_a_ledger_made_at_once_would_be(steps):
    ledger = []
    for number, (amounts, received) in enumerate(steps):
        more = reckon(
            an_order(amounts, received), RULES, ledger, today=DAY + timedelta(20 * number)
        )
        ledger += more
    last = an_order(*steps[-1])

    assert reckon(last, RULES, ledger, today=DAY) == []
    # Order lines by their own amount; receipts are shared out when they come, and keep that.
    volume = [line for line in ledger if line.rule_code == "volume"]
    at_once = [line for line in reckon(last, RULES, [], today=DAY) if line.rule_code == "volume"]
    assert payees_of(volume) == payees_of(at_once)
    standing = defaultdict(Decimal)
    for line in ledger:
        if line.rule_code == "team" and line.share_no == 1:
            standing[line.source_id] += line.base_amount
    for source in last.sources:
        # Shares of less than half a cent are not written.
        if source.kind == Base.RECEIPT and any(steps[-1][0]):
            assert abs(standing[source.source_id] - source.amount) <= Decimal("3.00")


@given(cents.filter(bool), st.lists(st.integers(1, 100), min_size=1, max_size=8))
def test_the_shares_of_a_team_add_up_to_the_last_unit(base, weights):
    total = sum(weights)
    percents = [(Decimal(weight) * 100 / total).quantize(Decimal("0.0001")) for weight in weights]
    percents[0] += 100 - sum(percents)
    terms = a_rule(
        shares=[
            Share(payee=Payee.NAMED_PERSON, payee_id=uuid4(), percent=percent)
            for percent in percents
        ]
    ).said

    parts = terms.parts(base, base, 2)

    whole = (base * Decimal("0.025")).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
    assert sum(part.amount for part in parts) == whole
    assert all(abs(part.rounding) < Decimal("0.02") for part in parts)


def test_what_is_left_of_a_source_is_paid_by_the_version_and_to_whom_it_was_paid():
    before = Rules([first := a_rule()])
    ledger = reckon(an_order([Decimal(1000)], [Decimal(400)]), before, [], today=DAY)
    after = Rules([first, a_rule(rule_version=2, steps=[Step(from_amount=Decimal(0), rate=50)])])

    more = reckon(
        an_order([Decimal(1000)], [Decimal(300)], owner_id=uuid4()),
        after,
        ledger,
        today=date(2026, 6, 1),
    )

    assert [(line.amount, line.rule_version, line.payee_id) for line in more] == [
        (Decimal("-10.00"), 1, OWNER),
        (Decimal("7.50"), 1, OWNER),
    ]
    assert {line.booked_on for line in more} == {date(2026, 6, 1)}
    assert [line.occurrence for line in more] == [1, 2]


def test_the_version_that_began_last_counts_and_none_when_it_is_over():
    rules = Rules(
        [
            a_rule(rule_version=1),
            second := a_rule(rule_version=2, valid_from=date(2026, 2, 1)),
        ]
    )
    second.valid_until = date(2026, 2, 28)

    def version_on(day):
        source = Source(Base.RECEIPT, uuid4(), Decimal(1), day)
        return [rule.rule_version for rule in rules.for_source(source, "CNY").values()]

    assert version_on(date(2025, 12, 31)) == []
    assert version_on(date(2026, 1, 31)) == [1]
    assert version_on(date(2026, 2, 28)) == [2]
    assert version_on(date(2026, 3, 1)) == []


def test_a_line_paid_in_many_parts_reaches_the_step_and_the_cap_of_the_whole():
    terms = a_rule(
        steps=[Step(from_amount=Decimal(0), rate=1), Step(from_amount=Decimal(1000), rate=10)],
        cap=Decimal("50.00"),
    ).said

    in_parts = sum(terms.earned(Decimal(100), Decimal(1000)) for _ in range(10))

    assert terms.earned(Decimal(1000), Decimal(1000)) == in_parts == Decimal("50.00")
