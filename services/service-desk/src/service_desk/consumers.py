"""Everything the service desk hears."""

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.consumers import ACCESS
from common.events import Consumed, Id
from common.handovers import EmployeeLeft, keep_handover
from common.merges import Reference, following
from common.messaging.consumers import ConsumersTable
from service_desk.copies import use_cases as copies
from service_desk.entitlements import use_cases as entitlements
from service_desk.installed_base import use_cases as installed_base


class CustomerProfile(Consumed):
    """What is copied of a customer."""

    customer_id: Id
    number: str
    name: str
    external_source: str | None = None
    external_id: str | None = None
    owner_id: Id | None = None
    department_id: Id | None = None
    partner_id: Id | None = None
    region_id: Id | None = None


class CustomerCreated(CustomerProfile):
    """A customer whose tickets we may take."""

    type = "customer.customer.created.v1"


class CustomerUpdated(CustomerProfile):
    """The copy follows."""

    type = "customer.customer.updated.v1"


class CustomerTransferred(Consumed):
    """Tickets opened from now on belong to the new owner's scope."""

    type = "customer.customer.transferred.v1"

    customer_id: Id
    owner_id: Id | None = None
    department_id: Id | None = None
    partner_id: Id | None = None
    region_id: Id | None = None


class CustomerDeleted(Consumed):
    """No new tickets for the customer."""

    type = "customer.customer.deleted.v1"

    customer_id: Id


class CustomerRestored(Consumed):
    """New tickets for the customer again."""

    type = "customer.customer.restored.v1"

    customer_id: Id


class PartnerProfile(Consumed):
    """What is copied of a partner."""

    partner_id: Id
    number: str
    name: str


class PartnerOnboarded(PartnerProfile):
    """A partner whose tickets we may take."""

    type = "channel.partner.onboarded.v1"


class PartnerUpdated(PartnerProfile):
    """The copy follows."""

    type = "channel.partner.updated.v1"


class ContractLine(BaseModel):
    """A line of a signed contract."""

    model_config = ConfigDict(extra="ignore")

    line_no: int
    product_id: Id | None = None
    product_name: str
    quantity: Decimal


class ContractSigned(Consumed):
    """What the customer is entitled to, from when to when."""

    type = "contract.contract.signed.v1"

    contract_id: Id
    number: str
    kind: str
    customer_id: Id | None = None
    starts_on: date
    ends_on: date | None = None
    lines: list[ContractLine]


class ContractTerminated(Consumed):
    """The entitlements end with the contract."""

    type = "contract.contract.terminated.v1"

    contract_id: Id
    terminated_on: date


class ShippedLine(BaseModel):
    """A line of a shipment."""

    model_config = ConfigDict(extra="ignore")

    line_no: int
    product_id: Id | None = None
    quantity: Decimal


class OrderShipped(Consumed):
    """What the customer has from now on."""

    type = "sales.order.shipped.v1"

    order_id: Id
    customer_id: Id
    shipped_at: datetime
    lines: list[ShippedLine]


async def copy_customer(session: AsyncSession, event: CustomerProfile) -> None:
    await copies.keep_customer(session, **event.model_dump())


async def move_customer(session: AsyncSession, event: CustomerTransferred) -> None:
    await copies.move_customer(session, **event.model_dump())


async def mark_customer_deleted(session: AsyncSession, event: CustomerDeleted) -> None:
    await copies.mark_customer(session, event.customer_id, is_deleted=True)


async def mark_customer_restored(session: AsyncSession, event: CustomerRestored) -> None:
    await copies.mark_customer(session, event.customer_id, is_deleted=False)


async def copy_partner(session: AsyncSession, event: PartnerProfile) -> None:
    await copies.keep_partner(session, **event.model_dump())


async def entitle_customer(session: AsyncSession, event: ContractSigned) -> None:
    await entitlements.entitle_customer(
        session,
        contract_id=event.contract_id,
        contract_number=event.number,
        contract_kind=event.kind,
        customer_id=event.customer_id,
        starts_on=event.starts_on,
        ends_on=event.ends_on,
        lines=[line.model_dump() for line in event.lines],
    )


async def end_entitlements(session: AsyncSession, event: ContractTerminated) -> None:
    await entitlements.end_entitlements(session, event.contract_id, on=event.terminated_on)


async def install_products(session: AsyncSession, event: OrderShipped) -> None:
    await installed_base.install_products(
        session,
        shipment_id=event.envelope.id,
        order_id=event.order_id,
        customer_id=event.customer_id,
        shipped_at=event.shipped_at,
        lines=[line.model_dump() for line in event.lines],
    )


CUSTOMER_REFERENCES = (
    Reference("entitlements"),
    Reference("installed_products"),
    Reference("surveys"),
    Reference("tickets"),
)
"""What names a customer here, and follows it when it is merged."""

CONSUMERS: ConsumersTable = {
    **ACCESS,
    **following(CUSTOMER_REFERENCES),
    CustomerCreated: copy_customer,
    CustomerUpdated: copy_customer,
    CustomerTransferred: move_customer,
    CustomerDeleted: mark_customer_deleted,
    CustomerRestored: mark_customer_restored,
    PartnerOnboarded: copy_partner,
    PartnerUpdated: copy_partner,
    ContractSigned: entitle_customer,
    ContractTerminated: end_entitlements,
    OrderShipped: install_products,
    EmployeeLeft: keep_handover,
}
