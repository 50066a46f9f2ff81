"""Looking whether the trail is whole; what it can find is in the package's docstring."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.aggregate import Aggregate
from common.audit.beside import WITHOUT_EVENTS
from common.audit.schema import CONTENT
from common.db import Database

_PAGE = 2000
_FIRST_ACTIONS = ("created", "adopted")
Key = tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a record's entries, and the version at which it shows."""

    record_type: str | None
    record_id: UUID
    version: int | None
    fault: str


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a record: kept elsewhere, it proves its past later."""

    record_type: str
    record_id: UUID
    version: int
    hash: str


@dataclass(slots=True)
class Findings:
    """What was looked at, and what is wrong."""

    entries: int
    records: int
    faults: list[Fault]

    def as_json(self) -> dict[str, Any]:
        """For printing."""
        return asdict(self)


_ENTRIES = text(f"""
    SELECT e.record_type, e.record_id, e.version, e.action, e.previous_hash, e.hash,
        {CONTENT} AS content
    FROM audit_entries e
    WHERE (e.record_id, e.record_type, e.version) > (:record_id, :record_type, :version)
        AND (CAST(:only AS uuid) IS NULL OR e.record_id = :only)
    ORDER BY e.record_id, e.record_type, e.version LIMIT {_PAGE}
""")  # noqa: S608 - constants
_HEADS = text("""
    SELECT DISTINCT ON (record_id, record_type) record_type, record_id, version,
        encode(hash, 'hex') AS hash
    FROM audit_entries ORDER BY record_id, record_type, version DESC
""")


def records_of(package: str) -> list[str]:
    """The tables of the records of a service, by the name of its package, when it is loaded."""
    return sorted(
        table.name
        for found in _all_below(Aggregate)
        if found.__module__.startswith(f"{package}.")
        and (table := getattr(found, "__table__", None)) is not None
    )


def _all_below(kind: type[Any]) -> Iterable[type[Any]]:
    for below in kind.__subclasses__():
        yield below
        yield from _all_below(below)


async def verify(
    database: Database,
    tables: Iterable[str],
    *,
    record_id: UUID | None = None,
    kept: Iterable[Head] = (),
) -> Findings:
    """Check every chain, or that of one record, against itself, `tables` and what was `kept`."""
    findings = Findings(0, 0, [])
    wanted = {(head.record_type, head.record_id, head.version): head for head in kept}
    async with database.transaction() as session:
        # All of it as of one moment, while others write.
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        before: Any = None
        async for entry in _entries(session, record_id):
            findings.entries += 1
            follows = before is not None and _key(before) == _key(entry)
            findings.records += not follows
            fault = _fault_of(entry, before if follows else None)
            head = wanted.pop((entry.record_type, entry.record_id, entry.version), None)
            if fault is None and head is not None and head.hash != entry.hash.hex():
                fault = "is another than the one kept elsewhere"
            if fault is not None:
                findings.faults.append(
                    Fault(entry.record_type, entry.record_id, entry.version, fault)
                )
            before = entry
        findings.faults += [
            Fault(head.record_type, head.record_id, head.version, "kept elsewhere, missing here")
            for head in wanted.values()
            if record_id in (None, head.record_id)
        ]
        findings.faults += await _ends(session, tables, record_id)
    return findings


async def heads(database: Database) -> list[Head]:
    """The newest entry of every record."""
    async with database.reading() as session:
        rows = (await session.execute(_HEADS)).mappings()
        return [Head(**row) for row in rows]


def head_of(values: Mapping[str, Any]) -> Head:
    """A head as `heads` gave it, after its way through JSON; raises KeyError and ValueError."""
    return Head(
        values["record_type"], UUID(values["record_id"]), int(values["version"]), values["hash"]
    )


async def _entries(session: AsyncSession, only: UUID | None) -> AsyncIterator[Any]:
    place: dict[str, Any] = {"record_id": only or UUID(int=0), "record_type": "", "version": -1}
    while True:
        rows = (await session.execute(_ENTRIES, place | {"only": only})).all()
        for row in rows:
            yield row
        if len(rows) < _PAGE:
            return
        last = rows[-1]
        place = {
            "record_id": last.record_id,
            "record_type": last.record_type,
            "version": last.version,
        }


def _key(entry: Any) -> Key:
    return entry.record_type, entry.record_id


def _fault_of(entry: Any, before: Any) -> str | None:
    content = (entry.previous_hash or b"") + entry.content.encode()
    if sha256(content).digest() != entry.hash:
        return "was altered: its content does not give its hash"
    if before is None:
        is_first = entry.action in _FIRST_ACTIONS or entry.record_type in WITHOUT_EVENTS
        if entry.previous_hash is not None or not is_first:
            return "is not a first entry: what came before it is missing"
    elif entry.previous_hash != before.hash:
        return (
            f"does not follow from version {before.version}: one of the two was altered, or"
            " something between them removed or inserted"
        )
    return None


async def _ends(session: AsyncSession, tables: Iterable[str], only: UUID | None) -> list[Fault]:
    """Records that stand at another version than their newest entry."""
    known = " UNION ALL ".join(
        f'SELECT CAST(NULL AS text), id, version FROM "{table}"'  # noqa: S608 - our own
        " WHERE CAST(:only AS uuid) IS NULL OR id = :only"
        for table in tables
    )
    said = """
        SELECT aggregate_type AS record_type, aggregate_id AS id, max(aggregate_version) AS version
        FROM event_log WHERE CAST(:only AS uuid) IS NULL OR aggregate_id = :only
        GROUP BY aggregate_type, aggregate_id
    """
    statement = f"""
        WITH known AS ({" UNION ALL ".join(filter(None, (said, known)))}),
        reached AS (
            SELECT id, max(record_type) AS record_type, max(version) AS version FROM known
            GROUP BY id
        ),
        newest AS (
            SELECT record_id AS id, max(record_type) AS record_type, max(version) AS version
            FROM audit_entries
            WHERE (CAST(:only AS uuid) IS NULL OR record_id = :only)
                AND record_type <> ALL(CAST(:without_events AS text[]))
            GROUP BY record_id
        )
        SELECT id, coalesce(newest.record_type, reached.record_type) AS record_type,
            reached.version AS reached, newest.version AS newest
        FROM reached FULL JOIN newest USING (id)
        WHERE reached.version IS DISTINCT FROM newest.version ORDER BY id
    """  # noqa: S608 - names of our own tables
    asked = {"only": only, "without_events": list(WITHOUT_EVENTS)}
    rows = (await session.execute(text(statement), asked)).all()
    return [Fault(row.record_type, row.id, row.newest, _end(row)) for row in rows]


def _end(row: Any) -> str:
    if row.newest is None:
        return f"there is no entry; the record is at version {row.reached}"
    if row.reached is None:
        return "there is no such record"
    if row.newest < row.reached:
        return f"the last entry; the record is at version {row.reached}: what came after is missing"
    return f"the last entry; the record is at version {row.reached} only"
