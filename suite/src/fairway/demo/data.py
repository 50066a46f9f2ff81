"""What the demo data consists of: plain values that name each other by key, not by id.

A key is the record's id in the demo firm's old system, and so unique within its kind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

SOURCE = "fairway_demo"
"""The other system that demo records come from: their `external_source`."""
CURRENCY = "CNY"


@dataclass(frozen=True, slots=True)
class Territory:
    """A region; the whole country has no parent."""

    code: str
    name: str
    english_name: str
    parent_code: str | None


@dataclass(frozen=True, slots=True)
class Department:
    """A part of the firm; the group has no parent."""

    key: str
    name: str
    kind: str
    parent_key: str | None
    territory_code: str | None


@dataclass(frozen=True, slots=True)
class Employee:
    """Somebody who works for the firm."""

    key: str
    name: str
    position: str
    department_key: str
    manager_key: str | None
    email: str
    phone: str
    joined_on: date


@dataclass(frozen=True, slots=True)
class Partner:
    """A dealer or agent; `strength` is how much better than others it sells, around 1."""

    key: str
    name: str
    kind: str
    tier: str
    territory_code: str
    department_key: str
    owner_key: str
    contact_name: str
    phone: str
    email: str
    city: str
    onboarded_on: date
    strength: float


@dataclass(frozen=True, slots=True)
class Product:
    """Something the firm sells; its key is the SKU."""

    key: str
    name: str
    series: str
    kind: str
    unit: str
    list_price: Decimal
    description: str


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices by product key; without a tier they hold for everybody."""

    name: str
    valid_from: date
    partner_tier: str | None
    prices: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Customer:
    """A firm that buys, directly or through a partner."""

    key: str
    name: str
    short_name: str
    industry: str
    status: str
    city: str
    address: str
    phone: str
    email: str
    employee_count: int
    founded_year: int
    annual_revenue: Decimal
    territory_code: str
    partner_key: str | None
    owner_key: str
    department_key: str


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at a customer."""

    customer_key: str
    name: str
    sex: str
    position: str
    mobile_phone: str
    email: str
    is_primary: bool


@dataclass(frozen=True, slots=True)
class Interaction:
    """Something that was said with a customer."""

    customer_key: str
    channel: str
    direction: str
    occurred_at: datetime
    subject: str
    result: str


@dataclass(frozen=True, slots=True)
class Lead:
    """Somebody who may want to buy, and what becomes of it.

    `outcome` is new, assigned, converted or lost; only a converted one names its customer.
    """

    key: str
    name: str
    source: str
    company: str
    contact_name: str
    phone: str
    email: str
    city: str
    industry: str
    employee_count: int
    need: str | None
    budget: Decimal | None
    product_key: str | None
    customer_key: str | None
    territory_code: str
    partner_key: str | None
    assignee_key: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Deal:
    """An opportunity with its history: the open stages it came to and the day of each.

    `outcome` is won, lost or None while it is open. The amount is what it was won for, or what is
    expected. `papers` is how far a won deal was carried out: nothing, its order, or everything
    from the quote on.
    """

    key: str
    name: str
    customer_key: str
    partner_key: str | None
    owner_key: str
    territory_code: str
    product_key: str
    quantity: int
    discount_percent: Decimal
    amount: Decimal
    stages: Sequence[tuple[str, date]]
    expected_close_on: date
    outcome: str | None
    closed_on: date | None
    lost_reason: str
    papers: str = "none"

    @property
    def opened_on(self) -> date:
        """The day it became known."""
        return self.stages[0][1]


@dataclass(frozen=True, slots=True)
class ServiceContract:
    """A maintenance contract that is in force."""

    customer_key: str
    product_key: str
    title: str
    quantity: int
    unit_price: Decimal
    starts_on: date
    ends_on: date
    owner_key: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request for service, as far as it was worked on.

    `score` is what the customer answered to the survey, None where nobody answered.
    """

    customer_key: str
    product_key: str
    subject: str
    description: str
    category: str
    channel: str
    impact: str
    urgency: str
    opened_at: datetime
    assignee_key: str
    responded_at: datetime | None
    closed_at: datetime | None
    reopened_at: datetime | None
    closed_again_at: datetime | None
    solution: str
    score: int | None


@dataclass(frozen=True, slots=True)
class DemoData:
    """Everything, in the order in which it can be loaded.

    `past_deals` come from the old system as a file, `deals` were worked on here.
    """

    territories: Sequence[Territory]
    departments: Sequence[Department]
    employees: Sequence[Employee]
    partners: Sequence[Partner]
    products: Sequence[Product]
    price_lists: Sequence[PriceList]
    customers: Sequence[Customer]
    contacts: Sequence[Contact]
    interactions: Sequence[Interaction]
    leads: Sequence[Lead]
    past_deals: Sequence[Deal]
    deals: Sequence[Deal]
    service_contracts: Sequence[ServiceContract]
    tickets: Sequence[Ticket]
    months: Sequence[tuple[date, date]]
    """The full months the deals span, first and last day: those with scorecards."""
