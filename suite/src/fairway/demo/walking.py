"""Walking along a deal: each call with the events it caused, and the effects they had elsewhere.

Every call gets a request id of its own, which is the correlation id of all events that follow from
it, in whichever service.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol
from uuid import uuid4

import httpx

from fairway.demo.api import Json, Refused, is_on_its_way, waits

EXPECTED_WITHIN_S = 15.0


class EffectMissing(Exception):
    """Something that must follow from a call did not, in the time it has."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event that follows from a call; `because_of` is the event whose handler said it."""

    type: str
    service: str
    because_of: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """A call that was made, what it answered, and the events it caused."""

    title: str
    call: str
    status: int
    facts: Json
    events: Sequence[Heard]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a service shows because of the step before."""

    service: str
    what: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a report before and after the deal, and the difference it must make."""

    report: str
    name: str
    before: Decimal
    after: Decimal
    expected: Decimal

    @property
    def is_right(self) -> bool:
        """Whether it changed by exactly this deal."""
        return self.after - self.before == self.expected


class Telling(Protocol):
    """Whoever shows the walk to somebody."""

    def chapter(self, title: str) -> None: ...
    def step(self, step: Step) -> None: ...
    def effect(self, effect: Effect) -> None: ...


@dataclass
class Walk:
    """Makes the calls, waits for what must follow, and tells both."""

    client: httpx.Client
    telling: Telling
    within_s: float = EXPECTED_WITHIN_S
    calls: int = field(default=0, init=False)

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        self.telling.chapter(title)

    def post(
        self,
        title: str,
        path: str,
        *,
        said: Sequence[str] = (),
        shows: Sequence[str] = ("number",),
        **body: Any,
    ) -> Json:
        """Call, wait until every event type of `said` is in the history, and tell.

        `shows` are the fields of the answer that a person wants to see. Raises Refused, and
        EffectMissing when an event does not come.
        """
        return self._do("POST", title, path, body, said, shows)

    def patch(
        self,
        title: str,
        path: str,
        *,
        version: int,
        said: Sequence[str] = (),
        shows: Sequence[str] = (),
        **body: Any,
    ) -> Json:
        """Like `post`; refused when the thing is no longer at this version."""
        return self._do("PATCH", title, path, body, said, shows, version=version)

    def get(self, path: str, **parameters: Any) -> Json:
        """Look something up; nothing is told."""
        answer = self.client.get(path, params=parameters)
        if answer.is_error:
            raise Refused(f"GET {path}", answer)
        body: Json = answer.json()
        return body

    def find(self, path: str, **parameters: Any) -> Json | None:
        """The first row of a list, or None."""
        rows = self.get(path, limit=1, **parameters)["data"]
        return rows[0] if rows else None

    def seen(self, service: str, what: str) -> None:
        """Tell what a service shows."""
        self.telling.effect(Effect(service, what))

    def until(self, service: str, look: Callable[[], str | None], missing: str) -> None:
        """Wait until `look` sees the effect and words it; raises EffectMissing with `missing`."""
        for wait_s in waits(self.within_s):
            what = look()
            if what is not None:
                self.seen(service, what)
                return
            time.sleep(wait_s)
        raise EffectMissing(f"{service}: {missing} within {self.within_s:.0f} s")

    def row_until(
        self,
        service: str,
        path: str,
        *,
        missing: str,
        word: Callable[[Json], str | None],
        **where: Any,
    ) -> Json:
        """Wait for a row of a list that `word` finds words for; the row."""
        found: list[Json] = []

        def look() -> str | None:
            for row in self.get(path, **where)["data"]:
                what = word(row)
                if what is not None:
                    found.append(row)
                    return what
            return None

        self.until(service, look, missing)
        return found[0]

    def _do(
        self,
        method: str,
        title: str,
        path: str,
        body: Json,
        said: Sequence[str],
        shows: Sequence[str],
        *,
        version: int | None = None,
    ) -> Json:
        correlation_id = str(uuid4())
        headers = {"X-Request-ID": correlation_id}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        answer = self._ask(method, path, body, headers)
        self.calls += 1
        answered: Json = answer.json()
        events = self._events(correlation_id, said)
        facts = {name: answered[name] for name in shows if answered.get(name) is not None}
        self.telling.step(Step(title, f"{method} {path}", answer.status_code, facts, events))
        return answered

    def _ask(self, method: str, path: str, body: Json, headers: dict[str, str]) -> httpx.Response:
        """What a service has not heard of yet is asked for again."""
        for wait_s in waits(self.within_s):
            answer = self.client.request(method, path, json=body, headers=headers)
            if answer.is_success:
                return answer
            if not is_on_its_way(answer):
                break
            time.sleep(wait_s)
        raise Refused(f"{method} {path}", answer)

    def _events(self, correlation_id: str, said: Sequence[str]) -> list[Heard]:
        missing = set(said)
        for wait_s in waits(self.within_s):
            rows = self.get("/reporting/v1/events", correlation_id=correlation_id, sort="time")[
                "data"
            ]
            missing = set(said) - {row["type"] for row in rows}
            if not missing:
                return _heard(rows)
            time.sleep(wait_s)
        raise EffectMissing(
            f"{', '.join(sorted(missing))} did not come within {self.within_s:.0f} s"
        )


def _heard(rows: Sequence[Json]) -> list[Heard]:
    type_of = {row["event_id"]: row["type"] for row in rows}
    return [
        Heard(
            type=row["type"],
            service=row["source"].rsplit("/", 1)[-1],
            because_of=type_of.get(row["causation_id"] or ""),
        )
        for row in rows
    ]
