"""Saying an event: in the transaction of the change it tells, or not at all.

`record` is the only way. The rows leave in one statement when the transaction commits, together
with the entries of the audit trail and the idempotency key of the request where it has one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, UpdateBase, inspect, text
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

from common import clock, context
from common.aggregate import AGGREGATE, Aggregate, ChangedInSilence
from common.audit import trail
from common.audit.schema import CONTENT
from common.crash_points import crash_point
from common.events import Event
from common.ids import new_id, stable_hash
from common.messaging.envelope import aggregate_type_of, encode

PARTS = 16
"""Partitions of the outbox that relays share among them. Stable: it is stored with each event."""

_BOOKKEEPING = "fairway_bookkeeping"


@dataclass(slots=True)
class IdempotentAnswer:
    """The answer of a request, kept under its key for the request's repetition."""

    principal: str
    key: str
    fingerprint: bytes
    status: int
    headers: str
    body: bytes


@dataclass(slots=True)
class _Row:
    event_id: UUID
    type: str
    aggregate_type: str
    aggregate_id: UUID
    version: int
    part: int
    body: bytes
    here: context.Context


@dataclass(slots=True)
class _Bookkeeping:
    rows: list[_Row] = field(default_factory=list)
    noted: list[trail.Noted] = field(default_factory=list)
    answer: IdempotentAnswer | None = None
    asked: dict[str, Callable[[Session, Any], None]] = field(default_factory=dict)
    marks: dict[SessionTransaction, tuple[int, int]] = field(default_factory=dict)


class UnitOfWork(Session):
    """The session of one transaction, with what must be written beside the change."""


def record(session: AsyncSession, aggregate: Aggregate, *events: Event) -> None:
    """Say `events` about `aggregate`, in this order, if and when the transaction commits.

    Each raises the aggregate's version by one; the version is the optimistic lock, the ETag and
    the order in which consumers apply the events.
    Raises EventTooLarge above 64 KiB.
    """
    here = context.current()
    now = clock.utc_now()
    bookkeeping = _bookkeeping_of(session.sync_session)
    if aggregate.version == 0 and aggregate.created_at is None:
        aggregate.created_at = now
    aggregate.updated_at = now
    for event in events:
        aggregate.version += 1
        event_id = new_id()
        body = encode(
            event,
            event_id=event_id,
            source=f"/fairway/{event.type.split('.', 1)[0].replace('_', '-')}",
            subject=aggregate.id,
            version=aggregate.version,
            time=now,
            correlation_id=here.correlation_id,
            causation_id=here.causation_id,
            traceparent=here.traceparent,
            actor_id=here.actor_id,
        )
        bookkeeping.rows.append(
            _Row(
                event_id,
                event.type,
                aggregate_type_of(event.type),
                aggregate.id,
                aggregate.version,
                part_of(aggregate.id),
                body,
                here,
            )
        )


def changes_so_far(session: AsyncSession) -> dict[UUID, dict[str, list[Any]]]:
    """What the flushed part of the transaction changes, by record: fields before and after."""
    return trail.changes_in(_bookkeeping_of(session.sync_session).noted)


def keep_answer(session: AsyncSession, answer: IdempotentAnswer) -> None:
    """Keep the request's answer in the same transaction as its effect."""
    _bookkeeping_of(session.sync_session).answer = answer


def ask_with_commit(
    session: AsyncSession, question: str, answered: Callable[[Session, Any], None]
) -> None:
    """Have the statement that keeps the events answer a question, and `answered` called with it.

    `question` is an expression of SQL, written in code. What `answered` raises undoes the
    transaction. A transaction that says nothing is not asked.
    """
    _bookkeeping_of(session.sync_session).asked[question] = answered


def part_of(aggregate_id: UUID) -> int:
    """The outbox partition of an aggregate; the same in every release, so a stored contract."""
    return stable_hash(aggregate_id.bytes) % PARTS


def _bookkeeping_of(session: Session) -> _Bookkeeping:
    found: _Bookkeeping = session.info.setdefault(_BOOKKEEPING, _Bookkeeping())
    return found


_WRITE_EVENTS = """
    said AS (
        INSERT INTO event_log
            (event_id, type, aggregate_type, aggregate_id, aggregate_version, part, body)
        SELECT * FROM unnest(
            CAST(:event_ids AS uuid[]), CAST(:types AS text[]), CAST(:aggregate_types AS text[]),
            CAST(:aggregate_ids AS uuid[]), CAST(:versions AS integer[]),
            CAST(:parts AS smallint[]), CAST(:bodies AS bytea[]))
        RETURNING seq, xid, recorded_at, part, aggregate_id
    ),
    pending AS (
        INSERT INTO outbox_pending (seq, xid, recorded_at, part, aggregate_id)
        SELECT seq, xid, recorded_at, part, aggregate_id FROM said
    )"""
# The lock that a record's UPDATE has taken keeps others from its chain until this commits.
_AUDIT = f"""
    audited AS (
        INSERT INTO audit_entries
        SELECT e.*, before.hash,
            sha256(coalesce(before.hash, '') || convert_to({CONTENT}, 'UTF8'))
        FROM jsonb_to_recordset(convert_from(CAST(:entries AS bytea), 'UTF8')::jsonb) AS e (
            id uuid, recorded_at timestamptz, record_type text, record_id uuid, version integer,
            action text, events text[], actor_id text, request_id text, correlation_id text,
            causation_id text, changes jsonb)
        LEFT JOIN LATERAL (
            SELECT hash FROM audit_entries
            WHERE record_id = e.record_id AND record_type = e.record_type
            ORDER BY version DESC LIMIT 1
        ) AS before ON true
    )"""  # noqa: S608 - a constant
