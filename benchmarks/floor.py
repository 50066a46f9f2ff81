"""The floor under `benchmarks.requests`: leads by hand, with FastAPI and asyncpg and nothing else.

It leaves the same durable rows as the sales service: the record, its entry in the chained audit
trail, the event, the pending row. It has none of what a person would miss: no sign-in, no scope, no
duplicates, no scoring, no idempotency, no traces, no metrics, no limits.
"""

import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from common.ids import new_id

_COLUMNS = (
    "id", "number", "name", "kind", "company", "contact_name", "email", "phone", "city", "industry",
    "employee_count", "source", "need", "budget", "currency", "customer_id", "state", "score",
    "score_contributions", "rating", "priority", "opportunity_id", "converted_at", "owner_id",
    "department_id", "partner_id", "region_id", "version", "created_at", "updated_at",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM leads"
_INSERT = """
    INSERT INTO leads (id, number, name, kind, company, contact_name, email, phone, city, source,
        need, budget, currency, state, score, score_rules_version, score_contributions, rating,
        priority, priority_is_set, rank, department_id, version, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'CNY', 'new', 0, 1, '[]', 'cold',
        'low', false, 2100, $13, 1, $14, $14)
"""
_KEEP = """
    WITH said AS (
        INSERT INTO event_log
            (event_id, type, aggregate_type, aggregate_id, aggregate_version, part, body)
        VALUES ($1, $2, 'sales.lead', $3, $4, 0, $5)
        RETURNING seq, xid, recorded_at, part, aggregate_id
    ), pending AS (
        INSERT INTO outbox_pending (seq, xid, recorded_at, part, aggregate_id) SELECT * FROM said
    )
    INSERT INTO audit_entries (id, recorded_at, record_type, record_id, version, action, events,
        changes, previous_hash, hash)
    SELECT $1, now(), 'sales.lead', $3, $4, $6, ARRAY[$2], $7, before.hash,
        sha256(coalesce(before.hash, '') || $8)
    FROM (SELECT 1) AS one LEFT JOIN LATERAL (
        SELECT hash FROM audit_entries WHERE record_id = $3 AND record_type = 'sales.lead'
        ORDER BY version DESC LIMIT 1
    ) AS before ON true
"""
_OPPORTUNITY = """
    INSERT INTO opportunities (id, number, name, customer_id, currency, stage, stage_entered_on,
        probability, opened_on, version, created_at, updated_at)
    VALUES ($1, $2, $3, $4, 'CNY', 'qualification', current_date, 0.1, current_date, 1, $5, $5)
"""


class LeadIn(BaseModel):
    """What a client sends."""

    name: str
    source: str
    kind: str = "company"
    company: str | None = None
    contact_name: str | None = None
    email: str | None = None
    phone: str | None = None
    city: str | None = None
    need: str | None = None
    budget: Decimal | None = None
    department_id: UUID | None = None


class LeadOut(BaseModel):
    """What a client gets."""

    id: UUID
    number: str
    name: str
    kind: str
    company: str | None
    contact_name: str | None
    email: str | None
    phone: str | None
    city: str | None
    industry: str | None
    employee_count: int | None
    source: str
    need: str | None
    budget: Decimal | None
    currency: str
    customer_id: UUID | None
    state: str
    score: int
    score_contributions: list[dict[str, Any]]
    rating: str
    priority: str
    opportunity_id: UUID | None
    converted_at: datetime | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class Leads(BaseModel):
    """A page."""

    data: list[LeadOut]
    has_more: bool


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async def as_json(connection: asyncpg.Connection) -> None:
        await connection.set_type_codec(
            "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
        )

    async with asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=10, max_size=10, init=as_json
    ) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_lifespan)


