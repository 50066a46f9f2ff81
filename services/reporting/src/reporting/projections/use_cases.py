"""Folding events into projections: set-based, one read and one write a table and batch."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol, cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncSession

from common.ids import stable_hash
from common.messaging.envelope import Envelope
from reporting.db import Base
from reporting.projections.model import Opportunity, WonLine, won_product_rollup, won_rollup
from reporting.projections.rollups import DEAL_KEYS, FIGURES, PRODUCT_KEYS, Movement
from reporting.recordsets import Row, read, upsert_into, write

REBUILD_LOCK = stable_hash(b"reporting projections") - 2**63
"""Shared by those who apply events, held alone by who rebuilds."""

_SHARE = text("SELECT pg_advisory_xact_lock_shared(:lock)")
_SHARED = "reporting_projections_shared"

_OPPORTUNITIES = cast(Table, Opportunity.__table__)
_WON_LINES = cast(Table, WonLine.__table__)
_KEEP_LINES = upsert_into(_WON_LINES, ("opportunity_id", "line_no"))
_MOVE_DEALS = upsert_into(won_rollup, DEAL_KEYS, frozenset(FIGURES))
_MOVE_PRODUCTS = upsert_into(won_product_rollup, PRODUCT_KEYS, frozenset(FIGURES))


class Change(Protocol):
    """An event that changes the row of its aggregate."""

    @property
    def subject(self) -> UUID:
        """The aggregate's id, which is the row's."""

    @property
    def envelope(self) -> Envelope:
        """What the event came with."""

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""


class LineTold(Protocol):
    """A line of a won deal."""

    @property
    def product_id(self) -> UUID | None:
        """What was sold, if it is known."""

    @property
    def amount(self) -> Decimal:
        """What for."""


class DealChange(Change, Protocol):
    """An event about a deal."""

    @property
    def lines_told(self) -> Sequence[LineTold] | None:
        """The lines of the deal, where the event tells them."""


async def project(session: AsyncSession, projection: type[Base], changes: Sequence[Change]) -> None:
    """Fold events into the rows of a projection."""
    await _share_projections(session)
    table = cast(Table, projection.__table__)
    _, rows = await _fold(session, table, changes)
    await write(session, upsert_into(table, ("id",)), rows.values())


async def project_deals(session: AsyncSession, changes: Sequence[DealChange]) -> None:
    """Fold events into the deals and their lines, and move the rollups by the difference."""
    await _share_projections(session)
    before, after = await _fold(session, _OPPORTUNITIES, changes)
    told = {
        change.subject: _lines(change.subject, change.lines_told)
        for change in changes
        if change.lines_told is not None
    }
    known = await _lines_of(
        session, [row["id"] for row in before.values() if row["state"] == "won"]
    )
    movement = Movement()
    for deal_id, deal in after.items():
        if deal_id in before:
            movement.take_out(before[deal_id], known[deal_id])
        movement.put_in(deal, told.get(deal_id, known[deal_id]))
    await write(session, upsert_into(_OPPORTUNITIES, ("id",)), after.values())
    await write(session, _KEEP_LINES, [line for lines in told.values() for line in lines])
    # Deals of any lane meet in the rollups: written last, they are locked for the shortest time.
    await write(session, _MOVE_DEALS, movement.deal_rows)
    await write(session, _MOVE_PRODUCTS, movement.product_rows)


async def _share_projections(session: AsyncSession) -> None:
    """Wait while somebody rebuilds; and keep a rebuild waiting until this transaction ends."""
    held = session.info
    if _SHARED not in held:
        await session.execute(_SHARE, {"lock": REBUILD_LOCK})
        held[_SHARED] = True


async def _fold(
    session: AsyncSession, table: Table, changes: Sequence[Change]
) -> tuple[dict[UUID, Row], dict[UUID, Row]]:
    """The rows of the changed aggregates, as they were where they were there, and as they are."""
    # The first event of an aggregate finds no row: what is new costs no look.
    begun = {change.subject for change in changes if change.envelope.aggregateversion == 1}
    known = {change.subject for change in changes} - begun
    before = {row["id"]: row for row in await read(session, table, known)}
    after = {row_id: dict(row) for row_id, row in before.items()}
    for change in changes:
        row = after.get(change.subject)
        if row is None:
            row = after[change.subject] = _empty(table, change.subject)
        change.fold(row)
    return before, after


def _empty(table: Table, row_id: UUID) -> Row:
    row: Row = {column.name: getattr(column.default, "arg", None) for column in table.columns}
    row["id"] = row_id
    return row


def _lines(deal_id: UUID, lines: Sequence[LineTold] | None) -> list[Row]:
    return [
        {
            "opportunity_id": deal_id,
            "line_no": line_no,
            "product_id": line.product_id,
            "amount": line.amount,
        }
        for line_no, line in enumerate(lines or (), start=1)
    ]


async def _lines_of(session: AsyncSession, deal_ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
    lines: dict[UUID, list[Row]] = defaultdict(list)
    for line in await read(session, _WON_LINES, deal_ids, key="opportunity_id"):
        lines[line["opportunity_id"]].append(line)
    return lines
