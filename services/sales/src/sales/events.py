"""Everything the sales service tells the others."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from common.events import Day, Id, Moment, ScopedEvent
from common.money import Amount, Currency

Text = Annotated[str, Field(examples=["远航机电 2026 年设备采购"])]
Product = Annotated[str, Field(examples=["GTX Pro"])]
Source = Annotated[str, Field(examples=["crm"])]
ExternalId = Annotated[str, Field(examples=["Z063OYW0"])]
Reason = Annotated[str, Field(examples=["price"])]
Stage = Annotated[str, Field(examples=["engaging"])]
Quantity = Annotated[Decimal, Field(max_digits=20, decimal_places=6, examples=["12"])]
Probability = Annotated[Decimal, Field(ge=0, le=1, examples=["0.25"])]
"""How likely the deal is won, from 0 to 1."""
Count = Annotated[int, Field(ge=0, examples=[1])]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- products and prices


class ProductCreated(ScopedEvent):
    """A product came into the catalogue."""

    type = "sales.product.created.v1"

    product_id: Id
    sku: Annotated[str, Field(examples=["GTX-PRO"])]
    name: Product
    series: Annotated[str | None, Field(examples=["GTX"])]
    kind: Annotated[str, Field(examples=["own"])]
    unit: Annotated[str, Field(examples=["piece"])]
    list_price: Amount
    currency: Currency
    state: Annotated[str, Field(examples=["active"])]
    external_source: Source | None
    external_id: ExternalId | None


class ProductUpdated(ScopedEvent):
    """What is known of a product changed; these are the values after it."""

    type = "sales.product.updated.v1"

    product_id: Id
    sku: Annotated[str, Field(examples=["GTX-PRO"])]
    name: Product
    series: Annotated[str | None, Field(examples=["GTX"])]
    kind: Annotated[str, Field(examples=["own"])]
    unit: Annotated[str, Field(examples=["piece"])]
    list_price: Amount
    currency: Currency
    state: Annotated[str, Field(examples=["active"])]
    external_source: Source | None
    external_id: ExternalId | None


class PriceListDrafted(ScopedEvent):
    """A price list was begun or its draft changed; nobody is sold by it yet."""

    type = "sales.price_list.drafted.v1"

    price_list_id: Id
    name: Text
    currency: Currency


class PriceListPublished(ScopedEvent):
    """A price list holds from its first day on."""

    type = "sales.price_list.published.v1"

    price_list_id: Id
    name: Text
    currency: Currency
    valid_from: Day
    valid_to: Day | None


class PriceListWithdrawn(ScopedEvent):
    """A price list no longer holds."""

    type = "sales.price_list.withdrawn.v1"

    price_list_id: Id
    name: Text
    currency: Currency


# --- leads


class LeadCaptured(ScopedEvent):
    """Somebody may want to buy."""

    type = "sales.lead.captured.v1"

    lead_id: Id
    number: Annotated[str, Field(examples=["L2026-000042"])]
    name: Text
    source: Annotated[str, Field(examples=["fair"])]
    score: Count
    rating: Annotated[str, Field(examples=["warm"])]
    customer_id: Id | None = None
    product_id: Id | None = None
    campaign: Annotated[str | None, Field(examples=["spring-fair-2026"])] = None


class LeadUpdated(ScopedEvent):
    """What is known of a lead changed, and with it perhaps its score."""

    type = "sales.lead.updated.v1"

    lead_id: Id
    number: Annotated[str, Field(examples=["L2026-000042"])]
    name: Text
    source: Annotated[str, Field(examples=["fair"])]
    score: Count
    rating: Annotated[str, Field(examples=["warm"])]


class LeadAssigned(ScopedEvent):
    """A lead was given to somebody."""

    type = "sales.lead.assigned.v1"

    lead_id: Id
    assignee_id: Id
    reason: Annotated[str, Field(examples=["knows the customer"])]


class LeadConverted(ScopedEvent):
    """A lead became an opportunity of a customer."""

    type = "sales.lead.converted.v1"

    lead_id: Id
    customer_id: Id
    opportunity_id: Id
    contact_id: Id | None


class LeadLost(ScopedEvent):
    """Nothing comes of a lead."""

    type = "sales.lead.lost.v1"

    lead_id: Id
    reason: Reason


# --- opportunities


class OpportunityOpened(ScopedEvent):
    """There is a deal to win; its customer may not be known yet."""

    type = "sales.opportunity.opened.v1"

    opportunity_id: Id
    number: Annotated[str, Field(examples=["D2026-000042"])]
    name: Text
    customer_id: Id | None
    lead_id: Id | None
    product_id: Id | None
    stage: Stage
    probability: Probability | None
    expected_amount: Amount | None
    currency: Currency
    expected_close_on: Day | None
    opened_on: Day
    external_source: Source | None
    external_id: ExternalId | None


class OpportunityStageChanged(ScopedEvent):
    """A deal went on to another stage, or back by one."""

    type = "sales.opportunity.stage_changed.v1"

    opportunity_id: Id
    from_stage: Stage
    stage: Stage
    changed_on: Day
    expected_amount: Amount | None
    currency: Currency
    expected_close_on: Day | None
    probability: Probability | None = None
    days_in_from_stage: Count
    customer_id: Id | None = None
    product_id: Id | None = None


class OpportunityChanged(ScopedEvent):
    """What is expected of a deal changed; these are the values after it."""

    type = "sales.opportunity.changed.v1"

    opportunity_id: Id
    name: Text
    stage: Stage
    expected_amount: Amount | None
    currency: Currency
    expected_close_on: Day | None
    product_id: Id | None
    customer_id: Id | None
    probability: Probability | None = None


class WonLine(_Part):
    """What a won deal is made of; the amounts add up to that of the deal."""

    product_id: Id | None
    amount: Amount


class OpportunityWon(ScopedEvent):
    """A deal was won."""

    type = "sales.opportunity.won.v1"

    opportunity_id: Id
    customer_id: Id | None
    stage: Annotated[str, Field(examples=["won"])]
    from_stage: Stage
    won_on: Day
    amount: Amount
    currency: Currency
    lines: list[WonLine]
    opened_on: Day
    days_in_from_stage: Count


class OpportunityLost(ScopedEvent):
    """A deal was lost."""

    type = "sales.opportunity.lost.v1"

    opportunity_id: Id
    customer_id: Id | None
    stage: Annotated[str, Field(examples=["lost"])]
    from_stage: Stage
    lost_on: Day
    reason: Reason
    amount: Amount | None
    currency: Currency
    opened_on: Day
    product_id: Id | None
    days_in_from_stage: Count


# --- quotes


class QuoteDrafted(ScopedEvent):
    """A quote was begun or its draft changed; the customer has not seen it."""

    type = "sales.quote.drafted.v1"

    quote_id: Id
    number: Annotated[str, Field(examples=["Q2026-000042"])]
    quote_version: Count
    opportunity_id: Id | None
    customer_id: Id
    total: Amount
    currency: Currency
    valid_until: Day


class QuoteSent(ScopedEvent):
    """A quote went to the customer."""

    type = "sales.quote.sent.v1"

    quote_id: Id
    number: Annotated[str, Field(examples=["Q2026-000042"])]
    quote_version: Count
    opportunity_id: Id | None
    customer_id: Id
    total: Amount
    currency: Currency
    valid_until: Day


class QuoteLine(_Part):
    """A line of an accepted quote; `amount` is after the discount."""

    line_no: Count
    product_id: Id
    product_name: Product
    quantity: Quantity
    unit_price: Amount
    discount_percent: Annotated[Decimal, Field(examples=["10"])]
    amount: Amount
    delivery_on: Day | None


class QuoteAccepted(ScopedEvent):
    """A customer took a quote; it stays as it is from now on."""

    type = "sales.quote.accepted.v1"

    quote_id: Id
    number: Annotated[str, Field(examples=["Q2026-000042"])]
    quote_version: Count
    opportunity_id: Id | None
    customer_id: Id
    total: Amount
    currency: Currency
    accepted_at: Moment
    lines: list[QuoteLine]


class QuoteRejected(ScopedEvent):
    """A customer did not want a quote."""

    type = "sales.quote.rejected.v1"

    quote_id: Id
    number: Annotated[str, Field(examples=["Q2026-000042"])]
    opportunity_id: Id | None
    customer_id: Id
    total: Amount
    currency: Currency
    reason: Reason


class QuoteExpired(ScopedEvent):
    """A quote was not answered while it was valid."""

    type = "sales.quote.expired.v1"

    quote_id: Id
    number: Annotated[str, Field(examples=["Q2026-000042"])]
    opportunity_id: Id | None
    customer_id: Id
    total: Amount
    currency: Currency
    valid_until: Day


class QuoteReplaced(ScopedEvent):
    """A new version of a quote took the place of this one."""

    type = "sales.quote.replaced.v1"

    quote_id: Id
    number: Annotated[str, Field(examples=["Q2026-000042"])]
    quote_version: Count
    replaced_by: Id
    customer_id: Id


# --- orders


class OrderDrafted(ScopedEvent):
    """An order was written down; nobody is bound by it yet."""

    type = "sales.order.drafted.v1"

    order_id: Id
    number: Annotated[str, Field(examples=["O2026-000042"])]
    quote_id: Id | None
    contract_id: Id | None
    opportunity_id: Id | None
    customer_id: Id
    total: Amount
    currency: Currency


class OrderLine(_Part):
    """A line of an order; `amount` is after the discount."""

    line_no: Count
    product_id: Id
    product_name: Product
    quantity: Quantity
    unit_price: Amount
    amount: Amount


class OrderConfirmed(ScopedEvent):
    """An order binds the customer and us."""

    type = "sales.order.confirmed.v1"

    order_id: Id
    number: Annotated[str, Field(examples=["O2026-000042"])]
    quote_id: Id | None
    contract_id: Id | None
    opportunity_id: Id | None
    customer_id: Id
    total: Amount
    currency: Currency
    confirmed_at: Moment
    ordered_on: Day
    lines: list[OrderLine]


class OrderLinked(ScopedEvent):
    """The contract of an order was signed."""

    type = "sales.order.linked.v1"

    order_id: Id
    contract_id: Id
    customer_id: Id


class ShippedLine(_Part):
    """How much of an order's line went out with one delivery."""

    line_no: Count
    product_id: Id
    quantity: Quantity


