"""Everything the sales service tells the others."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from common.custom_fields.columns import SaidValues
from common.custom_fields.events import CustomFieldChange
from common.events import Day, Event, Id, Moment, ScopedEvent
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
PipelineCode = Annotated[str, Field(examples=["default"])]
PipelineName = Annotated[str, Field(examples=["直销"])]
ActivityKind = Annotated[str, Field(examples=["site_visit"])]
ForecastCategory = Annotated[str, Field(examples=["commit"])]
"""How an open deal counts in a forecast: pipeline, best_case, commit or omitted."""
Count = Annotated[int, Field(ge=0, examples=[1])]
ExchangeRate = Annotated[
    Decimal, Field(gt=0, max_digits=30, decimal_places=12, examples=["7.1234"])
]
"""What one unit of the other currency is worth; of a document, in the base currency."""
Percent = Annotated[Decimal, Field(examples=["13"])]
PolicyName = Annotated[str, Field(examples=["2026 Q2"])]
RuleCode = Annotated[str, Field(examples=["direct_sales"])]
PayeeKind = Annotated[str, Field(examples=["person"])]


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
    custom: SaidValues = None


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
    custom: SaidValues = None


class PlannedState(_Part):
    """A state that a product is to have, from its day on."""

    state: Annotated[str, Field(examples=["phasing_out"])]
    effective_on: Day


class ProductStatePlanned(ScopedEvent):
    """It was planned otherwise which states a product is to have; `state` is the present one."""

    type = "sales.product.state_planned.v1"

    product_id: Id
    sku: Annotated[str, Field(examples=["GTX-PRO"])]
    state: Annotated[str, Field(examples=["active"])]
    planned: list[PlannedState]


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


# --- exchange rates


class ExchangeRateStated(Event):
    """So much of one currency was a unit of the other worth on a day."""

    type = "sales.exchange_rate.stated.v1"

    exchange_rate_id: Id
    from_currency: Currency
    to_currency: Currency
    rate_on: Day
    rate: ExchangeRate
    source: Annotated[str, Field(examples=["SAFE central parity"])]


class ExchangeRateCorrected(Event):
    """A rate was stated otherwise; what was decided with it before stays as it was."""

    type = "sales.exchange_rate.corrected.v1"

    exchange_rate_id: Id
    from_currency: Currency
    to_currency: Currency
    rate_on: Day
    rate_before: ExchangeRate
    rate: ExchangeRate
    source: Annotated[str, Field(examples=["SAFE central parity"])]


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
    lead_class: Annotated[str | None, Field(examples=["end_user"])] = None
    duplicate_of_id: Id | None = None
    custom: SaidValues = None


class LeadUpdated(ScopedEvent):
    """What is known of a lead changed, and with it perhaps its score."""

    type = "sales.lead.updated.v1"

    lead_id: Id
    number: Annotated[str, Field(examples=["L2026-000042"])]
    name: Text
    source: Annotated[str, Field(examples=["fair"])]
    score: Count
    rating: Annotated[str, Field(examples=["warm"])]
    custom: SaidValues = None


class LeadScored(ScopedEvent):
    """A lead was scored anew because other rules came into force; nothing else of it changed."""

    type = "sales.lead.scored.v1"

    lead_id: Id
    policy_version: Count
    from_policy_version: Count
    score: Count
    from_score: Count
    rating: Annotated[str, Field(examples=["warm"])]


class LeadAssigned(ScopedEvent):
    """A lead was given to somebody; `how` is manual, routed, claimed or handed_over."""

    type = "sales.lead.assigned.v1"

    lead_id: Id
    assignee_id: Id
    reason: Annotated[str, Field(examples=["knows the customer"])]
    how: Annotated[str | None, Field(examples=["routed"])] = None
    from_owner_id: Id | None = None


class LeadReleased(ScopedEvent):
    """A lead went back to the pool; `cause` is released, or idle when nobody had followed it up."""

    type = "sales.lead.released.v1"

    lead_id: Id
    from_owner_id: Id
    cause: Annotated[str, Field(examples=["idle"])]
    reason: Annotated[str, Field(examples=["no contact for 30 days"])]


class LeadLeftUnrouted(ScopedEvent):
    """No routing rule found anybody for a lead: it lies in the pool."""

    type = "sales.lead.left_unrouted.v1"

    lead_id: Id
    policy_version: Count
    reason: Annotated[str, Field(examples=["nobody of the team is there"])]


class LeadContacted(ScopedEvent):
    """Its owner spoke with a lead."""

    type = "sales.lead.contacted.v1"

    lead_id: Id
    contacted_at: Moment


class NewCustomer(_Part):
    """The customer whom a lead turned out to be, as far as the lead knew them."""

    name: Text
    kind: Annotated[str, Field(examples=["company"])]
    industry: Annotated[str | None, Field(examples=["manufacturing"])]
    city: Annotated[str | None, Field(examples=["杭州"])]
    employee_count: Annotated[int | None, Field(examples=[260])]
    email: Annotated[str | None, Field(examples=["info@yuanhang.example"])]
    phone: Annotated[str | None, Field(examples=["+86 571 8765 4321"])]


class NewContact(_Part):
    """The person behind a lead; the customer service is the one who keeps people."""

    name: Annotated[str, Field(examples=["王芳"])]
    email: Annotated[str | None, Field(examples=["wang@yuanhang.example"])]
    phone: Annotated[str | None, Field(examples=["138 1234 5678"])]


class LeadConverted(ScopedEvent):
    """A lead became an opportunity of a customer.

    `new_customer` and `new_contact` are there when the conversion made them: they exist under
    `customer_id` and `contact_id` from now on, and the customer service takes them on as told.
    """

    type = "sales.lead.converted.v1"

    lead_id: Id
    customer_id: Id
    opportunity_id: Id
    contact_id: Id | None
    source: Annotated[str | None, Field(examples=["fair"])] = None
    converted_at: Moment | None = None
    new_customer: NewCustomer | None = None
    new_contact: NewContact | None = None


class LeadLost(ScopedEvent):
    """Nothing comes of a lead; `disqualified` when there never was anything to it."""

    type = "sales.lead.lost.v1"

    lead_id: Id
    reason: Reason
    reason_code: Annotated[str | None, Field(examples=["no_budget"])] = None
    disqualified: bool = False


class LeadReopened(ScopedEvent):
    """A lost lead is followed up again."""

    type = "sales.lead.reopened.v1"

    lead_id: Id
    reason: Annotated[str, Field(examples=["the budget was approved after all"])]


# --- how leads are scored and routed


class LeadScoringPolicyDrafted(Event):
    """A version of the scoring rules was begun or its draft changed; nobody is scored by it yet."""

    type = "sales.lead_scoring_policy.drafted.v1"

    policy_id: Id
    policy_version: Count
    name: PolicyName


class LeadScoringPolicyActivated(Event):
    """A version of the scoring rules counts from its day on, until a later one does."""

    type = "sales.lead_scoring_policy.activated.v1"

    policy_id: Id
    policy_version: Count
    name: PolicyName
    effective_on: Day


class LeadScoringPolicyWithdrawn(Event):
    """A version of the scoring rules that did not count yet will not."""

    type = "sales.lead_scoring_policy.withdrawn.v1"

    policy_id: Id
    policy_version: Count
    name: PolicyName


class LeadRoutingPolicyDrafted(Event):
    """A version of the routing rules was begun or its draft changed; nothing is routed by it yet."""

    type = "sales.lead_routing_policy.drafted.v1"

    policy_id: Id
    policy_version: Count
    name: PolicyName


class LeadRoutingPolicyActivated(Event):
    """A version of the routing rules counts from its day on, until a later one does."""

    type = "sales.lead_routing_policy.activated.v1"

    policy_id: Id
    policy_version: Count
    name: PolicyName
    effective_on: Day


class LeadRoutingPolicyWithdrawn(Event):
    """A version of the routing rules that did not count yet will not."""

    type = "sales.lead_routing_policy.withdrawn.v1"

    policy_id: Id
    policy_version: Count
    name: PolicyName


class RoutingTeamChanged(Event):
    """A team that leads are routed to was formed, changed or closed; these are the values after it."""

    type = "sales.routing_team.changed.v1"

    team_id: Id
    name: Annotated[str, Field(examples=["华东销售一组"])]
    state: Annotated[str, Field(examples=["active"])]


class RoutingMemberChanged(Event):
    """Who takes routed leads, how many and of which kind, changed; these are the values after it."""

    type = "sales.routing_member.changed.v1"

    member_id: Id
    employee_id: Id
    team_ids: list[Id]
    quota: Annotated[Decimal, Field(max_digits=8, decimal_places=2, examples=["1.5"])]
    capacity: Annotated[int | None, Field(examples=[40])]
    state: Annotated[str, Field(examples=["active"])]


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
    forecast_category: ForecastCategory | None = None
    custom: SaidValues = None
    pipeline_code: PipelineCode | None = None
    pipeline_version: Count | None = None
    end_customer_id: Id | None = None


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
    forecast_category: ForecastCategory | None = None


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
    forecast_category: ForecastCategory | None = None
    custom: SaidValues = None
    end_customer_id: Id | None = None


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
    product_id: Id | None = None
    pipeline_code: PipelineCode | None = None
    competitor_ids: list[Id] = []


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
    reason_code: Annotated[str | None, Field(examples=["price"])] = None
    pipeline_code: PipelineCode | None = None
    lost_to_id: Id | None = None
    competitor_ids: list[Id] = []


class OpportunityPipelineChanged(ScopedEvent):
    """A deal runs by another version of its pipeline, or by another pipeline."""

    type = "sales.opportunity.pipeline_changed.v1"

    opportunity_id: Id
    from_pipeline_code: PipelineCode
    from_pipeline_version: Count
    pipeline_code: PipelineCode
    pipeline_version: Count
    from_stage: Stage
    stage: Stage
    changed_on: Day


class OpportunityStalled(ScopedEvent):
    """A deal has stood at its stage for longer than its pipeline gives it; said once a stay."""

    type = "sales.opportunity.stalled.v1"

    opportunity_id: Id
    number: Annotated[str, Field(examples=["D2026-000042"])]
    name: Text
    customer_id: Id | None
    stage: Stage
    stage_entered_on: Day
    stalled_on: Day
    days_in_stage: Count
    pipeline_code: PipelineCode
    activity_id: Id | None


class OpportunityActivityPlanned(ScopedEvent):
    """Something is to be done for a deal by a day."""

    type = "sales.opportunity.activity_planned.v1"

    opportunity_id: Id
    activity_id: Id
    kind: ActivityKind
    stage: Stage
    due_on: Day
    assignee_id: Id | None


class OpportunityActivityDone(ScopedEvent):
    """Something was done for a deal, at one of its stages."""

    type = "sales.opportunity.activity_done.v1"

    opportunity_id: Id
    activity_id: Id
    kind: ActivityKind
    stage: Stage
    done_on: Day
    assignee_id: Id | None


class OpportunityCompetitorsChanged(ScopedEvent):
    """Others want the deal too, or no longer; these are all of them now."""

    type = "sales.opportunity.competitors_changed.v1"

    opportunity_id: Id
    stage: Stage
    competitor_ids: list[Id]


class PipelineDrafted(Event):
    """A version of a pipeline was begun or its draft changed; no deal begins by it yet."""

    type = "sales.pipeline.drafted.v1"

    pipeline_id: Id
    code: PipelineCode
    pipeline_version: Count
    name: PipelineName


class PipelinePublished(Event):
    """New deals begin by this version of a pipeline; those that run stay with theirs."""

    type = "sales.pipeline.published.v1"

    pipeline_id: Id
    code: PipelineCode
    pipeline_version: Count
    name: PipelineName
    stages: Annotated[list[str], Field(examples=[["engaging", "proposal"]])]


class PipelineWithdrawn(Event):
    """No more deals begin by this version of a pipeline."""

    type = "sales.pipeline.withdrawn.v1"

    pipeline_id: Id
    code: PipelineCode
    pipeline_version: Count
    name: PipelineName


class LostReasonChanged(Event):
    """A reason for which deals are lost came into the list, or is otherwise now."""

    type = "sales.lost_reason.changed.v1"

    lost_reason_id: Id
    code: Annotated[str, Field(examples=["price"])]
    name_zh: Annotated[str, Field(examples=["价格"])]
    name_en: Annotated[str, Field(examples=["Price"])]
    state: Annotated[str, Field(examples=["active"])]


class CompetitorChanged(Event):
    """A competitor was taken down, or what is known of it changed."""

    type = "sales.competitor.changed.v1"

    competitor_id: Id
    name: Annotated[str, Field(examples=["华瑞机电"])]
    state: Annotated[str, Field(examples=["active"])]
    product_ids: list[Id]


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
    custom: SaidValues = None


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


class QuoteDiscountRequested(ScopedEvent):
    """Somebody asks to send a quote whose discount exceeds what they may give."""

    type = "sales.quote.discount_requested.v1"

    quote_id: Id
    number: Annotated[str, Field(examples=["Q2026-000042"])]
    quote_version: Count
    customer_id: Id
    approval_id: Id
    discount_percent: Percent | None
    total: Amount
    currency: Currency
    reason: Reason


class QuoteDiscountDecided(ScopedEvent):
    """The discount of a quote may be given as the quote stands, or may not."""

    type = "sales.quote.discount_decided.v1"

    quote_id: Id
    number: Annotated[str, Field(examples=["Q2026-000042"])]
    quote_version: Count
    customer_id: Id
    approval_id: Id
    is_approved: bool
    total: Amount
    currency: Currency
    reason: Reason


class QuoteLine(_Part):
    """A line of an accepted quote; `amount` is after the discounts and with `tax_amount`."""

    line_no: Count
    product_id: Id
    product_name: Product
    quantity: Quantity
    unit_price: Amount
    discount_percent: Annotated[Decimal, Field(examples=["10"])]
    amount: Amount
    delivery_on: Day | None
    document_discount: Amount | None = None
    tax_percent: Percent | None = None
    tax_amount: Amount | None = None


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
    discount_amount: Amount | None = None
    tax_total: Amount | None = None
    base_currency: Currency | None = None
    exchange_rate: ExchangeRate | None = None
    exchange_rate_on: Day | None = None
    base_total: Amount | None = None


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
    custom: SaidValues = None


class OrderLine(_Part):
    """A line of an order; `amount` is after the discounts and with `tax_amount`."""

    line_no: Count
    product_id: Id
    product_name: Product
    quantity: Quantity
    unit_price: Amount
    amount: Amount
    order_line_id: Id | None = None
    discount_percent: Annotated[Decimal | None, Field(examples=["10"])] = None
    document_discount: Amount | None = None
    tax_percent: Percent | None = None
    tax_amount: Amount | None = None


class Instalment(_Part):
    """A part of what an order costs, and the day on which it is to be paid."""

    instalment_id: Id
    instalment_no: Count
    due_on: Day
    amount: Amount


class TakenBackLine(_Part):
    """How much of an order's line is no longer sold; readers take it back from what they counted."""

    order_line_id: Id
    line_no: Count
    product_id: Id
    quantity: Quantity
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
    instalments: list[Instalment] = []
    tax_total: Amount | None = None
    base_currency: Currency | None = None
    exchange_rate: ExchangeRate | None = None
    exchange_rate_on: Day | None = None
    base_total: Amount | None = None


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
    quote_id: Id | None = None
    contract_id: Id | None = None
    ordered_on: Day | None = None
    lines: list[TakenBackLine] = []


