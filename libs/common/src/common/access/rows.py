"""Which rows an actor sees: one predicate, put into every ORM statement of a request.

A mapped class with the four columns `owner_id`, `department_id`, `partner_id` and `region_id` is
scoped, whether it is a record of its own service or a copy. The session of a request carries the
rows of its actor, and every SELECT, UPDATE and DELETE of a scoped class in it, lists, counts,
subqueries and joins included, is narrowed to them: no query has to remember it. What is outside is
not found, so it cannot be told from what does not exist. A class without the four columns may say
`__seen_with__ = ("contract_id", "Contract")`: its rows are seen by who sees the one they name.
Statements of plain SQL are not narrowed; `rows_of` gives those who write one what they need.

Behind that stands the database with a wall of its own, for what a partner's account asks, plain SQL
included: its transactions run as a role that sees the rows of one partner (`common.access.schema`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ClauseElement,
    ColumnElement,
    Connection,
    Executable,
    Uuid,
    any_,
    bindparam,
    event,
    false,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import (
    Mapper,
    ORMExecuteState,
    Session,
    SessionTransaction,
    with_loader_criteria,
)
from sqlalchemy.orm.util import AliasedInsp
from sqlalchemy.sql import visitors

from common.access.schema import ALL_ROWS_ROLE, PARTNER_ROLE, PARTNER_SETTING
from common.errors import Forbidden

_ROWS = "fairway_rows"
_WALLED = "fairway_was_walled"
_IN_FORCE = "fairway_wall_in_force"
_UNKNOWN = object()
SAYS_ALL_ROWS = "fairway_says_all_rows"
"""In a session's `info`: its connections see nothing until a transaction says what."""
_COLUMNS = ("owner_id", "department_id", "partner_id", "region_id")


class OutsideOwnScope(Forbidden):
    """The record would belong to somebody whose records you may not see."""

    code = "outside_own_scope"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of an actor: those that fit one of the four, behind the wall of its partner.

    `wall` is the partner whose rows a partner's account never leaves, whatever its roles say;
    `home` is where the account's own new records go by default.
    """

    owner_id: UUID | None = None
    department_ids: frozenset[UUID] = frozenset()
    region_ids: frozenset[UUID] = frozenset()
    wall: UUID | None = None
    home: Mapping[str, UUID] = field(default_factory=dict, hash=False, compare=False)

    def predicate(self, of: Any) -> ColumnElement[bool]:
        """The condition on `of`, a mapped class, an alias of one, or the columns of a table."""
        if self.wall is not None:
            condition: ColumnElement[bool] = of.partner_id == self.wall
            return condition
        fits: list[ColumnElement[bool]] = []
        if self.owner_id is not None:
            fits.append(of.owner_id == self.owner_id)
        if self.department_ids:
            fits.append(of.department_id == _any_of(self.department_ids))
        if self.region_ids:
            fits.append(of.region_id == _any_of(self.region_ids))
        return or_(*fits) if fits else false()

    def hold(self, values: Mapping[str, Any]) -> bool:
        """Whether a record with these of the four values is among the rows."""
        if self.wall is not None:
            return values.get("partner_id") == self.wall
        return (
            (self.owner_id is not None and values.get("owner_id") == self.owner_id)
            or values.get("department_id") in self.department_ids
            or values.get("region_id") in self.region_ids
        )

    def settle(self, values: dict[str, Any]) -> None:
        """Give a new record, as far as it belongs to nobody yet, to whom the actor is."""
        if not self.hold(values):
            for name, own in self.home.items():
                if values.get(name) is None:
                    values[name] = own


def _any_of(ids: frozenset[UUID]) -> ColumnElement[Any]:
    # One parameter however many there are, so that the statement stays the same.
    return any_(bindparam(None, sorted(ids), type_=ARRAY(Uuid)))


def narrow(session: AsyncSession, rows: Rows | None) -> None:
    """Let the session see only these rows; None is all of them."""
    info = session.sync_session.info
    info[_ROWS] = rows
    if rows is not None and rows.wall is not None:
        info[_WALLED] = True


def rows_of(session: AsyncSession) -> Rows | None:
    """The rows the session is narrowed to; None is all of them."""
    rows: Rows | None = session.sync_session.info.get(_ROWS)
    return rows


@contextmanager
def all_rows(session: AsyncSession) -> Iterator[None]:
    """See everybody's rows inside the block: for rules that hold whoever asks."""
    info = session.sync_session.info
    rows = info.get(_ROWS)
    info[_ROWS] = None
    try:
        yield
    finally:
        info[_ROWS] = rows


def was_walled(session: Session) -> bool:
    """Whether the session has ever been behind the wall of a partner."""
    return bool(session.info.get(_WALLED))


def wall_of(session: Session) -> UUID | None:
    """The partner whose rows the session never leaves; None is no wall."""
    rows: Rows | None = session.info.get(_ROWS)
    return None if rows is None else rows.wall


def watch(session_class: type[Session]) -> type[Session]:
    """Have the sessions of this class obey `narrow`; for a class decorator."""
    event.listen(session_class, "after_begin", _begin_behind_wall)
    event.listen(session_class, "after_soft_rollback", _forget_what_is_in_force)
    event.listen(session_class, "after_transaction_end", _end)
    event.listen(session_class, "do_orm_execute", _keep_behind_wall)
    event.listen(session_class, "do_orm_execute", _narrow_statement)
    event.listen(session_class, "before_flush", _check_new)
    return session_class


