"""The demo's way to the services: the public API, with patience for copies that are on their way."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from fairway.signing_in import CommandSignIn

Json = dict[str, Any]
CONNECTIONS = 10
PATIENCE_S = 20.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 0.5


class Refused(Exception):
    """A service refused a call; `status` and `code` as it answered them."""

    def __init__(self, call: str, answer: httpx.Response) -> None:
        problem = _problem_of(answer)
        self.status = answer.status_code
        self.code = str(problem.get("code", ""))
        detail = problem.get("detail", answer.text[:300])
        super().__init__(f"{call} → {answer.status_code} {self.code}: {detail}")


def is_on_its_way(answer: httpx.Response) -> bool:
    """Whether a service refused because what it was told of has not reached it yet, or was busy."""
    if answer.status_code == 503:
        return True
    code = str(_problem_of(answer).get("code", ""))
    return (answer.status_code == 422 and code.endswith("_not_known")) or (
        answer.status_code == 409 and code == "concurrent_change"
    )


def _problem_of(answer: httpx.Response) -> Json:
    try:
        problem = answer.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


class Api:
    """Calls over few kept connections; `on_call` is told of every call that succeeded."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        on_call: Callable[[], None] = lambda: None,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._client = client
        self._on_call = on_call
        self._patience_s = patience_s
        self._turns = asyncio.Semaphore(CONNECTIONS)

    async def post(self, path: str, body: Json | None = None) -> Json:
        """The answer; raises Refused when it is still refused after some patience."""
        return await self._ask("POST", path, json=body or {})

    async def patch(self, path: str, body: Json, *, version: int) -> Json:
        """Like `post`; refused when the thing is no longer at this version."""
        return await self._ask("PATCH", path, json=body, headers={"If-Match": f'"{version}"'})

    async def get(self, path: str, **parameters: Any) -> Json:
        """Like `post`."""
        return await self._ask("GET", path, params=parameters)

    async def pages(self, path: str, **parameters: Any) -> AsyncIterator[Json]:
        """The rows of a list, page after page."""
        cursor: Json = {}
        while True:
            page = await self.get(path, limit=200, **parameters, **cursor)
            for row in page["data"]:
                yield row
            if not page["has_more"]:
                return
            cursor = {"cursor": page["next_cursor"]}

    async def first(self, path: str, **parameters: Any) -> Json:
        """The first row of a list, as soon as there is one. Raises TimeoutError."""
        for wait_s in waits(self._patience_s):
            page = await self.get(path, limit=1, **parameters)
            if page["data"]:
                row: Json = page["data"][0]
                return row
            await asyncio.sleep(wait_s)
        raise TimeoutError(f"{path} {parameters} shows nothing after {self._patience_s:.0f} s")

    async def upload(self, path: str, name: str, content: bytes, data: dict[str, str]) -> Json:
        """Send a file to an import and wait until it is worked off; the finished job."""
        answer = await self._client.post(path, files={"file": (name, content)}, data=data)
        if answer.is_error:
            raise Refused(f"POST {path}", answer)
        self._on_call()
        job: Json = answer.json()
        while job["state"] in ("queued", "running"):
            await asyncio.sleep(0.25)
            job = await self.get(f"{path}/{job['id']}")
        return job

    async def _ask(self, method: str, path: str, **what: Any) -> Json:
        for wait_s in waits(self._patience_s):
            async with self._turns:
                answer = await self._client.request(method, path, **what)
            if answer.is_success:
                self._on_call()
                body: Json = answer.json()
                return body
            if not is_on_its_way(answer):
                break
            await asyncio.sleep(wait_s)
        raise Refused(f"{method} {path}", answer)


def waits(patience_s: float = PATIENCE_S) -> Iterator[float]:
    """Growing pauses between tries, of which there is one at least, until the patience ends."""
    deadline = time.monotonic() + patience_s
    wait_s = FIRST_WAIT_S
    while True:
        yield wait_s
        if time.monotonic() > deadline:
            return
        wait_s = min(wait_s * 1.6, LONGEST_WAIT_S)


@asynccontextmanager
async def connected(url: str, on_call: Callable[[], None] = lambda: None) -> AsyncIterator[Api]:
    """An Api at this address while the block lasts."""
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(
        base_url=url, timeout=60, limits=limits, trust_env=False, auth=CommandSignIn(url)
    ) as client:
        yield Api(client, on_call)
