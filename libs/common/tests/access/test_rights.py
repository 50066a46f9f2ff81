"""Patterns of rights."""

import pytest

from common.access.rights import are_patterns, covers

pytestmark = pytest.mark.capability("X-05")


@pytest.mark.parametrize(
    ("pattern", "right", "is_covered"),
    [
        ("*", "sales.quotes.write", True),
        ("sales.*", "sales.quotes.write", True),
        ("sales.*.read", "sales.quotes.read", True),
        ("sales.*.read", "sales.quotes.write", False),
        ("sales.quotes.write", "sales.quotes.write", True),
        ("sales.quotes.*", "sales.quotes.approve", True),
        ("sales.quotes.*", "sales.orders.approve", False),
        ("sale", "sales.quotes.write", False),
        ("sales", "sales.quotes.write", False),
        ("sales.*", "salesx.quotes.write", False),
        ("service-desk.*", "service-desk.tickets.read", True),
        ("sales.quotes.write.more", "sales.quotes.write", False),
    ],
)
def test_a_pattern_stands_for_rights(pattern, right, is_covered):
    assert covers(pattern, right) is is_covered


@pytest.mark.parametrize("text", ["", "**", "Sales.*", "sales..read", "sales.*.*.*", "a b.c"])
def test_other_texts_are_no_patterns(text):
    assert not are_patterns([text])


def test_what_roles_hold_are_patterns():
    assert are_patterns(["*", "sales.*", "sales.*.read", "service-desk.tickets.write"])
