"""Everything the reporting service hears: all events for the history, some of them for figures.

An event writes what it tells into the row of its aggregate: a field that it does not mention stays
as it was, a field that it tells as null is cleared.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.consumers import ACCESS
from common.days import day_of
from common.events import AnyEvent, Consumed, Id
from common.merges import Reference, following
from common.messaging.consumers import ConsumersTable, batch
from reporting.event_log import use_cases as event_log
from reporting.projections import model
from reporting.projections import use_cases as projections
from reporting.projections.model import reach
from reporting.recordsets import Row


class Told(Consumed):
    """An event whose fields are columns of its aggregate's row.

    `becomes`: what else the row is after it, whatever the event's values are.
    """

    becomes: ClassVar[Row] = {}

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        values = self.__dict__
        for name in self.model_fields_set:
            row[name] = values[name]
        row.update(self.becomes)


class Owned(Told):
    """An event that tells whose the thing is."""

    owner_id: Id | None = None
    department_id: Id | None = None
    partner_id: Id | None = None
    region_id: Id | None = None


class Imported(Told):
    """An event about a record that may come from another system."""

    external_source: str | None = None
    external_id: str | None = None


# --- who and what


class CustomerCreated(Owned, Imported):
    """A customer to name in reports."""

    type = "customer.customer.created.v1"

    number: str
    name: str
    kind: str
    industry: str | None = None
    city: str | None = None
    parent_id: Id | None = None
    status: str


class CustomerUpdated(CustomerCreated):
    """The customer's profile now."""

    type = "customer.customer.updated.v1"


class CustomerTransferred(Owned):
    """Whose the customer is now."""

    type = "customer.customer.transferred.v1"


class CustomerDeleted(Owned):
    """The customer is out of use; its figures stay."""

    type = "customer.customer.deleted.v1"
    becomes = {"deleted": True}


class CustomerRestored(Owned):
    """The customer is in use again."""

    type = "customer.customer.restored.v1"
    becomes = {"deleted": False}


class ProductCreated(Imported):
    """A product to name in reports."""

    type = "sales.product.created.v1"

    sku: str
    name: str
    series: str | None = None
    kind: str
    state: str


class ProductUpdated(ProductCreated):
    """The product's record now."""

    type = "sales.product.updated.v1"


class EmployeeChanged(Imported):
    """A person to name in reports."""

    type = "channel.employee.changed.v1"

    number: str
    name: str
    position: str | None = None
    manager_id: Id | None = None
    department_id: Id
    state: str


class DepartmentChanged(Imported):
    """A department, and the region it looks after."""

    type = "channel.department.changed.v1"

    code: str | None = None
    name: str
    kind: str
    parent_id: Id | None = None
    region_id: Id | None = None
    state: str


class TerritoryChanged(Told):
    """A region to name in reports."""

    type = "channel.territory.changed.v1"

    code: str
    name: str
    parent_id: Id | None = None
    state: str


class PartnerOnboarded(Imported):
    """A partner to name in reports, with its region."""

    type = "channel.partner.onboarded.v1"

    number: str
    name: str
    kind: str
    tier: str
    state: str
    owner_id: Id | None = None
    department_id: Id | None = None
    region_id: Id | None = None


class PartnerUpdated(PartnerOnboarded):
    """The partner's record now."""

    type = "channel.partner.updated.v1"


class PartnerTierChanged(Told):
    """The partner's tier now."""

    type = "channel.partner.tier_changed.v1"

    tier: str


class PartnerSuspended(Told):
    """Business with the partner is on hold."""

    type = "channel.partner.suspended.v1"
    becomes = {"state": "suspended"}


class PartnerReactivated(Told):
    """Business with the partner goes on."""

    type = "channel.partner.reactivated.v1"
    becomes = {"state": "active"}


# --- leads and deals


class LeadCaptured(Owned):
    """A lead came in."""

    type = "sales.lead.captured.v1"

    number: str
    name: str
    source: str
    score: int

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        row["captured_at"] = self.envelope.time


class LeadAssigned(Owned):
    """The lead has an owner."""

    type = "sales.lead.assigned.v1"

    assignee_id: Id

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        row["owner_id"] = row.pop("assignee_id")


class LeadReleased(Owned):
    """The lead went back to the pool: nobody owns it."""

    type = "sales.lead.released.v1"


class LeadReopened(Owned):
    """A lost lead is followed up again."""

    type = "sales.lead.reopened.v1"
    becomes = {"state": "open", "lost_reason": None}


