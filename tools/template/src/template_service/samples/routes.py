"""The sample endpoints."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from template_service.samples import use_cases as samples
from template_service.samples.model import Sample
from template_service.samples.schemas import SampleCreate, SampleRead, SampleUpdate

router = service_router("template-service", "samples")


@router.post("", status_code=201, response_model=SampleRead)
async def create_sample(new: SampleCreate, session: Session, response: Response) -> Sample:
    sample = await samples.create_sample(session, new)
    response.headers["Location"] = f"{router.prefix}/{sample.id}"
    return sample


@router.get("", response_model=PageOf[SampleRead])
async def list_samples(
    session: Session,
    page: Paging,
    state: str | None = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
) -> Page[Sample]:
    equal = {
        Sample.state: state,
        Sample.owner_id: owner_id,
        Sample.department_id: department_id,
        Sample.partner_id: partner_id,
        Sample.region_id: region_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    return await samples.list_samples(session, page, filters=filters)


@router.get("/{sample_id}", response_model=SampleRead)
async def get_sample(sample_id: UUID, session: Session) -> Sample:
    return await samples.get_sample(session, sample_id)


@router.patch("/{sample_id}", response_model=SampleRead)
async def update_sample(sample_id: UUID, changes: SampleUpdate, session: Session) -> Sample:
    return await samples.update_sample(session, sample_id, name=changes.name)


@router.post("/{sample_id}:close", response_model=SampleRead)
async def close_sample(sample_id: UUID, session: Session, now: Now) -> Sample:
    return await samples.close_sample(session, sample_id, now=now)