def wall_statement(partner_id: UUID | None) -> str:
    """Puts the wall of the database around what follows in this transaction; None takes it away.

    One statement without parameters, so that it can travel with the BEGIN.
    """
    if partner_id is None:
        return f"SELECT set_config('role', '{ALL_ROWS_ROLE}', true)"
    return (
        f"SELECT set_config('role', '{PARTNER_ROLE}', true),"
        f" set_config('{PARTNER_SETTING}', '{UUID(str(partner_id))}', true)"
    )


def _begin_behind_wall(
    session: Session, transaction: SessionTransaction, connection: Connection
) -> None:
    if transaction.nested:
        return
    wall = session.info[_IN_FORCE] = wall_of(session)
    if wall is not None or session.info.get(SAYS_ALL_ROWS):
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            raise AssertionError("without a transaction there is no wall around it")
        driver: Any = connection.connection.driver_connection
        driver.begin_with = wall_statement(wall)


def _keep_behind_wall(state: ORMExecuteState) -> None:
    _put_in_force(state.session)


def _put_in_force(session: Session) -> None:
    """Have the database see what the session sees now, where that changed in the transaction."""
    if _IN_FORCE not in session.info:
        # Nothing was sent yet: it goes with the BEGIN.
        return
    wall = wall_of(session)
    if session.info[_IN_FORCE] != wall:
        session.connection().exec_driver_sql(wall_statement(wall))
        session.info[_IN_FORCE] = wall


def _forget_what_is_in_force(session: Session, _: SessionTransaction) -> None:
    # With a savepoint goes what was set in it.
    if _IN_FORCE in session.info and session.info.get(_WALLED):
        session.info[_IN_FORCE] = _UNKNOWN


def _end(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_IN_FORCE, None)


def _narrow_statement(state: ORMExecuteState) -> None:
    rows = state.session.info.get(_ROWS)
    # What was found may be read again; what is related to it comes with the same conditions.
    if rows is None or state.is_column_load or state.is_relationship_load:
        return
    if state.bind_mapper is not None and (state.is_select or state.is_update or state.is_delete):
        named, aliases = _named_in(state.statement, state.bind_mapper)
        aliased = frozenset(alias.mapper for alias in aliases)
        conditions = _criteria(rows, named, aliased) + _criteria_of_aliases(rows, aliases)
        state.statement = state.statement.options(*conditions)


def _named_in(
    statement: Executable, of_the_session: Mapper[Any]
) -> tuple[frozenset[Mapper[Any]], list[AliasedInsp[Any]]]:
    """The mapped classes that the statement names, wherever in it, and the aliases of them.

    A condition on a class that is not there would change nothing, but each costs as much as the
    rest of a short statement.
    """
    found = {of_the_session}
    aliases: dict[AliasedInsp[Any], None] = {}
    for element in visitors.iterate(cast("ClauseElement", statement)):
        entity = element._annotations.get("parententity")
        if entity is not None:
            found.add(entity.mapper)
            if entity.is_aliased_class:
                aliases[entity] = None
    return frozenset(found), list(aliases)


@lru_cache(maxsize=4096)
def _criteria(
    rows: Rows, named: frozenset[Mapper[Any]], aliased: frozenset[Mapper[Any]]
) -> tuple[Any, ...]:
    return tuple(
        with_loader_criteria(mapper.class_, condition, include_aliases=mapper not in aliased)
        for mapper in _with_related(named)
        if (condition := _condition(rows, mapper.class_)) is not None
    )


def _criteria_of_aliases(rows: Rows, aliases: list[AliasedInsp[Any]]) -> tuple[Any, ...]:
    """Each alias gets a condition of its own.

    That of its class would be taken over word for word where the alias is joined, and narrow
    another table of the statement, or none.
    """
    return tuple(
        with_loader_criteria(alias.entity, condition, propagate_to_loaders=False)
        for alias in aliases
        if (condition := _condition(rows, alias.entity)) is not None
    )


def _with_related(named: frozenset[Mapper[Any]]) -> list[Mapper[Any]]:
    """These classes, and those that may be loaded with them because they are related."""
    found: dict[Mapper[Any], None] = dict.fromkeys(sorted(named, key=str))
    waiting = list(found)
    while waiting:
        for relationship in waiting.pop().relationships:
            if relationship.mapper not in found:
                found[relationship.mapper] = None
                waiting.append(relationship.mapper)
    return list(found)


def _condition(rows: Rows, entity: Any) -> ColumnElement[bool] | None:
    """The condition on a mapped class, or on an alias of one."""
    if is_scoped(entity):
        return rows.predicate(entity)
    if (seen_with := getattr(entity, "__seen_with__", None)) is None:
        return None
    column, name = seen_with
    (other,) = (m.class_ for m in entity.registry.mappers if m.class_.__name__ == name)
    condition: ColumnElement[bool] = getattr(entity, column).in_(
        select(other.id).where(rows.predicate(other))
    )
    return condition


def is_scoped(mapped_class: Any) -> bool:
    """Whether rows of the class belong to somebody."""
    return all(hasattr(mapped_class, name) for name in _COLUMNS)


def _check_new(session: Session, *_: Any) -> None:
    _put_in_force(session)
    rows: Rows | None = session.info.get(_ROWS)
    if rows is None:
        return
    for thing in session.new:
        if is_scoped(type(thing)) and not rows.hold(_values(thing)):
            raise OutsideOwnScope("you could not see this record after writing it")
    if rows.wall is not None:
        for thing in session.dirty:
            if is_scoped(type(thing)) and not rows.hold(_values(thing)):
                raise OutsideOwnScope("a record of your partner stays with your partner")


def _values(thing: Any) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in _COLUMNS}
