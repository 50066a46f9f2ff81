"""Input and output of the explanation of a decision."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Right = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z-]+\.[a-z-]+\.[a-z-]+$", max_length=120),
    Field(examples=["sales.quotes.write"]),
]


class RecordOfSomebody(BaseModel):
    """Whose a record is: the four values that every scoped record shows."""

    model_config = ConfigDict(extra="forbid")

    owner_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_id: UUID | None = None


class Question(BaseModel):
    """Who wants to do what, with whose record; without an account it is who asks."""

    model_config = ConfigDict(extra="forbid")

    account_id: UUID | None = None
    right: Right
    record: RecordOfSomebody | None = None


class GrantRead(BaseModel):
    """A role that gives the right, and the rows it gives it over."""

    model_config = ConfigDict(from_attributes=True)

    role: str
    scope: str


class AnswerRead(BaseModel):
    """The decision; `missing` is the right that no role gives, or `scope`."""

    model_config = ConfigDict(from_attributes=True)

    is_allowed: bool
    role: str | None
    scope: str | None
    missing: str | None
    considered: list[GrantRead]
