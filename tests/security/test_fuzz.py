"""Schemathesis over the OpenAPI document of each service, for people of several roles.

All phases, examples, coverage, fuzzing and stateful, over a real HTTP server on a real database
with records in it, from a seed. Nothing may answer 5xx, leave its schema, or take what its schema
refuses; without a token nothing is answered at all.

Left out, and why:
- positive_data_acceptance: a rule may refuse what fits its schema, as an end before its start.
- object_level_authorization: needs sign-in flows of its own; test_object_level.py does more.
- methods of a path whose last word could be an id, as `/departments/tree`: they are those of an id.
- what a `:batch` or `:upsert` answers to an item that does not fit: 200 with the item's own 422,
  which is what these are for.
"""

import asyncio
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from channel.roles.built_in import BUILT_IN
from common.ids import new_id
from fairway.services import PACKAGES

from ..access.conftest import Guard, Guarded
from .records import records_of
from .serving import served

SEED = 20260302
YEAR_2100 = 4102444800
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
ROLES = {role.code: role for role in BUILT_IN}
CONFIGURATION = """
[phases.fuzzing]
generation = {{ max-examples = {examples} }}

[phases.stateful]
generation = {{ max-examples = {examples} }}
max-steps = 4

[checks]
positive_data_acceptance.enabled = false
object_level_authorization.enabled = false
missing_required_header.expected-statuses = [401, 403, 404, 406, 422, 428]

[[operations]]
include-path-regex = ":(batch|upsert)$"
checks.negative_data_rejection.enabled = false
"""
LIKE_AN_ID = """
[[operations]]
include-path = "{path}"
checks.unsupported_method.enabled = false
checks.allow_header_conformance.enabled = false
"""

pytestmark = [pytest.mark.capability("N10"), pytest.mark.timeout(1800)]


@dataclass
class Verdict:
    """How a run ended, and what it printed."""

    code: int
    printed: str


def configuration(document: dict[str, Any], examples: int) -> str:
    """The settings of a run, for the paths of this document."""
    alike = [
        path
        for path in document["paths"]
        if any(
            other != path
            and re.fullmatch(re.sub(r"\\{[^{}]+\\}", "[^/:{}]+", re.escape(other)), path)
            for other in document["paths"]
        )
    ]
    return CONFIGURATION.format(examples=examples) + "".join(
        LIKE_AN_ID.format(path=path) for path in alike
    )


async def fuzzed(
    guarded: Guarded, folder: Path, token: str | None, *, examples: int, phases: str
) -> Verdict:
    """Run Schemathesis against the service as whoever has this token."""
    document = folder / "openapi.json"
    document.write_text(json.dumps(guarded.app.openapi()), encoding="utf-8")
    settings = configuration(guarded.app.openapi(), examples)
    (folder / "schemathesis.toml").write_text(settings, encoding="utf-8")
    with served(guarded) as url:
        command = [
            str(SCHEMATHESIS),
            *("--config-file", str(folder / "schemathesis.toml")),
            *("run", str(document), "--url", url, "--seed", str(SEED), "--phases", phases),
            *("--generation-database", "none"),
            *("--no-shrink", "--continue-on-failure", "--warnings", "off", "--no-color"),
            *(() if token is None else ("--header", f"Authorization: Bearer {token}")),
        ]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, cwd=folder, check=False
        )
    return Verdict(done.returncode, done.stdout + done.stderr)


async def token_of(guarded: Guarded, role: str, **facts: Any) -> str:
    """A token of an account with this built-in role."""
    built_in = ROLES[role]
    _, account = await guarded.signed_in(*built_in.rights, scope=built_in.scope.value, **facts)
    return guarded.issuer.token(account, exp=YEAR_2100)


async def fuzzed_as(
    guard: Guard, package: str, role: str | None, folder: Path, *, examples: int, phases: str
) -> Verdict:
    """Run Schemathesis against the service with records in it; a dealer is of their partner."""
    guarded = await guard(package)
    partner_id = new_id()
    await records_of(guarded, partner_id)
    whose = {"partner_id": partner_id} if role == "dealer" else {}
    token = None if role is None else await token_of(guarded, role, **whose)
    return await fuzzed(guarded, folder, token, examples=examples, phases=phases)


@pytest.mark.parametrize("package", PACKAGES)
async def test_an_administrator_meets_no_fault_and_no_broken_promise(
    guard: Guard, package, tmp_path
):
    verdict = await fuzzed_as(
        guard, package, "administrator", tmp_path, examples=1, phases="examples,fuzzing,stateful"
    )

    assert verdict.code == 0, verdict.printed


@pytest.mark.parametrize(
    ("package", "role"),
    [("customer", "dealer"), ("sales", "dealer"), ("sales", "reader"), ("channel", None)],
)
async def test_other_roles_meet_no_fault_either(guard: Guard, package, role, tmp_path):
    verdict = await fuzzed_as(guard, package, role, tmp_path, examples=1, phases="fuzzing")

    assert verdict.code == 0, verdict.printed


@pytest.mark.nightly
@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("role", ["administrator", "channel_manager", "reader", "dealer", None])
async def test_nobody_meets_a_fault_or_a_broken_promise(guard: Guard, package, role, tmp_path):
    verdict = await fuzzed_as(
        guard, package, role, tmp_path, examples=50, phases="examples,coverage,fuzzing,stateful"
    )

    assert verdict.code == 0, verdict.printed
