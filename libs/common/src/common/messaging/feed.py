"""The replay feed: everything a service has said, for those who subscribe later or rebuild.

The cursor is (transaction id, sequence) below the snapshot's horizon, so that an event of a
transaction that commits late is never skipped.
"""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Depends, Header, Query, Request
from sqlalchemy import text

from common.api_routing import ServiceRoute
from common.db import Database, Session
from common.errors import BadRequest, Forbidden, Unavailable
from common.settings import ServiceSettings

LARGEST_PAGE = 1000

_PAGE = text("""
    SELECT xid, seq, convert_from(body, 'UTF8') AS body FROM event_log
    WHERE (xid, seq) > (:xid, :seq)
      AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
      AND (CAST(:aggregates AS text[]) IS NULL OR aggregate_type = ANY(CAST(:aggregates AS text[])))
    ORDER BY xid, seq LIMIT :limit
""")
_HORIZON = text("""
    SELECT pg_snapshot_xmin(now)::text::bigint AS horizon,
        pg_snapshot_xmax(now)::text::bigint AS newest
    FROM pg_current_snapshot() AS now
""")
WAIT_FOR_HORIZON_S = 0.5


@dataclass(frozen=True, slots=True)
class FeedCursor:
    """A place in the feed; the beginning is (0, 0)."""

    xid: int = 0
    seq: int = 0

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.xid}.{self.seq}".encode()).decode()

    @classmethod
    def parse(cls, value: str) -> "FeedCursor":
        """Raises BadRequest when the value was not made here."""
        try:
            xid, seq = base64.urlsafe_b64decode(value).decode().split(".")
            return cls(int(xid), int(seq))
        except ValueError:
            raise BadRequest("the cursor is not one of this feed") from None


async def internal_only(
    request: Request, authorization: Annotated[str | None, Header()] = None
) -> None:
    """Let only the other services in; where no token is configured, everyone on this network."""
    settings: ServiceSettings = request.app.state.settings
    if settings.internal_token is None:
        return
    wanted = f"Bearer {settings.internal_token.get_secret_value()}"
    if not secrets.compare_digest((authorization or "").encode(), wanted.encode()):
        raise Forbidden("internal feeds are for the services of this suite")


def feed_router(service_path: str) -> APIRouter:
    """`GET /{service}/internal/events`, not part of the public API."""
    router = APIRouter(
        prefix=f"/{service_path}/internal", route_class=ServiceRoute, include_in_schema=False
    )

    @router.get("/events", dependencies=[Depends(internal_only)])
    async def list_said_events(
        session: Session,
        cursor: str | None = None,
        aggregates: str | None = None,
        limit: Annotated[int, Query(ge=1)] = LARGEST_PAGE,
    ) -> dict[str, Any]:
        """`horizon`: the page is complete below this transaction; `newest`: none has this id yet."""
        horizon = (await session.execute(_HORIZON)).one()
        start = FeedCursor() if cursor is None else FeedCursor.parse(cursor)
        rows = (
            await session.execute(
                _PAGE,
                {
                    "xid": start.xid,
                    "seq": start.seq,
                    "aggregates": aggregates.split(",") if aggregates else None,
                    "limit": min(limit, LARGEST_PAGE),
                },
            )
        ).all()
        end = FeedCursor(rows[-1].xid, rows[-1].seq) if rows else start
        return {
            "events": [row.body for row in rows],
            "next_cursor": str(end),
            "has_more": len(rows) == min(limit, LARGEST_PAGE),
            "horizon": horizon.horizon,
            "newest": horizon.newest,
        }

    return router


class FeedClient:
    """Reads the feeds of the other services."""

    def __init__(
        self, settings: ServiceSettings, transports: dict[str, httpx.AsyncBaseTransport]
    ) -> None:
        """`transports`: for peers in the same process, how to reach them without a socket."""
        self._settings = settings
        self._transports = transports

    async def pages(
        self, service: str, aggregates: list[str] | None, start: FeedCursor
    ) -> AsyncIterator[tuple[list[bytes], FeedCursor]]:
        """Page through everything that `service` (its package name) had said when asked first.

        Waits for transactions that were open then: what they hide was perhaps sent long ago.
        Raises Unavailable when the service does not answer.
        """
        path = service.replace("_", "-")
        headers = {}
        if self._settings.internal_token is not None:
            headers["Authorization"] = f"Bearer {self._settings.internal_token.get_secret_value()}"
        base_url = self._settings.peers.get(path, f"http://{path}:8000")
        async with httpx.AsyncClient(
            base_url=base_url,
            headers=headers,
            timeout=30,
            transport=self._transports.get(service),
        ) as client:
            cursor, asked_at = start, None
            while True:
                params = {"cursor": str(cursor)}
                if aggregates is not None:
                    params["aggregates"] = ",".join(sorted(aggregates))
                try:
                    answer = await client.get(f"/{path}/internal/events", params=params)
                    answer.raise_for_status()
                except httpx.HTTPError as error:
                    raise Unavailable(f"the feed of {path} does not answer: {error}") from error
                page = answer.json()
                asked_at = asked_at or page["newest"]
                cursor = FeedCursor.parse(page["next_cursor"])
                yield [body.encode() for body in page["events"]], cursor
                if page["has_more"]:
                    continue
                if page["horizon"] >= asked_at:
                    return
                await asyncio.sleep(WAIT_FOR_HORIZON_S)


async def feed_horizon(database: Database) -> int:
    """The transaction id below which the feed is complete; it lags behind a long transaction."""
    async with database.reading() as session:
        horizon: int = (await session.execute(_HORIZON)).one().horizon
    return horizon
