"""Input and output of the survey endpoints."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Score = Annotated[int, Field(ge=1, le=5, strict=True)]


class SurveyAnswer(BaseModel):
    """How the service was, 1 (bad) to 5 (good); `answers` are the same for single questions."""

    model_config = ConfigDict(extra="forbid")

    score: Score
    answers: dict[str, Score] = Field({}, max_length=20)
    comment: str | None = Field(None, max_length=4000)


class SurveyThanks(BaseModel):
    """What whoever answers gets to see."""

    model_config = ConfigDict(from_attributes=True)

    state: str
    score: int | None
    answered_at: datetime | None


class SurveyRead(BaseModel):
    """A survey, as the desk sees it; whoever has the token may answer it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    ticket_id: UUID
    closure: int
    customer_id: UUID | None
    token: str
    state: str
    questions: list[str]
    score: int | None
    answers: dict[str, int]
    comment: str | None
    asked_at: datetime
    answered_at: datetime | None
    voided_at: datetime | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime
