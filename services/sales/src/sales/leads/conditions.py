"""Conditions on what is known of a lead, as data: scoring and routing rules are made of them.

Facts are texts, so that they can be kept beside a decision and read back as they were. Of what
names a person only that it is there is a fact, never the value.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Facts = Mapping[str, str | None]
"""The value of each LeadField; None is not known."""

THERE = "yes"
"""The fact that there is something whose value is nobody's business here."""


class LeadField(StrEnum):
    """What conditions may ask of a lead; more may follow."""

    SOURCE = "source"
    CAMPAIGN = "campaign"
    KIND = "kind"
    LEAD_CLASS = "lead_class"
    INDUSTRY = "industry"
    CITY = "city"
    CURRENCY = "currency"
    BUDGET = "budget"
    EMPLOYEE_COUNT = "employee_count"
    REACHABLE = "reachable"
    EMAIL = "email"
    PHONE = "phone"
    COMPANY = "company"
    NEED = "need"
    CONSENT = "consent"
    PRODUCT_ID = "product_id"
    CUSTOMER_ID = "customer_id"
    REGION_ID = "region_id"
    DEPARTMENT_ID = "department_id"
    PARTNER_ID = "partner_id"
    RATING = "rating"
    PRIORITY = "priority"
    SCORE = "score"


class Operator(StrEnum):
    """How a condition compares; more may follow."""

    ONE_OF = "one_of"
    NONE_OF = "none_of"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    IS_SET = "is_set"


NUMBERS = frozenset({LeadField.BUDGET, LeadField.EMPLOYEE_COUNT, LeadField.SCORE})
ONLY_WHETHER_SET = frozenset(
    {
        LeadField.REACHABLE,
        LeadField.EMAIL,
        LeadField.PHONE,
        LeadField.COMPANY,
        LeadField.NEED,
        LeadField.CONSENT,
    }
)
RESULTS_OF_SCORING = frozenset({LeadField.RATING, LeadField.PRIORITY, LeadField.SCORE})
"""What no scoring rule may ask, because it is what scoring says."""

_COMPARING = frozenset({Operator.AT_LEAST, Operator.AT_MOST})
_CHOOSING = frozenset({Operator.ONE_OF, Operator.NONE_OF})


class Condition(BaseModel):
    """What must be so: a field, how it is compared, and with what.

    `one_of` and `none_of` take `values`, `at_least` and `at_most` a `number`, `is_set` neither.
    What is not known is none of any values, and neither at least nor at most any number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: LeadField
    operator: Operator
    values: tuple[Annotated[str, StringConstraints(min_length=1, max_length=80)], ...] = Field(
        (), max_length=100
    )
    number: Decimal | None = Field(None, max_digits=18, decimal_places=2)

    @model_validator(mode="after")
    def _fits_together(self) -> "Condition":
        if self.operator in _COMPARING:
            if self.field not in NUMBERS or self.number is None or self.values:
                raise ValueError(f"{self.operator} compares a numeric field with a number")
        elif self.operator in _CHOOSING:
            if self.field in NUMBERS | ONLY_WHETHER_SET or not self.values or self.number:
                raise ValueError(f"{self.operator} compares a coded field with values")
        elif self.values or self.number is not None:
            raise ValueError("is_set takes neither values nor a number")
        return self

    def holds(self, facts: Facts) -> bool:
        """Whether it is so."""
        value = facts.get(self.field)
        match self.operator:
            case Operator.ONE_OF:
                return value in self.values
            case Operator.NONE_OF:
                return value not in self.values
            case Operator.IS_SET:
                return value is not None
            case Operator.AT_LEAST:
                return (
                    value is not None and self.number is not None and Decimal(value) >= self.number
                )
            case Operator.AT_MOST:
                return (
                    value is not None and self.number is not None and Decimal(value) <= self.number
                )


def all_hold(conditions: Sequence[Condition], facts: Facts) -> bool:
    """Whether every condition holds; no conditions always do."""
    return all(condition.holds(facts) for condition in conditions)
