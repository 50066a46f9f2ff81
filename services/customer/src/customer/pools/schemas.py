"""Input and output of the pool endpoints."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.patches import MergePatch
from customer.customers.schemas import Line


class CustomerRelease(BaseModel):
    """Why a customer is given back."""

    model_config = ConfigDict(extra="forbid")

    reason: Line


class CustomerAssign(BaseModel):
    """To whom a customer of the pool goes, and why."""

    model_config = ConfigDict(extra="forbid")

    owner_id: UUID
    reason: Line


class CustomerPoolRead(BaseModel):
    """The customers of a department and region that anyone of these may take."""

    department_id: UUID | None
    region_id: UUID | None
    customers: int
    oldest_since: datetime = Field(description="Since when the one that lies longest lies there")


class PooledCustomerRead(BaseModel):
    """A customer of the pool, without the ways to reach it: these come with taking it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    name: str
    kind: str
    status: str
    industry: str | None
    city: str | None
    department_id: UUID | None
    region_id: UUID | None
    pooled_since: datetime = Field(validation_alias="owned_since")
    version: int


class CustomerMoveRead(BaseModel):
    """A move of a customer to somebody, or back to the pool."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    happened_at: datetime
    how: str
    from_owner_id: UUID | None
    to_owner_id: UUID | None
    department_id: UUID | None
    region_id: UUID | None
    reason: str
    by: str


class PoolPolicyCreate(BaseModel):
    """What holds in a pool; without department and region, wherever nothing else is said."""

    model_config = ConfigDict(extra="forbid")

    department_id: UUID | None = None
    region_id: UUID | None = None
    claim_limit: int = Field(50, ge=0, le=100_000, description="Claimed customers a person holds")
    cool_down_days: int = Field(
        7, ge=0, le=3650, description="For how long who had a customer does not take it again"
    )
    recycle_after_days: int | None = Field(
        None, ge=1, le=3650, description="Days without contact; null: they stay with their owners"
    )
    warn_before_days: int = Field(
        7, ge=0, le=365, description="How long before that the owner is warned"
    )


class PoolPolicyUpdate(MergePatch):
    """A merge patch; whose policy it is stays."""

    stays = frozenset({"claim_limit", "cool_down_days", "warn_before_days"})

    claim_limit: int | None = Field(None, ge=0, le=100_000)
    cool_down_days: int | None = Field(None, ge=0, le=3650)
    recycle_after_days: int | None = Field(None, ge=1, le=3650)
    warn_before_days: int | None = Field(None, ge=0, le=365)


class PoolPolicyRead(BaseModel):
    """What holds in a pool."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    department_id: UUID | None
    region_id: UUID | None
    claim_limit: int
    cool_down_days: int
    recycle_after_days: int | None
    warn_before_days: int
    version: int
    created_at: datetime
    updated_at: datetime
