"""Reading the trail: over HTTP, newest first, and by the commands of operators."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from common.access.rows import Rows, narrow
from common.audit.commands import audit_cli
from common.audit.model import TrailNeedsAllRows
from common.audit.use_cases import list_audit_entries
from common.cli import service_cli
from common.db import Database
from common.ids import new_id

from ..shop.__main__ import ENTRY
from .harness import tamper

pytestmark = pytest.mark.capability("P-17")

TRAIL = "/shop/v1/audit-entries"


async def a_basket(client, name="apples", request_id="r-1"):
    answer = await client.post(
        "/shop/v1/baskets", json={"name": name}, headers={"X-Request-ID": request_id}
    )
    return answer.json()


async def touch(client, basket, by):
    answer = await client.post(f"/shop/v1/baskets/{basket['id']}:touch", params={"by": by})
    assert answer.status_code == 200


async def listed(client, **parameters):
    answer = await client.get(TRAIL, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_pages_of_a_record_are_newest_first_and_leave_nothing_out(client):
    basket = await a_basket(client)
    for by in range(6):
        await touch(client, basket, by)
    await a_basket(client, "other")

    versions, cursor = [], {}
    while True:
        page = await listed(client, record_id=basket["id"], limit=3, **cursor)
        versions += [entry["version"] for entry in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert versions == [7, 6, 5, 4, 3, 2, 1]


async def test_pages_of_everything_go_by_time(client):
    for n in range(5):
        await a_basket(client, f"basket {n}")

    first = await listed(client, limit=3, include="total")
    second = await listed(client, limit=3, include="total", cursor=first["next_cursor"])

    names = [entry["changes"]["name"][1] for entry in first["data"] + second["data"]]
    assert names == [f"basket {n}" for n in (4, 3, 2, 1, 0)]
    assert first["total"] == 5


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"record_type": "shop.basket"}, 3),
        ({"record_type": "shop.other"}, 0),
        ({"actor_id": "nobody"}, 0),
        ({"request_id": "r-2"}, 1),
        ({"field": "name"}, 3),
        ({"field": "weight"}, 0),
        ({"since": "2020-01-01T00:00:00Z"}, 3),
        ({"since": "2200-01-01T00:00:00Z"}, 0),
    ],
)
async def test_entries_are_found_by_what_is_known_of_them(client, filters, found):
    basket = await a_basket(client)
    await touch(client, basket, "me")
    await a_basket(client, "pears", request_id="r-2")

    assert len((await listed(client, **filters))["data"]) == found


async def test_every_service_promises_the_endpoint(client):
    paths = (await client.get("/shop/openapi.json")).json()["paths"]

    assert TRAIL in paths


async def test_who_sees_only_some_rows_does_not_read_the_trail(session):
    narrow(session, Rows(owner_id=new_id()))

    with pytest.raises(TrailNeedsAllRows):
        # Refused before any page is looked for.
        await list_audit_entries(session, page=None)


@pytest.fixture
def command(database_url):
    """Runs `audit …` over the shop's database; in a thread, for it makes a loop of its own."""
    cli = audit_cli(lambda: Database("shop", database_url, pooled=False), lambda: ["baskets"])

    async def run(*arguments):
        return await asyncio.to_thread(CliRunner().invoke, cli, arguments)

    return run


async def test_verify_ends_with_one_and_names_the_entry_where_the_chain_is_broken(
    client, database, command
):
    basket, other = await a_basket(client), await a_basket(client, "pears")
    await touch(client, basket, "me")
    assert (await command("verify")).exit_code == 0

    await tamper(database, "UPDATE audit_entries SET actor_id = 'x' WHERE version = 2")

    broken = await command("verify")
    (fault,) = json.loads(broken.stdout)["faults"]
    assert broken.exit_code == 1
    assert (fault["record_type"], fault["record_id"]) == ("shop.basket", basket["id"])
    assert fault["version"] == 2
    assert "altered" in fault["fault"]
    assert (await command("verify", "--record", other["id"])).exit_code == 0
    assert (await command("verify", "--record", basket["id"])).exit_code == 1


async def test_heads_that_were_kept_are_held_against_the_trail(client, database, command, tmp_path):
    basket = await a_basket(client)
    kept = tmp_path / "heads.json"
    kept.write_text((await command("heads")).stdout, encoding="utf-8")
    await touch(client, basket, "me")
    assert (await command("verify", "--against", str(kept))).exit_code == 0

    for table in ("audit_entries", "baskets", "event_log"):
        await tamper(database, f"DELETE FROM {table}")

    assert (await command("verify")).exit_code == 0
    missing = await command("verify", "--against", str(kept))
    assert missing.exit_code == 1
    assert "kept elsewhere, missing here" in missing.stdout

    kept.write_text("{}[", encoding="utf-8")
    assert (await command("verify", "--against", str(kept))).exit_code == 2


async def test_every_service_has_the_commands(session):
    shown = CliRunner().invoke(service_cli(ENTRY), ["audit", "--help"])

    assert "verify" in shown.stdout
    assert "heads" in shown.stdout


async def test_a_trail_is_as_whole_after_writers_at_once_as_after_one(client, command):
    basket = await a_basket(client)
    await asyncio.gather(*(touch(client, basket, n) for n in range(12)))

    found = await command("verify")

    assert json.loads(found.stdout) == {"entries": 13, "records": 1, "faults": []}