class LeadConverted(Owned):
    """The lead became a deal."""

    type = "sales.lead.converted.v1"
    becomes = {"state": "converted"}

    customer_id: Id | None = None
    opportunity_id: Id


class LeadLost(Owned):
    """Nothing came of the lead."""

    type = "sales.lead.lost.v1"
    becomes = {"state": "lost"}

    reason: str

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        row["lost_reason"] = row.pop("reason")


class OpportunityEvent(Owned):
    """An event about a deal."""

    currency: str

    @property
    def lines_told(self) -> "Sequence[WonLine] | None":
        """The lines of the deal, where the event tells them."""
        return None


class OpportunityOpened(OpportunityEvent):
    """There is a deal to win."""

    type = "sales.opportunity.opened.v1"

    number: str
    name: str
    customer_id: Id | None = None
    lead_id: Id | None = None
    product_id: Id | None = None
    stage: str
    expected_amount: Decimal | None = None
    expected_close_on: date | None = None
    opened_on: date

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        reach(row, self.stage)


class OpportunityStageChanged(OpportunityEvent):
    """The deal came to another stage."""

    type = "sales.opportunity.stage_changed.v1"

    stage: str
    expected_amount: Decimal | None = None
    expected_close_on: date | None = None

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        reach(row, self.stage)


class OpportunityChanged(OpportunityEvent):
    """What is expected of the deal now."""

    type = "sales.opportunity.changed.v1"

    expected_amount: Decimal | None = None
    expected_close_on: date | None = None
    product_id: Id | None = None
    customer_id: Id | None = None


class WonLine(BaseModel):
    """A line of a won deal."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    product_id: Id | None = None
    amount: Decimal


class OpportunityWon(OpportunityEvent):
    """Revenue of the day on which the deal was won."""

    type = "sales.opportunity.won.v1"
    becomes = {"state": "won"}

    customer_id: Id | None = None
    stage: str
    from_stage: str
    won_on: date
    opened_on: date
    amount: Decimal
    lines: list[WonLine]

    @property
    def lines_told(self) -> Sequence[WonLine] | None:
        """What the deal was won with."""
        return self.lines

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        del row["lines"]
        row["closed_on"] = row.pop("won_on")
        reach(row, row.pop("from_stage"), self.stage)


class OpportunityLost(OpportunityEvent):
    """The deal is lost since this day, for a reason."""

    type = "sales.opportunity.lost.v1"
    becomes = {"state": "lost"}

    customer_id: Id | None = None
    product_id: Id | None = None
    stage: str
    from_stage: str
    lost_on: date
    opened_on: date
    reason: str
    amount: Decimal | None = None

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        row["closed_on"], row["lost_reason"] = row.pop("lost_on"), row.pop("reason")
        reach(row, row.pop("from_stage"))


# --- orders, receipts, contracts


class OrderConfirmed(Owned):
    """An order stands."""

    type = "sales.order.confirmed.v1"
    becomes = {"state": "confirmed"}

    number: str
    quote_id: Id | None = None
    contract_id: Id | None = None
    opportunity_id: Id | None = None
    customer_id: Id
    total: Decimal
    currency: str
    confirmed_at: datetime
    ordered_on: date


class OrderShipped(Owned):
    """Goods went out; the order is shipped when nothing is left."""

    type = "sales.order.shipped.v1"

    shipped_at: datetime
    complete: bool

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        if row.pop("complete"):
            row["state"] = "shipped"


class OrderCancelled(Owned):
    """The order is off."""

    type = "sales.order.cancelled.v1"
    becomes = {"state": "cancelled"}

    reason: str

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        row["cancel_reason"] = row.pop("reason")


class OrderChanged(Owned):
    """A standing order comes to something else; of a draft nothing is kept."""

    type = "sales.order.changed.v1"

    is_confirmed: bool
    total: Decimal

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        if self.is_confirmed:
            super().fold(row)
            del row["is_confirmed"]


class OrderRestCancelled(Owned):
    """What was not delivered is off; the rest is what the order comes to."""

    type = "sales.order.rest_cancelled.v1"
    becomes = {"state": "shipped"}

    total: Decimal


class OrderReopened(Owned):
    """An order that was off is written down again; its confirmation is told by itself."""

    type = "sales.order.reopened.v1"
    becomes = {"state": "draft", "cancel_reason": None}


class ReceiptRecorded(Owned):
    """Money came in."""

    type = "sales.receipt.recorded.v1"

    number: str
    customer_id: Id | None = None
    order_id: Id | None = None
    opportunity_id: Id | None = None
    amount: Decimal
    currency: str
    received_on: date
    method: str


class ReceiptReversed(Told):
    """The money did not stay."""

    type = "sales.receipt.reversed.v1"

    reversed_on: date


class ContractDrafted(Owned):
    """A contract is being written."""

    type = "contract.contract.drafted.v1"
    becomes = {"state": "drafted"}

    number: str
    kind: str
    title: str
    quote_id: Id | None = None
    order_id: Id | None = None
    customer_id: Id | None = None
    total: Decimal
    currency: str
    starts_on: date
    ends_on: date | None = None


class ContractSubmitted(Owned):
    """The contract waits for approval."""

    type = "contract.contract.submitted.v1"
    becomes = {"state": "submitted"}


class ContractApproved(Owned):
    """The contract may be signed."""

    type = "contract.contract.approved.v1"
    becomes = {"state": "approved"}


class ContractRejected(Owned):
    """The contract was refused."""

    type = "contract.contract.rejected.v1"
    becomes = {"state": "rejected"}

    reason: str


class ContractSigned(Owned):
    """The contract holds."""

    type = "contract.contract.signed.v1"
    becomes = {"state": "signed"}

    number: str
    kind: str
    quote_id: Id | None = None
    opportunity_id: Id | None = None
    customer_id: Id | None = None
    total: Decimal
    currency: str
    signed_on: date
    starts_on: date
    ends_on: date | None = None


class ContractTransferred(Owned):
    """Whose the contract is now."""

    type = "contract.contract.transferred.v1"


class ContractTerminated(Owned):
    """The contract ended before its time."""

    type = "contract.contract.terminated.v1"
    becomes = {"state": "terminated"}

    reason: str
    terminated_on: date


class ContractExpired(Owned):
    """The contract's last day is over."""

    type = "contract.contract.expired.v1"
    becomes = {"state": "expired"}


