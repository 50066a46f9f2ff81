from datetime import timedelta

import pytest

from service_desk.sla.model import Level, NoPolicyInForce, PolicyFromThePast, in_force

from ..builders import NOW, a_calendar, a_policy


def test_the_policy_of_the_moment_counts():
    old, new = a_policy(), a_policy(revision=2, effective_at=NOW + timedelta(days=1))

    assert in_force([new, old], NOW) is old
    assert in_force([new, old], NOW + timedelta(days=1)) is new


def test_of_two_policies_from_one_moment_the_later_version_counts():
    old, mended = a_policy(), a_policy(revision=2)

    assert in_force([mended, old], NOW) is mended


def test_before_every_policy_nothing_can_be_promised():
    with pytest.raises(NoPolicyInForce):
        in_force([a_policy()], NOW - timedelta(seconds=1))


def test_a_policy_cannot_count_from_the_past():
    with pytest.raises(PolicyFromThePast):
        a_policy(effective_at=NOW - timedelta(seconds=1))


def test_the_hours_of_a_day_count_in_their_order_however_they_are_written():
    calendar = a_calendar(
        windows=[
            {"weekday": 1, "opens": "13:00", "closes": "18:00"},
            {"weekday": 1, "opens": "09:00", "closes": "12:00"},
        ]
    )

    due = a_policy(calendar).due_at("normal", NOW, timedelta(hours=3))

    # Monday 10:00 and three hours, without the hour of noon, is 14:00 in Shanghai.
    assert due == NOW + timedelta(hours=4)


def test_every_impact_and_urgency_gives_a_priority():
    assert {a_policy().priority_for(impact, urgency) for impact in Level for urgency in Level} == {
        "low",
        "normal",
        "high",
        "urgent",
    }
