"""Input and output of the duplicate endpoints."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from customer.customers.model import Customer
from customer.customers.schemas import CustomerRead, Email, Name, Phone, TaxNumber
from customer.duplicates.model import Candidate, shown

LARGEST_QUERY = 100


class Reason(BaseModel):
    """Why two may be the same: the field, and how alike it is in percent; 100 is equal once folded."""

    field: str
    similarity: int


class CandidateRead(BaseModel):
    """A customer that may be the one asked about; `score` from 1 to 100.

    What you may not see has `seen: false` and no name or id.
    """

    score: int
    reasons: list[Reason]
    seen: bool
    customer_id: UUID | None = None
    number: str | None = None
    name: str | None = None
    city: str | None = None


class CustomerTakenOn(CustomerRead):
    """A customer that was taken on, or that was there; and others who may be the same."""

    possible_duplicates: list[CandidateRead] = []

    @classmethod
    def of(cls, customer: Customer, candidates: Sequence[Candidate]) -> "CustomerTakenOn":
        """The customer as it is answered when it is taken on."""
        return cls.model_validate(customer).model_copy(
            update={"possible_duplicates": [CandidateRead(**shown(each)) for each in candidates]}
        )


class DuplicateQuery(BaseModel):
    """What is known of somebody; at least one field."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    tax_number: TaxNumber | None = None
    phone: Phone | None = None
    finance_phone: Phone | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def _something_is_known(self) -> "DuplicateQuery":
        if not any((self.name, self.tax_number, self.phone, self.finance_phone, self.email)):
            raise ValueError("at least one of name, tax_number, phone, finance_phone and email")
        return self


class DuplicateQueries(BaseModel):
    """Up to 100 to look for in one request."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[DuplicateQuery], Field(min_length=1, max_length=LARGEST_QUERY)]


class DuplicateAnswer(BaseModel):
    """The candidates for one of the items, the likeliest first."""

    index: int
    candidates: list[CandidateRead]


class DuplicateAnswers(BaseModel):
    """One answer for each item, in their order."""

    results: list[DuplicateAnswer]


class ScanRead(BaseModel):
    """A comparison of all customers; `progress` from 0 to 1."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    state: str
    progress: float
    total: int
    done: int
    pairs: int
    groups: int
    started_by: str
    started_at: datetime
    finished_at: datetime | None


class SuspectedCustomer(BaseModel):
    """One of two that may be the same."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    name: str
    city: str | None


class PairRead(BaseModel):
    """Two customers that may be the same."""

    one: SuspectedCustomer
    other: SuspectedCustomer
    score: int
    reasons: list[Reason]


class GroupRead(BaseModel):
    """Customers that may be the same, with the pairs that are open."""

    id: UUID
    score: int
    size: int
    pairs: list[PairRead]


class Dismissal(BaseModel):
    """Which customers of the group are not the same; without any, all of it."""

    model_config = ConfigDict(extra="forbid")

    customer_ids: Annotated[list[UUID] | None, Field(min_length=2)] = None


def as_reasons(reasons: list[dict[str, Any]]) -> list[Reason]:
    """The stored reasons as they are answered."""
    return [Reason(**reason) for reason in reasons]
