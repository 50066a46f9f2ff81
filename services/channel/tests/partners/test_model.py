from itertools import product

import pytest

from channel.partners.model import (
    ALLOWED,
    PartnerMoveNotAllowed,
    PartnerNotReady,
    PartnerState,
    TierUnchanged,
)

from ..builders import TODAY, WHEN, a_prospect, an_active_partner


def in_state(state):
    partner = a_prospect()
    partner.state = state
    return partner


ACTS = {
    PartnerState.SUSPENDED: lambda partner: partner.suspend(reason="欠款", **WHEN),
    PartnerState.ENDED: lambda partner: partner.end(reason="到期", **WHEN),
}


@pytest.mark.capability("CHN-01")
@pytest.mark.parametrize(("state", "to"), list(product(PartnerState, ACTS)))
def test_a_partner_moves_only_as_allowed(state, to):
    partner = in_state(state)

    if to in ALLOWED[state]:
        change = ACTS[to](partner)[0]
        assert (partner.state, change.before, change.after) == (to, state, to)
    else:
        with pytest.raises(PartnerMoveNotAllowed):
            ACTS[to](partner)


@pytest.mark.capability("CHN-01")
@pytest.mark.parametrize("state", sorted(set(PartnerState) - {PartnerState.PROSPECT}))
def test_only_a_prospect_is_taken_on(state):
    with pytest.raises(PartnerMoveNotAllowed):
        in_state(state).onboard(tier=None, **WHEN)


@pytest.mark.parametrize("state", sorted(set(PartnerState) - {PartnerState.SUSPENDED}))
def test_only_a_suspended_partner_is_reactivated(state):
    with pytest.raises(PartnerMoveNotAllowed):
        in_state(state).reactivate(reason="已付清", **WHEN)


def test_a_suspended_partner_goes_on_with_a_reason():
    partner = in_state(PartnerState.SUSPENDED)

    _, reactivated = partner.reactivate(reason="已付清", **WHEN)

    assert partner.state == PartnerState.ACTIVE
    assert (reactivated.reason, reactivated.partner_id) == ("已付清", partner.id)


@pytest.mark.capability("CHN-01")
@pytest.mark.parametrize(
    ("missing", "what"),
    [({"region_id": None}, "region_id"), ({"phone": None}, "phone, email or owner_id")],
)
def test_a_partner_without_territory_or_address_is_not_taken_on(missing, what):
    with pytest.raises(PartnerNotReady) as refusal:
        a_prospect(**missing).onboard(tier=None, **WHEN)

    assert refusal.value.facts["missing"] == [what]


def test_taking_a_partner_on_tells_the_day_and_the_tier():
    partner = a_prospect()

    change, onboarded = partner.onboard(tier="silver", **WHEN)

    assert (onboarded.state, onboarded.tier, onboarded.onboarded_on) == ("active", "silver", TODAY)
    assert (change.what, change.before, change.after) == ("state", "prospect", "active")


def test_a_partner_is_scoped_to_itself():
    partner = a_prospect()

    assert partner.partner_id == partner.id


@pytest.mark.capability("CHN-01")
def test_a_tier_changes_with_a_reason_that_is_kept():
    partner = an_active_partner(tier="silver")

    change, changed = partner.change_tier("gold", reason="业绩突出", **WHEN)

    assert (changed.from_tier, changed.tier, changed.reason) == ("silver", "gold", "业绩突出")
    assert (change.before, change.after, change.reason) == ("silver", "gold", "业绩突出")


def test_a_tier_changes_to_another_one():
    with pytest.raises(TierUnchanged):
        an_active_partner(tier="gold").change_tier("gold", reason="again", **WHEN)


@pytest.mark.parametrize("state", [PartnerState.PROSPECT, PartnerState.ENDED])
def test_the_tier_of_a_partner_through_whom_we_do_not_sell_stays(state):
    with pytest.raises(PartnerMoveNotAllowed):
        in_state(state).change_tier("gold", reason="业绩突出", **WHEN)


def test_an_end_is_told_with_its_reason_and_with_the_record_after_it():
    _, ended, updated = an_active_partner().end(reason="到期", **WHEN)

    assert (ended.reason, ended.ended_on) == ("到期", TODAY)
    assert updated.state == "ended"


def test_an_update_that_changes_nothing_says_nothing():
    assert a_prospect(city="宁波").update({"city": "宁波"}) is None
