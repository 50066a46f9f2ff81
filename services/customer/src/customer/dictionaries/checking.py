"""Codes on their way into a customer: what is taken, and that it was taken by what is in force.

# beside model and use cases: whoever writes a customer asks here

A process remembers the dictionaries. What it checks by them is noted with the session, and the
statement that keeps the events of the transaction reads their revision as well; is it another one,
all that was noted is checked again before the commit. So a write with codes costs no statement more
than one without, and nobody is refused by memory either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from pydantic_core import from_json
from sqlalchemy import Row, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from common.errors import Invalid
from common.messaging.outbox import ask_with_commit
from customer.dictionaries.model import CodeRetired, UnknownCode
from customer.dictionaries.standard import OF_FIELD, STANDARD, Dictionary

_REVISION = "(SELECT revision FROM dictionary_revisions)"
_READ = text(f"""
    SELECT {_REVISION} AS revision, (
        SELECT coalesce(jsonb_agg(jsonb_build_array(dictionary, code, is_retired)), '[]')::text
        FROM dictionary_entries) AS entries
""")  # noqa: S608 - a constant
_CHANGED = text("""
    INSERT INTO dictionary_revisions (revision) VALUES (gen_random_uuid())
    ON CONFLICT (is_the_only_one) DO UPDATE SET revision = EXCLUDED.revision
""")
_NOTED = "fairway_codes_checked"


@dataclass(frozen=True, slots=True)
class Codes:
    """Of every dictionary the codes, and whether each is retired, as they were at one revision."""

    revision: UUID | None
    retired: Mapping[str, Mapping[str, bool]]

    def check(self, field: str, code: str) -> None:
        """Raise UnknownCode or CodeRetired."""
        known = self.retired[OF_FIELD[field]]
        if code not in known:
            raise UnknownCode(f"no {code!r} in {OF_FIELD[field]}", pointer=f"/{field}")
        if known[code]:
            raise CodeRetired(f"{code!r} is retired", pointer=f"/{field}")


_memory: WeakKeyDictionary[Engine, Codes] = WeakKeyDictionary()


async def check_codes(
    session: AsyncSession, given: Mapping[str, Any], held: Mapping[str, Any] | None = None
) -> None:
    """Refuse codes that are in no dictionary, and retired ones; `held` is what the record has.

    What a record has it keeps, sent again or not. Raises UnknownCode and CodeRetired.
    """
    asked = _asked(given, held or {})
    if not asked:
        return
    codes = await _remembered(session)
    try:
        _check(codes, asked)
    except Invalid:
        now = await _read_again(session)
        if now.revision == codes.revision:
            raise
        codes = now
        _check(codes, asked)
    session.sync_session.info.setdefault(_NOTED, []).append((codes.revision, asked))
    ask_with_commit(session, _REVISION, _check_again)


async def unknown_codes(
    session: AsyncSession, given: Mapping[str, Any]
) -> list[tuple[Dictionary, str]]:
    """The codes among these that no dictionary has."""
    asked = _asked(given, {})
    codes = await _remembered(session)
    missing = _missing(codes, asked)
    return _missing(await _read_again(session), asked) if missing else []


async def note_change(session: AsyncSession) -> None:
    """Let every process know at its next commit that the dictionaries are otherwise."""
    await session.execute(_CHANGED)


def _asked(given: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, str]:
    return {
        field: given[field]
        for field in OF_FIELD.keys() & given.keys()
        if given[field] is not None and given[field] != held.get(field)
    }


def _missing(codes: Codes, asked: Mapping[str, str]) -> list[tuple[Dictionary, str]]:
    pairs = ((OF_FIELD[field], code) for field, code in asked.items())
    return [pair for pair in pairs if pair[1] not in codes.retired[pair[0]]]


def _check(codes: Codes, asked: Mapping[str, str]) -> None:
    for field, code in asked.items():
        codes.check(field, code)


async def _remembered(session: AsyncSession) -> Codes:
    held = _memory.get(session.sync_session.get_bind().engine)
    return held if held is not None else await _read_again(session)


async def _read_again(session: AsyncSession) -> Codes:
    return _keep(session.sync_session, (await session.execute(_READ)).one())


def _keep(session: Session, row: Row[Any]) -> Codes:
    retired: dict[str, dict[str, bool]] = {
        dictionary: dict.fromkeys(entries, False) for dictionary, entries in STANDARD.items()
    }
    for dictionary, code, is_retired in from_json(row.entries):
        retired.setdefault(dictionary, {})[code] = is_retired
    codes = _memory[session.get_bind().engine] = Codes(row.revision, retired)
    return codes


def _check_again(session: Session, revision: UUID | None) -> None:
    noted = session.info.pop(_NOTED, [])
    old = [asked for checked_by, asked in noted if checked_by != revision]
    if not old:
        return
    codes = _keep(session, session.execute(_READ).one())
    for asked in old:
        _check(codes, asked)
