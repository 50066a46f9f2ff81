import re

FAULTS = """
import random
def test_holds(seed, verdict):
    verdict("7 broker killed during confirms", lost=0)
    verdict("7 broker killed during confirms", duplicated_events=3)

def test_breaks(seed, verdict):
    verdict("8 broker killed at once", lost=random.Random(seed).randrange(10**6))
    assert False

def test_says_nothing(verdict):
    pass

def test_without():
    pass
"""


def lines_of(said):
    section = re.search(r"=+ verdicts =+\n(.*?)\n=", said, re.DOTALL)
    assert section is not None, said
    return section[1].splitlines()


def test_each_fault_test_prints_a_verdict_with_its_seed_passed_or_not(inner_run):
    said = inner_run(FAULTS)

    passed, silent, failed = lines_of(said)
    assert re.fullmatch(
        r"passed  7 broker killed during confirms: "
        r"lost 0, duplicated events 3, seed \d+, \d+\.\d s",
        passed,
    )
    assert re.fullmatch(r"failed  8 broker killed at once: lost \d+, seed \d+, \d+\.\d s", failed)
    assert re.fullmatch(r"passed  test_says_nothing: \d+\.\d s", silent)
    assert re.search(r"repeat with FAIRWAY_SEED=\d+", said)


def test_a_seed_from_the_environment_repeats_what_happened(inner_run):
    first = lines_of(inner_run(FAULTS, FAIRWAY_SEED="42"))[-1]
    again = lines_of(inner_run(FAULTS, FAIRWAY_SEED="42"))[-1]

    assert "seed 42" in first
    assert first.rpartition(",")[0] == again.rpartition(",")[0]


def test_verdicts_of_workers_are_printed_by_the_run(inner_run):
    assert len(lines_of(inner_run(FAULTS, "-n", "2"))) == 3
