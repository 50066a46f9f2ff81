"""The suite's folder (`FAIRWAY_HOME`): data, logs, and who is running."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from common.local_processes import command_line


def home() -> Path:
    """The data directory; `.fairway` in the working directory unless FAIRWAY_HOME says where."""
    return Path(os.environ.get("FAIRWAY_HOME", ".fairway")).expanduser().absolute()


@dataclass(frozen=True, slots=True)
class Running:
    """The suite that runs from a folder: its process and where to find it."""

    pid: int
    url: str
    mode: str
    databases: dict[str, str]
    amqp_url: str | None
    issues_tokens: bool = False
    """Whether it signs people in itself; not so where nobody is asked, or another issuer does."""


def keep_to_ourselves(file: Path, content: str) -> None:
    """Write a file that nobody else may read."""
    file.touch(mode=0o600)
    file.write_text(content, encoding="utf-8")


def _file() -> Path:
    return home() / "running.json"


def write_running(running: Running) -> None:
    """Say that the suite runs; the file holds the databases' passwords, so it is ours alone."""
    keep_to_ourselves(_file(), json.dumps(asdict(running), indent=2))


def read_running() -> Running | None:
    """The suite that runs from this folder; None when there is none, or it died."""
    try:
        running = Running(**json.loads(_file().read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    # In a container every start has the same number: the one that asks is not the one that died.
    if running.pid == os.getpid():
        return None
    return running if "fairway" in (command_line(running.pid) or "") else None


def forget_running() -> None:
    """Say that the suite has ended."""
    _file().unlink(missing_ok=True)