class OrderRestCancelled(ScopedEvent):
    """What was not delivered of an order is off; what was delivered stays sold.

    `total` is what remains of `total_before`; `lines` say what is to be taken back.
    """

    type = "sales.order.rest_cancelled.v1"

    order_id: Id
    number: Annotated[str, Field(examples=["O2026-000042"])]
    quote_id: Id | None
    contract_id: Id | None
    opportunity_id: Id | None
    customer_id: Id
    reason: Reason
    total_before: Amount
    total: Amount
    currency: Currency
    lines: list[TakenBackLine]
    instalments: list[Instalment]


class OrderChanged(ScopedEvent):
    """The lines or notes of an order changed; these are the values after it.

    `total_before` is what it came to until then; `is_confirmed` says whether it binds.
    """

    type = "sales.order.changed.v1"

    order_id: Id
    number: Annotated[str, Field(examples=["O2026-000042"])]
    quote_id: Id | None
    contract_id: Id | None
    opportunity_id: Id | None
    customer_id: Id
    is_confirmed: bool
    total_before: Amount
    total: Amount
    currency: Currency
    lines: list[OrderLine]
    custom: SaidValues = None


class OrderReopened(ScopedEvent):
    """An order that was off is a draft again; where it bound before, its confirmation follows."""

    type = "sales.order.reopened.v1"

    order_id: Id
    number: Annotated[str, Field(examples=["O2026-000042"])]
    customer_id: Id
    total: Amount
    currency: Currency
    was_confirmed: bool


