"""What people do with dictionaries."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common.messaging.outbox import record
from customer.dictionaries.checking import note_change, unknown_codes
from customer.dictionaries.model import DictionaryEntry, DictionaryNotFound, id_of
from customer.dictionaries.schemas import EntryRead, EntryWrite
from customer.dictionaries.standard import DICTIONARIES, STANDARD, Dictionary


async def list_entries(
    session: AsyncSession, dictionary: str, *, with_retired: bool
) -> list[EntryRead]:
    """The entries of a dictionary in their order: the standard ones, and what was added or changed."""
    entries = {
        code: EntryRead(
            id=id_of(dictionary, code),
            dictionary=dictionary,
            code=code,
            label_zh=labels[0],
            label_en=labels[1],
            position=(place + 1) * 10,
            is_retired=False,
            version=0,
        )
        for place, (code, labels) in enumerate(STANDARD[_known(dictionary)].items())
    }
    found = await session.execute(
        select(DictionaryEntry).where(DictionaryEntry.dictionary == dictionary)
    )
    entries |= {entry.code: EntryRead.model_validate(entry) for entry in found.scalars()}
    shown = [entry for entry in entries.values() if with_retired or not entry.is_retired]
    return sorted(shown, key=lambda entry: (entry.position, entry.code))


async def keep_entry(
    session: AsyncSession, dictionary: str, code: str, written: EntryWrite
) -> DictionaryEntry:
    """Add an entry, or change the one that is there, a standard one as well."""
    known, values = _known(dictionary), written.model_dump()
    # Two who add the same entry wait for each other here.
    await note_change(session)
    entry = await session.get(DictionaryEntry, id_of(known, code), with_for_update=True)
    if entry is None:
        entry, told = DictionaryEntry.add(known, code, **values)
        session.add(entry)
        record(session, entry, told)
        return entry
    changed = entry.update(values)
    if changed is not None:
        record(session, entry, changed)
    return entry


async def add_missing(session: AsyncSession, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add the codes among these values of customers that no dictionary has, each as its own name.

    For what comes from files and other services, where nobody is there to be asked.
    """
    missing = {pair for values in rows for pair in await unknown_codes(session, values)}
    for dictionary, code in sorted(missing):
        await keep_entry(
            session, dictionary, code, EntryWrite(label_zh=code, label_en=code, position=100_000)
        )
    if missing:
        await session.flush()


def _known(dictionary: str) -> Dictionary:
    if dictionary not in set(DICTIONARIES):
        raise DictionaryNotFound(
            f"no dictionary {dictionary!r}; there are {', '.join(DICTIONARIES)}"
        )
    return Dictionary(dictionary)