class OrderShipped(ScopedEvent):
    """A delivery of an order went out; `complete` when nothing is left to deliver."""

    type = "sales.order.shipped.v1"

    order_id: Id
    number: Annotated[str, Field(examples=["O2026-000042"])]
    customer_id: Id
    contract_id: Id | None
    opportunity_id: Id | None
    shipped_at: Moment
    lines: list[ShippedLine]
    complete: bool


class OrderCompleted(ScopedEvent):
    """An order is over: everything was delivered or done."""

    type = "sales.order.completed.v1"

    order_id: Id
    customer_id: Id
    completed_at: Moment


class OrderCancelled(ScopedEvent):
    """An order is off; what its confirmation had counted is to be taken back."""

    type = "sales.order.cancelled.v1"

    order_id: Id
    number: Annotated[str, Field(examples=["O2026-000042"])]
    customer_id: Id
    opportunity_id: Id | None
    reason: Reason
    total: Amount
    currency: Currency
    was_confirmed: bool


class OrderPaymentChanged(ScopedEvent):
    """Money came in for an order, or went back."""

    type = "sales.order.payment_changed.v1"

    order_id: Id
    customer_id: Id
    receipt_id: Id
    paid_amount: Amount
    open_amount: Amount
    total: Amount
    currency: Currency


# --- receipts


class ReceiptRecorded(ScopedEvent):
    """Money came in; what no order took is unallocated."""

    type = "sales.receipt.recorded.v1"

    receipt_id: Id
    number: Annotated[str, Field(examples=["R2026-000042"])]
    customer_id: Id | None
    order_id: Id | None
    opportunity_id: Id | None
    contract_id: Id | None = None
    amount: Amount
    unallocated_amount: Amount
    currency: Currency
    received_on: Day
    method: Annotated[str, Field(examples=["bank_transfer"])]
    external_source: Source | None = None
    external_id: ExternalId | None = None


class ReceiptReversed(ScopedEvent):
    """A receipt was taken back: the money did not stay."""

    type = "sales.receipt.reversed.v1"

    receipt_id: Id
    number: Annotated[str, Field(examples=["R2026-000042"])]
    order_id: Id | None
    customer_id: Id | None
    opportunity_id: Id | None
    contract_id: Id | None = None
    amount: Amount
    currency: Currency
    reversed_on: Day
    reason: Reason
