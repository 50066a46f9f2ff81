from pathlib import Path

import pytest

from common.migrations import head_of, is_usable

REVISION = """revision = "{name}"
down_revision = {before!r}
branch_labels = None
depends_on = None
"""


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / "0001_first.py").write_text(REVISION.format(name="0001", before=None))
    (versions / "0002_second.py").write_text(REVISION.format(name="0002", before="0001"))
    return tmp_path


def test_the_head_is_the_newest_revision(migrations):
    assert head_of(migrations) == "0002"


@pytest.mark.parametrize(
    ("revision", "usable"), [(None, False), ("0001", False), ("0002", True), ("0003", True)]
)
def test_a_database_of_a_newer_release_is_usable_and_one_that_is_behind_is_not(
    migrations, revision, usable
):
    assert is_usable(revision, migrations) is usable