class OrderPaymentPlanned(ScopedEvent):
    """It was agreed when an order is paid; the instalments add up to what it costs."""

    type = "sales.order.payment_planned.v1"

    order_id: Id
    number: Annotated[str, Field(examples=["O2026-000042"])]
    customer_id: Id
    total: Amount
    currency: Currency
    instalments: list[Instalment]


class OrderPaymentDue(ScopedEvent):
    """An instalment that is not paid comes due, or came due unnoticed; said once for each."""

    type = "sales.order.payment_due.v1"

    order_id: Id
    number: Annotated[str, Field(examples=["O2026-000042"])]
    customer_id: Id
    instalment_id: Id
    instalment_no: Count
    due_on: Day
    amount: Amount
    open_amount: Amount
    currency: Currency


class OrderCreditRequested(ScopedEvent):
    """Somebody asks to let an order exceed the credit of its customer."""

    type = "sales.order.credit_requested.v1"

    order_id: Id
    number: Annotated[str, Field(examples=["O2026-000042"])]
    customer_id: Id
    approval_id: Id
    amount: Amount
    currency: Currency
    reason: Reason


class OrderCreditDecided(ScopedEvent):
    """An order may exceed the credit of its customer, up to `amount`, or may not."""

    type = "sales.order.credit_decided.v1"

    order_id: Id
    number: Annotated[str, Field(examples=["O2026-000042"])]
    customer_id: Id
    approval_id: Id
    is_approved: bool
    amount: Amount
    currency: Currency
    reason: Reason


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


