"""`python -m benchmarks [NAME …]`: run the benchmarks and print their figures.

Each prints what it did, the figures, and the machine. Figures of a busy machine mean nothing: look
at the load that is printed beside them.
"""

import importlib
import os
import platform
import sys

NAMES = ("customer_import", "duplicates", "events", "imports", "requests", "wall")


def main() -> int:
    """Run what is named, or everything."""
    wanted = sys.argv[1:] or NAMES
    unknown = set(wanted) - set(NAMES)
    if unknown:
        sys.stderr.write(f"no benchmark {', '.join(sorted(unknown))}; there are {NAMES}\n")
        return 2
    load = os.getloadavg()[0]
    sys.stdout.write(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} at the start\n"
    )
    for name in wanted:
        importlib.import_module(f"benchmarks.{name}").run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
