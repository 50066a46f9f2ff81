"""Named places where a fault test can make a process die, stall or fail.

`FAIRWAY_FAULT=<point>:<kill|sleep|raise>[:nth]` arms one point when the process starts; at its
nth pass (default the first) the process is killed, sleeps `FAIRWAY_FAULT_SECONDS` (default 3600)
or raises `CrashPointError`. Unset, `crash_point` does nothing.
"""

import os
import signal
import threading
import time

_ACTS = ("kill", "sleep", "raise")


class CrashPointError(RuntimeError):
    """The failure that a fault test asked for."""


def crash_point(name: str) -> None:
    """A place worth crashing at; `name` is written out, as `after_commit`."""


class _Armed:
    def __init__(self, fault: str, sleep_s: float) -> None:
        point, _, rest = fault.partition(":")
        act, _, nth = rest.partition(":")
        if not point or act not in _ACTS or not (nth == "" or (nth.isdecimal() and int(nth) > 0)):
            raise ValueError(
                f"FAIRWAY_FAULT={fault!r} is not <point>:<{'|'.join(_ACTS)}>[:nth], nth from 1"
            )
        self._point = point
        self._act = act
        self._passes_left = int(nth or 1)
        self._sleep_s = sleep_s
        self._counting = threading.Lock()

    def __call__(self, name: str) -> None:
        if name != self._point:
            return
        with self._counting:
            self._passes_left -= 1
            if self._passes_left != 0:
                return
        if self._act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self._act == "sleep":
            # For the test that waits for it.
            os.write(2, f"crash point {name} sleeps\n".encode())
            # Blocks the whole event loop, as a process that hangs does.
            time.sleep(self._sleep_s)
        else:
            raise CrashPointError(f"crash point {name}")


if _fault := os.environ.get("FAIRWAY_FAULT"):
    crash_point = _Armed(_fault, float(os.environ.get("FAIRWAY_FAULT_SECONDS", "3600")))
