"""Requests a second of the sales service, beside a floor written by hand.

The service as in production: a process of its own behind a port, with sign-in, scope, audit and
events, asked by 16 connections of another process. `benchmarks.floor` does the same by hand over a
database of the same shape in the same run. Each with 1,000,000 leads.

For each path: requests a second and the median of an answer's time, of the service and of the
floor, and the statements that the service sends (BEGIN and COMMIT not counted).
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from benchmarks.keep_alive import Asked
from benchmarks.wall import account, counting
from common.db import Database
from common.embedded_postgres import EmbeddedPostgres
from common.ids import new_id
from common.local_processes import ChildProcess, free_port, log_tail
from common.migrations import upgrade
from common.testing.service import Hearing
from common.testing.sign_in import AUDIENCE, ISSUER, TestIssuer, client_of, guarded_app
from sales.__main__ import ENTRY

LEADS = "/sales/v1/leads"
ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
WRITES, READS, LISTS = 3_000, 8_000, 1_500
OFFICES = 40

_FILL = """
    INSERT INTO leads (id, number, name, kind, company, email, phone, phone_digits, city, source,
        currency, state, score, score_rules_version, score_contributions, rating, priority,
        priority_is_set, rank, customer_id, department_id, version, created_at, updated_at)
    SELECT gen_random_uuid(), 'M' || n, '线索 ' || n, 'company', '远航机电 ' || n || ' 有限公司',
        'buyer' || n || '@example.com', '139' || lpad(n::text, 8, '0'),
        '139' || lpad(n::text, 8, '0'), '上海', (ARRAY['web', 'fair', 'phone'])[1 + n % 3], 'CNY',
        CASE WHEN n % 5 = 0 THEN 'lost' ELSE 'new' END, n % 100, 1, '[]', 'warm',
        (ARRAY['high', 'normal', 'low'])[1 + n % 3], false, 1000 * (n % 3) + n % 100, NULL,
        ($2::uuid[])[1 + n % 40], 1, t, t
    FROM generate_series(1, $1::int) AS n,
        LATERAL (SELECT timestamptz '2026-01-01' + n * interval '20 seconds' AS t) AS made
"""
_HISTORY = """
    INSERT INTO audit_entries (id, recorded_at, record_type, record_id, version, action, events,
        changes, hash)
    SELECT gen_random_uuid(), created_at, 'sales.lead', id, 1, 'created',
        '{sales.lead.captured.v1}', '{}', sha256(id::text::bytea) FROM leads
"""
_CUSTOMER = """
    INSERT INTO known_customers (id, number, name, department_id, is_deleted)
    VALUES ($1, 'C1', '远航机电', $2, false)
"""


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        postgres = EmbeddedPostgres(
            Path(folder) / "postgres", settings={"shared_buffers": "1GB", "max_wal_size": "4GB"}
        )
        postgres.start()
        try:
            asyncio.run(_run(postgres, Path(folder)))
        finally:
            postgres.stop()


async def _run(postgres: EmbeddedPostgres, folder: Path) -> None:
    offices = [new_id() for _ in range(OFFICES)]
    customer = new_id()
    for name in ("sales", "floor"):
        await postgres.ensure_database(name)
        await upgrade(postgres.url(name), ENTRY.migrations)
        await _fill(postgres.url(name), offices, customer)
    database = Database("sales", postgres.url("sales"), pool_size=4)
    issuer = TestIssuer()
    try:
        who = await account(Hearing(ENTRY, database), "subtree", offices, rights=["sales.*"])
        token = issuer.token(who, exp=2**31)
        async with client_of(guarded_app(ENTRY, database, issuer), token) as counted:
            with _keys_of(issuer) as jwks_url:
                service = _service(postgres.url("sales"), jwks_url, folder / "service.log")
                floor = _floor(postgres.url("floor"), folder / "floor.log")
                with service as above, floor as below:
                    bench = _Bench(database, counted, token, customer, offices)
                    await bench.measure(above, below, postgres.url("floor"))
    finally:
        await database.close()


class _Bench:
    """The paths, asked of both."""

    def __init__(
        self,
        database: Database,
        counted: httpx.AsyncClient,
        token: str,
        customer: UUID,
        offices: list[UUID],
    ) -> None:
        self._database, self._counted = database, counted
        self._headers = {"authorization": f"Bearer {token}"}
        self._customer, self._offices = customer, offices

    async def measure(self, service: "_Server", floor: "_Server", floor_url: str) -> None:
        ours = await _ids(self._database.dsn)
        theirs = await _ids(floor_url)
        convert = json.dumps({"customer_id": str(self._customer)})
        paths: list[tuple[str, list[Asked], list[Asked]]] = [
            (
                "create",
                [self._as_us("POST", LEADS, self._new(n)) for n in range(WRITES)],
                [("POST", "/leads", {}, self._new(n)) for n in range(WRITES)],
            ),
            (
                "get",
                [self._as_us("GET", f"{LEADS}/{ours[n % 5000]}") for n in range(READS)],
                [("GET", f"/leads/{theirs[n % 5000]}", {}, None) for n in range(READS)],
            ),
            (
                "list 50",
                [self._as_us("GET", LEADS)] * LISTS,
                [("GET", "/leads", {}, None)] * LISTS,
            ),
            (
                "list 50, filtered",
                [self._as_us("GET", f"{LEADS}?state=new")] * LISTS,
                [("GET", "/leads?state=new", {}, None)] * LISTS,
            ),
            (
                "patch",
                [
                    self._as_us("PATCH", f"{LEADS}/{ours[n]}", json.dumps({"need": f"need {n}"}))
                    for n in range(WRITES)
                ],
                [
                    ("PATCH", f"/leads/{theirs[n]}", {}, json.dumps({"need": f"need {n}"}))
                    for n in range(WRITES)
                ],
            ),
            (
                "convert",
                [self._as_us("POST", f"{LEADS}/{ours[n]}:convert", convert) for n in range(WRITES)],
                [("POST", f"/leads/{theirs[n]}/convert", {}, convert) for n in range(WRITES)],
            ),
        ]
        sys.stdout.write(
            f"{'':<20} {'service':>9} {'p50 ms':>8} {'cpu ms':>8} {'floor':>9} {'p50 ms':>8}"
            f" {'cpu ms':>8} {'ratio':>6} {'statements':>11}\n"
        )
        for name, asked, asked_below in paths:
            with counting(self._database) as statements:
                await self._once(asked.pop() if name == "convert" else asked[0])
            above = _ask(service, asked)
            below = _ask(floor, asked_below)
            sys.stdout.write(
                f"{name:<20} {above.a_second:>7.0f}/s {above.p50_ms:>8.1f} {above.cpu_ms:>8.2f}"
                f" {below.a_second:>7.0f}/s {below.p50_ms:>8.1f} {below.cpu_ms:>8.2f}"
                f" {above.a_second / below.a_second:>6.2f} {len(statements):>11}\n"
            )
            sys.stdout.flush()

    def _as_us(self, method: str, path: str, body: str | None = None) -> Asked:
        key = {"idempotency-key": str(new_id())} if method == "POST" else {}
        return method, path, self._headers | key, body

    def _new(self, number: int) -> str:
        return json.dumps(
            {
                "name": f"新线索 {number}",
                "source": "web",
                "company": f"新公司 {number}",
                "contact_name": "王芳",
                "email": f"{new_id().hex}@example.com",
                "phone": f"+86 137{number:08d}",
                "city": "上海",
                "need": "两台数控机床",
                "budget": "250000.00",
                "department_id": str(self._offices[number % OFFICES]),
            },
            ensure_ascii=False,
        )

    async def _once(self, asked: Asked) -> None:
        method, path, headers, body = asked
        headers = headers | ({"content-type": "application/json"} if body else {})
        answer = await self._counted.request(method, path, headers=headers, content=body)
        answer.raise_for_status()


@dataclass(frozen=True, slots=True)
class _Server:
    port: int
    pid: int

    def cpu_s(self) -> float:
        """The processor's time that the process has taken."""
        times = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


