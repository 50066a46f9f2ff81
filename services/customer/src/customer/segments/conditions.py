"""Conditions over customers: allow-listed fields, comparisons that fit them, and their SQL.

# beside model and use cases: classes are decided by the same conditions as segments
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, and_, exists, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from common.custom_fields import listing
from common.custom_fields.columns import PREFIX
from common.errors import Invalid
from customer.customers.model import Customer
from customer.standings.model import Standing
from customer.transactions.model import BINDING, KnownOrder, KnownOrderLine

MOST_VALUES = 100
"""Values of one `in`."""


class Comparison(StrEnum):
    """How a field is compared."""

    IS = "is"
    IS_NOT = "is_not"
    IN = "in"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    EXISTS = "exists"
    WITHIN_DAYS = "within_days"
    """A day at most so many days ago."""
    OLDER_THAN_DAYS = "older_than_days"
    """A day more than so many days ago."""


class UnknownConditionField(Invalid):
    """Customers are not asked for this field."""

    code = "unknown_condition_field"


class ConditionNotValid(Invalid):
    """The field is not compared so, or not with this value."""

    code = "condition_not_valid"


FIELDS: Mapping[str, tuple[InstrumentedAttribute[Any], type]] = {
    "kind": (Customer.kind, str),
    "status": (Customer.status, str),
    "industry": (Customer.industry, str),
    "size": (Customer.size, str),
    "customer_type": (Customer.customer_type, str),
    "business_scope_code": (Customer.business_scope_code, str),
    "country": (Customer.country, str),
    "city": (Customer.city, str),
    "source": (Customer.source, str),
    "employee_count": (Customer.employee_count, int),
    "annual_revenue": (Customer.annual_revenue, Decimal),
    "founded_year": (Customer.founded_year, int),
    "owner_id": (Customer.owner_id, UUID),
    "department_id": (Customer.department_id, UUID),
    "partner_id": (Customer.partner_id, UUID),
    "region_id": (Customer.region_id, UUID),
    "grade": (Standing.grade, str),
    "stage": (Standing.stage, str),
    "class_code": (Standing.class_code, str),
    "order_count": (Standing.order_count, int),
    "first_ordered_on": (Standing.first_ordered_on, date),
    "last_ordered_on": (Standing.last_ordered_on, date),
}
"""What customers are chosen by, beside `product_id` (what they bought) and `custom.<key>`."""

BOUGHT = "product_id"
ORDERED = frozenset({int, Decimal, date})
_LIST_SUFFIX = {
    Comparison.IS: "",
    Comparison.IN: "[in]",
    Comparison.AT_LEAST: "[gte]",
    Comparison.AT_MOST: "[lte]",
    Comparison.EXISTS: "[exists]",
}


class Condition(BaseModel):
    """One comparison of a field; days are those of the organisation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: Annotated[str, Field(max_length=80, examples=["grade"])]
    op: Comparison
    value: Annotated[JsonValue, Field(examples=["A"])]