@app.post("/leads", status_code=201)
async def capture(new: LeadIn, request: Request) -> LeadOut:
    lead_id, now = new_id(), datetime.now(UTC)
    number = f"F{lead_id.hex[-16:]}"
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            _INSERT, lead_id, number, new.name, new.kind, new.company, new.contact_name, new.email,
            new.phone, new.city, new.source, new.need, new.budget, new.department_id, now,
        )  # fmt: skip
        changes = {name: [None, value] for name, value in new.model_dump(mode="json").items()}
        await _keep(connection, lead_id, 1, "captured", "created", changes)
    return LeadOut(
        **new.model_dump(), id=lead_id, number=number, industry=None, employee_count=None,
        currency="CNY", customer_id=None, state="new", score=0, score_contributions=[],
        rating="cold", priority="low", opportunity_id=None, converted_at=None, owner_id=None,
        partner_id=None, region_id=None, version=1, created_at=now, updated_at=now,
    )  # fmt: skip


@app.get("/leads/{lead_id}")
async def get(lead_id: UUID, request: Request) -> LeadOut:
    row = await request.app.state.pool.fetchrow(f"{_SELECT} WHERE id = $1", lead_id)
    if row is None:
        raise HTTPException(404)
    return LeadOut(**row)


@app.get("/leads")
async def page(request: Request, state: str | None = None) -> Leads:
    where, values = ("WHERE state = $1", [state]) if state is not None else ("", [])
    rows = await request.app.state.pool.fetch(
        f"{_SELECT} {where} ORDER BY rank, id LIMIT 51", *values
    )
    return Leads(data=[LeadOut(**row) for row in rows[:50]], has_more=len(rows) > 50)


@app.patch("/leads/{lead_id}")
async def update(lead_id: UUID, changes: dict[str, str], request: Request) -> LeadOut:
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(f"{_SELECT} WHERE id = $1 FOR UPDATE", lead_id)
        if row is None:
            raise HTTPException(404)
        now, version = datetime.now(UTC), row["version"] + 1
        need = changes["need"]
        await connection.execute(
            "UPDATE leads SET need = $2, version = $3, updated_at = $4 WHERE id = $1",
            lead_id, need, version, now,
        )  # fmt: skip
        changed = {"need": [row["need"], need]}
        await _keep(connection, lead_id, version, "updated", "updated", changed)
    return LeadOut(**{**row, "need": need, "version": version, "updated_at": now})


@app.post("/leads/{lead_id}/convert")
async def convert(lead_id: UUID, to: dict[str, UUID], request: Request) -> LeadOut:
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(f"{_SELECT} WHERE id = $1 FOR UPDATE", lead_id)
        if row is None:
            raise HTTPException(404)
        now, version, opportunity_id = datetime.now(UTC), row["version"] + 1, new_id()
        became = {"state": "converted", "opportunity_id": opportunity_id, "converted_at": now,
                  "customer_id": to["customer_id"]}  # fmt: skip
        await connection.execute(
            _OPPORTUNITY, opportunity_id, f"F{opportunity_id.hex[-16:]}", row["name"],
            to["customer_id"], now,
        )  # fmt: skip
        await connection.execute(
            "UPDATE leads SET state = $2, opportunity_id = $3, converted_at = $4, customer_id = $5,"
            " version = $6, updated_at = $4 WHERE id = $1",
            lead_id, *became.values(), version,
        )  # fmt: skip
        opened = {"name": [None, row["name"]], "customer_id": [None, str(to["customer_id"])]}
        await _keep(connection, opportunity_id, 1, "opened", "created", opened)
        changed = {name: [str(row[name]), str(value)] for name, value in became.items()}
        await _keep(connection, lead_id, version, "converted", "updated", changed)
    return LeadOut(**{**row, **became, "version": version, "updated_at": now})


async def _keep(
    connection: asyncpg.Connection,
    record_id: UUID,
    version: int,
    event: str,
    action: str,
    changes: dict[str, Any],
) -> None:
    body = json.dumps(
        {"id": str(record_id), "type": event, "version": version, "data": changes}
    ).encode()
    await connection.execute(
        _KEEP, new_id(), f"sales.lead.{event}.v1", record_id, version, body, action, changes,
        hashlib.sha256(body).digest(),
    )  # fmt: skip
