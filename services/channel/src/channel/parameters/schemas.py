"""Input and output of the parameter endpoints."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, StringConstraints

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
SeenVersion = Annotated[
    int | None,
    Field(ge=0, description="The version that was read; refused when it has moved on since"),
]


class ParameterSet(BaseModel):
    """A value, and from which day on; `effective_on` is today when not given."""

    model_config = ConfigDict(extra="forbid")

    value: StrictInt | StrictStr
    effective_on: date | None = None
    reason: Reason
    version: SeenVersion = None


class ParameterWithdraw(BaseModel):
    """Which planned value is taken back, and why."""

    model_config = ConfigDict(extra="forbid")

    effective_on: date
    reason: Reason
    version: SeenVersion = None


class ParameterRead(BaseModel):
    """A parameter: what it is today, since when, and what it will be next.

    `effective_on` is null while the default counts; `version` is 0 until it is set.
    """

    model_config = ConfigDict(from_attributes=True)

    name: str
    kind: str
    meaning: str
    meaning_zh: str
    minimum: int | None
    maximum: int | None
    choices: list[str] = []
    default: int | str | None
    used_by: list[str]
    value: int | str | None
    effective_on: date | None
    next_value: int | str | None
    next_effective_on: date | None
    version: int


class ParameterSettingRead(BaseModel):
    """One setting of a parameter."""

    model_config = ConfigDict(from_attributes=True)

    value: int | str
    effective_on: date
    reason: str
    set_at: datetime
    set_by: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_reason: str | None


class ParameterWithHistory(ParameterRead):
    """A parameter with all its settings, the latest first."""

    history: list[ParameterSettingRead]
