"""Input and output of the partner endpoints."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from channel.departments.schemas import External, Line, Name
from channel.employees.schemas import Email, Label, Phone
from channel.partners.model import PartnerKind, PartnerTier
from channel.personal_data import OF_PARTNERS
from common.custom_fields.columns import CustomValues
from common.patches import MergePatch

Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Postcode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]
TaxId = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]


class _Profile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    contact_name: Label | None = None
    phone: Phone | None = None
    email: Email | None = None
    homepage: Line | None = None
    country: Short | None = None
    city: Short | None = None
    address: Line | None = None
    postcode: Postcode | None = None
    tax_id: TaxId | None = None
    notes: str | None = Field(None, max_length=10_000)
    region_id: UUID | None = Field(None, description="The territory the partner works in")
    department_id: UUID | None = None
    owner_id: UUID | None = Field(None, description="The employee who looks after the partner")
    custom: CustomValues = {}


class PartnerCreate(External, _Profile):
    """A prospective partner."""

    name: Name
    kind: PartnerKind
    tier: PartnerTier = PartnerTier.REGISTERED


class PartnerUpdate(MergePatch, _Profile):
    """A merge patch: absent fields stay, null clears. Tier and state have commands of their own."""

    stays = frozenset({"name", "kind"})

    name: Name | None = None
    kind: PartnerKind | None = None


class PartnerOnboard(BaseModel):
    """How a partner is taken on; the day is today when not given, the tier stays."""

    model_config = ConfigDict(extra="forbid")

    tier: PartnerTier | None = None
    onboarded_on: date | None = None


class PartnerTierChange(BaseModel):
    """To which tier a partner goes, and why; `changed_on` is today when not given."""

    model_config = ConfigDict(extra="forbid")

    tier: PartnerTier
    reason: Line
    changed_on: date | None = None


class PartnerStateChange(BaseModel):
    """Why a partner's state changes; `changed_on` is today when not given."""

    model_config = ConfigDict(extra="forbid")

    reason: Line
    changed_on: date | None = None


class PartnerRead(BaseModel):
    """A partner."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    name: str
    kind: str
    tier: str
    state: str
    contact_name: str | None
    phone: Annotated[str | None, OF_PARTNERS]
    email: Annotated[str | None, OF_PARTNERS]
    homepage: str | None
    country: str | None
    city: str | None
    address: str | None
    postcode: str | None
    tax_id: str | None
    notes: str | None
    region_id: UUID | None
    department_id: UUID | None
    owner_id: UUID | None
    onboarded_on: date | None
    ended_on: date | None
    external_source: str | None
    external_id: str | None
    custom: CustomValues
    version: int
    created_at: datetime
    updated_at: datetime


class PartnerChangeRead(BaseModel):
    """One change of a partner's tier or state; `what` tells which."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    what: str
    before: str | None
    after: str
    reason: str | None
    changed_on: date
    changed_at: datetime
    changed_by: str