# --- service


class TicketOpened(Owned):
    """A ticket of the day on which it was opened."""

    type = "service_desk.ticket.opened.v1"

    number: str
    customer_id: Id | None = None
    product_id: Id | None = None
    contract_id: Id | None = None
    category: str
    priority: str
    channel: str
    opened_at: datetime
    response_due_at: datetime
    solution_due_at: datetime

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        row["opened_on"] = day_of(self.opened_at)


class TicketAssigned(Owned):
    """Somebody has the ticket."""

    type = "service_desk.ticket.assigned.v1"

    assignee_id: Id
    team: str | None = None

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        row["owner_id"] = row.pop("assignee_id")


class TicketResponded(Owned):
    """The customer got an answer."""

    type = "service_desk.ticket.responded.v1"

    responded_at: datetime
    within_sla: bool
    minutes: int

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        row["responded_within_sla"] = row.pop("within_sla")
        row["response_minutes"] = row.pop("minutes")


class TicketClosed(Owned):
    """The ticket is solved."""

    type = "service_desk.ticket.closed.v1"

    closed_at: datetime
    within_sla: bool
    minutes: int

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        row["closed_within_sla"] = row.pop("within_sla")
        row["solution_minutes"] = row.pop("minutes")


class TicketReopened(Owned):
    """The ticket was not solved after all."""

    type = "service_desk.ticket.reopened.v1"
    becomes = {"closed_at": None, "closed_within_sla": None, "solution_minutes": None}

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        row["times_reopened"] += 1


class TicketSlaBreached(Owned):
    """A clock of the ticket ran out."""

    type = "service_desk.ticket.sla_breached.v1"

    clock: str

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        clock = row.pop("clock")
        if clock in ("response", "solution"):
            row[f"{clock}_breached"] = True


class SurveyAnswered(Owned):
    """What the customer said of the service."""

    type = "service_desk.survey.answered.v1"

    ticket_id: Id
    customer_id: Id | None = None
    score: int
    answered_at: datetime

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        row["answered_on"] = day_of(self.answered_at)


class ScorecardPublished(Owned):
    """A partner's score for a period."""

    type = "channel.scorecard.published.v1"

    period_start: date
    period_end: date
    won_amount: Decimal
    currency: str
    won_deals: int
    lost_deals: int
    win_rate: Decimal | None = None
    satisfaction: Decimal | None = None
    score: Decimal | None = None

    def fold(self, row: Row) -> None:
        """Make the row what it is after the event."""
        super().fold(row)
        row["published_at"] = self.envelope.time


async def keep_events(session: AsyncSession, events: Sequence[AnyEvent]) -> None:
    await event_log.keep_events(session, [event.envelope for event in events])


async def project_customers(session: AsyncSession, events: Sequence[Told]) -> None:
    await projections.project(session, model.Customer, events)


