"""Output of the report endpoints."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.events import Moment


class WordsRead(BaseModel):
    """A text in both languages."""

    model_config = ConfigDict(from_attributes=True)

    en: str
    zh: str


class ColumnRead(BaseModel):
    """A column of an answer; open enum `kind`: text, integer, money, percent, hours, number."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    title: WordsRead
    kind: str


class ColumnDefinition(ColumnRead):
    """A column with what it means."""

    definition: WordsRead


class ReportRead(BaseModel):
    """What a report is and how it can be asked."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    title: WordsRead
    description: WordsRead
    group_by: list[str]
    default_group_by: str = Field(
        description="What comes when group_by is left out; it may be a grouping of its own"
    )
    filters: list[str]
    columns: list[ColumnDefinition]
    chart: str


class ReportList(BaseModel):
    """Every report there is."""

    data: list[ReportRead]


class AnswerRead(BaseModel):
    """A report that was run.

    A percentage is a fraction of one; money is a decimal string in `currency`; a month is YYYY-MM.
    Each row has its label under the name of the grouping, and beside it `{grouping}_id`.
    """

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)

    name: str
    group_by: str
    filters: dict[str, UUID]
    first_day: date | None = Field(
        alias="from", description="First day counted; that of the data when none was asked for"
    )
    last_day: date | None = Field(
        alias="to", description="Last day counted; that of the data when none was asked for"
    )
    currency: str | None
    other_currencies: list[str] = Field(
        description="Currencies that deals are in as well; ask for them with currency="
    )
    columns: list[ColumnRead]
    rows: list[dict[str, Any]]
    totals: dict[str, Any]
    as_of: Moment | None = Field(description="Time of the newest event in the figures")
    lag_seconds: float | None = Field(
        description="How far the figures are behind: how long the newest event took to get here,"
        " or the age of the oldest event that waits to be applied, or how long no worker was seen"
    )
