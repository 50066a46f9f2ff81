from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.approval_policies.model import ApprovalPolicy, BandsIncomplete
from contract.approval_policies.routing import BUILT_IN_BANDS, steps_for

from ..builders import NOW, TODAY


def a_policy(bands):
    return ApprovalPolicy.publish(
        kind="sales",
        policy_version=1,
        currency=None,
        valid_from=TODAY,
        bands=bands,
        checklist=[],
        by="somebody",
        now=NOW,
    )[0]


@pytest.mark.capability("CON-08")
@pytest.mark.parametrize(
    "bands",
    [
        [],
        [{"below": Decimal(10), "steps": ["manager"]}],
        [{"below": None, "steps": ["manager"]}, {"below": None, "steps": ["finance"]}],
        [
            {"below": Decimal(10), "steps": ["manager"]},
            {"below": Decimal(10), "steps": ["finance"]},
            {"below": None, "steps": ["finance"]},
        ],
        [{"below": None, "steps": []}],
        [{"below": None, "steps": ["manager", "manager"]}],
    ],
)
def test_bands_that_leave_an_amount_without_its_steps_are_refused(bands):
    with pytest.raises(BandsIncomplete):
        a_policy(bands)


@given(
    bounds=st.sets(st.decimals(min_value=1, max_value=10**6, places=2), max_size=5),
    total=st.decimals(min_value=0, max_value=10**7, places=2),
)
def test_every_amount_falls_into_one_band(bounds, total):
    edges = sorted(bounds)
    bands = [{"below": edge, "steps": [f"step_{i}"]} for i, edge in enumerate(edges)]
    policy = a_policy([*bands, {"below": None, "steps": ["last"]}])

    steps = policy.route(total).steps

    inside = [
        f"step_{i}" for i, (low, high) in enumerate(pairwise([0, *edges])) if low <= total < high
    ]
    assert list(steps) == (inside or ["last"])


def test_the_built_in_policy_asks_finance_from_one_hundred_thousand():
    assert steps_for(Decimal("99999.99"), BUILT_IN_BANDS) == ["manager"]
    assert steps_for(Decimal(100_000), BUILT_IN_BANDS) == ["manager", "finance"]
