"""A merge and its rules: which values the survivor gets, and what undoing gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from common.audit.trail import written
from common.custom_fields.columns import PREFIX
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id
from customer import events
from customer.customers.model import PROFILE, Customer, CustomerStatus
from customer.db import Base

KEPT_OF_SURVIVOR = frozenset({"name", "kind"})
"""Every customer has these, so that the survivor's stay unless another's is chosen."""


class MergeNotFound(NotFound):
    """There is no such merge of this customer."""

    code = "merge_not_found"


class MergeIsUndone(Conflict):
    """The merge was undone before."""

    code = "merge_is_undone"


class MergeWithItself(Invalid):
    """A customer is merged with others, each named once."""

    code = "merge_with_itself"


class ChoiceOfNoMerged(Invalid):
    """A choice names a field that is not merged, or a customer that takes no part."""

    code = "choice_not_known"


class GroupWouldBeACircle(Conflict):
    """The survivor would stand below itself in its group of companies."""

    code = "group_would_be_a_circle"


class EditedFields(StrEnum):
    """What undoing does with a field of the survivor that was edited after the merge had set it."""

    KEEP = "keep"
    RESTORE = "restore"


class Merge(Base):
    """That customers are one, and what that changed besides the references to them.

    `number` counts all merges in the order in which they were made, whatever the clocks said.
    `survivor_changes` has for each field of the survivor the value before and the one it got.
    """

    __tablename__ = "merges"
    __seen_with__ = ("survivor_id", "Customer")
    __table_args__ = (Index("ix_merges_survivor_id_merged_at", "survivor_id", "merged_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(BigInteger, unique=True)
    survivor_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    merged_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    survivor_changes: Mapped[dict[str, list[Any]]] = mapped_column(JSONB)
    retired_primary_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    reason: Mapped[str | None] = mapped_column(Text)
    merged_by: Mapped[str] = mapped_column(String(80))
    merged_at: Mapped[datetime]
    unmerged_by: Mapped[str | None] = mapped_column(String(80))
    unmerged_at: Mapped[datetime | None]

    def undo(self, *, by: str, now: datetime) -> None:
        """Note that the merge does not hold any more."""
        if self.unmerged_at is not None:
            raise MergeIsUndone("this merge was undone before")
        self.unmerged_by, self.unmerged_at = by, now

    def told(self, survivor: Customer) -> events.CustomersMerged:
        """The event of the merge."""
        return events.CustomersMerged(
            merge_id=self.id,
            merge_number=self.number,
            customer_id=survivor.id,
            number=survivor.number,
            name=survivor.name,
            merged_customer_ids=self.merged_ids,
            merged_at=self.merged_at,
            **survivor.scope,
        )

    def told_undone(self, survivor: Customer) -> events.CustomersUnmerged:
        """The event of its undoing."""
        assert self.unmerged_at is not None
        return events.CustomersUnmerged(
            merge_id=self.id,
            customer_id=survivor.id,
            merged_customer_ids=self.merged_ids,
            unmerged_at=self.unmerged_at,
            **survivor.scope,
        )


@dataclass(frozen=True, slots=True)
class Chosen:
    """A field of the survivor after the merge, and whose value it is."""

    field: str
    value: Any
    from_id: UUID


def choose(
    survivor: Customer, others: Sequence[Customer], choices: Mapping[str, UUID]
) -> list[Chosen]:
    """The fields of the survivor after the merge.

    A field is that of the customer which `choices` names for it; else the survivor's, and where the
    survivor has none, that of the first of `others` who has one. Raises ChoiceOfNoMerged.
    """
    by_id = {customer.id: customer for customer in (survivor, *others)}
    for field, customer_id in choices.items():
        if field not in PROFILE and not field.startswith(PREFIX):
            raise ChoiceOfNoMerged(f"{field} is not merged", pointer=f"/choices/{field}")
        if customer_id not in by_id:
            raise ChoiceOfNoMerged(
                f"customer {customer_id} is not merged here", pointer=f"/choices/{field}"
            )
    chosen = []
    for field in PROFILE:
        if field in choices:
            source = by_id[choices[field]]
        elif field == "status":
            # Who has bought stays somebody who has bought.
            active = (one for one in by_id.values() if one.status == CustomerStatus.ACTIVE)
            source = next(active, survivor)
        else:
            have = (one for one in (survivor, *others) if getattr(one, field) is not None)
            source = survivor if field in KEPT_OF_SURVIVOR else next(have, survivor)
        chosen.append(Chosen(field, getattr(source, field), source.id))
    return [*chosen, _custom_values(survivor, others, choices)]


def _custom_values(
    survivor: Customer, others: Sequence[Customer], choices: Mapping[str, UUID]
) -> Chosen:
    """The custom fields, each chosen like the fields that every customer has."""
    values: dict[str, Any] = {}
    for customer in (*reversed(others), survivor):
        values |= customer.custom
    for customer in (survivor, *others):
        for field in (name for name, of in choices.items() if of == customer.id):
            if field.startswith(PREFIX):
                key = field.removeprefix(PREFIX)
                values.pop(key, None)
                values |= {key: customer.custom[key]} if key in customer.custom else {}
    return Chosen("custom", values, survivor.id)


def parent_after(
    survivor: Customer, merged_ids: Sequence[UUID], chosen: UUID | None, above: Sequence[UUID]
) -> UUID | None:
    """The parent organisation of the survivor after the merge.

    `above` are the customers above `chosen`, itself first. What the survivor belonged to may be
    merged into it: then it belongs to what that belonged to. Raises GroupWouldBeACircle when a
    customer that stays stands between them.
    """
    merged = set(merged_ids)
    rest = list(above)
    while rest and (rest[0] in merged or rest[0] == survivor.id):
        rest.pop(0)
    if chosen is not None and (survivor.id in rest or merged & set(rest)):
        raise GroupWouldBeACircle(
            "a customer between the two in their group of companies would stand above and below"
            " the survivor: give it another parent organisation first"
        )
    return rest[0] if rest else None


def as_stored(field: str, value: Any) -> Any:
    """A value of a customer's field as JSON."""
    return written(value, Customer.__table__.columns[field])


def as_value(field: str, stored: Any) -> Any:
    """What `as_stored` was given."""
    if stored is None:
        return None
    python_type = Customer.__table__.columns[field].type.python_type
    return stored if isinstance(stored, python_type) else python_type(stored)


def undone_fields(
    survivor: Customer, changes: Mapping[str, Sequence[Any]], edited: EditedFields
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What undoing gives the survivor back, and the fields that were edited after the merge.

    With EditedFields.KEEP an edited field stays as it is, with RESTORE it is as before the merge.
    """
    back: dict[str, Any] = {}
    conflicts: list[dict[str, Any]] = []
    for field, (before, after) in changes.items():
        now = as_stored(field, getattr(survivor, field))
        if now != after:
            conflicts.append({"field": field, "before": before, "merged": after, "now": now})
            if edited == EditedFields.KEEP:
                continue
        back[field] = as_value(field, before)
    return back, conflicts