class AnyOf(BaseModel):
    """Holds where one of the conditions does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    any_of: list[Condition] = Field(min_length=1, max_length=20)


Conditions = Annotated[list[Condition | AnyOf], Field(min_length=1, max_length=20)]
"""All of them hold."""


async def as_sql(
    session: AsyncSession, conditions: Sequence[Condition | AnyOf], today: date
) -> ColumnElement[bool]:
    """The conditions, on Customer outer-joined with its Standing.

    Raises UnknownConditionField, ConditionNotValid, and what filters of custom fields refuse.
    """
    parts: list[ColumnElement[bool]] = []
    for place, each in enumerate(conditions):
        pointer = f"/conditions/{place}"
        if isinstance(each, AnyOf):
            alternatives = [
                await _one(session, one, today, f"{pointer}/any_of/{inner}")
                for inner, one in enumerate(each.any_of)
            ]
            parts.append(or_(*alternatives))
        else:
            parts.append(await _one(session, each, today, pointer))
    return and_(*parts)


async def _one(
    session: AsyncSession, condition: Condition, today: date, pointer: str
) -> ColumnElement[bool]:
    if condition.field.startswith(PREFIX):
        return await _custom(session, condition, pointer)
    if condition.field == BOUGHT:
        return _bought(condition, pointer)
    known = FIELDS.get(condition.field)
    if known is None:
        raise UnknownConditionField(
            f"customers are not asked for {condition.field!r};"
            f" fields are {', '.join([*FIELDS, BOUGHT])} and custom.<key>",
            pointer=f"{pointer}/field",
        )
    column, kind = known
    match condition.op:
        case Comparison.EXISTS:
            there: ColumnElement[bool] = column.is_not(None)
            return there if _value(condition, bool, pointer) else not_(there)
        case Comparison.IS:
            return column == _value(condition, kind, pointer)
        case Comparison.IS_NOT:
            return column.is_distinct_from(_value(condition, kind, pointer))
        case Comparison.IN:
            return column.in_(_values(condition, kind, pointer))
        case Comparison.WITHIN_DAYS | Comparison.OLDER_THAN_DAYS if kind is date:
            first = today - timedelta(days=_days(condition, pointer))
            recent = condition.op == Comparison.WITHIN_DAYS
            return column >= first if recent else column < first
        case Comparison.AT_LEAST if kind in ORDERED:
            return column >= _value(condition, kind, pointer)
        case Comparison.AT_MOST if kind in ORDERED:
            return column <= _value(condition, kind, pointer)
    raise ConditionNotValid(
        f"{condition.field} is not compared by {condition.op}", pointer=f"{pointer}/op"
    )


def _bought(condition: Condition, pointer: str) -> ColumnElement[bool]:
    match condition.op:
        case Comparison.IS | Comparison.IS_NOT:
            products = [_value(condition, UUID, pointer)]
        case Comparison.IN:
            products = _values(condition, UUID, pointer)
        case _:
            raise ConditionNotValid(
                f"what was bought is not compared by {condition.op}", pointer=f"{pointer}/op"
            )
    bought = exists(
        select(KnownOrderLine.id)
        .join(KnownOrder, KnownOrder.id == KnownOrderLine.order_id)
        .where(
            KnownOrder.customer_id == Customer.id,
            KnownOrder.state.in_(BINDING),
            KnownOrderLine.product_id.in_(products),
        )
        .correlate(Customer)
    )
    return not_(bought) if condition.op == Comparison.IS_NOT else bought


async def _custom(session: AsyncSession, condition: Condition, pointer: str) -> ColumnElement[bool]:
    suffix = _LIST_SUFFIX.get(condition.op)
    if suffix is None:
        raise ConditionNotValid(
            f"custom fields are not compared by {condition.op}", pointer=f"{pointer}/op"
        )
    values = condition.value if isinstance(condition.value, list) else [condition.value]
    if condition.op == Comparison.IN:
        said = ",".join(_spelled(value) for value in values)
    else:
        said = _spelled(condition.value)
    return and_(
        *await listing.conditions(session, Customer, [(f"{condition.field}{suffix}", said)])
    )


def _spelled(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _value(condition: Condition, kind: type, pointer: str) -> Any:
    return _read(condition.value, kind, f"{pointer}/value")


def _values(condition: Condition, kind: type, pointer: str) -> list[Any]:
    given = condition.value
    if not isinstance(given, list) or not 0 < len(given) <= MOST_VALUES:
        raise ConditionNotValid(
            f"`in` takes a list of 1 to {MOST_VALUES} values", pointer=f"{pointer}/value"
        )
    return [_read(value, kind, f"{pointer}/value/{place}") for place, value in enumerate(given)]


def _days(condition: Condition, pointer: str) -> int:
    days: int = _value(condition, int, pointer)
    if not 0 <= days <= 36500:
        raise ConditionNotValid("days are 0 to 36500", pointer=f"{pointer}/value")
    return days


def _read(value: JsonValue, kind: type, pointer: str) -> Any:
    try:
        # Numbers and flags are not read out of texts, nor texts out of numbers.
        if kind in (str, int, bool) and type(value) is not kind:
            raise ConditionNotValid(f"{value!r} is no {kind.__name__}", pointer=pointer)
        return TypeAdapter(kind).validate_python(value)
    except ValidationError:
        raise ConditionNotValid(f"{value!r} is no {kind.__name__}", pointer=pointer) from None
