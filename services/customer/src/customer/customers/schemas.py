"""Input and output of the customer endpoints."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from phonenumbers import SUPPORTED_REGIONS
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from common.custom_fields.columns import CustomValues
from common.money import Amount
from common.patches import MergePatch
from customer.customers.model import CustomerKind, CustomerStatus
from customer.personal_data import OF_CUSTOMERS
from customer.quality.tidying import tidied, tidied_email, tidied_phone

Name = Annotated[
    str,
    BeforeValidator(tidied),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Address = Annotated[Line, BeforeValidator(tidied)]
Phone = Annotated[
    str,
    BeforeValidator(tidied_phone),
    StringConstraints(strip_whitespace=True, pattern=r"^[+\d][\d\s()\-.]{4,38}(x\d{1,6})?$"),
]
Email = Annotated[
    str,
    BeforeValidator(tidied_email),
    StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Mnemonic = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9A-Za-z][0-9A-Za-z\-]{0,29}$")
]
"""Letters and digits; kept in capitals."""
Postcode = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9A-Za-z][0-9A-Za-z \-]{2,11}$")
]


def _is_web_address(text: str) -> str:
    address = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(address)
        is_one = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or not _HOST.fullmatch(parts.hostname or "") or " " in text:
        raise ValueError("not the address of a homepage, as https://www.example.com")
    return text


def _is_country(text: str) -> str:
    if len(text) == 2 and text.isascii() and text.upper() not in SUPPORTED_REGIONS:
        raise ValueError("no country has this code of two letters (ISO 3166)")
    if any(character.isdigit() for character in text):
        raise ValueError("the name of a country, or its code of two letters (ISO 3166)")
    return text.upper() if len(text) == 2 and text.isascii() else text


_HOST = re.compile(r"(?:[\w](?:[\w-]{0,61}[\w])?\.)+[\w-]{2,63}")
Homepage = Annotated[Line, AfterValidator(_is_web_address)]
Country = Annotated[Short, AfterValidator(_is_country)]
"""The name of a country, or its code of two letters, in capitals."""


TaxNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9A-Za-z][0-9A-Za-z .\-]{4,38}$")
]
"""The unified social credit code of a Chinese company, or what its own country gives a company."""


class Profile(BaseModel):
    """What a client may say of a customer besides its name."""

    model_config = ConfigDict(extra="forbid")

    industry: Code | None = None
    size: Code | None = None
    customer_type: Code | None = None
    business_scope_code: Code | None = None
    business_scope: str | None = Field(None, max_length=4000)
    employee_count: int | None = Field(None, ge=0, le=10_000_000)
    annual_revenue: Amount | None = Field(None, ge=0)
    founded_year: int | None = Field(None, ge=1000, le=2100)
    country: Country | None = None
    city: Short | None = None
    address: Address | None = None
    office_address: Line | None = None
    postcode: Postcode | None = None
    phone: Annotated[Phone | None, OF_CUSTOMERS] = None
    finance_phone: Annotated[Phone | None, OF_CUSTOMERS] = None
    email: Annotated[Email | None, OF_CUSTOMERS] = None
    homepage: Homepage | None = None
    tax_number: TaxNumber | None = None
    notes: str | None = Field(None, max_length=10_000)
    parent_id: UUID | None = None
    region_id: UUID | None = None
    partner_id: UUID | None = None
    custom: CustomValues = {}


class TypedProfile(Profile):
    """The profile as it is given; what is read back may hold kinds that are new to the client."""

    kind: CustomerKind = CustomerKind.COMPANY
    status: Code = CustomerStatus.PROSPECT


class CustomerCreate(TypedProfile):
    """A customer to take on."""

    name: Name
    mnemonic: Mnemonic | None = None
    source: Code = "manual"
    owner_id: UUID | None = None
    department_id: UUID | None = None
    external_source: Code | None = None
    external_id: Line | None = None
    not_duplicate_of: list[UUID] = Field([], max_length=50)
    """Customers that are known to be others; what they have in common is no reason to refuse."""

    @model_validator(mode="after")
    def _external_id_is_whole(self) -> "CustomerCreate":
        if (self.external_source is None) != (self.external_id is None):
            raise ValueError("external_source and external_id go together")
        return self


class CustomerUpsert(CustomerCreate):
    """A customer to take on, or to bring up to date where it is there.

    What is left out stays as it is; `source`, `owner_id` and `department_id` count only for a new
    one, and a `number` must be there already.
    """

    number: Short | None = None


class CustomerUpdate(MergePatch, TypedProfile):
    """A merge patch: absent fields stay, null clears."""

    stays = frozenset({"name", "kind", "status"})

    name: Name | None = None
    mnemonic: Mnemonic | None = None
    """Null makes one of the name again."""


class CustomerTransfer(BaseModel):
    """To whom a customer goes, and why."""

    model_config = ConfigDict(extra="forbid")

    owner_id: UUID | None
    department_id: UUID | None
    reason: Line


class CustomerRead(Profile):
    """A customer."""

    model_config = ConfigDict(from_attributes=True, extra="ignore")

    id: UUID
    number: str
    mnemonic: str | None
    name: str
    kind: str
    status: str
    industry: str | None
    size: str | None
    customer_type: str | None
    business_scope_code: str | None
    country: str | None
    postcode: str | None
    homepage: str | None
    phone: Annotated[str | None, OF_CUSTOMERS]
    finance_phone: Annotated[str | None, OF_CUSTOMERS]
    email: Annotated[str | None, OF_CUSTOMERS]
    owner_id: UUID | None
    department_id: UUID | None
    source: str
    registered_at: datetime
    registered_by: str
    external_source: str | None
    external_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    tax_number: str | None
    deleted_at: datetime | None
    merged_into_id: UUID | None


class CopiedPart(StrEnum):
    """Which parts of a customer a copy gets; more may follow."""

    CLASSIFICATION = "classification"
    ADDRESS = "address"
    CONTACT_DATA = "contact_data"
    COMPANY = "company"
    GROUP = "group"
    NOTES = "notes"
    CUSTOM = "custom"


COPIED: dict[CopiedPart, tuple[str, ...]] = {
    CopiedPart.CLASSIFICATION: (
        "industry",
        "size",
        "customer_type",
        "business_scope_code",
        "business_scope",
    ),
    CopiedPart.ADDRESS: ("country", "city", "address", "office_address", "postcode"),
    CopiedPart.CONTACT_DATA: ("phone", "finance_phone", "email", "homepage"),
    CopiedPart.COMPANY: ("employee_count", "annual_revenue", "founded_year"),
    CopiedPart.GROUP: ("parent_id", "region_id", "partner_id"),
    CopiedPart.NOTES: ("notes",),
    CopiedPart.CUSTOM: ("custom",),
}
"""The fields of each part. Never copied: tax number, status, and the id in another system."""


class CustomerCopy(BaseModel):
    """What a copy gets: its name, parts of the profile, and contacts."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    parts: list[CopiedPart] = Field(default=list(CopiedPart), max_length=len(CopiedPart))
    contact_ids: list[UUID] = Field(default=[], max_length=100)
    """Contacts of the customer; the copy gets people of its own with the same data."""


class OrderTotals(BaseModel):
    """Orders that bind, in one currency."""

    currency: str
    orders: int
    total: Amount


class GroupTotals(BaseModel):
    """A customer with all that belong to it, added up: of those that you may see."""

    customers: int
    contacts: int
    by_status: dict[str, int]
    open_orders: int
    open_contracts: int
    open_tickets: int
    ordered: list[OrderTotals]
    received: list[OrderTotals]
    """Receipts, each as an order is counted above."""
