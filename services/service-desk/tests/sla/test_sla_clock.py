from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_desk.sla.sla_clock import NeverOpen, Window, WorkingCalendar, counted, due_at

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOURS = (Window(9 * 60, 12 * 60), Window(13 * 60, 18 * 60))
HOLIDAY, WORKED_SATURDAY = date(2026, 3, 4), date(2026, 3, 7)
OFFICE = WorkingCalendar(
    SHANGHAI,
    dict.fromkeys(range(1, 6), HOURS),
    {HOLIDAY: (), WORKED_SATURDAY: (Window(9 * 60, 12 * 60),)},
)


def at(day, hour, minute=0):
    """A moment of March 2026 in Shanghai; the 2nd is a Monday."""
    return datetime(2026, 3, day, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.capability("SVC-07")
@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        (at(2, 10), 1, at(2, 11)),
        (at(2, 11, 30), 1, at(2, 13, 30)),
        (at(2, 12, 15), 1, at(2, 14)),
        (at(2, 7), 1, at(2, 10)),
        (at(2, 17), 2, at(3, 10)),
        (at(2, 16), 2, at(2, 18)),
        (at(3, 17), 2, at(5, 10)),
        (at(6, 17), 2, at(7, 10)),
        (at(6, 17), 6, at(9, 11)),
        (at(8, 22), 1, at(9, 10)),
        (at(2, 20), 0, at(2, 20)),
    ],
    ids=[
        "within a window",
        "over noon",
        "from within noon",
        "from before opening",
        "over night",
        "exactly at closing",
        "over a holiday",
        "into a worked Saturday",
        "over the weekend",
        "from Sunday",
        "nothing allowed is due at once",
    ],
)
def test_a_clock_runs_out_after_so_much_service_time(start, hours, due):
    assert due_at(start, timedelta(hours=hours), OFFICE) == due


def test_around_the_clock_every_minute_counts():
    assert due_at(at(6, 17), timedelta(hours=48), None) == at(8, 17)
    assert counted(at(6, 17), at(8, 17), None) == timedelta(hours=48)


def test_only_service_time_counts():
    assert counted(at(6, 17), at(9, 10), OFFICE) == timedelta(hours=1 + 3 + 1)
    assert counted(at(9, 10), at(6, 17), OFFICE) == timedelta()


def test_a_night_shift_is_two_windows_and_24_00_is_the_end_of_the_day():
    nights = WorkingCalendar(
        SHANGHAI, {1: (Window(22 * 60, 24 * 60),), 2: (Window(0, 6 * 60),)}, {}
    )

    assert due_at(at(2, 22), timedelta(hours=5), nights) == at(3, 3)


def test_hours_follow_the_wall_clock_where_summer_time_begins():
    berlin = ZoneInfo("Europe/Berlin")
    calendar = WorkingCalendar(berlin, dict.fromkeys(range(1, 8), (Window(60, 4 * 60),)), {})
    start = datetime(2026, 3, 29, 0, 0, tzinfo=berlin)

    # The hour from two to three does not exist on that day.
    assert due_at(start, timedelta(hours=2), calendar) == datetime(2026, 3, 29, 2, 0, tzinfo=UTC)


def test_a_calendar_that_never_opens_says_so():
    with pytest.raises(NeverOpen):
        due_at(at(2, 10), timedelta(hours=1), WorkingCalendar(SHANGHAI, {}, {}))


calendars = st.sampled_from([OFFICE, None])
moments = st.datetimes(datetime(2026, 2, 20), datetime(2026, 3, 20), timezones=st.just(UTC))
durations = st.timedeltas(timedelta(), timedelta(days=9))


@pytest.mark.capability("SVC-07")
@given(calendars, moments, durations)
def test_what_is_allowed_has_been_counted_when_it_is_due(calendar, start, allowed):
    assert counted(start, due_at(start, allowed, calendar), calendar) == allowed


@given(calendars, moments, durations, durations)
def test_time_spent_in_two_runs_is_due_as_if_it_were_one(calendar, start, first, second):
    between = due_at(start, first, calendar)

    in_two = due_at(between, second, calendar)

    # Allowing nothing is due at once, so a run of no length may begin outside the hours.
    if second:
        assert in_two == due_at(start, first + second, calendar)


@given(calendars, moments, moments, moments)
def test_counting_in_parts_gives_the_whole(calendar, first, second, third):
    first, second, third = sorted((first, second, third))

    assert counted(first, second, calendar) + counted(second, third, calendar) == counted(
        first, third, calendar
    )
