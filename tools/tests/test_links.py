"""The documents a person reads: what they point to is there."""

import re
from itertools import chain
from pathlib import Path

import pytest

from tools.tree import ROOT

PAGES = sorted(
    chain.from_iterable(
        ROOT.glob(pattern)
        for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md", "services/*/README.md")
    )
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(
    r"`((?:libs|services|suite|tools|deploy|docs|tests/(?:faults|journeys))/[\w./-]+)`"
)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """The headings as links name them: lower case, hyphens for spaces, no punctuation."""
    headings = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    lost = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            lost.append(target)

    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_that_is_named_exists(page):
    named = CODE.findall(page.read_text(encoding="utf-8"))

    assert [path for path in named if not (ROOT / path).exists()] == []
