from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.approval_policies.routing import Route
from contract.contracts.model import (
    MOVES,
    AlreadyDecided,
    ChecklistIncomplete,
    ContractFrozen,
    ContractState,
    ContractStateForbids,
    InstalmentText,
    LineAmountUnexplained,
    LinesTooLong,
    PartnerMissing,
    PeriodInvalid,
    SelfApproval,
    SignedOnInvalid,
    TerminatedOnInvalid,
    TotalMismatch,
)

from ..builders import (
    DRAFTER,
    FINANCE,
    MANAGER,
    NOW,
    SUBMITTER,
    TODAY,
    TWO_STEPS,
    a_contract,
    a_line,
    a_signed_contract,
    a_submitted_contract,
    an_approved_contract,
)

CENTS = st.decimals(min_value=0, max_value=1_000_000, places=2)


@pytest.mark.capability("CON-03")
def test_the_total_is_the_sum_of_the_lines():
    contract = a_contract(
        lines=[a_line(), a_line(quantity=Decimal(3), unit_price=Decimal("0.333"))]
    )

    assert [line.amount for line in contract.lines] == [Decimal("1250.00"), Decimal("1.00")]
    assert contract.total == Decimal("1251.00")


@pytest.mark.capability("CON-03")
def test_a_total_that_is_not_the_sum_is_refused():
    with pytest.raises(TotalMismatch):
        a_contract(total=Decimal("1249.99"))


@pytest.mark.capability("CON-03")
def test_an_amount_beside_the_price_is_explained():
    with pytest.raises(LineAmountUnexplained):
        a_contract(lines=[a_line(amount=Decimal(1200))])

    contract = a_contract(lines=[a_line(amount=Decimal(1200), remark="年度折扣")])
    assert contract.total == Decimal(1200)


@pytest.mark.capability("CON-03")
@pytest.mark.parametrize(
    "dates",
    [
        {"starts_on": date(2026, 2, 1), "ends_on": date(2026, 1, 31)},
        {"lines": [a_line(delivery_on=date(2027, 1, 1))]},
    ],
)
def test_dates_that_do_not_fit_together_are_refused(dates):
    with pytest.raises(PeriodInvalid):
        a_contract(**dates)


def test_lines_that_no_event_could_carry_are_refused_before_anybody_signs():
    with pytest.raises(LinesTooLong):
        a_contract(lines=[a_line(product_name="泵" * 200) for _ in range(200)])


def test_a_partner_contract_names_its_partner():
    with pytest.raises(PartnerMissing):
        a_contract(kind="partner")


@pytest.mark.capability("CON-02")
@given(
    prices=st.lists(CENTS, min_size=1, max_size=5),
    shares=st.lists(st.decimals(min_value="0.01", max_value=100, places=2), min_size=1, max_size=7),
)
def test_payments_add_up_to_the_total_exactly(prices, shares):
    contract = a_contract(
        lines=[a_line(quantity=Decimal(1), unit_price=price) for price in prices],
        payment_schedule=[InstalmentText(TODAY, share) for share in shares],
    )

    assert sum(payment.amount for payment in contract.payments) == contract.total
    assert contract.total == sum(prices)


def test_amounts_may_be_the_shares():
    contract = a_contract(
        payment_schedule=[
            InstalmentText(TODAY, Decimal("1000.01")),
            InstalmentText(TODAY, Decimal("249.99")),
        ]
    )

    assert [payment.amount for payment in contract.payments] == [
        Decimal("1000.01"),
        Decimal("249.99"),
    ]


@pytest.mark.capability("CON-08")
def test_the_steps_decide_one_after_the_other():
    contract = a_submitted_contract(route=TWO_STEPS)

    _, first = contract.approve(decided_by=MANAGER, opinion=None, deciders=[], now=NOW)
    _, second = contract.approve(decided_by=FINANCE, opinion="可", deciders=[MANAGER], now=NOW)

    assert (first.step, first.next_step, second.step) == ("manager", "finance", "finance")
    assert second.type == "contract.contract.approved.v1"
    assert (contract.state, contract.waiting_for) == (ContractState.APPROVED, None)


@pytest.mark.capability("CON-08")
@pytest.mark.parametrize("who", [DRAFTER, SUBMITTER])
def test_nobody_decides_about_what_he_drafted_or_submitted(who):
    with pytest.raises(SelfApproval):
        a_submitted_contract().approve(decided_by=who, opinion=None, deciders=[], now=NOW)
    with pytest.raises(SelfApproval):
        a_submitted_contract().reject(decided_by=who, opinion="不", now=NOW)


@pytest.mark.capability("CON-08")
def test_one_person_does_not_take_two_steps():
    contract = a_submitted_contract(route=TWO_STEPS)
    contract.approve(decided_by=MANAGER, opinion=None, deciders=[], now=NOW)

    with pytest.raises(AlreadyDecided):
        contract.approve(decided_by=MANAGER, opinion=None, deciders=[MANAGER], now=NOW)


