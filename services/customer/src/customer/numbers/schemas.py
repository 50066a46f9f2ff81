"""Input and output of the endpoints of number patterns."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.numbers import DatePart


class PatternWrite(BaseModel):
    """Prefix, part of the day of creation, and digits of the serial number."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    prefix: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{0,8}$")]
    date_part: DatePart
    width: int = Field(ge=1, le=12)


class PatternRead(PatternWrite):
    """How the numbers of a series are written; `example` is the first one, written today."""

    series: str
    example: str
