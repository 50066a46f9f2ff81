"""Output of the endpoint of the audit trail."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Hash = Annotated[
    str,
    BeforeValidator(lambda value: value.hex() if isinstance(value, bytes) else value),
    Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, hexadecimal"),
]
Change = Annotated[
    list[Any],
    Field(
        min_length=2,
        max_length=2,
        description="Before and after. Both null: the field changed, and its values are not kept,"
        " or not shown to you",
    ),
]


class AuditEntryRead(BaseModel):
    """What one transaction did to one record, by whom, and because of what."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    recorded_at: datetime
    record_type: Annotated[str, Field(examples=["customer.customer"])]
    record_id: UUID
    version: Annotated[int, Field(description="The record's version after the change")]
    action: Annotated[
        str,
        Field(
            description="`created`, `updated`, `deleted`, `restored`, `refused`: looked for by"
            " somebody whose record it is not, or `adopted`: there before the trail began; more may"
            " follow"
        ),
    ]
    events: Annotated[list[str], Field(description="What the record said of it, in order")]
    actor_id: str | None
    request_id: str | None
    correlation_id: str | None
    causation_id: Annotated[
        str | None, Field(description="The event that caused it, where it was no request")
    ]
    changes: Annotated[
        dict[str, Change],
        Field(
            description="By field; for the lines of a record, the lines that went and that came",
            examples=[{"city": ["北京", "上海"], "annual_revenue": [None, "1250.5"]}],
        ),
    ]
    previous_hash: Hash | None
    hash: Annotated[Hash, Field(description="All zeros where values are not shown to you")]
