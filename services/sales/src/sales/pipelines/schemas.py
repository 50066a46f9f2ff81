"""Input and output of the pipeline endpoints."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.patches import MergePatch
from sales.pipelines.flow import StageRules
from sales.products.schemas import Code, Short

Stages = Annotated[list[StageRules], Field(min_length=1, max_length=40)]
Rank = Annotated[
    int, Field(ge=0, le=1000, description="Of pipelines that fit, the lowest is taken")
]
Ids = Annotated[list[UUID], Field(max_length=1000)]
Series = Annotated[list[Short], Field(max_length=200)]


class PipelineDraft(BaseModel):
    """A version of a pipeline to begin; an empty condition is fulfilled by every deal."""

    model_config = ConfigDict(extra="forbid")

    code: Code = Field(description="Names the pipeline through all of its versions")
    name: Short
    rank: Rank = 100
    product_ids: Ids = []
    product_series: Series = []
    region_ids: Ids = []
    stages: Stages


class PipelineUpdate(MergePatch):
    """A merge patch of a draft: absent fields stay; `stages` are replaced as a whole."""

    stays = frozenset({"name", "rank", "product_ids", "product_series", "region_ids", "stages"})

    name: Short | None = None
    rank: Rank | None = None
    product_ids: Ids | None = None
    product_series: Series | None = None
    region_ids: Ids | None = None
    stages: Stages | None = None

    def stored(self) -> dict[str, object]:
        """The fields that were sent, as they are kept."""
        changes = self.changes()
        if self.stages is not None:
            changes["stages"] = [rules.model_dump(mode="json") for rules in self.stages]
        return changes


class PipelineRead(BaseModel):
    """A version of a pipeline."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    code: str
    pipeline_version: int
    name: str
    state: str
    rank: int
    product_ids: list[UUID]
    product_series: list[str]
    region_ids: list[UUID]
    stages: list[StageRules]
    published_at: datetime | None
    decided_by: str | None
    version: int
    created_at: datetime
    updated_at: datetime