class Allocation(_Part):
    """How much of a receipt an instalment of an order took, or gave back."""

    order_id: Id
    instalment_id: Id
    instalment_no: Count
    due_on: Day
    amount: Amount


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
    allocations: list[Allocation] = []
    base_currency: Currency | None = None
    exchange_rate: ExchangeRate | None = None
    exchange_rate_on: Day | None = None
    base_amount: Amount | None = None


class ReceiptAllocated(ScopedEvent):
    """Orders took what was unallocated of a receipt."""

    type = "sales.receipt.allocated.v1"

    receipt_id: Id
    number: Annotated[str, Field(examples=["R2026-000042"])]
    customer_id: Id | None
    currency: Currency
    unallocated_amount: Amount
    allocations: list[Allocation]


class ReceiptReleased(ScopedEvent):
    """An order gave back what it took of a receipt; it is unallocated again."""

    type = "sales.receipt.released.v1"

    receipt_id: Id
    number: Annotated[str, Field(examples=["R2026-000042"])]
    customer_id: Id | None
    currency: Currency
    unallocated_amount: Amount
    allocations: list[Allocation]


class ReceiptRefunded(ScopedEvent):
    """What no order took of a receipt, or a part of it, went back to the payer."""

    type = "sales.receipt.refunded.v1"

    receipt_id: Id
    number: Annotated[str, Field(examples=["R2026-000042"])]
    customer_id: Id | None
    currency: Currency
    refunded_on: Day
    amount: Amount
    unallocated_amount: Amount
    reason: Reason


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
    allocations: list[Allocation] = []


