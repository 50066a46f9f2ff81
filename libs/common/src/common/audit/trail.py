"""What a transaction changes, noted flush by flush, and the entries that become of it.

A field's values are the attribute's: `{"name": ["before", "after"]}`. Lines that a record owns (a
collection with `delete-orphan`) stand under the collection's name: the lines that went or were
otherwise before, and those that came or are otherwise now. The members of a column of members
(`EACH_MEMBER`) are fields, as `custom.tax_class`. Other rows beside a record, as the steps of its
history, are only ever added and tell themselves.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import ColumnElement, inspect, select
from sqlalchemy.orm import LoaderCallableStatus, Mapper, Session
from sqlalchemy.orm.interfaces import RelationshipDirection
from sqlalchemy.orm.state import InstanceState

from common.aggregate import Aggregate, ChangedInSilence
from common.context import Context
from common.ids import new_id

ONLY_THAT_IT_CHANGED: dict[Any, Any] = {"audit": "changed"}
"""`mapped_column(info=ONLY_THAT_IT_CHANGED)`: the trail says that the field changed, not its values."""

EACH_MEMBER: dict[Any, Any] = {"audit": "members"}
"""`mapped_column(info=EACH_MEMBER)`: the members of the JSON object are fields of the record."""

DERIVED: dict[Any, Any] = {"audit": "derived"}
"""`mapped_column(info=DERIVED)`: the field follows from others that are in the trail, and is not."""

NOT_KEPT = [None, None]
"""The change of a field whose values are not kept; no other change has nothing on both sides."""

_AS_IT_IS = frozenset({str, bool, int, float})
_BOOKKEEPING = frozenset({"id", "version", "created_at", "updated_at"})


@dataclass(frozen=True, slots=True)
class _Owned:
    """Where lines belong: the collection of their record, and their field that names the record."""

    collection: str
    owner_field: str


@dataclass(slots=True)
class _Line:
    """What one flush wrote of an owned line; None where there was or is none."""

    collection: str
    key: tuple[Any, ...]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(slots=True)
class Noted:
    """What one flush wrote of one record: the fields that are otherwise now, before and after."""

    record_id: UUID
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    born: bool = False
    gone: bool = False
    hidden: Set[str] = frozenset()
    lines: list[_Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Said:
    """An event of a record, and the work in which it was said."""

    record_type: str
    record_id: UUID
    version: int
    event: str
    here: Context


def noted_in(session: Session) -> list[Noted]:
    """What the flush that has just written changed; to be called before the session forgets it."""
    noted: list[Noted] = []
    for thing in filter(_is_audited, session.new):
        noted += _note(thing, {}, _values_of(thing))
    for thing in filter(_is_audited, session.dirty):
        before = _before(thing)
        noted += _note(thing, before, _values_of(thing, before))
        noted += _orphans_of(thing)
    for thing in filter(_is_audited, session.deleted):
        noted += _note(thing, _values_of(thing) | _before(thing), None)
    return noted


def _note(thing: object, before: dict[str, Any], after: dict[str, Any] | None) -> list[Noted]:
    """`before` is empty for a new thing or for one without changes, `after` None for one deleted."""
    mapper = inspect(thing, raiseerr=True).mapper
    if isinstance(thing, Aggregate):
        born = not before and bool(after)
        hidden = _hidden(mapper)
        for column in _columns_of_members(mapper):
            _split(column, before, after)
        return [Noted(thing.id, before, after or {}, born, after is None, hidden)]
    owned = _owned(mapper)
    if owned is None or not (before or after):
        return []
    values = _values_of(thing)
    line = _Line(
        owned.collection,
        tuple(mapper.primary_key_from_instance(thing)),
        _shown(mapper, owned, values | before) if before else None,
        None if after is None else _shown(mapper, owned, values),
    )
    owner_id = getattr(thing, owned.owner_field)
    return [Noted(owner_id, lines=[line])]


def _split(column: str, before: dict[str, Any], after: dict[str, Any] | None) -> None:
    """Put the members of a column in its place; one that is on one side only is None on the other."""
    was, is_now = before.pop(column, None) or {}, (after or {}).pop(column, None) or {}
    for member in was.keys() | is_now.keys():
        before[f"{column}.{member}"] = was.get(member)
        if after is not None:
            after[f"{column}.{member}"] = is_now.get(member)


def _orphans_of(thing: object) -> list[Noted]:
    """Lines that were taken out of their collection, which the session deletes without a word."""
    state: InstanceState[Any] = inspect(thing, raiseerr=True)
    noted: list[Noted] = []
    for collection in _collections(state.mapper):
        for line in state.attrs[collection].history.deleted or ():
            noted += _note(line, _values_of(line) | _before(line), None)
    return noted


def _shown(mapper: Mapper[Any], owned: _Owned, values: dict[str, Any]) -> dict[str, Any]:
    """A line as it stands in an entry."""
    hidden = _hidden(mapper)
    return {
        name: value
        for name, value in values.items()
        if value is not None and name not in hidden and name != owned.owner_field
    }


def _values_of(thing: object, names: Collection[str] | None = None) -> dict[str, Any]:
    """The thing's columns as the trail writes them, without bookkeeping; all, or those named."""
    state: InstanceState[Any] = inspect(thing, raiseerr=True)
    columns = _columns(state.mapper)
    return {
        name: written(state.dict.get(name), columns[name])
        for name in (columns if names is None else names)
    }


