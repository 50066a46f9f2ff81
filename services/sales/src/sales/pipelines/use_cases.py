"""What people do with pipelines."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Actor
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from sales.db import take_turn
from sales.pipelines.flow import DEFAULT_CODE, Flow
from sales.pipelines.model import (
    FIRST_DEFAULT_VERSION,
    DealKind,
    Pipeline,
    PipelineNotFound,
    PipelineNotKnown,
    PipelineState,
    choose,
    flow_of,
)
from sales.pipelines.schemas import PipelineDraft


async def draft_pipeline(session: AsyncSession, new: PipelineDraft) -> Pipeline:
    """Begin a version of a pipeline, new or not."""
    await take_turn(session, f"pipeline {new.code}")
    newest = await session.execute(
        select(func.max(Pipeline.pipeline_version)).where(Pipeline.code == new.code)
    )
    before = newest.scalar() or (FIRST_DEFAULT_VERSION if new.code == DEFAULT_CODE else 0)
    pipeline, drafted = Pipeline.draft(
        pipeline_version=before + 1, **{**new.model_dump(), "stages": new.stages}
    )
    session.add(pipeline)
    record(session, pipeline, drafted)
    return pipeline


async def get_pipeline_version(
    session: AsyncSession, pipeline_id: UUID, *, lock: bool = False
) -> Pipeline:
    """The version; `lock` keeps it for this transaction."""
    pipeline = await session.get(Pipeline, pipeline_id, with_for_update=lock or None)
    if pipeline is None:
        raise PipelineNotFound(f"no pipeline {pipeline_id}")
    return pipeline


async def list_pipelines(
    session: AsyncSession, page: PageRequest, *, code: str | None = None, state: str | None = None
) -> Page[Pipeline]:
    """A page of versions, the newest first; the built-in default is not among them."""
    query = select(Pipeline)
    if code is not None:
        query = query.where(Pipeline.code == code)
    if state is not None:
        query = query.where(Pipeline.state == state)
    return await paginate(
        session,
        query,
        page,
        id_column=Pipeline.id,
        sort_keys={"created_at": Pipeline.created_at},
        default_sort="-created_at",
    )


async def update_pipeline(
    session: AsyncSession, pipeline_id: UUID, *, changes: dict[str, Any]
) -> Pipeline:
    """Change a draft."""
    pipeline = await get_pipeline_version(session, pipeline_id, lock=True)
    drafted = pipeline.update(changes)
    if drafted is not None:
        record(session, pipeline, drafted)
    return pipeline


async def publish_pipeline(
    session: AsyncSession, pipeline_id: UUID, *, actor: Actor, now: datetime
) -> Pipeline:
    """Let new deals begin by a draft."""
    pipeline = await get_pipeline_version(session, pipeline_id, lock=True)
    record(session, pipeline, pipeline.publish(by=actor.id, now=now))
    return pipeline


async def withdraw_pipeline(session: AsyncSession, pipeline_id: UUID, *, actor: Actor) -> Pipeline:
    """Let no more deals begin by a version."""
    pipeline = await get_pipeline_version(session, pipeline_id, lock=True)
    record(session, pipeline, pipeline.withdraw(by=actor.id))
    return pipeline


async def choose_pipeline(
    session: AsyncSession, deal: DealKind, *, code: str | None = None
) -> Pipeline | None:
    """The version by which a new deal begins: of the pipeline that is named, else of the one that
    takes it. None is the built-in default. Raises PipelineNotKnown."""
    in_force = await _in_force(session)
    if code is None:
        return choose(in_force, deal)
    named = next((pipeline for pipeline in in_force if pipeline.code == code), None)
    if named is None and code != DEFAULT_CODE:
        raise PipelineNotKnown(f"no deals begin by {code!r}", pointer="/pipeline_code")
    return named


async def find_flow(session: AsyncSession, code: str) -> Flow:
    """The stages by which deals of a pipeline begin today; raises PipelineNotFound."""
    found = await session.execute(
        select(Pipeline)
        .where(Pipeline.code == code, Pipeline.state == PipelineState.PUBLISHED)
        .order_by(Pipeline.pipeline_version.desc())
        .limit(1)
    )
    pipeline = found.scalar()
    if pipeline is None and code != DEFAULT_CODE:
        raise PipelineNotFound(f"no deals begin by {code!r}")
    return flow_of(pipeline)


async def _in_force(session: AsyncSession) -> Sequence[Pipeline]:
    """The newest published version of each pipeline."""
    found = await session.execute(
        select(Pipeline)
        .ext(distinct_on(Pipeline.code))
        .where(Pipeline.state == PipelineState.PUBLISHED)
        .order_by(Pipeline.code, Pipeline.pipeline_version.desc())
    )
    return found.scalars().all()
