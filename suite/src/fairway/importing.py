"""`fairway import`: files of another system into the running suite, through the services' own rules.

A mapping file says which file goes where, in order; every step is an import job of a service
(`POST /{service}/v1/imports`), so an interrupted command loses nothing and a repeated one changes
nothing.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from common.imports.mapping import FieldMapping
from fairway.catching_up import until_reported
from fairway.home import home, read_running
from fairway.signing_in import CommandSignIn

NOT_READY, PARTIAL, USAGE = 3, 4, 2
OUTCOMES = ("created", "updated", "unchanged", "duplicates", "rejected")
"""What can become of a row; the counts of an import add up to its rows."""
SHOWN_REJECTIONS = 5

talk = Console(stderr=True)


class Step(BaseModel):
    """One file into one target of one service."""

    model_config = ConfigDict(extra="forbid")

    title: str
    file: str
    service: str
    target: str
    fields: dict[str, FieldMapping]


class MappingFile(BaseModel):
    """What a mapping file holds: the name of the other system, and the steps in their order."""

    model_config = ConfigDict(extra="forbid")

    description: str
    external_source: str
    steps: list[Step]


@dataclass(frozen=True, slots=True)
class Done:
    """A finished step: the job as the service answers it, and the first rejected rows."""

    step: Step
    job: dict[str, Any]
    rejected: list[dict[str, Any]]
    error_file: Path | None
    took_s: float


def shipped() -> list[str]:
    """The names of the mappings that come with the suite."""
    folder = resources.files("fairway") / "mappings"
    return sorted(
        item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")
    )


def load_mapping(name: str) -> MappingFile:
    """A shipped mapping by its name, or one from a file. Raises typer.BadParameter."""
    if name in shipped():
        content = (resources.files("fairway") / "mappings" / f"{name}.yaml").read_text("utf-8")
    elif Path(name).is_file():
        content = Path(name).read_text("utf-8")
    else:
        raise typer.BadParameter(
            f"{name!r} is neither a file nor a shipped mapping ({', '.join(shipped())})"
        )
    try:
        return MappingFile.model_validate(yaml.safe_load(content))
    except (ValidationError, yaml.YAMLError) as error:
        raise typer.BadParameter(f"the mapping does not fit: {error}") from None


def import_command(
    path: Annotated[Path, typer.Argument(help="A folder with the files, or one of them")],
    mapping: Annotated[str, typer.Option(help="A shipped mapping's name, or a YAML file")],
    dry_run: Annotated[bool, typer.Option(help="Say what would be; change nothing")] = False,
    url: Annotated[
        str | None, typer.Option(help="A gateway elsewhere, as http://localhost:8080")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout")] = False,
) -> None:
    """Import files; exit 4 when rows were rejected."""
    steps = load_mapping(mapping)
    running = None if url else read_running()
    if running is None and url is None:
        talk.print("It does not run; start it with: fairway up --empty --detach")
        raise typer.Exit(NOT_READY)
    files = _files(path, steps)
    base_url = url or (running.url if running else "")
    try:
        done = asyncio.run(_import(base_url, steps, files, dry_run=dry_run))
    except (httpx.HTTPError, _Refused) as error:
        talk.print(f"[red]The import stopped:[/red] {error}")
        raise typer.Exit(1) from None
    took_s = sum(item.took_s for item in done)
    reported_s = None
    if not dry_run and running is not None:
        began = time.monotonic()
        asyncio.run(until_reported(running))
        reported_s = took_s + time.monotonic() - began
    _tell(done, dry_run=dry_run, took_s=took_s, reported_s=reported_s)
    if as_json:
        sys.stdout.write(json.dumps(_as_data(done, took_s, reported_s), indent=2) + "\n")
    if any(item.job["rejected"] for item in done):
        raise typer.Exit(PARTIAL)


class _Refused(Exception):
    """A service refused a file, or an import failed as a whole."""


def _files(path: Path, mapping: MappingFile) -> dict[str, Path]:
    wanted = {step.file for step in mapping.steps}
    found = (
        {name: path / name for name in wanted if (path / name).is_file()}
        if path.is_dir()
        else {path.name: path}
    )
    missing = wanted - set(found)
    if not found or (path.is_dir() and missing):
        raise typer.BadParameter(f"{path} has no {', '.join(sorted(missing))}")
    return found


async def _import(
    url: str, mapping: MappingFile, files: dict[str, Path], *, dry_run: bool
) -> list[Done]:
    done: list[Done] = []
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    async with httpx.AsyncClient(base_url=url, timeout=120, auth=CommandSignIn(url)) as client:
        with Progress(*columns, console=talk) as progress:
            for step in mapping.steps:
                if step.file not in files:
                    continue
                file = files[step.file]
                done.append(await _run_step(client, mapping, step, file, progress, dry_run=dry_run))
    return done


async def _run_step(
    client: httpx.AsyncClient,
    mapping: MappingFile,
    step: Step,
    file: Path,
    progress: Progress,
    *,
    dry_run: bool,
) -> Done:
    bar = progress.add_task(step.title, total=None)
    began = time.monotonic()
    fields = {
        name: field.model_dump(mode="json", exclude_defaults=True)
        for name, field in step.fields.items()
    }
    content = await asyncio.to_thread(file.read_bytes)
    answer = await client.post(
        f"/{step.service}/v1/imports",
        files={"file": (file.name, content)},
        data={
            "target": step.target,
            "mapping": json.dumps({"external_source": mapping.external_source, "fields": fields}),
            "dry_run": str(dry_run).lower(),
        },
    )
    if answer.status_code != 202:
        raise _Refused(f"{step.title}: {answer.json().get('detail', answer.text)}")
    operation = answer.headers["operation-location"]
    wait_s = 0.05
    while True:
        job = (await client.get(operation)).json()
        progress.update(bar, total=job["total_rows"], completed=job["done_rows"])
        if job["state"] not in ("queued", "running"):
            break
        await asyncio.sleep(wait_s)
        wait_s = min(wait_s * 1.3, 0.5)
    took_s = time.monotonic() - began
    if job["state"] != "done":
        raise _Refused(f"{step.title}: {job['state']}: {job['error']}")
    counted = sum(job[outcome] for outcome in OUTCOMES)
    if counted != job["total_rows"]:
        raise _Refused(f"{step.title}: {job['total_rows']} rows read, {counted} accounted for")
    rejected: list[dict[str, Any]] = []
    error_file = None
    if job["rejected"]:
        rows = await client.get(
            f"{operation}/rows", params={"outcome": "rejected", "limit": SHOWN_REJECTIONS}
        )
        rejected = rows.json()["data"]
        errors = await client.get(f"{operation}/error-file")
        folder = home() / "imports"
        folder.mkdir(parents=True, exist_ok=True)
        error_file = folder / f"{file.stem}-{step.target}-errors.csv"
        error_file.write_bytes(errors.content)
    return Done(step, job, rejected, error_file, took_s)


def _tell(done: list[Done], *, dry_run: bool, took_s: float, reported_s: float | None) -> None:
    table = Table("what", "rows", "created", "updated", "unchanged", "rejected", "warnings", "s")
    for item in done:
        job = item.job
        table.add_row(
            item.step.title,
            *(
                str(job[name])
                for name in (
                    "total_rows",
                    "created",
                    "updated",
                    "unchanged",
                    "rejected",
                    "warnings",
                )
            ),
            f"{item.took_s:.1f}",
        )
    talk.print(table)
    rows = sum(item.job["total_rows"] for item in done)
    if dry_run:
        talk.print("A dry run: nothing was changed.")
    elif reported_s is not None:
        talk.print(
            f"{rows} rows stored in {took_s:.1f} s, in the reports after {reported_s:.1f} s:"
            f" {rows / reported_s:.0f} rows/s from file to report."
        )
    for item in done:
        for row in item.rejected:
            talk.print(f"[red]{item.step.file} line {row['line']}[/red]: {row['reason']}")
        if item.error_file is not None:
            talk.print(f"All rejected rows, to mend and import again: {item.error_file}")


def _as_data(done: list[Done], took_s: float, reported_s: float | None) -> dict[str, Any]:
    return {
        "steps": [
            {
                "title": item.step.title,
                **item.job,
                "error_file": str(item.error_file) if item.error_file else None,
            }
            for item in done
        ],
        "seconds_stored": round(took_s, 3),
        "seconds_reported": None if reported_s is None else round(reported_s, 3),
    }
