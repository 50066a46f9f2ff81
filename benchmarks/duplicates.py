"""The duplicate check against a million customers: how long one question takes.

The customers are generated: Chinese company names of a place, a word of two or three characters, a
trade and a legal form, in parts with a phone number and an e-mail address. Half of the questions are
customers that are there with what people do to names (an error, traditional characters, another
order, no place, another legal form), half are new ones.

Measured: the check as a request does it, through the use case and a pooled connection, one after the
other; keys made and found, candidates compared and sorted. `FAIRWAY_BENCH_CUSTOMERS` is how many
customers there are.
"""

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from common.db import Database
from common.embedded_postgres import EmbeddedPostgres
from common.ids import new_id
from common.match_keys import VERSION, match_keys
from common.migrations import upgrade
from customer.db import MIGRATIONS
from customer.duplicates.use_cases import find_duplicates

CUSTOMERS = int(os.environ.get("FAIRWAY_BENCH_CUSTOMERS", "1000000"))
QUESTIONS = 2_000
SEED = 20260302
AT_ONCE = 20_000
PLACES = [
    "北京",
    "上海",
    "杭州",
    "宁波",
    "深圳",
    "广州",
    "苏州",
    "南京",
    "成都",
    "武汉",
    "青岛",
    "厦门",
    "天津",
    "重庆",
    "西安",
    "长沙",
]
TRADES = [
    "机电",
    "科技",
    "贸易",
    "化工",
    "电子",
    "物流",
    "建材",
    "食品",
    "医药",
    "软件",
    "机械",
    "纺织",
    "环保",
    "传媒",
    "汽配",
    "仪器",
]
FORMS = ("有限公司", "股份有限公司", "有限责任公司", "集团有限公司")
CHARACTERS = (
    "远航华泰恒瑞金鼎盛达宏图伟业新创中联信诚永康天宇海川东方明珠长城安平吉祥如意百川汇通万里鹏程"
    "正大光明博雅德馨春晖秋实龙腾虎跃飞鸿志高云翔星辰旭日朝阳蓝天碧水青山绿野丰收富贵荣华"
)

CUSTOMER_COLUMNS = (
    *("id", "number", "name", "kind", "status"),
    *("source", "registered_at", "registered_by", "version", "created_at", "updated_at"),
)
KEY_COLUMNS = (
    *("record_id", "record_type", "name", "tax_number"),
    *("phones", "emails", "tokens", "rules"),
)


def run() -> None:
    """Measure and print."""
    asyncio.run(_run())


async def _run() -> None:
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        await asyncio.to_thread(postgres.start)
        try:
            await _measure(postgres)
        finally:
            await asyncio.to_thread(postgres.stop)


async def _measure(postgres: EmbeddedPostgres) -> None:
    url = await _prepared(postgres)
    dice = random.Random(SEED)
    asked = [
        _mangled(company(dice.randrange(CUSTOMERS)), dice)
        if number % 2
        else company(CUSTOMERS + number)
        for number in range(QUESTIONS)
    ]
    database = Database("customer", url, pool_size=1)
    times, found = [], 0
    for number, values in enumerate(asked):
        async with database.reading() as session:
            begun = time.perf_counter()
            (candidates,) = await find_duplicates(session, [match_keys(**values)])
            times.append(time.perf_counter() - begun)
        found += bool(candidates) and bool(number % 2)
    await database.close()
    times.sort()
    sys.stdout.write(
        f"duplicates: {CUSTOMERS:,} customers, {QUESTIONS:,} checks:"
        f" median {1000 * statistics.median(times):.1f} ms,"
        f" p95 {1000 * times[int(0.95 * len(times))]:.1f} ms,"
        f" p99 {1000 * times[int(0.99 * len(times))]:.1f} ms;"
        f" found {found:,} of {QUESTIONS // 2:,} that are there\n"
    )


async def _prepared(postgres: EmbeddedPostgres) -> str:
    url = await postgres.ensure_database("customer")
    await upgrade(url, MIGRATIONS)
    connection = await asyncpg.connect(url)
    begun = time.perf_counter()
    # An index is made faster at once than row by row.
    await connection.execute("DROP INDEX ix_duplicate_keys_tokens")
    for start in range(0, CUSTOMERS, AT_ONCE):
        await _copy(connection, range(start, min(start + AT_ONCE, CUSTOMERS)))
    await connection.execute("SET maintenance_work_mem = '512MB'")
    await connection.execute(
        "CREATE INDEX ix_duplicate_keys_tokens ON duplicate_keys USING gin (tokens)"
        " WITH (fastupdate = off)"
    )
    await connection.execute("VACUUM ANALYZE")
    size = await connection.fetchval("SELECT pg_total_relation_size('duplicate_keys')")
    await connection.close()
    sys.stdout.write(
        f"duplicates: {CUSTOMERS:,} customers with keys of {size / 2**20:,.0f} MiB made in"
        f" {time.perf_counter() - begun:.0f} s\n"
    )
    return url


async def _copy(connection: Any, numbers: range) -> None:
    now = datetime.now(UTC)
    customers: list[tuple[Any, ...]] = []
    keys: list[tuple[Any, ...]] = []
    for number in numbers:
        values, customer_id = company(number), new_id()
        customers.append(
            (
                *(customer_id, f"C{number:09d}", values["name"], "company", "active"),
                *("import", now, "bench", 1, now, now),
            )
        )
        keys.append(_keys_row(customer_id, values))
    await connection.copy_records_to_table(
        "customers",
        records=customers,
        columns=CUSTOMER_COLUMNS,
    )
    await connection.copy_records_to_table(
        "duplicate_keys",
        records=keys,
        columns=KEY_COLUMNS,
    )


def _keys_row(customer_id: UUID, values: dict[str, Any]) -> tuple[Any, ...]:
    keys = match_keys(**values)
    return (
        *(customer_id, "customer", keys.name, keys.tax_number),
        *(sorted(keys.phones), sorted(keys.emails), keys.tokens, VERSION),
    )


def company(number: int) -> dict[str, Any]:
    """The customer of this number; the same in every run."""
    dice = random.Random(number)
    word = "".join(dice.choice(CHARACTERS) for _ in range(dice.choice((2, 3, 3, 4))))
    name = f"{dice.choice(PLACES)}{word}{dice.choice(TRADES)}{dice.choice(FORMS)}"
    phone = f"13{dice.randrange(10**9):09d}" if dice.random() < 0.7 else None
    email = f"info@{number:x}.example" if dice.random() < 0.3 else None
    return {"name": name, "phones": (phone,), "emails": (email,)}


def _mangled(values: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """The customer by its name alone, as somebody else writes it."""
    name = values["name"]
    place, rest = name[:2], name[2:]
    core = rest
    for form in sorted(FORMS, key=len, reverse=True):
        core = core.removesuffix(form)
    at = dice.randrange(len(core))
    written = (
        f"{place}{core}公司",
        f"{core}({place}){FORMS[0]}",
        f"{place}{core[:at]}{dice.choice(CHARACTERS)}{core[at + 1 :]}有限公司",
        f"{core}有限责任公司",
        f"{place} {core}　有限公司".replace("机", "機").replace("华", "華"),
    )
    return {"name": dice.choice(written)}


if __name__ == "__main__":
    run()
