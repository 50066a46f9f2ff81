"""The customer endpoints."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Response

from common.app import service_router
from common.auth import CurrentActor
from common.batches import Batch, BatchAnswer, DoOneByOne
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.rate_limits import Expensive
from common.upserts import Upsert
from customer.customers import use_cases as customers
from customer.customers.filters import Filters
from customer.customers.model import Customer, CustomerKey
from customer.customers.schemas import (
    CustomerCopy,
    CustomerCreate,
    CustomerRead,
    CustomerTransfer,
    CustomerUpdate,
    CustomerUpsert,
    GroupTotals,
)
from customer.duplicates.schemas import CustomerTakenOn

router = service_router("customer", "customers")


@router.post("", status_code=201, response_model=CustomerTakenOn)
async def create_customer(
    new: CustomerCreate, session: Session, actor: CurrentActor, now: Now, response: Response
) -> CustomerTakenOn:
    taken = await customers.create_customer(session, new, actor=actor, now=now)
    response.headers["Location"] = f"{router.prefix}/{taken.customer.id}"
    if not taken.is_new:
        response.status_code = 200
    return CustomerTakenOn.of(taken.customer, taken.possible_duplicates)


@router.post(":batch", response_model=BatchAnswer)
async def create_customers(
    batch: Batch[CustomerCreate],
    session: Session,
    actor: CurrentActor,
    now: Now,
    one_by_one: DoOneByOne,
) -> BatchAnswer:
    return await one_by_one.do(
        batch, lambda new: customers.create_one_of_many(session, new, actor=actor, now=now)
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
    asked: Filters,
    q: str | None = None,
    include_deleted: Annotated[bool, Query(description="Show tombstones as well")] = False,
) -> Page[Customer]:
    return await customers.list_customers(
        session, page, q=q, filters=asked.conditions, include_deleted=include_deleted
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
async def transfer_customer(
    customer_id: UUID, to: CustomerTransfer, session: Session, actor: CurrentActor, now: Now
) -> Customer:
    return await customers.transfer_customer(
        session, customer_id, **to.model_dump(), actor=actor, now=now
    )


@router.post("/{customer_id}:copy", status_code=201, response_model=CustomerRead)
async def copy_customer(
    customer_id: UUID,
    asked: CustomerCopy,
    session: Session,
    actor: CurrentActor,
    now: Now,
    response: Response,
) -> Customer:
    customer = await customers.copy_customer(session, customer_id, asked, actor=actor, now=now)
    response.headers["Location"] = f"{router.prefix}/{customer.id}"
    return customer


@router.get("/{customer_id}/group-totals", response_model=GroupTotals, dependencies=[Expensive])
async def get_group_totals(
    customer_id: UUID,
    session: Session,
    scope: Annotated[
        Literal["subtree", "node"], Query(description="`node`: without what belongs to it")
    ] = "subtree",
) -> GroupTotals:
    return await customers.group_totals(session, customer_id, subtree=scope == "subtree")


@router.get("/{customer_id}/subsidiaries", response_model=list[CustomerRead])
async def list_subsidiaries(customer_id: UUID, session: Session) -> list[Customer]:
    return list(await customers.list_subsidiaries(session, customer_id))