def _before(thing: object) -> dict[str, Any]:
    """The columns that are otherwise now than the database had them, as it had them."""
    state: InstanceState[Any] = inspect(thing, raiseerr=True)
    columns = _columns(state.mapper)
    return {
        name: written(value, columns[name])
        for name, value in state.committed_state.items()
        if name in columns and value is not LoaderCallableStatus.NO_VALUE
    }


def load_what_is_not_known(session: Session) -> None:
    """Read the present values of fields that were set without having been read.

    One statement for such a record; there is none where records are loaded whole.
    """
    for thing in filter(_is_audited, session.dirty):
        state: InstanceState[Any] = inspect(thing, raiseerr=True)
        columns = _columns(state.mapper)
        unread = [
            name
            for name, value in state.committed_state.items()
            if value is LoaderCallableStatus.NO_VALUE and name in columns
        ]
        if not unread:
            continue
        there = session.execute(
            select(*(columns[name] for name in unread)).where(
                *(
                    column == value
                    for column, value in zip(
                        state.mapper.primary_key, state.identity or (), strict=True
                    )
                )
            )
        ).one()
        state.committed_state.update(zip(unread, there, strict=True))


def _is_audited(thing: object) -> bool:
    return isinstance(thing, Aggregate) or _owned(inspect(thing, raiseerr=True).mapper) is not None


@cache
def _columns(mapper: Mapper[Any]) -> Mapping[str, ColumnElement[Any]]:
    bookkeeping = _BOOKKEEPING if issubclass(mapper.class_, Aggregate) else frozenset()
    return {
        attribute.key: attribute.columns[0]
        for attribute in mapper.column_attrs
        if attribute.key not in bookkeeping
        and attribute.columns[0].info.get("audit") != DERIVED["audit"]
    }


@cache
def _hidden(mapper: Mapper[Any]) -> Set[str]:
    return frozenset(
        name
        for name, column in _columns(mapper).items()
        if column.info.get("audit") == ONLY_THAT_IT_CHANGED["audit"]
    )


@cache
def _columns_of_members(mapper: Mapper[Any]) -> Sequence[str]:
    return tuple(
        name
        for name, column in _columns(mapper).items()
        if column.info.get("audit") == EACH_MEMBER["audit"]
    )


@cache
def _collections(mapper: Mapper[Any]) -> Sequence[str]:
    """The collections of a record whose lines it owns."""
    if not issubclass(mapper.class_, Aggregate):
        return ()
    return tuple(
        relationship.key
        for relationship in mapper.relationships
        if relationship.direction is RelationshipDirection.ONETOMANY
        and relationship.cascade.delete_orphan
    )


@cache
def _owned(mapper: Mapper[Any]) -> _Owned | None:
    """The collection in which these are the lines of a record."""
    for owner in mapper.registry.mappers:
        for collection in _collections(owner):
            relationship = owner.relationships[collection]
            if relationship.mapper is mapper:
                (column,) = relationship.remote_side
                return _Owned(collection, mapper.get_property_by_column(column).key)
    return None


def written(value: Any, column: ColumnElement[Any]) -> Any:
    """A value as the trail has it: JSON, one spelling for what the database holds to be equal."""
    if isinstance(value, Decimal):
        scale = getattr(column.type, "scale", None)
        if scale is not None:
            value = value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP)
        return _plain(value)
    return _json(value)


