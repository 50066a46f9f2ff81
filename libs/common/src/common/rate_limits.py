"""How often somebody may ask: token buckets in the memory of one process.

Three limits, each off with 0: by client address, before anybody is recognised; by principal; and a
smaller one by principal on routes that are marked `Expensive`. Each process counts for itself, so n
processes allow n times as much. The answers say where the caller stands (`RateLimit` and
`RateLimit-Policy`, draft-ietf-httpapi-ratelimit-headers).
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from fastapi import Depends
from fastapi.routing import APIRoute

from common.auth import ANONYMOUS, LOCAL_OPERATOR, Actor
from common.errors import TooManyRequests
from common.settings import ServiceSettings

SECONDS_AT_ONCE = 2
"""A bucket holds what this many seconds bring: so much may come in one burst."""
MOST_KEYS = 10_000
"""Callers remembered by one limit; whoever was away longest has a full bucket again."""

_STANDINGS = "fairway.rate_limits"


async def _expensive() -> None:
    """A mark; `ServiceRoute` reads it."""


Expensive = Depends(_expensive)
"""For `dependencies=[…]` of a route that costs as much as many others: reports, exports."""


class RateLimited(TooManyRequests):
    """You ask more often than you may; Retry-After says when the next request is let through."""

    code = "rate_limited"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands with one limit, after this request was counted."""

    name: str
    quota: int
    remaining: int
    full_in_s: int
    retry_after_s: int | None
    """Whole seconds until the next request is let through; None where this one is."""


class RateLimit:
    """One limit: `per_s` requests a second for each key, and twice as many in one burst."""

    def __init__(
        self, name: str, per_s: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._per_s = per_s
        self._quota = per_s * SECONDS_AT_ONCE
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, key: str) -> Standing:
        """Take one request of `key` out of its bucket, where there is one left."""
        now = self._clock()
        tokens, at = self._buckets.pop(key, (float(self._quota), now))
        tokens = min(self._quota, tokens + (now - at) * self._per_s)
        is_let_through = tokens >= 1
        if is_let_through:
            tokens -= 1
        self._buckets[key] = tokens, now
        if len(self._buckets) > MOST_KEYS:
            self._buckets.popitem(last=False)
        return Standing(
            self._name,
            self._quota,
            int(tokens),
            math.ceil((self._quota - tokens) / self._per_s),
            None if is_let_through else math.ceil((1 - tokens) / self._per_s),
        )


class RateLimits:
    """The limits of one process."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._by_address = _limit("address", settings.address_rate_limit_per_s)
        self._by_principal = _limit("principal", settings.rate_limit_per_s)
        self._expensive = _limit("expensive", settings.expensive_rate_limit_per_s)

    def count_address(self, scope: MutableMapping[str, Any]) -> Standing | None:
        """Count a request of the client's address; the standing to refuse with, or None."""
        client = scope.get("client")
        if self._by_address is None or client is None:
            return None
        return _remember(scope, self._by_address.count(client[0]))

    def count_principal(
        self, scope: MutableMapping[str, Any], actor: Actor, *, expensive: bool
    ) -> None:
        """Count a request of `actor`; raises RateLimited."""
        if actor in (LOCAL_OPERATOR, ANONYMOUS):
            # Nobody in particular: they share these names, and their addresses are counted.
            return
        for limit in (self._by_principal, self._expensive if expensive else None):
            refused = _remember(scope, limit.count(actor.id)) if limit is not None else None
            if refused is not None:
                raise RateLimited(refusal_text(refused), retry_after_s=refused.retry_after_s)


def is_expensive(route: APIRoute) -> bool:
    """Whether the route is marked."""
    return any(dependency.dependency is _expensive for dependency in route.dependencies)


def refusal_text(standing: Standing) -> str:
    """What is said to somebody who asks too often."""
    return (
        f"at most {standing.quota // SECONDS_AT_ONCE} requests a second here"
        f" for one {standing.name if standing.name == 'address' else 'principal'}"
    )


def headers_of(scope: MutableMapping[str, Any]) -> Iterable[tuple[bytes, bytes]]:
    """The headers of an answer to a request that was counted."""
    standings: list[Standing] = scope.get(_STANDINGS, [])
    if not standings:
        return ()
    policies = (f'"{one.name}";q={one.quota};w={SECONDS_AT_ONCE}' for one in standings)
    present = (f'"{one.name}";r={one.remaining};t={one.full_in_s}' for one in standings)
    return (
        (b"ratelimit-policy", ", ".join(policies).encode()),
        (b"ratelimit", ", ".join(present).encode()),
    )


def _limit(name: str, per_s: int) -> RateLimit | None:
    return RateLimit(name, per_s) if per_s else None


def _remember(scope: MutableMapping[str, Any], standing: Standing) -> Standing | None:
    scope.setdefault(_STANDINGS, []).append(standing)
    return standing if standing.retry_after_s is not None else None
