"""Input and output of the contact endpoints."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.patches import MergePatch
from customer.customers.schemas import Code, Email, Line, Phone, Short


class _Profile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sex: Code | None = None
    birthday: date | None = Field(None, ge=date(1900, 1, 1))
    department: Short | None = None
    position: Short | None = None
    supervisor_id: UUID | None = None
    office_phone: Phone | None = None
    mobile_phone: Phone | None = None
    home_phone: Phone | None = None
    fax: Phone | None = None
    email: Email | None = None
    hobby: Line | None = None
    notes: str | None = Field(None, max_length=10_000)
    is_primary: bool = False


class ContactCreate(_Profile):
    """A person to remember at a customer."""

    customer_id: UUID
    name: Short


class ContactUpdate(MergePatch, _Profile):
    """A merge patch: absent fields stay, null clears."""

    stays = frozenset({"name"})

    name: Short | None = None


class ContactRead(_Profile):
    """A person at a customer; `age` in full years, on the day of reading."""

    model_config = ConfigDict(from_attributes=True, extra="ignore")

    id: UUID
    customer_id: UUID
    name: str
    sex: str | None
    office_phone: str | None
    mobile_phone: str | None
    home_phone: str | None
    fax: str | None
    email: str | None
    age: int | None = None
    version: int
    created_at: datetime
    updated_at: datetime
