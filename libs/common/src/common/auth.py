"""Who is asking.

Where no issuer of tokens is configured, a process listens on loopback or behind the gateway's
network only; all requests then act as the local operator, and the suite says so when it starts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from common.access.rights import Grant, Scope
from common.access.rows import Rows


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a program that acts; `id` is opaque and goes into events as `actorid`.

    `region_ids` and the department's tree are those of the moment the actor was looked up.
    """

    id: str
    grants: tuple[Grant, ...] = ()
    account_id: UUID | None = None
    employee_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    subtree_ids: frozenset[UUID] = frozenset()
    region_ids: frozenset[UUID] = frozenset()

    @property
    def is_signed_in(self) -> bool:
        """Whether we know who this is."""
        return self != ANONYMOUS

    def may(self, right: str) -> bool:
        """Whether any role gives the right, over whatever rows."""
        return any(grant.gives(right) for grant in self.grants)

    def rows(self, right: str) -> Rows | None:
        """The rows over which the actor has the right; None is all of them."""
        if self.partner_id is not None:
            return Rows(wall=self.partner_id, home={"partner_id": self.partner_id})
        scopes = {grant.scope for grant in self.grants if grant.gives(right)}
        if Scope.ALL in scopes:
            return None
        departments: frozenset[UUID] = frozenset()
        if Scope.SUBTREE in scopes:
            departments = self.subtree_ids
        elif Scope.DEPARTMENT in scopes and self.department_id is not None:
            departments = frozenset({self.department_id})
        home = {"owner_id": self.employee_id, "department_id": self.department_id}
        return Rows(
            # Who may do something at all may do it with what is their own.
            owner_id=self.employee_id,
            department_ids=departments,
            region_ids=self.region_ids if Scope.TERRITORY in scopes else frozenset(),
            home={name: value for name, value in home.items() if value is not None},
        )


LOCAL_OPERATOR = Actor(id="local-operator", grants=(Grant("operator", ("*",), Scope.ALL),))
ANONYMOUS = Actor(id="anonymous")

_current: ContextVar[Actor] = ContextVar("fairway_actor", default=LOCAL_OPERATOR)
_rows: ContextVar[Rows | None] = ContextVar("fairway_rows", default=None)


def current_actor() -> Actor:
    """The actor of this request."""
    return _current.get()


def current_rows() -> Rows | None:
    """The rows that the present request may touch; None is all of them."""
    return _rows.get()


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Make `actor` the present one inside the block."""
    token = _current.set(actor)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def within(rows: Rows | None) -> Iterator[None]:
    """Let what is made inside the block belong to these rows."""
    token = _rows.set(rows)
    try:
        yield
    finally:
        _rows.reset(token)


async def _actor_of_request() -> Actor:
    return current_actor()


CurrentActor = Annotated[Actor, Depends(_actor_of_request)]
