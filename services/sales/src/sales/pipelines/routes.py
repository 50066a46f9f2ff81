"""The pipeline endpoints."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from sales.pipelines import use_cases as pipelines
from sales.pipelines.model import Pipeline
from sales.pipelines.schemas import PipelineDraft, PipelineRead, PipelineUpdate

router = service_router("sales", "pipelines")


@router.post("", status_code=201, response_model=PipelineRead)
async def draft_pipeline(new: PipelineDraft, session: Session, response: Response) -> Pipeline:
    pipeline = await pipelines.draft_pipeline(session, new)
    response.headers["Location"] = f"{router.prefix}/{pipeline.id}"
    return pipeline


@router.get("", response_model=PageOf[PipelineRead])
async def list_pipelines(
    session: Session, page: Paging, code: str | None = None, state: str | None = None
) -> Page[Pipeline]:
    return await pipelines.list_pipelines(session, page, code=code, state=state)


@router.get("/{pipeline_id}", response_model=PipelineRead)
async def get_pipeline_version(pipeline_id: UUID, session: Session) -> Pipeline:
    return await pipelines.get_pipeline_version(session, pipeline_id)


@router.patch("/{pipeline_id}", response_model=PipelineRead, dependencies=[IfMatchRequired])
async def update_pipeline(pipeline_id: UUID, changes: PipelineUpdate, session: Session) -> Pipeline:
    return await pipelines.update_pipeline(session, pipeline_id, changes=changes.stored())


@router.post("/{pipeline_id}:publish", response_model=PipelineRead)
async def publish_pipeline(
    pipeline_id: UUID, session: Session, actor: CurrentActor, now: Now
) -> Pipeline:
    return await pipelines.publish_pipeline(session, pipeline_id, actor=actor, now=now)


@router.post("/{pipeline_id}:withdraw", response_model=PipelineRead)
async def withdraw_pipeline(pipeline_id: UUID, session: Session, actor: CurrentActor) -> Pipeline:
    return await pipelines.withdraw_pipeline(session, pipeline_id, actor=actor)
