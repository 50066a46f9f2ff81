"""Everything the channel service tells the others."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from common.custom_fields.columns import SaidValues
from common.custom_fields.events import CustomFieldChange
from common.events import Day, Event, Id, Moment, ScopedEvent
from common.money import Amount, Currency

Text = Annotated[str, Field(examples=["华东销售部"])]
Code = Annotated[str, Field(examples=["office"])]
State = Annotated[str, Field(examples=["active"])]
Reason = Annotated[str, Field(examples=["连续两个季度未达标"])]
Source = Annotated[str, Field(examples=["erp"])]
ExternalId = Annotated[str, Field(examples=["4711"])]
Share = Annotated[Decimal, Field(max_digits=5, decimal_places=4, examples=["0.6250"])]
Points = Annotated[Decimal, Field(max_digits=5, decimal_places=2, examples=["78.40"])]
Stars = Annotated[Decimal, Field(max_digits=3, decimal_places=2, examples=["4.35"])]
Percent = Annotated[Decimal, Field(max_digits=5, decimal_places=2, examples=["50.00"])]


class DepartmentChanged(ScopedEvent):
    """A department was opened or changed; these are the values after it.

    `region_id` is the territory the department looks after, if it is one.
    """

    type = "channel.department.changed.v1"

    department_id: Id
    name: Text
    kind: Code
    code: Annotated[str | None, Field(examples=["EAST"])] = None
    parent_id: Id | None = None
    state: State
    external_source: Source | None = None
    external_id: ExternalId | None = None


class EmployeeChanged(ScopedEvent):
    """An employee joined, changed or left; these are the values after it.

    `successor_id` is set with `state` left, when somebody takes over; what the one who left owns
    goes to them and to their department.
    """

    type = "channel.employee.changed.v1"

    employee_id: Id
    number: Annotated[str, Field(examples=["E000042"])]
    name: Annotated[str, Field(examples=["王芳"])]
    position: Annotated[str | None, Field(examples=["区域经理"])] = None
    manager_id: Id | None = None
    department_id: Id
    other_department_ids: list[Id] = []
    state: State
    left_on: Day | None = None
    successor_id: Id | None = None
    successor_department_id: Id | None = None
    external_source: Source | None = None
    external_id: ExternalId | None = None


class ParameterChanged(Event):
    """A parameter of the installation was set: from `effective_on` on it has this value.

    On a day counts the value with the latest `effective_on` that has come; of two for the same
    day, the one that was said later.
    """

    type = "channel.parameter.changed.v1"

    name: Annotated[str, Field(examples=["contract_expiry_notice_days"])]
    value: Annotated[int | str, Field(examples=[45])]
    effective_on: Day
    reason: Annotated[str, Field(examples=["续约谈判需要更多时间"])]


class ParameterWithdrawn(Event):
    """What was planned for a parameter from `effective_on` on will not come."""

    type = "channel.parameter.withdrawn.v1"

    name: Annotated[str, Field(examples=["contract_expiry_notice_days"])]
    effective_on: Day
    reason: Annotated[str, Field(examples=["暂不调整"])]


class TerritoryChanged(ScopedEvent):
    """A territory, which the others call a region, was opened or changed; the values after it."""

    type = "channel.territory.changed.v1"

    territory_id: Id
    code: Annotated[str, Field(examples=["CN-ZJ"])]
    name: Annotated[str, Field(examples=["浙江"])]
    english_name: Annotated[str | None, Field(examples=["Zhejiang"])] = None
    parent_id: Id | None = None
    state: State


class RoleChanged(Event):
    """A role was defined, changed or removed; these are the values after it."""

    type = "channel.role.changed.v1"

    role_id: Id
    code: Annotated[str, Field(examples=["regional_manager"])]
    name: Annotated[str, Field(examples=["区域经理"])]
    english_name: Annotated[str | None, Field(examples=["Regional manager"])] = None
    rights: Annotated[list[str], Field(examples=[["sales.*.read", "sales.quotes.approve"]])]
    scope: Annotated[str, Field(examples=["territory"])]
    state: State


class AccountChanged(Event):
    """An account was opened or changed; these are the values after it.

    Access tokens that were issued before `tokens_from` are not good any more.
    """

    type = "channel.account.changed.v1"

    account_id: Id
    username: Annotated[str, Field(examples=["fang.wang"])]
    kind: Annotated[str, Field(examples=["person"])]
    employee_id: Id | None = None
    partner_id: Id | None = None
    region_ids: list[Id]
    role_ids: list[Id]
    state: State
    tokens_from: Moment


class SessionRevoked(Event):
    """A session was ended before its time; after `until` no access token of it is alive."""

    type = "channel.session.revoked.v1"

    session_id: Id
    account_id: Id
    until: Moment


class _PartnerFacts(ScopedEvent):
    partner_id: Id
    number: Annotated[str, Field(examples=["P2026-000042"])]
    name: Annotated[str, Field(examples=["宁波海达经销有限公司"])]
    kind: Annotated[str, Field(examples=["dealer"])]
    tier: Annotated[str, Field(examples=["silver"])]
    state: State
    external_source: Source | None = None
    external_id: ExternalId | None = None


class PartnerRegistered(_PartnerFacts):
    """A prospective partner was written down; nothing is sold through it yet."""

    type = "channel.partner.registered.v1"

    custom: SaidValues = None


class PartnerOnboarded(_PartnerFacts):
    """A partner was taken on; from this day we sell through it."""

    type = "channel.partner.onboarded.v1"

    onboarded_on: Day


class PartnerUpdated(_PartnerFacts):
    """The record of a partner changed; these are the values after it."""

    type = "channel.partner.updated.v1"

    custom: SaidValues = None


class PartnerTierChanged(ScopedEvent):
    """A partner moved to another tier."""

    type = "channel.partner.tier_changed.v1"

    partner_id: Id
    from_tier: Annotated[str, Field(examples=["silver"])]
    tier: Annotated[str, Field(examples=["gold"])]
    reason: Reason
    changed_on: Day


class PartnerSuspended(ScopedEvent):
    """Business with a partner was put on hold."""

    type = "channel.partner.suspended.v1"

    partner_id: Id
    reason: Reason


class PartnerReactivated(ScopedEvent):
    """Business with a suspended partner goes on."""

    type = "channel.partner.reactivated.v1"

    partner_id: Id
    reason: Reason


class PartnerEnded(ScopedEvent):
    """A partner is one no longer, for good; an update with the state `ended` follows it."""

    type = "channel.partner.ended.v1"

    partner_id: Id
    reason: Reason
    ended_on: Day


class ScorecardWeight(BaseModel):
    """How much an indicator counts, in percent of the score."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    indicator: Annotated[str, Field(examples=["won_amount"])]
    weight: Percent


class ScorecardPolicyAdopted(Event):
    """A new version of the rule by which partners are scored was laid down."""

    type = "channel.scorecard_policy.adopted.v1"

    policy_id: Id
    policy_version: int
    valid_from: Day
    currency: Currency | None = None
    weights: list[ScorecardWeight]


class ScorecardPublished(ScopedEvent):
    """A partner's figures for a period were published; a higher revision replaces a lower one.

    `win_rate` is a share of the decided deals, `satisfaction` the mean of survey answers from 1 to
    5, `score` has 0 to 100 points; each is null where there is nothing to tell it from.
    """

    type = "channel.scorecard.published.v1"

    scorecard_id: Id
    partner_id: Id
    period_start: Day
    period_end: Day
    revision: int
    policy_version: int
    won_amount: Amount
    currency: Currency
    won_deals: int
    lost_deals: int
    win_rate: Share | None = None
    satisfaction: Stars | None = None
    score: Points | None = None


class CustomFieldChanged(CustomFieldChange):
    """A custom field was defined or changed; these are the values after it."""

    type = "channel.custom_field.changed.v1"
