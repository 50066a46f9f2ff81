"""Everything the sales service hears."""

from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.consumers import ACCESS
from common.events import Consumed, Id
from common.handovers import EmployeeLeft, keep_handover
from common.match_keys import name_key
from common.merges import Reference, following
from common.messaging.consumers import ConsumersTable
from common.parameters import (
    ParameterChanged,
    ParameterWithdrawn,
    forget_parameter,
    keep_parameter,
)
from sales.copies import use_cases as copies
from sales.copies.model import (
    KnownCustomer,
    KnownDepartment,
    KnownEmployee,
    KnownPartner,
    KnownTerritory,
)
from sales.credit import use_cases as credit
from sales.orders import use_cases as orders


class _CustomerTold(Consumed):
    type = ""

    customer_id: Id
    number: str
    name: str
    industry: str | None = None
    owner_id: Id | None = None
    department_id: Id | None = None
    partner_id: Id | None = None
    region_id: Id | None = None
    external_source: str | None = None
    external_id: str | None = None


class CustomerCreated(_CustomerTold):
    """There is somebody to sell to."""

    type = "customer.customer.created.v1"


class CustomerUpdated(_CustomerTold):
    """Names and places change."""

    type = "customer.customer.updated.v1"


class CustomerTransferred(Consumed):
    """New opportunities go to the new owner."""

    type = "customer.customer.transferred.v1"

    customer_id: Id
    owner_id: Id | None = None
    department_id: Id | None = None


class CustomerDeleted(Consumed):
    """Nothing new is sold to a deleted customer."""

    type = "customer.customer.deleted.v1"

    customer_id: Id


class CustomerRestored(Consumed):
    """A restored customer may buy again."""

    type = "customer.customer.restored.v1"

    customer_id: Id


class _CreditLimit(BaseModel):
    amount: Decimal
    currency: str
    valid_from: date
    valid_until: date | None = None


class CustomerCreditChanged(Consumed):
    """Orders are held against what a customer may owe."""

    type = "customer.customer.credit_changed.v1"

    customer_id: Id
    limit: _CreditLimit | None = None
    is_held: bool


class EmployeeChanged(Consumed):
    """An owner's department is that of his deals."""

    type = "channel.employee.changed.v1"

    employee_id: Id
    number: str
    name: str
    manager_id: Id | None = None
    department_id: Id | None = None
    state: str
    external_source: str | None = None
    external_id: str | None = None


class DepartmentChanged(Consumed):
    """Departments own deals."""

    type = "channel.department.changed.v1"

    department_id: Id
    name: str
    parent_id: Id | None = None
    state: str
    external_source: str | None = None
    external_id: str | None = None


class TerritoryChanged(Consumed):
    """A region is a territory."""

    type = "channel.territory.changed.v1"

    territory_id: Id
    code: str
    name: str
    parent_id: Id | None = None
    state: str


class _PartnerTold(Consumed):
    type = ""

    partner_id: Id
    number: str
    name: str
    tier: str | None = None
    state: str
    region_id: Id | None = None
    department_id: Id | None = None
    owner_id: Id | None = None
    external_source: str | None = None
    external_id: str | None = None


class PartnerOnboarded(_PartnerTold):
    """Deals come through partners."""

    type = "channel.partner.onboarded.v1"


class PartnerUpdated(_PartnerTold):
    """Names and regions change."""

    type = "channel.partner.updated.v1"


class PartnerTierChanged(Consumed):
    """Prices may depend on a partner's tier."""

    type = "channel.partner.tier_changed.v1"

    partner_id: Id
    tier: str


class PartnerSuspended(Consumed):
    """A suspended partner is shown as such."""

    type = "channel.partner.suspended.v1"

    partner_id: Id


class PartnerReactivated(Consumed):
    """And one that is back."""

    type = "channel.partner.reactivated.v1"

    partner_id: Id


class _ContractLine(BaseModel):
    product_id: Id | None = None
    product_name: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


