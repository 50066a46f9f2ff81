"""The pool endpoints; what is done with one customer stands on the path of customers."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from customer.customers.model import Customer
from customer.customers.schemas import CustomerRead
from customer.pools import use_cases as pools
from customer.pools.model import CustomerMove, PoolPolicy
from customer.pools.schemas import (
    CustomerAssign,
    CustomerMoveRead,
    CustomerPoolRead,
    CustomerRelease,
    PooledCustomerRead,
    PoolPolicyCreate,
    PoolPolicyRead,
    PoolPolicyUpdate,
)

router = service_router("customer", "customer-pools")
policies = service_router("customer", "pool-policies")
on_customers = service_router("customer", "customers")


@router.get("", response_model=list[CustomerPoolRead])
async def list_customer_pools(session: Session, actor: CurrentActor) -> list[CustomerPoolRead]:
    return await pools.list_customer_pools(session, actor=actor)


@router.get("/customers", response_model=PageOf[PooledCustomerRead])
async def list_pooled_customers(
    session: Session,
    page: Paging,
    actor: CurrentActor,
    department_id: UUID | None = None,
    region_id: UUID | None = None,
    industry: str | None = None,
    city: str | None = None,
) -> Page[Customer]:
    equal = {
        Customer.department_id: department_id,
        Customer.region_id: region_id,
        Customer.industry: industry,
        Customer.city: city,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    return await pools.list_pooled_customers(session, page, filters=filters, actor=actor)


@on_customers.post("/{customer_id}:claim", response_model=CustomerRead)
async def claim_customer(
    customer_id: UUID, session: Session, actor: CurrentActor, now: Now
) -> Customer:
    return await pools.claim_customer(session, customer_id, actor=actor, now=now)


@on_customers.post("/{customer_id}:assign", response_model=CustomerRead)
async def assign_customer(
    customer_id: UUID, to: CustomerAssign, session: Session, now: Now
) -> Customer:
    return await pools.assign_customer(session, customer_id, **to.model_dump(), now=now)


@on_customers.post("/{customer_id}:release", response_model=CustomerRead)
async def release_customer(
    customer_id: UUID, back: CustomerRelease, session: Session, actor: CurrentActor, now: Now
) -> Customer:
    return await pools.release_customer(
        session, customer_id, reason=back.reason, actor=actor, now=now
    )


@on_customers.get("/{customer_id}/moves", response_model=list[CustomerMoveRead])
async def list_customer_moves(customer_id: UUID, session: Session) -> Sequence[CustomerMove]:
    return await pools.list_moves(session, customer_id)


@policies.post("", status_code=201, response_model=PoolPolicyRead)
async def set_pool_policy(
    new: PoolPolicyCreate, session: Session, response: Response
) -> PoolPolicy:
    policy = await pools.set_pool_policy(session, new)
    response.headers["Location"] = f"{policies.prefix}/{policy.id}"
    return policy


@policies.get("", response_model=PageOf[PoolPolicyRead])
async def list_pool_policies(session: Session, page: Paging) -> Page[PoolPolicy]:
    return await pools.list_pool_policies(session, page)


@policies.get("/{policy_id}", response_model=PoolPolicyRead)
async def get_pool_policy(policy_id: UUID, session: Session) -> PoolPolicy:
    return await pools.get_pool_policy(session, policy_id)


@policies.patch("/{policy_id}", response_model=PoolPolicyRead, dependencies=[IfMatchRequired])
async def update_pool_policy(
    policy_id: UUID, changes: PoolPolicyUpdate, session: Session
) -> PoolPolicy:
    return await pools.update_pool_policy(session, policy_id, changes=changes.changes())