class _Figures:
    """What the client printed, and the processor's time that the server took for a request."""

    def __init__(self, count: int, cpu_s: float, printed: dict[str, Any]) -> None:
        self.a_second = count / printed["took_s"]
        self.p50_ms = printed["p50_ms"]
        self.cpu_ms = 1000 * cpu_s / count
        bad = {code: times for code, times in printed["statuses"].items() if code[0] != "2"}
        if bad:
            raise RuntimeError(f"the server answered {bad}")


def _ask(server: "_Server", asked: list[Asked]) -> _Figures:
    work = {"port": server.port, "requests": asked}
    before = server.cpu_s()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.keep_alive"],
        input=json.dumps(work),
        capture_output=True,
        text=True,
        check=True,
    )
    return _Figures(len(asked), server.cpu_s() - before, json.loads(done.stdout))


async def _fill(url: str, offices: list[UUID], customer: UUID) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_FILL, ROWS, offices)
        await connection.execute(_HISTORY)
        await connection.execute(_CUSTOMER, customer, offices[0])
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def _ids(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT id FROM leads WHERE state = 'new' ORDER BY id LIMIT 5000"
        )
        return [str(row["id"]) for row in rows]
    finally:
        await connection.close()


@contextmanager
def _keys_of(issuer: TestIssuer) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(issuer.jwks()).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks"
    finally:
        server.shutdown()


@contextmanager
def _service(database_url: str, jwks_url: str, log: Path) -> Iterator[_Server]:
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "FAIRWAY_ISSUER": ISSUER,
        "FAIRWAY_AUDIENCE": AUDIENCE,
        "FAIRWAY_JWKS_URL": jwks_url,
        # The limits hold one client; here it is all of them.
        "FAIRWAY_RATE_LIMIT": "0",
        "FAIRWAY_ADDRESS_RATE_LIMIT": "0",
        "LOG_LEVEL": "WARNING",
    }
    with ChildProcess([sys.executable, "-m", "sales", "api"], log=log, env=environment) as process:
        _wait_for(f"http://127.0.0.1:{port}/readyz", process)
        yield _Server(port, process.pid)


@contextmanager
def _floor(database_url: str, log: Path) -> Iterator[_Server]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.floor:app", "--port", str(port)]
    environment = {**os.environ, "DATABASE_URL": database_url}
    with ChildProcess([*command, "--no-access-log"], log=log, env=environment) as process:
        _wait_for(f"http://127.0.0.1:{port}/docs", process)
        yield _Server(port, process.pid)


def _wait_for(url: str, process: ChildProcess) -> None:
    for _ in range(300):
        if not process.is_running:
            break
        with suppress(httpx.HTTPError):
            if httpx.get(url).is_success:
                return
        time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer: {log_tail(process.log)}")
