"""The dictionary endpoints."""

from typing import Annotated

from fastapi import Path, Query

from common.app import service_router
from common.db import Session
from customer.dictionaries import use_cases as dictionaries
from customer.dictionaries.model import DictionaryEntry
from customer.dictionaries.schemas import DictionaryRead, EntryRead, EntryWrite
from customer.dictionaries.standard import DICTIONARIES

router = service_router("customer", "dictionaries")

CodeInPath = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,59}$")]


@router.get("", response_model=list[DictionaryRead])
async def list_dictionaries() -> list[DictionaryRead]:
    return [
        DictionaryRead(dictionary=dictionary, **meaning._asdict())
        for dictionary, meaning in DICTIONARIES.items()
    ]


@router.get("/{dictionary}/entries", response_model=list[EntryRead])
async def list_dictionary_entries(
    dictionary: str,
    session: Session,
    include_retired: Annotated[bool, Query(description="Show retired codes as well")] = False,
) -> list[EntryRead]:
    return await dictionaries.list_entries(session, dictionary, with_retired=include_retired)


@router.put("/{dictionary}/entries/{code}", response_model=EntryRead)
async def keep_dictionary_entry(
    dictionary: str, code: CodeInPath, written: EntryWrite, session: Session
) -> DictionaryEntry:
    return await dictionaries.keep_entry(session, dictionary, code, written)