# --- commissions


class CommissionRuleDrafted(Event):
    """A version of a commission rule was begun or its draft changed; nobody earns by it yet."""

    type = "sales.commission_rule.drafted.v1"

    rule_id: Id
    code: RuleCode
    rule_version: Count
    name: Text
    state: Annotated[str, Field(examples=["draft"])]
    valid_from: Day
    valid_until: Day | None


class CommissionRuleActivated(Event):
    """A version of a commission rule pays what is earned from its first day on."""

    type = "sales.commission_rule.activated.v1"

    rule_id: Id
    code: RuleCode
    rule_version: Count
    name: Text
    state: Annotated[str, Field(examples=["active"])]
    valid_from: Day
    valid_until: Day | None


class CommissionRuleEnded(Event):
    """A version of a commission rule has its last day, or was given up as a draft."""

    type = "sales.commission_rule.ended.v1"

    rule_id: Id
    code: RuleCode
    rule_version: Count
    name: Text
    state: Annotated[str, Field(examples=["active"])]
    valid_from: Day
    valid_until: Day | None


class CommissionAccrued(ScopedEvent):
    """A sale earned somebody a commission; whose it is says whom."""

    type = "sales.commission.accrued.v1"

    commission_id: Id
    period_id: Id
    payee_kind: PayeeKind
    payee_id: Id
    rule_id: Id
    rule_code: RuleCode
    rule_version: Count
    source_kind: Annotated[str, Field(examples=["receipt"])]
    order_id: Id
    order_number: Annotated[str, Field(examples=["O2026-000042"])]
    order_line_id: Id
    product_id: Id
    receipt_id: Id | None
    base_amount: Amount
    rate: Annotated[Decimal, Field(examples=["2.5"])]
    share_percent: Annotated[Decimal, Field(examples=["60"])]
    amount: Amount
    currency: Currency
    earned_on: Day
    booked_on: Day


