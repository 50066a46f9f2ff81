"""Bringing things up to date without knowing whether they are there: `POST /{feature}:upsert`.

The client says by which keys its items are recognised, and in which order. A feature lists the keys
it allows in an enum; one key is enough for a thing to be the same.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, Field
from sqlalchemy import ColumnElement, Select
from sqlalchemy.ext.asyncio import AsyncSession

from common.aggregate import Aggregate
from common.batches import Batch
from common.errors import Invalid

Thing = TypeVar("Thing", bound=Aggregate)
Key = TypeVar("Key", bound=StrEnum)
T = TypeVar("T")


class NothingToMatchOn(Invalid):
    """The item has a value for none of the keys in `match_on`, so a repetition would double it."""

    code = "nothing_to_match_on"


def _each_once(keys: list[Key]) -> list[Key]:
    if len(set(keys)) != len(keys):
        raise ValueError("a key is named twice")
    return keys


class Upsert(Batch[T], Generic[T, Key]):
    """Up to 100 items; `match_on` are the keys they are looked for by, the first that fits wins."""

    match_on: Annotated[list[Key], Field(min_length=1), AfterValidator(_each_once)]


async def first_match(
    session: AsyncSession,
    query: Select[Thing],
    conditions: Mapping[Key, ColumnElement[bool] | None],
    match_on: Sequence[Key],
) -> Thing | None:
    """The thing of `query` that fits the first of the conditions that any fits, locked.

    A condition is None where the item has no value for its key. Raises NothingToMatchOn.
    """
    asked = [condition for key in match_on if (condition := conditions[key]) is not None]
    if not asked:
        raise NothingToMatchOn(
            f"the item has none of {', '.join(match_on)}", pointer=f"/{match_on[0]}"
        )
    for condition in asked:
        found = await session.execute(query.where(condition).with_for_update())
        thing = found.scalar_one_or_none()
        if thing is not None:
            return thing
    return None
