"""Input and output of the lost reason endpoints."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from common.patches import MergePatch
from sales.lost_reasons.model import LostReasonState
from sales.products.schemas import Code, Short


class LostReasonAdd(BaseModel):
    """A reason to add to the list."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    name_zh: Short
    name_en: Short
    needs_competitor: bool = False


class LostReasonUpdate(MergePatch):
    """A merge patch: absent fields stay. The code stays: losses are counted by it."""

    stays = frozenset({"name_zh", "name_en", "needs_competitor", "state"})

    name_zh: Short | None = None
    name_en: Short | None = None
    needs_competitor: bool | None = None
    state: LostReasonState | None = None


class LostReasonRead(BaseModel):
    """A reason for which deals are lost."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    code: str
    name_zh: str
    name_en: str
    needs_competitor: bool
    state: str
    version: int
    created_at: datetime
    updated_at: datetime
