"""Many things in one request: `POST /{feature}:batch`, and `:upsert` (`common.upserts`).

Each item is what the single request takes, has the effect it would have, and gets the answer it
would get; one that is refused takes nothing of the others with it. What was done for all of them
commits at once.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from common.access.refused_looks import note_item
from common.aggregate import Aggregate
from common.db import Session
from common.errors import NotFound, Refusal

LARGEST_BATCH = 100
_OF_THE_REQUEST = ("instance", "request_id", "trace_id")
_BAD_VALUE = "22"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NotValid:
    """An item that does not fit its schema; the others are not to suffer for it."""

    faults: list[Any]


def _or_not_valid(value: Any, fits: ValidatorFunctionWrapHandler) -> Any:
    try:
        return fits(value)
    except ValidationError as error:
        return NotValid(list(error.errors(include_url=False, include_context=False)))


class Batch(BaseModel, Generic[T]):
    """Up to 100 items, in the order in which they are to be done."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[
        list[Annotated[T, WrapValidator(_or_not_valid)]],
        Field(min_length=1, max_length=LARGEST_BATCH),
    ]


class Outcome(StrEnum):
    """What an item did to the thing it is about."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class ItemResult(BaseModel):
    """What became of one item: the `status` and, where it is refused, the problem it would get.

    `id` is that of the thing that is there now; `outcome` is created, updated or unchanged, and
    may be another word in a later release.
    """

    index: int
    status: int
    id: UUID | None = None
    outcome: str | None = None
    error: dict[str, Any] | None = None


class BatchAnswer(BaseModel):
    """One result for each item, in their order."""

    results: list[ItemResult]


Made = Aggregate | tuple[Aggregate, bool] | tuple[Aggregate, Outcome]
"""What a use case made of an item; where it may have been there before, with whether it is new."""


@dataclass(frozen=True, slots=True)
class OneByOne:
    """Does the items of a batch in this request's transaction, each in a savepoint of its own."""

    _request: Request
    _session: Session

    async def do(self, batch: Batch[T], each: Callable[[T], Awaitable[Made]]) -> BatchAnswer:
        """The answer to the batch.

        Raises what is not about one item, as a lost connection: nothing is done then.
        """
        results = [await self._result(index, item, each) for index, item in enumerate(batch.items)]
        return BatchAnswer(results=results)

    async def _result(
        self, index: int, item: T | NotValid, each: Callable[[T], Awaitable[Made]]
    ) -> ItemResult:
        try:
            if isinstance(item, NotValid):
                faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in item.faults]
                raise RequestValidationError(faults)
            made = await self._made(item, each)
        except (Refusal, RequestValidationError, IntegrityError, StaleDataError) as error:
            if isinstance(error, NotFound) and isinstance(item, BaseModel):
                note_item(self._request, item)
            return await self._refused(index, error)
        except DBAPIError as error:
            if not (getattr(error.orig, "sqlstate", None) or "").startswith(_BAD_VALUE):
                raise
            return await self._refused(index, error)
        thing, how = made if isinstance(made, tuple) else (made, True)
        outcome = how if isinstance(how, Outcome) else _CREATED_OR_NOT[how]
        status = 201 if outcome == Outcome.CREATED else 200
        return ItemResult(index=index, status=status, id=thing.id, outcome=outcome)

    async def _made(self, item: T, each: Callable[[T], Awaitable[Made]]) -> Made:
        try:
            return await self._in_a_savepoint(item, each)
        except IntegrityError:
            # Somebody else was faster; a second look finds what they made.
            return await self._in_a_savepoint(item, each)

    async def _in_a_savepoint(self, item: T, each: Callable[[T], Awaitable[Made]]) -> Made:
        async with self._session.begin_nested():
            return await each(item)

    async def _refused(self, index: int, error: Exception) -> ItemResult:
        handlers = self._request.app.exception_handlers
        say = next(handlers[family] for family in type(error).__mro__ if family in handlers)
        said = json.loads((await say(self._request, error)).body)
        problem = {name: fact for name, fact in said.items() if name not in _OF_THE_REQUEST}
        return ItemResult(index=index, status=problem["status"], error=problem)


_CREATED_OR_NOT = {True: Outcome.CREATED, False: Outcome.UNCHANGED}


async def _one_by_one(request: Request, session: Session) -> OneByOne:
    return OneByOne(request, session)


DoOneByOne = Annotated[OneByOne, Depends(_one_by_one)]
"""For routes: `await one_by_one.do(batch, lambda new: use_case(session, new))`."""
