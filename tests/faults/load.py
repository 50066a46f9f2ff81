"""Clients that write without a pause, and the ledger of what they were told.

Each write is one event. A client that gets no answer, or is told to come back, repeats the same
write until it is answered: under the same idempotency key, or with the same values.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

import httpx

ALL_KINDS = ("create", "update", "transfer", "delete")
KEYED_KINDS = ("create", "transfer")
"""Writes with an idempotency key: a repetition is told from the first time by its answer."""


@dataclass
class Ledger:
    """What the clients know."""

    versions: dict[UUID, int] = field(default_factory=dict)
    """Per customer the acknowledged writes, which is the version it must stand at."""
    answered_s: list[float] = field(default_factory=list)
    """How long each acknowledged write took in its last attempt."""
    turned_away: Counter[int] = field(default_factory=Counter)
    """Answers that ask to come back, by status."""
    cut_off: int = 0
    """Attempts without an answer."""
    replayed: int = 0
    """Answers that were given before: the effect was there and its first answer had been lost."""
    wrong: list[str] = field(default_factory=list)
    """Answers that fit nothing the client did."""

    @property
    def writes(self) -> int:
        return sum(self.versions.values())

    @property
    def failures(self) -> int:
        """Attempts that did not succeed, for whatever reason."""
        return self.cut_off + self.turned_away.total() + len(self.wrong)

    def slowest_ms(self, share: float = 0.99) -> int:
        """The time within which this share of the writes was answered."""
        ordered = sorted(self.answered_s) or [0.0]
        return round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))])


class Load:
    """Writers against the customer service, each on customers of its own.

    async with Load(api.url, seed) as load:
        ...  # break something
    assert load.ledger.failures == 0
    """

    def __init__(
        self,
        base_url: str,
        seed: int,
        *,
        writers: int = 4,
        pause_s: float = 0.03,
        kinds: Sequence[str] = ALL_KINDS,
    ) -> None:
        self.ledger = Ledger()
        self._base_url = base_url
        self._chance = random.Random(seed)
        self._writers = writers
        self._pause_s = pause_s
        self._kinds = kinds
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def writes(self, count: int, *, within_s: float = 60) -> None:
        """Wait until so many more writes are acknowledged."""
        aim = self.ledger.writes + count
        async with asyncio.timeout(within_s):
            while self.ledger.writes < aim:
                for task in self._tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.01)

    async def stop(self, *, within_s: float = 60) -> Ledger:
        """Begin nothing new and wait until every write is answered."""
        self._stopping.set()
        async with asyncio.timeout(within_s):
            await asyncio.gather(*self._tasks)
        return self.ledger

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(_Writer(self, number).write()) for number in range(self._writers)
        ]
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                await self.stop()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


class _Writer:
    def __init__(self, load: Load, number: int) -> None:
        self._load = load
        self._number = number
        self._chance = random.Random(load._chance.random())
        self._ids: list[UUID] = []
        self._written = 0

    async def write(self) -> None:
        load = self._load
        async with httpx.AsyncClient(
            base_url=f"{load._base_url}/customer/v1", trust_env=False, timeout=10
        ) as client:
            while not load._stopping.is_set():
                kind = self._chance.choice(load._kinds) if self._ids else "create"
                # The longer a history, the more it shows; so most writes are about a few.
                if kind == "create" and len(self._ids) > 8 and self._chance.random() < 0.7:
                    kind = "transfer"
                await getattr(self, f"_{kind}")(client)
                await asyncio.sleep(load._pause_s * 2 * self._chance.random())

    async def _create(self, client: httpx.AsyncClient) -> None:
        self._written += 1
        answer = await self._answer(
            client,
            "POST",
            "/customers",
            201,
            {"name": f"客户 {self._number}-{self._written}", "city": "杭州"},
        )
        customer_id = UUID(answer.json()["id"])
        self._acknowledge(customer_id, answer.json()["version"], 0)
        self._ids.append(customer_id)

    async def _update(self, client: httpx.AsyncClient) -> None:
        customer_id = self._chance.choice(self._ids)
        self._written += 1
        answer = await self._answer(
            client,
            "PATCH",
            f"/customers/{customer_id}",
            200,
            {"city": f"市 {self._number}-{self._written}"},
        )
        self._acknowledge(customer_id, answer.json()["version"])

    async def _transfer(self, client: httpx.AsyncClient) -> None:
        customer_id = self._chance.choice(self._ids)
        answer = await self._answer(
            client,
            "POST",
            f"/customers/{customer_id}:transfer",
            200,
            {"owner_id": str(uuid4()), "department_id": str(uuid4()), "reason": "换人"},
        )
        self._acknowledge(customer_id, answer.json()["version"])

    async def _delete(self, client: httpx.AsyncClient) -> None:
        if len(self._ids) < 3 or self._chance.random() < 0.6:
            return
        customer_id = self._ids.pop(self._chance.randrange(len(self._ids)))
        await self._answer(client, "DELETE", f"/customers/{customer_id}", 204)
        ledger = self._load.ledger
        ledger.versions[customer_id] += 1

    def _acknowledge(self, customer_id: UUID, version: int, before: int | None = None) -> None:
        ledger = self._load.ledger
        before = ledger.versions[customer_id] if before is None else before
        if version != before + 1:
            ledger.wrong.append(f"customer {customer_id}: version {version} after {before}")
        ledger.versions[customer_id] = before + 1

    async def _answer(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        status: int,
        body: dict[str, Any] | None = None,
    ) -> httpx.Response:
        """The answer to this one write, however many attempts it takes."""
        ledger = self._load.ledger
        headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
        while True:
            began = time.monotonic()
            try:
                answer = await client.request(method, path, json=body, headers=headers)
            except httpx.TransportError:
                ledger.cut_off += 1
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == status:
                ledger.answered_s.append(time.monotonic() - began)
                ledger.replayed += "idempotency-replayed" in answer.headers
                return answer
            if answer.status_code not in (409, 503):
                ledger.wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            else:
                ledger.turned_away[answer.status_code] += 1
            await asyncio.sleep(0.1)
