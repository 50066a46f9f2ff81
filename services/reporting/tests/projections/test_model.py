from reporting.projections.model import STAGES, reach


def test_a_deal_that_skips_stages_has_reached_them():
    deal = {"furthest_rank": 0}

    reach(deal, "negotiation")

    assert deal["furthest_rank"] == STAGES.index("negotiation")


def test_a_deal_that_goes_back_has_still_reached_what_it_had():
    deal = {"furthest_rank": 3}

    reach(deal, "engaging")

    assert deal["furthest_rank"] == 3


def test_lost_and_unknown_stages_reach_nothing():
    deal = {"furthest_rank": 1}

    reach(deal, "lost", "on_hold")

    assert deal["furthest_rank"] == 1
