import os
import subprocess
import sys
from pathlib import Path

import pytest

import common


class InnerRun:
    """A pytest run of its own, with the plugin and with what the outer run set taken away."""

    def __init__(self, directory):
        self.directory = directory
        (directory / "pytest.ini").write_text(
            "[pytest]\nasyncio_mode = auto\nfilterwarnings = error\n"
            "asyncio_default_fixture_loop_scope = session\n"
        )

    def start(self, program, *arguments, **variables):
        (self.directory / "test_inner.py").write_text(program)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "FAIRWAY_", "TEST_"))
        }
        library = str(Path(common.__file__).parents[1])
        path = os.pathsep.join(filter(None, [library, os.environ.get("PYTHONPATH")]))
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "pytest", "-p", "common.testing.pytest_plugin"),
                *("-p", "no:cacheprovider", "-v", *arguments),
            ],
            cwd=self.directory,
            env=inherited | {"PYTHONPATH": path} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __call__(self, program, *arguments, **variables):
        """What it printed."""
        with self.start(program, *arguments, **variables) as process:
            return process.communicate(timeout=110)[0]


@pytest.fixture
def inner_run(tmp_path):
    return InnerRun(tmp_path)
