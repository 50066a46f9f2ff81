"""The definitions of a service as its processes remember them.

What is remembered may be old. A list of records may be read with it, since a key never changes its
type; nobody is refused by it, and nothing is written by it (`writing.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from common.custom_fields.values import Definition, FieldKind

MEMORY = "fairway_custom_fields"
"""In the `info` of every session of a database: what this process remembers."""

REVISION = "(SELECT revision FROM custom_field_revisions)"
"""Which definitions there are, as an expression of SQL; None where there never were any."""

_READ = text(f"""
    SELECT {REVISION} AS revision, (
        SELECT coalesce(jsonb_agg(to_jsonb(f) ORDER BY f.position, f.key), '[]')::text
        FROM custom_fields f) AS definitions
""")  # noqa: S608 - a constant
_PLAIN = tuple(
    one.name for one in fields(Definition) if one.name not in ("entity", "key", "kind", "options")
)


@dataclass(frozen=True, slots=True)
class Definitions:
    """All custom fields of a service, as they were at one revision."""

    revision: UUID | None
    by_entity: Mapping[str, Mapping[str, Definition]]

    def of(self, entity: str) -> Mapping[str, Definition]:
        """The fields of the records of an entity by key, in their order; retired ones as well."""
        return self.by_entity.get(entity, {})


@dataclass(slots=True)
class Memory:
    """What a process remembers of the definitions in one database."""

    definitions: Definitions | None = None


async def remembered(session: AsyncSession) -> Definitions:
    """The definitions, from memory where there are any."""
    return _memory_of(session.sync_session).definitions or await read_again(session)


async def read_again(session: AsyncSession) -> Definitions:
    """The definitions as the database has them now, to be remembered."""
    return _keep(session.sync_session, (await session.execute(_READ)).one())


def read_at_commit(session: Session) -> Definitions:
    """`read_again` for what happens within a commit."""
    return _keep(session, session.execute(_READ).one())


def _memory_of(session: Session) -> Memory:
    memory: Memory = session.info.setdefault(MEMORY, Memory())
    return memory


def _keep(session: Session, row: Row[Any]) -> Definitions:
    by_entity: dict[str, dict[str, Definition]] = {}
    for values in from_json(row.definitions):
        definition = Definition(
            entity=values["entity"],
            key=values["key"],
            kind=FieldKind(values["kind"]),
            options={option["code"]: option["is_retired"] for option in values["options"]},
            **{name: values[name] for name in _PLAIN},
        )
        by_entity.setdefault(definition.entity, {})[definition.key] = definition
    definitions = _memory_of(session).definitions = Definitions(row.revision, by_entity)
    return definitions
