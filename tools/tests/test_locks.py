import re
from itertools import pairwise

import pytest

from tools.tree import ROOT

LEVELS = ("service", "suite", "dev")


def lock(level: str) -> str:
    return (ROOT / "requirements" / f"{level}.txt").read_text(encoding="utf-8")


def pins(level: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", lock(level), re.MULTILINE))


def test_the_bigger_lock_holds_the_same_versions_as_the_smaller_one():
    for smaller, bigger in pairwise(LEVELS):
        assert pins(smaller).items() <= pins(bigger).items()


@pytest.mark.parametrize("level", LEVELS)
def test_every_package_is_pinned_with_a_hash_and_from_no_particular_place(level):
    blocks = re.split(r"^(?=[a-z0-9])", lock(level), flags=re.MULTILINE)[1:]

    assert len(blocks) == len(pins(level))
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in lock(level)


def test_what_installs_the_rest_is_in_the_lock_as_well():
    assert "uv" in pins("dev")
    assert {"hatchling", "editables"} <= pins("suite").keys()
