import os
import signal
import subprocess
import sys
import time
import timeit

import pytest

from common.crash_points import crash_point

PASSES = """
from common.crash_points import crash_point
for number in (1, 2, 3):
    print(f"before {number}", flush=True)
    crash_point("elsewhere")
    crash_point("after_commit")
print("end", flush=True)
"""


def run(fault, program=PASSES, **variables):
    return subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"FAIRWAY_FAULT": fault} | variables,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_an_unarmed_crash_point_does_nothing_and_costs_almost_nothing():
    passes = 100_000

    took_s = timeit.timeit(lambda: crash_point("after_commit"), number=passes)

    assert took_s / passes < 2e-6


def test_a_kill_ends_the_process_without_a_word():
    done = run("after_commit:kill")

    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split("\n") == ["before 1", ""]
    assert done.stderr == ""


def test_the_nth_pass_is_the_one_that_counts():
    done = run("after_commit:kill:3")

    assert done.returncode == -signal.SIGKILL
    assert "before 3" in done.stdout


def test_a_pass_never_reached_changes_nothing():
    assert run("after_commit:kill:4").stdout.endswith("end\n")


def test_a_raise_can_be_caught_and_happens_once():
    program = PASSES.replace('crash_point("after_commit")', "attempt()").replace(
        "for number",
        """
from common.crash_points import CrashPointError
def attempt():
    try:
        crash_point("after_commit")
    except CrashPointError as error:
        print("caught", error, flush=True)
for number""",
        1,
    )

    done = run("after_commit:raise:2", program)

    assert done.stdout.split("\n") == [
        "before 1",
        "before 2",
        "caught crash point after_commit",
        "before 3",
        "end",
        "",
    ]


def test_a_sleep_stalls_for_the_time_that_was_set():
    begun_at = time.monotonic()

    done = run("after_commit:sleep", FAIRWAY_FAULT_SECONDS="1")

    assert done.stdout.endswith("end\n")
    assert time.monotonic() - begun_at >= 1


@pytest.mark.parametrize("fault", ["after_commit", "after_commit:explode", ":kill", "a:kill:0"])
def test_a_fault_that_cannot_be_read_stops_the_process_at_once(fault):
    done = run(fault)

    assert done.returncode == 1
    assert "is not <point>:<kill|sleep|raise>[:nth]" in done.stderr