def _json(value: Any) -> Any:
    if value is None or type(value) in _AS_IT_IS:
        return value
    match value:
        case str():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case UUID():
            return str(value)
        case Decimal():
            return _plain(value)
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.hex()
        case list() | tuple():
            return [_json(item) for item in value]
        case dict():
            return {str(name): _json(item) for name, item in value.items()}
    raise TypeError(f"the audit trail cannot write down a {type(value).__name__}")


def _plain(value: Decimal) -> str:
    digits = format(value, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


@dataclass(slots=True)
class _Record:
    """All that a transaction did to one record."""

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    born: bool = False
    gone: bool = False
    hidden: Set[str] = frozenset()
    lines: dict[tuple[str, tuple[Any, ...]], _Line] = field(default_factory=dict)

    def add(self, noted: Noted) -> None:
        """Put a later flush upon the earlier ones."""
        self.before = noted.before | self.before
        self.after |= noted.after
        self.born |= noted.born
        self.gone |= noted.gone
        self.hidden |= noted.hidden
        for line in noted.lines:
            earlier = self.lines.setdefault((line.collection, line.key), line)
            earlier.after = line.after

    def changes(self) -> dict[str, list[Any]]:
        """What is otherwise at the end than at the beginning."""
        after: dict[str, Any] = {} if self.gone else self.after
        changes: dict[str, list[Any]] = {}
        for name in self.before.keys() | after.keys():
            change = [self.before.get(name), after.get(name)]
            if change[0] != change[1]:
                changes[name] = NOT_KEPT if name in self.hidden else change
        for line in self.lines.values():
            if line.before != line.after:
                went, came = changes.setdefault(line.collection, [[], []])
                went += [] if line.before is None else [line.before]
                came += [] if line.after is None else [line.after]
        return changes

    def action(self, changes: Mapping[str, list[Any]]) -> str:
        """`created`, `updated`, `deleted` or `restored`."""
        if self.born:
            return "created"
        if self.gone or changes.get("deleted_at", NOT_KEPT)[1] is not None:
            return "deleted"
        return "restored" if "deleted_at" in changes else "updated"


def changes_in(noted: Iterable[Noted]) -> dict[UUID, dict[str, list[Any]]]:
    """What these flushes together made otherwise, by record: its fields, each before and after."""
    records: dict[UUID, _Record] = {}
    for each in noted:
        records.setdefault(each.record_id, _Record()).add(each)
    return {record_id: record.changes() for record_id, record in records.items()}


def values_now(record: Aggregate) -> dict[str, Any]:
    """The fields of a record as the trail writes them, custom fields as `custom.<key>`."""
    values = _values_of(record)
    for column in _columns_of_members(inspect(record, raiseerr=True).mapper):
        _split(column, {}, values)
    return values


def entries_of(said: Iterable[Said], noted: Iterable[Noted], *, now: datetime) -> bytes:
    """The entries of a transaction, as a JSON array: one a record that said an event.

    Where a record said several, the entry has the version after the last, and its causation. Raises
    ChangedInSilence when lines changed and their record said nothing.
    """
    records: dict[UUID, _Record] = {}
    for each in noted:
        records.setdefault(each.record_id, _Record()).add(each)
    spoke: dict[UUID, list[Said]] = {}
    for event in said:
        spoke.setdefault(event.record_id, []).append(event)
    for record_id, record in records.items():
        if record_id not in spoke and record.changes():
            raise ChangedInSilence(f"lines of {record_id} changed without an event: record() it")
    return to_json(
        [
            _entry(record_id, events, records.get(record_id, _Record()), now)
            for record_id, events in spoke.items()
        ]
    )


def _entry(
    record_id: UUID, events: Sequence[Said], record: _Record, now: datetime
) -> dict[str, Any]:
    last, changes = events[-1], record.changes()
    return {
        "id": new_id(),
        "recorded_at": now,
        "record_type": last.record_type,
        "record_id": record_id,
        "version": last.version,
        "action": record.action(changes),
        "events": [event.event for event in events],
        "actor_id": last.here.actor_id,
        "request_id": last.here.request_id,
        "correlation_id": last.here.correlation_id,
        "causation_id": last.here.causation_id,
        "changes": changes,
    }
