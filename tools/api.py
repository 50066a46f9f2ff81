"""Writes services/*/api/openapi.json and asyncapi.json from the code, or compares them with it.

The accident it prevents: an endpoint or an event changes, and the people who read the checked-in
document, or the diff of it in a review, do not learn of it.

    python -m tools.api            write all of them
    python -m tools.api sales      write those of one service
    python -m tools.api --check    write nothing, fail when one is out of date
"""

import argparse
import difflib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.tree import ROOT, Service, python_path, services

KINDS = ("openapi", "asyncapi")


class NotWritten(Exception):
    """A service could not describe itself."""


def document(service: Service, kind: str) -> str:
    """What the service prints when asked for this kind, as it is checked in.

    Raises NotWritten when the process fails or prints something else than JSON.
    """
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", service.package, kind],
        cwd=service.folder,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
        env={
            # Nothing connects to it, but a service does not start without an address.
            "DATABASE_URL": "postgresql://nobody@localhost/none",
            **os.environ,
            # The code that stands beside the document, also when something else is installed.
            "PYTHONPATH": python_path(service.folder.parent.parent),
            # Chinese descriptions, also where the locale is C.
            "PYTHONUTF8": "1",
        },
    )
    command = f"python -m {service.package} {kind}"
    if result.returncode != 0:
        last_words = "\n".join(result.stderr.strip().splitlines()[-12:])
        raise NotWritten(f"`{command}` failed:\n{last_words}")
    try:
        json.loads(result.stdout)
    except ValueError as error:
        raise NotWritten(f"`{command}` did not print JSON: {error}") from error
    return result.stdout if result.stdout.endswith("\n") else result.stdout + "\n"


def documents(service: Service) -> dict[Path, str]:
    """Both files of the service with their texts. Raises NotWritten."""
    with ThreadPoolExecutor(len(KINDS)) as pool:
        texts = pool.map(lambda kind: document(service, kind), KINDS)
        return {service.api / f"{kind}.json": text for kind, text in zip(KINDS, texts, strict=True)}


def difference(path: Path, expected: str, root: Path = ROOT) -> str:
    """How the file differs from what the code says; empty when it does not."""
    actual = path.read_text(encoding="utf-8") if path.exists() else ""
    if actual == expected:
        return ""
    lines = list(
        difflib.unified_diff(
            actual.splitlines(), expected.splitlines(), "checked in", "from the code", lineterm=""
        )
    )
    shown = lines[:40] + ([f"… and {len(lines) - 40} lines more"] if len(lines) > 40 else [])
    return "\n".join([f"{path.relative_to(root)} is out of date", *shown])


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code is 1 when a document is out of date or cannot be made."""
    parser = argparse.ArgumentParser(description="Write or check services/*/api.")
    parser.add_argument("service", nargs="*", help="only these")
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    options = parser.parse_args(arguments)

    jobs = [(service, kind) for service in services(only=options.service) for kind in KINDS]
    failed = False
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        made = [pool.submit(document, service, kind) for service, kind in jobs]
    for (service, kind), future in zip(jobs, made, strict=True):
        path = service.api / f"{kind}.json"
        try:
            text = future.result()
        except (NotWritten, subprocess.TimeoutExpired) as error:
            print(error, file=sys.stderr)
            failed = True
            continue
        if not options.check:
            path.parent.mkdir(exist_ok=True)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
                print(f"wrote {path.relative_to(ROOT)}")
        elif found := difference(path, text):
            print(found, file=sys.stderr)
            failed = True
    if failed and options.check:
        print("Run `make api` and commit what it writes.", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
