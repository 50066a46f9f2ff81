"""The organisation's day, which is another than that of UTC for a part of each."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.capability("X-01")

ASK = (
    "from datetime import datetime, UTC; from common.days import day_of;"
    " print(day_of(datetime(2026, 3, 1, 17, 30, tzinfo=UTC)))"
)


def answer(**environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "FAIRWAY_ZONE"}
    return subprocess.run(
        [sys.executable, "-c", ASK],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("zone", "day"),
    [(None, "2026-03-02"), ("UTC", "2026-03-01"), ("Europe/Berlin", "2026-03-01")],
)
def test_the_zone_of_the_installation_decides_on_the_day(zone, day):
    chosen = {} if zone is None else {"FAIRWAY_ZONE": zone}

    assert answer(**chosen).stdout.strip() == day


def test_a_process_with_a_zone_that_there_is_not_does_not_start():
    refused = answer(FAIRWAY_ZONE="Mars/Olympus")

    assert refused.returncode == 1
    assert "FAIRWAY_ZONE is 'Mars/Olympus'" in refused.stderr
