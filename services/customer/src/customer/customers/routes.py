"""The customer endpoints."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import AwareDatetime

from common.app import service_router
from common.auth import CurrentActor
from common.batches import Batch, BatchAnswer, DoOneByOne
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.upserts import Upsert
from customer.customers import use_cases as customers
from customer.customers.model import Customer, CustomerKey
from customer.customers.schemas import (
    CustomerCreate,
    CustomerRead,
    CustomerTransfer,
    CustomerUpdate,
    CustomerUpsert,
)

router = service_router("customer", "customers")


@router.post("", status_code=201, response_model=CustomerRead)
async def create_customer(
    new: CustomerCreate, session: Session, actor: CurrentActor, now: Now, response: Response
) -> Customer:
    customer = await customers.create_customer(session, new, actor=actor, now=now)
    response.headers["Location"] = f"{router.prefix}/{customer.id}"
    return customer


@router.post(":batch", response_model=BatchAnswer)
async def create_customers(
    batch: Batch[CustomerCreate],
    session: Session,
    actor: CurrentActor,
    now: Now,
    one_by_one: DoOneByOne,
) -> BatchAnswer:
    return await one_by_one.do(
        batch, lambda new: customers.create_customer(session, new, actor=actor, now=now)
    )


@router.post(":upsert", response_model=BatchAnswer)
async def upsert_customers(
    batch: Upsert[CustomerUpsert, CustomerKey],
    session: Session,
    actor: CurrentActor,
    now: Now,
    one_by_one: DoOneByOne,
) -> BatchAnswer:
    return await one_by_one.do(
        batch,
        lambda given: customers.upsert_customer(
            session, given, match_on=batch.match_on, actor=actor, now=now
        ),
    )


@router.get("", response_model=PageOf[CustomerRead])
async def list_customers(
    session: Session,
    page: Paging,
    q: str | None = None,
    status: str | None = None,
    industry: str | None = None,
    city: str | None = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
    parent_id: UUID | None = None,
    external_source: str | None = None,
    external_id: str | None = None,
    updated_since: AwareDatetime | None = None,
    include_deleted: Annotated[bool, Query(description="Show tombstones as well")] = False,
) -> Page[Customer]:
    equal = {
        Customer.status: status,
        Customer.industry: industry,
        Customer.city: city,
        Customer.owner_id: owner_id,
        Customer.department_id: department_id,
        Customer.partner_id: partner_id,
        Customer.region_id: region_id,
        Customer.parent_id: parent_id,
        Customer.external_source: external_source,
        Customer.external_id: external_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if updated_since is not None:
        filters.append(Customer.updated_at >= updated_since)
    return await customers.list_customers(
        session, page, q=q, filters=filters, include_deleted=include_deleted
    )


@router.get("/{customer_id}", response_model=CustomerRead)
async def get_customer(customer_id: UUID, session: Session) -> Customer:
    return await customers.get_customer(session, customer_id)


@router.patch("/{customer_id}", response_model=CustomerRead)
async def update_customer(customer_id: UUID, changes: CustomerUpdate, session: Session) -> Customer:
    return await customers.update_customer(session, customer_id, changes=changes.changes())


@router.delete("/{customer_id}", status_code=204)
async def delete_customer(customer_id: UUID, session: Session, now: Now) -> None:
    await customers.delete_customer(session, customer_id, now=now)


@router.post("/{customer_id}:restore", response_model=CustomerRead)
async def restore_customer(customer_id: UUID, session: Session) -> Customer:
    return await customers.restore_customer(session, customer_id)


@router.post("/{customer_id}:transfer", response_model=CustomerRead)
async def transfer_customer(customer_id: UUID, to: CustomerTransfer, session: Session) -> Customer:
    return await customers.transfer_customer(session, customer_id, **to.model_dump())


@router.get("/{customer_id}/subsidiaries", response_model=list[CustomerRead])
async def list_subsidiaries(customer_id: UUID, session: Session) -> list[Customer]:
    return list(await customers.list_subsidiaries(session, customer_id))
