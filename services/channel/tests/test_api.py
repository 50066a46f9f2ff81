from pathlib import Path

import pytest

from channel.__main__ import ENTRY
from common.testing.service import promises


@pytest.mark.parametrize(
    "check", promises(ENTRY, Path(__file__).parents[2]), ids=lambda check: check.__name__
)
def test_what_we_promise_and_read_is_true(check):
    check()