@pytest.mark.capability("CON-08")
@pytest.mark.parametrize("build", [a_submitted_contract, an_approved_contract])
def test_an_edit_restarts_the_approval(build):
    contract = build()

    changed = contract.edit({"title": "新标题"})

    assert changed is not None
    assert (contract.state, contract.revision, contract.waiting_for) == ("draft", 2, None)


def test_a_rejected_contract_is_a_draft_again_when_it_is_edited():
    contract = a_submitted_contract()
    contract.reject(decided_by=MANAGER, opinion="付款太晚", now=NOW)

    with pytest.raises(ContractStateForbids):
        contract.submit(submitted_by=SUBMITTER, route=TWO_STEPS, checked=[], now=NOW)
    contract.edit({"title": "新标题"})

    assert contract.state == ContractState.DRAFT


def test_an_edit_that_says_the_same_changes_nothing():
    contract = an_approved_contract()

    assert contract.edit({"title": contract.title}, lines=[a_line()]) is None
    assert contract.state == ContractState.APPROVED


@pytest.mark.capability("CON-09")
def test_a_decision_says_who_what_about_which_text_and_why():
    contract = a_submitted_contract()
    contract.edit({"title": "新标题"})
    contract.submit(submitted_by=SUBMITTER, route=TWO_STEPS, checked=[], now=NOW)

    decided, rejected = contract.reject(decided_by=MANAGER, opinion="付款太晚", now=NOW)

    assert (decided.decided_by, decided.decided_at, decided.revision) == (MANAGER, NOW, 2)
    assert (decided.decision, decided.opinion, decided.step) == ("reject", "付款太晚", "manager")
    assert rejected.reason == "付款太晚"


@pytest.mark.capability("CON-10")
def test_what_the_policy_asks_to_be_checked_is_confirmed_before_approval():
    route = Route(3, ("manager",), ("party_identity", "authority"))

    with pytest.raises(ChecklistIncomplete):
        a_contract().submit(submitted_by=SUBMITTER, route=route, checked=["authority"], now=NOW)


@pytest.mark.capability("CON-10")
def test_a_signed_text_is_frozen_and_a_touched_one_is_found_out():
    contract = a_signed_contract()

    with pytest.raises(ContractFrozen):
        contract.edit({"title": "新标题"})
    assert contract.is_intact is True
    contract.lines[0].unit_price += Decimal("0.01")
    assert contract.is_intact is False


@pytest.mark.capability("CON-10")
def test_the_hash_does_not_depend_on_how_an_amount_is_spelled():
    contract = a_signed_contract()

    contract.total = Decimal("1250.000000")
    contract.lines[0].quantity = Decimal("1E+1")

    assert contract.is_intact is True


@pytest.mark.parametrize("signed_on", [TODAY + timedelta(days=1), date(2027, 1, 1)])
def test_the_future_cannot_be_signed_in(signed_on):
    with pytest.raises(SignedOnInvalid):
        an_approved_contract().sign(
            signed_on=signed_on, our_signatory="王芳", their_signatory="李强", today=TODAY
        )


def test_signing_tells_the_lines():
    contract = an_approved_contract()

    signed = contract.sign(
        signed_on=TODAY, our_signatory="王芳", their_signatory="李强", today=TODAY
    )

    assert sum(line.amount for line in signed.lines) == signed.total == Decimal(1250)
    assert signed.content_hash == contract.content_hash


@pytest.mark.parametrize("terminated_on", [TODAY - timedelta(days=1), TODAY + timedelta(days=1)])
def test_a_contract_is_terminated_between_its_signing_and_today(terminated_on):
    with pytest.raises(TerminatedOnInvalid):
        a_signed_contract().terminate(reason="违约", terminated_on=terminated_on, today=TODAY)


@pytest.mark.capability("CON-03")
def test_a_contract_is_in_force_through_its_last_day():
    contract = a_signed_contract()

    assert contract.expire(today=contract.ends_on) is None
    assert contract.expire(today=contract.ends_on + timedelta(days=1)) is not None
    assert contract.expire(today=contract.ends_on + timedelta(days=1)) is None


@pytest.mark.capability("CON-14")
def test_the_end_is_announced_once():
    contract = a_signed_contract()
    near = contract.ends_on - timedelta(days=30)

    early = contract.announce_end(today=near - timedelta(days=1), notice_days=30, now=NOW)
    first = contract.announce_end(today=near, notice_days=30, now=NOW)
    again = contract.announce_end(today=near, notice_days=30, now=NOW)

    assert (early, first is not None, again) == (None, True, None)


def test_nothing_moves_out_of_an_end_and_only_two_ways_out_of_signed():
    assert MOVES[ContractState.TERMINATED] == MOVES[ContractState.EXPIRED] == set()
    assert MOVES[ContractState.SIGNED] == {ContractState.TERMINATED, ContractState.EXPIRED}


def test_a_draft_cannot_be_signed():
    with pytest.raises(ContractStateForbids):
        a_contract().sign(
            signed_on=TODAY, our_signatory="王芳", their_signatory="李强", today=TODAY
        )
