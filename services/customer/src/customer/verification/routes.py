"""The verification endpoints; what is done with one customer stands on the path of customers."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from customer.verification import use_cases as verification
from customer.verification.model import FieldGroup, Verification, VerificationPolicy
from customer.verification.schemas import (
    CustomerVerify,
    DueCustomer,
    GroupState,
    VerificationPolicyCreate,
    VerificationPolicyRead,
    VerificationPolicyUpdate,
    VerificationRead,
)

router = service_router("customer", "verifications")
policies = service_router("customer", "verification-policies")
on_customers = service_router("customer", "customers")


@router.get("", response_model=PageOf[VerificationRead])
async def list_verifications(
    session: Session,
    page: Paging,
    customer_id: UUID | None = None,
    field_group: str | None = None,
    result: str | None = None,
) -> Page[Verification]:
    return await verification.list_verifications(
        session, page, customer_id=customer_id, field_group=field_group, result=result
    )


@router.get("/due", response_model=PageOf[DueCustomer])
async def list_due_verifications(
    session: Session,
    page: Paging,
    now: Now,
    field_group: FieldGroup,
    grade: str | None = None,
    owner_id: UUID | None = None,
) -> Page[DueCustomer]:
    return await verification.list_due(
        session, page, field_group=field_group, grade=grade, owner_id=owner_id, now=now
    )


@on_customers.post("/{customer_id}:verify", status_code=201, response_model=VerificationRead)
async def verify_customer(
    customer_id: UUID, found: CustomerVerify, session: Session, actor: CurrentActor, now: Now
) -> Verification:
    return await verification.verify_customer(session, customer_id, found, actor=actor, now=now)


@on_customers.get("/{customer_id}/verification", response_model=list[GroupState])
async def get_verification_state(customer_id: UUID, session: Session, now: Now) -> list[GroupState]:
    return await verification.get_verification_state(session, customer_id, now=now)


@policies.post("", status_code=201, response_model=VerificationPolicyRead)
async def set_verification_policy(
    new: VerificationPolicyCreate, session: Session, response: Response
) -> VerificationPolicy:
    policy = await verification.set_verification_policy(session, new)
    response.headers["Location"] = f"{policies.prefix}/{policy.id}"
    return policy


@policies.get("", response_model=PageOf[VerificationPolicyRead])
async def list_verification_policies(session: Session, page: Paging) -> Page[VerificationPolicy]:
    return await verification.list_verification_policies(session, page)


@policies.get("/{policy_id}", response_model=VerificationPolicyRead)
async def get_verification_policy(policy_id: UUID, session: Session) -> VerificationPolicy:
    return await verification.get_verification_policy(session, policy_id)


@policies.patch(
    "/{policy_id}", response_model=VerificationPolicyRead, dependencies=[IfMatchRequired]
)
async def update_verification_policy(
    policy_id: UUID, changes: VerificationPolicyUpdate, session: Session
) -> VerificationPolicy:
    return await verification.update_verification_policy(
        session, policy_id, changes=changes.changes()
    )