class ContractSigned(Consumed):
    """A signed sales contract belongs to its order, or is what an order is taken from."""

    type = "contract.contract.signed.v1"

    contract_id: Id
    number: str
    kind: str
    quote_id: Id | None = None
    opportunity_id: Id | None = None
    customer_id: Id
    total: Decimal
    currency: str
    signed_on: date
    lines: list[_ContractLine]


async def keep_customer(session: AsyncSession, event: _CustomerTold) -> None:
    await copies.keep(
        session,
        KnownCustomer,
        event.customer_id,
        name_key=name_key(event.name),
        **_but_id(event, "customer_id"),
    )


async def transfer_customer(session: AsyncSession, event: CustomerTransferred) -> None:
    await copies.amend(session, KnownCustomer, event.customer_id, **_but_id(event, "customer_id"))


async def mark_customer_deleted(session: AsyncSession, event: CustomerDeleted) -> None:
    await copies.amend(session, KnownCustomer, event.customer_id, is_deleted=True)


async def mark_customer_restored(session: AsyncSession, event: CustomerRestored) -> None:
    await copies.amend(session, KnownCustomer, event.customer_id, is_deleted=False)


async def keep_credit(session: AsyncSession, event: CustomerCreditChanged) -> None:
    await credit.keep_hold(session, event.customer_id, is_held=event.is_held)
    if event.limit is not None:
        await credit.keep_limit(session, event.customer_id, **event.limit.model_dump())


async def keep_employee(session: AsyncSession, event: EmployeeChanged) -> None:
    await copies.keep(session, KnownEmployee, event.employee_id, **_but_id(event, "employee_id"))


async def keep_department(session: AsyncSession, event: DepartmentChanged) -> None:
    await copies.keep(
        session, KnownDepartment, event.department_id, **_but_id(event, "department_id")
    )


async def keep_territory(session: AsyncSession, event: TerritoryChanged) -> None:
    await copies.keep(session, KnownTerritory, event.territory_id, **_but_id(event, "territory_id"))


async def keep_partner(session: AsyncSession, event: _PartnerTold) -> None:
    await copies.keep(session, KnownPartner, event.partner_id, **_but_id(event, "partner_id"))


async def change_partner_tier(session: AsyncSession, event: PartnerTierChanged) -> None:
    await copies.amend(session, KnownPartner, event.partner_id, tier=event.tier)


async def mark_partner_suspended(session: AsyncSession, event: PartnerSuspended) -> None:
    await copies.amend(session, KnownPartner, event.partner_id, state="suspended")


async def mark_partner_active(session: AsyncSession, event: PartnerReactivated) -> None:
    await copies.amend(session, KnownPartner, event.partner_id, state="active")


async def link_contract(session: AsyncSession, event: ContractSigned) -> None:
    await orders.link_contract(session, **event.model_dump())


def _but_id(event: Consumed, id_field: str) -> dict[str, Any]:
    return event.model_dump(exclude={id_field})


CUSTOMER_REFERENCES = (
    Reference("known_contracts"),
    Reference("leads"),
    Reference("opportunities"),
    Reference("opportunities", "end_customer_id"),
    Reference("orders"),
    Reference("price_lists"),
    Reference("quotes"),
    Reference("receipts"),
)
"""What names a customer here, and follows it when it is merged."""

CONSUMERS: ConsumersTable = {
    **ACCESS,
    **following(CUSTOMER_REFERENCES),
    CustomerCreated: keep_customer,
    CustomerUpdated: keep_customer,
    CustomerTransferred: transfer_customer,
    CustomerDeleted: mark_customer_deleted,
    CustomerRestored: mark_customer_restored,
    CustomerCreditChanged: keep_credit,
    EmployeeChanged: keep_employee,
    DepartmentChanged: keep_department,
    TerritoryChanged: keep_territory,
    PartnerOnboarded: keep_partner,
    PartnerUpdated: keep_partner,
    PartnerTierChanged: change_partner_tier,
    PartnerSuspended: mark_partner_suspended,
    PartnerReactivated: mark_partner_active,
    ContractSigned: link_contract,
    EmployeeLeft: keep_handover,
    ParameterChanged: keep_parameter,
    ParameterWithdrawn: forget_parameter,
}