_KEEP_ANSWER = """
    answered AS (
        INSERT INTO idempotency_keys (principal, key, fingerprint, status, headers, body)
        VALUES (:principal, :key, CAST(:fingerprint AS bytea), :status, CAST(:headers AS jsonb),
            CAST(:body AS bytea))
    )"""


@cache
def _prepared(says: bool, answers: bool, *questions: str) -> TextClause:
    parts = [*([_WRITE_EVENTS, _AUDIT] if says else ()), *([_KEEP_ANSWER] if answers else ())]
    return text(f"WITH {', '.join(parts)} SELECT {', '.join(questions) or '1'}")


@sqlalchemy_event.listens_for(UnitOfWork, "before_commit")
def _write_bookkeeping(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()
    bookkeeping = _bookkeeping_of(session)
    rows, answer = bookkeeping.rows, bookkeeping.answer
    entries = trail.entries_of(
        (
            trail.Said(row.aggregate_type, row.aggregate_id, row.version, row.type, row.here)
            for row in rows
        ),
        bookkeeping.noted,
        now=clock.utc_now(),
    )
    if not rows and answer is None:
        return
    values: dict[str, object] = {}
    if rows:
        values.update(
            event_ids=[row.event_id for row in rows],
            types=[row.type for row in rows],
            aggregate_types=[row.aggregate_type for row in rows],
            aggregate_ids=[row.aggregate_id for row in rows],
            versions=[row.version for row in rows],
            parts=[row.part for row in rows],
            bodies=[row.body for row in rows],
            entries=entries,
        )
    if answer is not None:
        values.update(
            principal=answer.principal,
            key=answer.key,
            fingerprint=answer.fingerprint,
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
        )
    asked = bookkeeping.asked if rows else {}
    said = session.execute(_prepared(bool(rows), answer is not None, *asked), values).one()
    for answered, fact in zip(asked.values(), said, strict=False):
        answered(session, fact)
    bookkeeping.rows, bookkeeping.noted, bookkeeping.answer = [], [], None
    bookkeeping.asked = {}
    session.info["fairway_said"] = len(rows)
    crash_point("before_commit")


@sqlalchemy_event.listens_for(UnitOfWork, "after_commit")
def _nudge_relay(session: Session) -> None:
    if session.info.pop("fairway_said", 0):
        crash_point("after_commit")
        session.info["fairway_on_said"]()


@sqlalchemy_event.listens_for(UnitOfWork, "after_transaction_create")
def _mark(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        bookkeeping = _bookkeeping_of(session)
        bookkeeping.marks[transaction] = len(bookkeeping.rows), len(bookkeeping.noted)


@sqlalchemy_event.listens_for(UnitOfWork, "after_soft_rollback")
def _forget_what_was_rolled_back(session: Session, previous: SessionTransaction) -> None:
    bookkeeping = _bookkeeping_of(session)
    undone = previous
    # A flush that fails is a transaction within; it takes back the savepoint around it, or all.
    while not undone.nested and undone.parent is not None:
        undone = undone.parent
    if undone.nested:
        rows, noted = bookkeeping.marks[undone]
        del bookkeeping.rows[rows:], bookkeeping.noted[noted:]
    else:
        bookkeeping.rows, bookkeeping.noted, bookkeeping.answer = [], [], None
        bookkeeping.asked = {}


@sqlalchemy_event.listens_for(UnitOfWork, "after_transaction_end")
def _unmark(session: Session, transaction: SessionTransaction) -> None:
    # Not earlier: a savepoint ends before its rollback is told.
    if transaction.parent is None:
        _bookkeeping_of(session).marks.clear()


@sqlalchemy_event.listens_for(UnitOfWork, "before_flush")
def _nothing_changes_in_silence(session: Session, *_: object) -> None:
    for thing in session.new:
        if isinstance(thing, Aggregate) and thing.version == 0:
            raise ChangedInSilence(f"a new {type(thing).__name__} without an event: record() it")
    for thing in session.dirty:
        if (
            isinstance(thing, Aggregate)
            and session.is_modified(thing, include_collections=False)
            and not inspect(thing).attrs.version.history.has_changes()
        ):
            raise ChangedInSilence(f"{type(thing).__name__} changed without an event: record() it")
    for thing in session.deleted:
        if isinstance(thing, Aggregate) and not inspect(thing).attrs.version.history.has_changes():
            raise ChangedInSilence(f"{type(thing).__name__} deleted without an event: record() it")
    trail.load_what_is_not_known(session)


@sqlalchemy_event.listens_for(UnitOfWork, "do_orm_execute")
def _nothing_changes_in_bulk(state: ORMExecuteState) -> None:
    if not isinstance(state.statement, UpdateBase):
        return
    mapper = state.bind_mapper
    table = state.statement.table if mapper is None else mapper.local_table
    if getattr(table, "info", {}).get(AGGREGATE):
        raise ChangedInSilence(f"a statement on {table}: change the aggregate and record() it")


@sqlalchemy_event.listens_for(UnitOfWork, "after_flush")
def _note_what_changed(session: Session, _: object) -> None:
    _bookkeeping_of(session).noted += trail.noted_in(session)
