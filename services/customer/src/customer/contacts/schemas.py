"""Input and output of the contact endpoints."""

from datetime import date, datetime, time
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.custom_fields.columns import CustomValues
from common.patches import MergePatch
from customer.customers.schemas import Code, Email, Line, Phone, Short
from customer.personal_data import OF_CONTACTS


class _Profile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sex: Code | None = None
    birthday: Annotated[date | None, OF_CONTACTS] = Field(None, ge=date(1900, 1, 1))
    department: Short | None = None
    position: Short | None = None
    supervisor_id: UUID | None = None
    employee_id: UUID | None = None
    office_phone: Annotated[Phone | None, OF_CONTACTS] = None
    mobile_phone: Annotated[Phone | None, OF_CONTACTS] = None
    home_phone: Annotated[Phone | None, OF_CONTACTS] = None
    fax: Annotated[Phone | None, OF_CONTACTS] = None
    email: Annotated[Email | None, OF_CONTACTS] = None
    hobby: Annotated[Line | None, OF_CONTACTS] = None
    notes: str | None = Field(None, max_length=10_000)
    is_primary: bool = False
    preferred_channel: Code | None = Field(None, description="How the contact likes to be asked")
    preferred_from: time | None = Field(
        None, description="From when on a day, in the organisation's zone"
    )
    preferred_until: time | None = Field(None, description="Until when on a day")
    is_opted_out: bool = Field(
        False, description="Nothing automatic: reminders to call the contact stay quiet"
    )
    custom: CustomValues = {}


class ContactCreate(_Profile):
    """A person to remember at a customer."""

    customer_id: UUID
    name: Short


class ContactUpdate(MergePatch, _Profile):
    """A merge patch: absent fields stay, null clears."""

    stays = frozenset({"name"})

    name: Short | None = None


class ContactMoveRequest(BaseModel):
    """Which customer the contact works for now, and why it is said."""

    model_config = ConfigDict(extra="forbid")

    customer_id: UUID
    reason: Line


class ContactMoveRead(BaseModel):
    """From where to where a contact went, when, and who said so."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    from_customer_id: UUID
    to_customer_id: UUID
    reason: str
    moved_by: str
    moved_at: datetime


class ContactRead(_Profile):
    """A person at a customer; `age` in full years, on the day of reading."""

    model_config = ConfigDict(from_attributes=True, extra="ignore")

    id: UUID
    customer_id: UUID
    name: str
    sex: str | None
    office_phone: Annotated[str | None, OF_CONTACTS]
    mobile_phone: Annotated[str | None, OF_CONTACTS]
    home_phone: Annotated[str | None, OF_CONTACTS]
    fax: Annotated[str | None, OF_CONTACTS]
    email: Annotated[str | None, OF_CONTACTS]
    age: Annotated[int | None, OF_CONTACTS] = None
    version: int
    created_at: datetime
    updated_at: datetime
