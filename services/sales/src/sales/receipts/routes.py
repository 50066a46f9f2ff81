"""The receipt endpoints."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from common.app import service_router
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from sales.receipts import use_cases as receipts
from sales.receipts.model import Receipt
from sales.receipts.schemas import (
    AllocationRead,
    ReceiptAllocate,
    ReceiptCreate,
    ReceiptRead,
    ReceiptRefund,
    ReceiptRelease,
    ReceiptReverse,
)
from sales.receivables.model import Allocation

router = service_router("sales", "receipts")


@router.post("", status_code=201, response_model=ReceiptRead)
async def record_receipt(
    new: ReceiptCreate, session: Session, now: Now, response: Response
) -> Receipt:
    receipt = await receipts.record_receipt(session, new, now=now)
    response.headers["Location"] = f"{router.prefix}/{receipt.id}"
    return receipt


@router.get("", response_model=PageOf[ReceiptRead])
async def list_receipts(
    session: Session,
    page: Paging,
    order_id: UUID | None = None,
    customer_id: UUID | None = None,
    opportunity_id: UUID | None = None,
    state: str | None = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
    received_from: Annotated[date | None, Query(alias="received_on[gte]")] = None,
    received_before: Annotated[date | None, Query(alias="received_on[lt]")] = None,
    updated_since: datetime | None = None,
) -> Page[Receipt]:
    equal = {
        Receipt.order_id: order_id,
        Receipt.customer_id: customer_id,
        Receipt.opportunity_id: opportunity_id,
        Receipt.state: state,
        Receipt.owner_id: owner_id,
        Receipt.department_id: department_id,
        Receipt.partner_id: partner_id,
        Receipt.region_id: region_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if received_from is not None:
        filters.append(Receipt.received_on >= received_from)
    if received_before is not None:
        filters.append(Receipt.received_on < received_before)
    if updated_since is not None:
        filters.append(Receipt.updated_at >= updated_since)
    return await receipts.list_receipts(session, page, filters=filters)


@router.get("/{receipt_id}", response_model=ReceiptRead)
async def get_receipt(receipt_id: UUID, session: Session) -> Receipt:
    return await receipts.get_receipt(session, receipt_id)


@router.post("/{receipt_id}:reverse", response_model=ReceiptRead)
async def reverse_receipt(
    receipt_id: UUID, reversed_: ReceiptReverse, session: Session, now: Now
) -> Receipt:
    return await receipts.reverse_receipt(session, receipt_id, reversed_, now=now)


@router.get("/{receipt_id}/allocations", response_model=list[AllocationRead])
async def list_allocations(receipt_id: UUID, session: Session) -> list[Allocation]:
    return list(await receipts.list_allocations(session, receipt_id))


@router.post("/{receipt_id}:allocate", response_model=ReceiptRead)
async def allocate_receipt(
    receipt_id: UUID, wanted: ReceiptAllocate, session: Session, now: Now
) -> Receipt:
    return await receipts.allocate_receipt(session, receipt_id, wanted, now=now)


@router.post("/{receipt_id}:release", response_model=ReceiptRead)
async def release_receipt(
    receipt_id: UUID, wanted: ReceiptRelease, session: Session, now: Now
) -> Receipt:
    return await receipts.release_receipt(session, receipt_id, wanted, now=now)


@router.post("/{receipt_id}:refund", response_model=ReceiptRead)
async def refund_receipt(
    receipt_id: UUID, refunded: ReceiptRefund, session: Session, now: Now
) -> Receipt:
    return await receipts.refund_receipt(session, receipt_id, refunded, now=now)
