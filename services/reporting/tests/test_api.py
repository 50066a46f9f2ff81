from pathlib import Path

import pytest

from common.testing.service import promises
from reporting.__main__ import ENTRY


@pytest.mark.parametrize(
    "check", promises(ENTRY, Path(__file__).parents[2]), ids=lambda check: check.__name__
)
def test_what_we_promise_and_read_is_true(check):
    check()
