"""Which rows an actor sees: one predicate, put into every ORM statement of a request.

A mapped class with the four columns `owner_id`, `department_id`, `partner_id` and `region_id` is
scoped, whether it is a record of its own service or a copy. The session of a request carries the
rows of its actor, and every SELECT, UPDATE and DELETE of a scoped class in it, lists, counts,
subqueries and joins included, is narrowed to them: no query has to remember it. What is outside is
not found, so it cannot be told from what does not exist. A class without the four columns may say
`__seen_with__ = ("contract_id", "Contract")`: its rows are seen by who sees the one they name. Statements of plain SQL are not narrowed;
`rows_of` gives those who write one what they need.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, event, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import (
    ORMExecuteState,
    Session,
    registry,
    with_loader_criteria,
)

from common.errors import Forbidden

_ROWS = "fairway_rows"
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
            fits.append(of.department_id.in_(sorted(self.department_ids)))
        if self.region_ids:
            fits.append(of.region_id.in_(sorted(self.region_ids)))
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


def narrow(session: AsyncSession, rows: Rows | None) -> None:
    """Let the session see only these rows; None is all of them."""
    session.sync_session.info[_ROWS] = rows


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


def watch(session_class: type[Session]) -> type[Session]:
    """Have the sessions of this class obey `narrow`; for a class decorator."""
    event.listen(session_class, "do_orm_execute", _narrow_statement)
    event.listen(session_class, "before_flush", _check_new)
    return session_class


def _narrow_statement(state: ORMExecuteState) -> None:
    rows = state.session.info.get(_ROWS)
    # What was found may be read again; what is related to it comes with the same conditions.
    if rows is None or state.is_column_load or state.is_relationship_load:
        return
    mapper = state.bind_mapper
    if mapper is not None and (state.is_select or state.is_update or state.is_delete):
        state.statement = state.statement.options(*_criteria(rows, mapper.registry))


@lru_cache(maxsize=1024)
def _criteria(rows: Rows, of: registry) -> tuple[Any, ...]:
    return tuple(
        with_loader_criteria(mapper.class_, condition, include_aliases=True)
        for mapper in of.mappers
        if (condition := _condition(rows, mapper.class_)) is not None
    )


def _condition(rows: Rows, mapped_class: Any) -> ColumnElement[bool] | None:
    if is_scoped(mapped_class):
        return rows.predicate(mapped_class)
    if (seen_with := getattr(mapped_class, "__seen_with__", None)) is None:
        return None
    column, name = seen_with
    (other,) = (m.class_ for m in mapped_class.registry.mappers if m.class_.__name__ == name)
    condition: ColumnElement[bool] = getattr(mapped_class, column).in_(
        select(other.id).where(rows.predicate(other))
    )
    return condition


def is_scoped(mapped_class: type) -> bool:
    """Whether rows of the class belong to somebody."""
    return all(hasattr(mapped_class, name) for name in _COLUMNS)


def _check_new(session: Session, *_: Any) -> None:
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
