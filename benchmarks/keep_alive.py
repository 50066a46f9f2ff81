"""A client that costs little: 16 connections kept open, each sends its next request at the answer.

`python -m benchmarks.keep_alive` reads from stdin `{"port": …, "requests": [[method, path, headers,
body], …]}`, deals them out in turn, and prints the seconds taken, the percentiles of the answers'
times, and the statuses. A process of its own, so that the server's core is the server's.
"""

import asyncio
import json
import sys
import time
from collections import Counter, deque

CONNECTIONS = 16
Asked = tuple[str, str, dict[str, str], str | None]


class _Connection(asyncio.Protocol):
    """Sends what is left of the work, one request at a time."""

    def __init__(self, work: deque[bytes], times: list[float], statuses: Counter[str]) -> None:
        self._work, self._times, self._statuses = work, times, statuses
        self._got = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found:
            return
        lengths = [
            int(line[15:])
            for line in head.split(b"\r\n")
            if line[:15].lower() == b"content-length:"
        ]
        if len(body) < (lengths[0] if lengths else 0):
            return
        self._times.append(time.perf_counter() - self._sent_at)
        self._statuses[head[9:12].decode()] += 1
        self._got = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))

    def _next(self) -> None:
        if not self._work:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(self._work.popleft())


def as_bytes(port: int, asked: Asked) -> bytes:
    """The request as it goes over the line."""
    method, path, headers, body = asked
    content = (body or "").encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        *(f"{name}: {value}" for name, value in headers.items()),
        *([f"content-length: {len(content)}", "content-type: application/json"] if body else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def _run(port: int, requests: list[Asked]) -> dict[str, object]:
    work = deque(as_bytes(port, asked) for asked in requests)
    times: list[float] = []
    statuses: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    connections = [
        (
            await loop.create_connection(
                lambda: _Connection(work, times, statuses), "127.0.0.1", port
            )
        )[1]
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(connection.done for connection in connections))
    took = time.perf_counter() - began
    times.sort()
    return {
        "took_s": took,
        "p50_ms": 1000 * times[len(times) // 2],
        "p95_ms": 1000 * times[int(len(times) * 0.95)],
        "statuses": statuses,
    }


if __name__ == "__main__":
    given = json.load(sys.stdin)
    sys.stdout.write(json.dumps(asyncio.run(_run(given["port"], given["requests"]))))
