"""A version of a pipeline, and its rules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from sales import events
from sales.db import Base
from sales.pipelines.flow import BUILT_IN, CLOSING, DEFAULT_CODE, Flow, StageRules, dead_ends

FIRST_DEFAULT_VERSION = 1
"""Of the default pipeline, the built-in version; those that are drafted follow it."""


class PipelineState(StrEnum):
    """Whether deals begin by a version; more may follow."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class PipelineNotFound(NotFound):
    """There is no such version of a pipeline."""

    code = "pipeline_not_found"


class PipelineNotKnown(Invalid):
    """The request names a pipeline by which no deals begin."""

    code = "pipeline_not_known"


class PipelineNotDraft(Conflict):
    """A version that was published or withdrawn stays as it is: draft another one."""

    code = "pipeline_not_draft"


class PipelineNotPublished(Conflict):
    """Deals run by published versions only."""

    code = "pipeline_not_published"


class PipelineStagesWrong(Invalid):
    """Two stages with one code, a move to a stage that is not there, or a stage without a way out."""

    code = "pipeline_stages_wrong"


class DefaultTakesTheRest(Invalid):
    """The default pipeline takes the deals that no other one takes, so it has no conditions."""

    code = "default_takes_the_rest"


@dataclass(frozen=True, slots=True)
class DealKind:
    """What decides by which pipeline a new deal begins."""

    product_id: UUID | None = None
    series: str | None = None
    region_id: UUID | None = None


class Pipeline(Aggregate, Base):
    """A version of the pipeline named `code`: its stages, and which new deals begin by it.

    Of the published versions of a pipeline the newest counts for new deals. A condition that is
    empty is fulfilled by every deal; of several pipelines that take a deal, the one with the lowest
    rank does.
    """

    __tablename__ = "pipelines"
    __table_args__ = (
        UniqueConstraint("code", "pipeline_version"),
        Index("ix_pipelines_created_at_id", "created_at", "id"),
        Index(
            "ix_pipelines_published",
            "code",
            "pipeline_version",
            postgresql_where=text("state = 'published'"),
        ),
    )

    code: Mapped[str] = mapped_column(String(40))
    pipeline_version: Mapped[int]
    name: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(20))
    rank: Mapped[int]
    product_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    product_series: Mapped[list[str]] = mapped_column(ARRAY(Text))
    region_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    stages: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    published_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(80))

    @classmethod
    def draft(
        cls, *, code: str, pipeline_version: int, stages: Sequence[StageRules], **values: Any
    ) -> tuple["Pipeline", events.PipelineDrafted]:
        """A new version, by which no deal begins yet."""
        pipeline = cls(
            code=code,
            pipeline_version=pipeline_version,
            state=PipelineState.DRAFT,
            stages=[rules.model_dump(mode="json") for rules in stages],
            **values,
        )
        pipeline._check()
        return pipeline, pipeline._drafted()

    @property
    def flow(self) -> Flow:
        """The stages as they are applied."""
        return Flow(tuple(StageRules.model_validate(rules) for rules in self.stages))

    def update(self, changes: dict[str, Any]) -> events.PipelineDrafted | None:
        """Change the draft; None when every value is the same already."""
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if not differing:
            return None
        self._check_draft()
        for name, value in differing.items():
            setattr(self, name, value)
        self._check()
        return self._drafted()

    def publish(self, *, by: str, now: datetime) -> events.PipelinePublished:
        """Let new deals begin by this version; those that run stay with theirs."""
        self._check_draft()
        self.state, self.published_at, self.decided_by = PipelineState.PUBLISHED, now, by
        return events.PipelinePublished(
            pipeline_id=self.id,
            code=self.code,
            pipeline_version=self.pipeline_version,
            name=self.name,
            stages=list(self.flow.names),
        )

    def withdraw(self, *, by: str) -> events.PipelineWithdrawn:
        """Let no more deals begin by this version; the one published before it counts again."""
        if self.state == PipelineState.WITHDRAWN:
            raise PipelineNotDraft(f"version {self.pipeline_version} was withdrawn")
        self.state, self.decided_by = PipelineState.WITHDRAWN, by
        return events.PipelineWithdrawn(
            pipeline_id=self.id,
            code=self.code,
            pipeline_version=self.pipeline_version,
            name=self.name,
        )

    def check_runs(self) -> None:
        """Refuse to let a deal run by a version that is not published."""
        if self.state != PipelineState.PUBLISHED:
            raise PipelineNotPublished(
                f"version {self.pipeline_version} of {self.code} is {self.state}"
            )

    def takes(self, deal: DealKind) -> bool:
        """Whether new deals of this kind begin by the pipeline."""
        return (
            (not self.product_ids or deal.product_id in self.product_ids)
            and (not self.product_series or deal.series in self.product_series)
            and (not self.region_ids or deal.region_id in self.region_ids)
        )

    def _check_draft(self) -> None:
        if self.state != PipelineState.DRAFT:
            raise PipelineNotDraft(f"version {self.pipeline_version} is {self.state}")

    def _check(self) -> None:
        if self.code == DEFAULT_CODE and (
            self.product_ids or self.product_series or self.region_ids
        ):
            raise DefaultTakesTheRest("the default pipeline has no conditions")
        stages = self.flow.stages
        names = [rules.stage for rules in stages]
        for place, rules in enumerate(stages):
            if rules.stage in CLOSING or rules.stage in names[:place]:
                raise PipelineStagesWrong(
                    f"{rules.stage} is taken already", pointer=f"/stages/{place}/stage"
                )
            for to in rules.moves:
                if to == rules.stage or (to not in names and to not in CLOSING):
                    raise PipelineStagesWrong(
                        f"from {rules.stage} there is no going to {to}",
                        pointer=f"/stages/{place}/moves",
                    )
        if dead := dead_ends(stages):
            raise PipelineStagesWrong(
                f"from {' and '.join(dead)} a deal cannot be won and lost", pointer="/stages"
            )

    def _drafted(self) -> events.PipelineDrafted:
        return events.PipelineDrafted(
            pipeline_id=self.id,
            code=self.code,
            pipeline_version=self.pipeline_version,
            name=self.name,
        )


def choose(in_force: Iterable[Pipeline], deal: DealKind) -> Pipeline | None:
    """The pipeline by which a deal begins; None is the built-in default.

    `in_force` are the newest published versions. A pipeline with conditions goes before the default
    whatever their ranks are.
    """
    taking = [pipeline for pipeline in in_force if pipeline.takes(deal)]
    return min(
        taking,
        key=lambda pipeline: (pipeline.code == DEFAULT_CODE, pipeline.rank, pipeline.code),
        default=None,
    )


def flow_of(pipeline: Pipeline | None) -> Flow:
    """The stages of a version; None is the built-in default."""
    return BUILT_IN if pipeline is None else pipeline.flow