class CommissionReversed(ScopedEvent):
    """What a sale earned was taken back, by a line that is linked to the one it takes back.

    Amounts are negative; payee, rule and rate are those of the original.
    """

    type = "sales.commission.reversed.v1"

    commission_id: Id
    reverses_id: Id
    period_id: Id
    payee_kind: PayeeKind
    payee_id: Id
    rule_id: Id
    rule_code: RuleCode
    rule_version: Count
    source_kind: Annotated[str, Field(examples=["receipt"])]
    order_id: Id
    order_number: Annotated[str, Field(examples=["O2026-000042"])]
    order_line_id: Id
    product_id: Id
    receipt_id: Id | None
    base_amount: Amount
    rate: Annotated[Decimal, Field(examples=["2.5"])]
    share_percent: Annotated[Decimal, Field(examples=["60"])]
    amount: Amount
    currency: Currency
    earned_on: Day
    booked_on: Day


class CommissionTotal(_Part):
    """The exact sum of a statement's lines in one currency."""

    currency: Currency
    amount: Amount


class CommissionSettled(ScopedEvent):
    """What a payee earned in a period is settled: a statement that never changes."""

    type = "sales.commission.settled.v1"

    statement_id: Id
    period_id: Id
    starts_on: Day
    ends_on: Day
    payee_kind: PayeeKind
    payee_id: Id
    totals: list[CommissionTotal]
    line_count: Count
    lines_hash: Annotated[str, Field(examples=["9f86d081884c7d659a2feaa0c55ad015"])]
    settled_at: Moment


class CommissionPeriodOpened(Event):
    """The first commission of a month was booked."""

    type = "sales.commission_period.opened.v1"

    period_id: Id
    starts_on: Day
    ends_on: Day


class CommissionPeriodClosed(Event):
    """The commissions of a month are settled; what is taken back later is booked later."""

    type = "sales.commission_period.closed.v1"

    period_id: Id
    starts_on: Day
    ends_on: Day
    settled_at: Moment


# --- targets


class TargetSet(ScopedEvent):
    """How much somebody or something is to sell in a period, new or changed."""

    type = "sales.target.set.v1"

    target_id: Id
    parent_id: Id | None
    subject_kind: Annotated[str, Field(examples=["department"])]
    subject_id: Id
    measure: Annotated[str, Field(examples=["won_amount"])]
    starts_on: Day
    ends_on: Day
    value: Amount
    value_before: Amount | None
    currency: Currency | None
    target_version: Count
    reason: Reason | None


class TargetWithdrawn(ScopedEvent):
    """A target no longer counts."""

    type = "sales.target.withdrawn.v1"

    target_id: Id
    subject_kind: Annotated[str, Field(examples=["department"])]
    subject_id: Id
    measure: Annotated[str, Field(examples=["won_amount"])]
    starts_on: Day
    ends_on: Day


class CustomFieldChanged(CustomFieldChange):
    """A custom field was defined or changed; these are the values after it."""

    type = "sales.custom_field.changed.v1"
