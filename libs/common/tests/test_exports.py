"""A list leaves as a CSV file: all of it, for whoever may, and nothing that a spreadsheet runs."""

import csv
import io

import httpx
import pytest
from sqlalchemy import event, insert

from common import exports
from common.access import gate
from common.access.rights import Grant, Scope
from common.auth import Actor
from common.clock import utc_now
from common.csv_lines import csv_line
from common.ids import new_id
from common.testing.service import settings_for

from .shop.__main__ import ENTRY
from .shop.main import create
from .shop.model import Basket

pytestmark = pytest.mark.capability("P-09")

BASKETS = "/shop/v1/baskets"
CSV = {"Accept": "text/csv"}


async def add(database, *names):
    # Beside the session, which wants an event for every basket.
    stamps = {"version": 1, "created_at": utc_now(), "updated_at": utc_now()}
    async with database.engine.begin() as connection:
        await connection.execute(
            insert(Basket.__table__),
            [{"id": new_id(), "name": name, "weight": n, **stamps} for n, name in enumerate(names)],
        )


def read(answer):
    assert answer.status_code == 200, answer.text
    text = answer.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_an_export_has_every_row_once_whatever_a_page_holds(client, database):
    await add(database, *(f"basket {n}" for n in range(2 * exports.LARGEST_LIMIT + 7)))

    answer = await client.get(BASKETS, params={"sort": "weight"}, headers=CSV)

    rows = read(answer)
    assert [row["name"] for row in rows] == [f"basket {n}" for n in range(len(rows))]
    assert len(rows) == 2 * exports.LARGEST_LIMIT + 7
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="baskets.csv"'
    assert answer.content.startswith("\ufeffid,name,weight,price,placed_at,version\r\n".encode())


async def test_an_export_has_the_rows_order_and_columns_of_a_view(client, database):
    await add(database, "pear", "apple", "pear")
    saved = await client.post(
        "/shop/v1/views",
        json={
            "name": "pears",
            "list": "baskets",
            "query": {"name": "pear"},
            "sort": "-weight",
            "columns": ["weight", "price"],
        },
    )

    rows = read(await client.get(BASKETS, params={"view": saved.json()["id"]}, headers=CSV))

    assert [list(row) for row in rows] == [["id", "weight", "price"]] * 2
    assert [(row["weight"], row["price"]) for row in rows] == [("2", ""), ("0", "")]


async def test_an_export_of_nothing_has_its_header(client):
    answer = await client.get(BASKETS, params={"fields": "name"}, headers=CSV)

    assert answer.content.decode("utf-8-sig") == "id,name\r\n"


async def test_a_cell_that_looks_like_a_formula_is_text(client, database):
    await add(database, '=HYPERLINK("http://x","远航")', "@sum", "＝1", "-5", "plain, quoted")

    rows = read(await client.get(BASKETS, params={"sort": "weight"}, headers=CSV))

    assert [row["name"] for row in rows] == [
        '\'=HYPERLINK("http://x","远航")',
        "'@sum",
        "'＝1",
        "-5",
        "plain, quoted",
    ]


@pytest.mark.parametrize("first", "=+-@\t\r\n\0＝＋－＠")
def test_no_cell_starts_with_what_a_spreadsheet_runs(first):
    (cells,) = csv.reader(io.StringIO(csv_line([f"{first}1+1", ""]), newline=""))

    assert cells == [f"'{first}1+1", ""]


@pytest.mark.parametrize(
    ("parameter", "value"), [("limit", "10"), ("cursor", "abc"), ("include", "total")]
)
async def test_an_export_has_no_pages(client, parameter, value):
    refused = await client.get(BASKETS, params={parameter: value}, headers=CSV)

    assert refused.status_code == 422
    assert refused.json()["code"] == "export_has_no_pages"


async def test_what_the_list_refuses_is_refused_before_the_file_begins(client):
    unknown_sort = await client.get(BASKETS, params={"sort": "colour"}, headers=CSV)
    unknown_field = await client.get(BASKETS, params={"fields": "colour"}, headers=CSV)

    assert unknown_sort.json()["code"] == "unknown_sort_key"
    assert unknown_field.json()["code"] == "unknown_field"


async def test_what_cannot_be_read_later_breaks_the_file_off(client, database, monkeypatch):
    await add(database, *(f"basket {n}" for n in range(exports.LARGEST_LIMIT + 1)))
    reading, opened = database.reading, []

    def only_once():
        opened.append(True)
        if len(opened) > 1:
            raise OSError("away")
        return reading()

    monkeypatch.setattr(database, "reading", only_once)

    with pytest.raises((OSError, RuntimeError)):
        await client.get(BASKETS, headers=CSV)


async def test_an_export_counts_as_expensive(database, monkeypatch):
    async def somebody(_):
        return Actor(id="wang", grants=(Grant("role", ("*",), Scope.ALL),))

    monkeypatch.setattr(gate, "_actor_of", somebody)
    settings = settings_for(ENTRY, database.dsn, FAIRWAY_EXPENSIVE_RATE_LIMIT=1)
    transport = httpx.ASGITransport(app=create(settings, database))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        files = [await client.get(BASKETS, headers=CSV) for _ in range(3)]
        page = await client.get(BASKETS)

    assert [answer.status_code for answer in files] == [200, 200, 429]
    assert page.status_code == 200


async def test_json_is_answered_unless_csv_is_named_first(client):
    for accepted in ("*/*", "application/json", "application/json, text/csv", ""):
        answer = await client.get(BASKETS, headers={"Accept": accepted})
        assert answer.headers["content-type"] == "application/json"


async def test_reading_a_list_is_not_the_right_to_export_it(client, database, monkeypatch):
    await add(database, "pear")
    rights = ["shop.baskets.read"]

    async def somebody(_):
        return Actor(id="wang", grants=(Grant("role", tuple(rights), Scope.ALL),))

    monkeypatch.setattr(gate, "_actor_of", somebody)
    refused = await client.get(BASKETS, headers=CSV)
    rights.append("shop.baskets.export")
    allowed = await client.get(BASKETS, headers=CSV)

    assert (refused.status_code, refused.json()["right"]) == (403, "shop.baskets.export")
    assert [row["name"] for row in read(allowed)] == ["pear"]


async def test_an_export_takes_no_second_connection_while_it_holds_one(client, database):
    await add(database, *(f"basket {n}" for n in range(exports.LARGEST_LIMIT + 1)))
    most = 0
    pool = database.engine.pool

    def count(*_):
        nonlocal most
        most = max(most, pool.checkedout())

    event.listen(pool, "checkout", count)
    saved = await client.post("/shop/v1/views", json={"name": "x", "list": "baskets"})
    await client.get(BASKETS, params={"view": saved.json()["id"]}, headers=CSV)
    event.remove(pool, "checkout", count)

    assert most <= 1
