"""What a mapped class mixes in to have custom fields."""

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Index, Table, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from common.audit.trail import EACH_MEMBER

PREFIX = "custom."
"""Before a key, where a custom field is named beside other fields: in queries, CSV, mappings."""


class Extensible:
    """A record with custom fields; mix it in behind `Aggregate` and before the declarative base.

    `custom` has the values by key, each as `values.py` spells it. It is replaced as a whole and
    never changed in place. The entity that definitions name is the table.
    """

    custom: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default="{}", info=EACH_MEMBER, sort_order=800
    )

    def __init__(self, **values: Any) -> None:
        values.setdefault("custom", {})
        super().__init__(**values)

    @property
    def said_values(self) -> dict[str, Any] | None:
        """The values as an event says them: None where there are none."""
        return self.custom or None


@event.listens_for(Extensible, "mapper_configured", propagate=True)
def _index_values(mapper: Mapper[Any], _: type) -> None:
    """Equality is served for all fields at once; a record without values costs the index nothing."""
    table = mapper.local_table
    assert isinstance(table, Table)
    Index(
        f"ix_{table.name}_custom",
        table.c.custom,
        postgresql_using="gin",
        postgresql_ops={"custom": "jsonb_path_ops"},
        postgresql_where=text("custom <> '{}'"),
    )


CustomValues = Annotated[
    dict[str, Any],
    Field(
        max_length=200,
        description="Values of custom fields by key: texts, whole numbers, true or false, decimals"
        " as strings, lists of options. In a change, keys left out stay and null clears one.",
        examples=[{"tax_class": "general", "storage_capacity": "12.5"}],
    ),
]
"""`custom` of a schema, for input and output."""

SaidValues = Annotated[
    dict[str, Any] | None,
    Field(examples=[{"tax_class": "general", "storage_capacity": "12.5"}]),
]
"""`custom` of an event: the values of custom fields at that time, None where there are none."""


def entity_of(model: type) -> str:
    """The entity whose definitions hold for the records of a mapped class."""
    name: str = model.__tablename__  # type: ignore[attr-defined]
    return name