async def project_products(session: AsyncSession, events: Sequence[Told]) -> None:
    await projections.project(session, model.Product, events)


async def project_people(session: AsyncSession, events: Sequence[Told]) -> None:
    await projections.project(session, model.Person, events)


async def project_departments(session: AsyncSession, events: Sequence[Told]) -> None:
    await projections.project(session, model.Department, events)


async def project_regions(session: AsyncSession, events: Sequence[Told]) -> None:
    await projections.project(session, model.Region, events)


async def project_partners(session: AsyncSession, events: Sequence[Told]) -> None:
    await projections.project(session, model.Partner, events)


async def project_leads(session: AsyncSession, events: Sequence[Told]) -> None:
    await projections.project(session, model.Lead, events)


async def project_deals(session: AsyncSession, events: Sequence[OpportunityEvent]) -> None:
    await projections.project_deals(session, events)


async def project_orders(session: AsyncSession, events: Sequence[Told]) -> None:
    await projections.project(session, model.Order, events)


async def project_receipts(session: AsyncSession, events: Sequence[Told]) -> None:
    await projections.project(session, model.Receipt, events)


async def project_contracts(session: AsyncSession, events: Sequence[Told]) -> None:
    await projections.project(session, model.Contract, events)


async def project_tickets(session: AsyncSession, events: Sequence[Told]) -> None:
    await projections.project(session, model.Ticket, events)


async def project_surveys(session: AsyncSession, events: Sequence[Told]) -> None:
    await projections.project(session, model.Survey, events)


async def project_scorecards(session: AsyncSession, events: Sequence[Told]) -> None:
    await projections.project(session, model.Scorecard, events)


CUSTOMER_REFERENCES = (
    Reference("contracts"),
    Reference("customers", "parent_id"),
    Reference("leads"),
    Reference("opportunities"),
    Reference("orders"),
    Reference("receipts"),
    Reference("surveys"),
    Reference("tickets"),
)
"""What names a customer here, and follows it when it is merged."""

PROJECTED: ConsumersTable = {
    CustomerCreated: batch(project_customers),
    CustomerUpdated: batch(project_customers),
    CustomerTransferred: batch(project_customers),
    CustomerDeleted: batch(project_customers),
    CustomerRestored: batch(project_customers),
    **following(CUSTOMER_REFERENCES),
    ProductCreated: batch(project_products),
    ProductUpdated: batch(project_products),
    EmployeeChanged: batch(project_people),
    DepartmentChanged: batch(project_departments),
    TerritoryChanged: batch(project_regions),
    PartnerOnboarded: batch(project_partners),
    PartnerUpdated: batch(project_partners),
    PartnerTierChanged: batch(project_partners),
    PartnerSuspended: batch(project_partners),
    PartnerReactivated: batch(project_partners),
    LeadCaptured: batch(project_leads),
    LeadAssigned: batch(project_leads),
    LeadReleased: batch(project_leads),
    LeadReopened: batch(project_leads),
    LeadConverted: batch(project_leads),
    LeadLost: batch(project_leads),
    OpportunityOpened: batch(project_deals),
    OpportunityStageChanged: batch(project_deals),
    OpportunityChanged: batch(project_deals),
    OpportunityWon: batch(project_deals),
    OpportunityLost: batch(project_deals),
    OrderConfirmed: batch(project_orders),
    OrderShipped: batch(project_orders),
    OrderCancelled: batch(project_orders),
    OrderChanged: batch(project_orders),
    OrderRestCancelled: batch(project_orders),
    OrderReopened: batch(project_orders),
    ReceiptRecorded: batch(project_receipts),
    ReceiptReversed: batch(project_receipts),
    ContractDrafted: batch(project_contracts),
    ContractSubmitted: batch(project_contracts),
    ContractApproved: batch(project_contracts),
    ContractRejected: batch(project_contracts),
    ContractSigned: batch(project_contracts),
    ContractTransferred: batch(project_contracts),
    ContractTerminated: batch(project_contracts),
    ContractExpired: batch(project_contracts),
    TicketOpened: batch(project_tickets),
    TicketAssigned: batch(project_tickets),
    TicketResponded: batch(project_tickets),
    TicketClosed: batch(project_tickets),
    TicketReopened: batch(project_tickets),
    TicketSlaBreached: batch(project_tickets),
    SurveyAnswered: batch(project_surveys),
    ScorecardPublished: batch(project_scorecards),
}
"""Which event changes which projection; a rebuild applies these."""

CONSUMERS: ConsumersTable = {AnyEvent: batch(keep_events), **PROJECTED, **ACCESS}
