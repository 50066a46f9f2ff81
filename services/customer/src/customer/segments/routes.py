"""The segment endpoints."""

from datetime import date
from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from customer.customers.model import Customer
from customer.customers.schemas import CustomerRead
from customer.segments import use_cases as segments
from customer.segments.model import Segment
from customer.segments.schemas import (
    SegmentDefine,
    SegmentFreeze,
    SegmentPreview,
    SegmentRead,
    SegmentSize,
    SegmentUpdate,
)

router = service_router("customer", "segments")


@router.post("", status_code=201, response_model=SegmentRead)
async def define_segment(
    new: SegmentDefine, session: Session, now: Now, response: Response
) -> Segment:
    segment = await segments.define_segment(session, new, now=now)
    response.headers["Location"] = f"{router.prefix}/{segment.id}"
    return segment


@router.get("", response_model=PageOf[SegmentRead])
async def list_segments(
    session: Session, page: Paging, kind: str | None = None, include_retired: bool = False
) -> Page[Segment]:
    return await segments.list_segments(session, page, kind=kind, include_retired=include_retired)


@router.post(":preview", response_model=SegmentSize)
async def preview_segment(asked: SegmentPreview, session: Session, now: Now) -> SegmentSize:
    return await segments.preview_segment(session, asked.conditions, now=now)


@router.get("/{segment_id}", response_model=SegmentRead)
async def get_segment(segment_id: UUID, session: Session) -> Segment:
    return await segments.get_segment(session, segment_id)


@router.patch("/{segment_id}", response_model=SegmentRead)
async def update_segment(
    segment_id: UUID, changes: SegmentUpdate, session: Session, now: Now
) -> Segment:
    return await segments.update_segment(session, segment_id, changes=changes.stored(), now=now)


@router.post("/{segment_id}:retire", response_model=SegmentRead)
async def retire_segment(segment_id: UUID, session: Session, now: Now) -> Segment:
    return await segments.retire_segment(session, segment_id, now=now)


@router.post("/{segment_id}:freeze", status_code=201, response_model=SegmentRead)
async def freeze_segment(
    segment_id: UUID, asked: SegmentFreeze, session: Session, now: Now
) -> Segment:
    return await segments.freeze_segment(session, segment_id, name=asked.name, now=now)


@router.get("/{segment_id}/members", response_model=PageOf[CustomerRead])
async def list_segment_members(
    segment_id: UUID, session: Session, page: Paging, on: date | None = None
) -> Page[Customer]:
    return await segments.list_members(session, segment_id, page, on=on)
