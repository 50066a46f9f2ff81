"""Output of the overview endpoint."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from customer.contacts.schemas import ContactRead
from customer.customers.schemas import CustomerRead
from customer.standings.schemas import StandingRead
from customer.transactions.schemas import BoughtTotal, PaymentTotal, TransactionRead

T = TypeVar("T")


class PartState(StrEnum):
    """How good a part is; more may follow."""

    CURRENT = "current"
    BEHIND = "behind"
    NEVER_HEARD = "never_heard"
    NOT_PERMITTED = "not_permitted"


class Part(BaseModel, Generic[T]):
    """A part of the overview, and its age.

    `as_of` is up to when it holds: this moment for what is kept here, else when the newest event of its
    records happened that was applied. `state`: `behind` when some events could not be applied or nothing
    applies them, `never_heard` when none ever came, `not_permitted` when you lack the right; only for
    the last `data` is null.
    """

    state: PartState
    as_of: datetime | None
    data: T | None


class Bought(BaseModel):
    """What the customer bought: in all, by currency, and the latest orders."""

    totals: list[BoughtTotal]
    latest: list[TransactionRead]


class ContractRead(BaseModel):
    """A contract of the customer."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    kind: str
    title: str | None
    state: str
    total: Decimal
    currency: str
    starts_on: date
    ends_on: date
    told_at: datetime


class TicketRead(BaseModel):
    """A request of the customer for service."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    category: str
    priority: str
    state: str
    opened_at: datetime
    closed_at: datetime | None
    told_at: datetime


class Contracts(BaseModel):
    """How many contracts the customer has, and the latest of them."""

    count: int
    in_force: int
    latest: list[ContractRead]


class Tickets(BaseModel):
    """How many tickets the customer had, how many are open, and the latest of them."""

    count: int
    open: int
    latest: list[TicketRead]


class Contacts(BaseModel):
    """How many contacts the customer has, and the first of them, the primary one at the head."""

    count: int
    first: list[ContactRead]


class CustomerOverview(BaseModel):
    """All that is known of a customer, each part with its age."""

    profile: Part[CustomerRead]
    contacts: Part[Contacts]
    standing: Part[StandingRead]
    transactions: Part[Bought]
    payments: Part[list[PaymentTotal]]
    contracts: Part[Contracts]
    tickets: Part[Tickets]
