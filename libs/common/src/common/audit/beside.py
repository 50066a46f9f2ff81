"""Entries of the trail that no event of an aggregate writes: of saved views, and of refused looks.

They are chains like the others. `verify` does not hold their end against a record: that of a refused
look there is none, and a view is no aggregate whose version the event log would know.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.audit.schema import CONTENT
from common.context import Context
from common.ids import new_id, stable_hash

REFUSED_LOOK = "access.refused_look"
"""The record type of entries that tell who looked for a record that is not theirs to see."""
VIEW = "views.view"
"""The record type of the entries of saved views."""
WITHOUT_EVENTS = (REFUSED_LOOK, VIEW)

_TURN = text("SELECT pg_advisory_xact_lock(:lock)")
_WRITE = text(f"""
    INSERT INTO audit_entries
    SELECT e.*, before.hash,
        sha256(coalesce(before.hash, '') || convert_to({CONTENT}, 'UTF8'))
    FROM (SELECT 1) AS one
    LEFT JOIN LATERAL (
        SELECT hash, version FROM audit_entries
        WHERE record_id = :record_id AND record_type = :record_type
        ORDER BY version DESC LIMIT 1
    ) AS before ON true
    CROSS JOIN LATERAL (
        SELECT CAST(:id AS uuid) AS id, CAST(:recorded_at AS timestamptz) AS recorded_at,
            CAST(:record_type AS text) AS record_type, CAST(:record_id AS uuid) AS record_id,
            coalesce(before.version, 0) + 1 AS version, CAST(:action AS text) AS action,
            CAST('{{}}' AS text[]) AS events, CAST(:actor_id AS text) AS actor_id,
            CAST(:request_id AS text) AS request_id,
            CAST(:correlation_id AS text) AS correlation_id, CAST(NULL AS text) AS causation_id,
            CAST(:changes AS jsonb) AS changes
    ) AS e
""")  # noqa: S608 - a constant


async def write_entry(
    session: AsyncSession,
    *,
    record_type: str,
    record_id: UUID,
    action: str,
    changes: Mapping[str, Any],
    here: Context,
    now: datetime,
) -> None:
    """Put the next entry of this chain into the trail, with the transaction of the session.

    `changes` has the values before and after of each field, as JSON has them.
    """
    lock = stable_hash(f"fairway audit\0{record_type}\0{record_id}".encode()) - 2**63
    await session.execute(_TURN, {"lock": lock})
    await session.execute(
        _WRITE,
        {
            "id": new_id(),
            "recorded_at": now,
            "record_type": record_type,
            "record_id": record_id,
            "action": action,
            "actor_id": here.actor_id,
            "request_id": here.request_id,
            "correlation_id": here.correlation_id,
            "changes": json.dumps(changes, default=str, ensure_ascii=False),
        },
    )
