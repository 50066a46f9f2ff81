"""Everything the customer service tells the others."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from common.custom_fields.columns import SaidValues
from common.custom_fields.events import CustomFieldChange
from common.events import Day, Event, Id, Moment, ScopedEvent
from common.money import Amount, Currency

Text = Annotated[str, Field(examples=["杭州远航机电有限公司"])]
Code = Annotated[str, Field(examples=["manufacturing"])]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CustomerCreated(ScopedEvent):
    """A customer was taken on."""

    type = "customer.customer.created.v1"

    customer_id: Id
    number: Annotated[str, Field(examples=["C2026-000042"])]
    name: Text
    kind: Code
    industry: Code | None = None
    city: Text | None = None
    parent_id: Id | None = None
    status: Code
    source: Code
    registered_at: Moment
    external_source: Code | None = None
    external_id: Text | None = None
    custom: SaidValues = None


class CustomerUpdated(ScopedEvent):
    """The profile of a customer changed; these are the values after it."""

    type = "customer.customer.updated.v1"

    customer_id: Id
    number: Annotated[str, Field(examples=["C2026-000042"])]
    name: Text
    kind: Code
    industry: Code | None = None
    city: Text | None = None
    parent_id: Id | None = None
    status: Code
    external_source: Code | None = None
    external_id: Text | None = None
    custom: SaidValues = None


class CustomerTransferred(ScopedEvent):
    """A customer was given to another owner or department; the scope fields say to whom."""

    type = "customer.customer.transferred.v1"

    customer_id: Id
    from_owner_id: Id | None = None
    from_department_id: Id | None = None
    reason: Annotated[str, Field(examples=["Left the company"])]
    how: Annotated[str | None, Field(examples=["claimed"])] = None


class CustomerVerified(ScopedEvent):
    """Somebody looked whether a group of a customer's fields still holds.

    `result` is confirmed, changed or wrong.
    """

    type = "customer.customer.verified.v1"

    customer_id: Id
    field_group: Annotated[str, Field(examples=["address"])]
    result: Annotated[str, Field(examples=["confirmed"])]
    verified_at: Moment


class VerificationPolicySet(Event):
    """How often a group of fields is verified; `grade` is of which customers, all without one."""

    type = "customer.verification_policy.set.v1"

    policy_id: Id
    field_group: Annotated[str, Field(examples=["address"])]
    grade: Annotated[str | None, Field(examples=["A"])] = None
    every_days: Annotated[int | None, Field(examples=[180])] = None


class QualityIssueChanged(Event):
    """Something that is wrong with a customer was found, assigned, resolved or dismissed."""

    type = "customer.quality_issue.changed.v1"

    issue_id: Id
    customer_id: Id
    contact_id: Id | None = None
    kind: Annotated[str, Field(examples=["invalid_phone"])]
    fields: Annotated[list[str], Field(examples=[["phone"]])]
    state: Annotated[str, Field(examples=["open"])]
    assignee_id: Id | None = None


class CustomerRecycleAnnounced(ScopedEvent):
    """A customer goes back to the pool at `recycle_at`, unless its owner speaks with it before."""

    type = "customer.customer.recycle_announced.v1"

    customer_id: Id
    idle_since: Moment
    recycle_at: Moment


class PoolPolicySet(Event):
    """What holds for the customers of a pool; these are the values after it.

    Without a department or region it holds for all of them that have no policy of their own.
    """

    type = "customer.pool_policy.set.v1"

    policy_id: Id
    department_id: Id | None = None
    region_id: Id | None = None
    claim_limit: Annotated[int, Field(examples=[50])]
    cool_down_days: Annotated[int, Field(examples=[7])]
    recycle_after_days: Annotated[int | None, Field(examples=[90])] = None
    warn_before_days: Annotated[int, Field(examples=[7])]


class CustomerDeleted(ScopedEvent):
    """A customer was taken out of use; it can be restored."""

    type = "customer.customer.deleted.v1"

    customer_id: Id
    merged_into_id: Id | None = None


class CustomerRestored(ScopedEvent):
    """A deleted customer is in use again."""

    type = "customer.customer.restored.v1"

    customer_id: Id


class CustomersMerged(ScopedEvent):
    """Several customers turned out to be one; references to the others are to the survivor now."""

    type = "customer.customer.merged.v1"

    merge_id: Id
    merge_number: Annotated[int, Field(examples=[42])]
    customer_id: Id
    number: Annotated[str, Field(examples=["C2026-000042"])]
    name: Text
    merged_customer_ids: list[Id]
    merged_at: Moment


class CustomersUnmerged(ScopedEvent):
    """A merge was undone; what was given for the merged customers is theirs again."""

    type = "customer.customer.unmerged.v1"

    merge_id: Id
    customer_id: Id
    merged_customer_ids: list[Id]
    unmerged_at: Moment


class CreditRating(_Part):
    """How far a customer is trusted, from a day on; `effective_until` is the last day."""

    grade: Annotated[str, Field(examples=["AA"])]
    effective_on: Day
    effective_until: Day | None


class CreditLimit(_Part):
    """How much a customer may owe, from a day on; `valid_until` is the last day.

    It takes the place of every limit from an earlier day, also when its own validity is over.
    """

    amount: Amount
    currency: Currency
    valid_from: Day
    valid_until: Day | None


class CustomerCreditChanged(ScopedEvent):
    """A customer's credit was rated, limited, held or released.

    `rating` and `limit` are there when it is them that changed, `is_held` always says what is now.
    """

    type = "customer.customer.credit_changed.v1"

    customer_id: Id
    rating: CreditRating | None = None
    limit: CreditLimit | None = None
    is_held: bool
    reason: Annotated[str, Field(examples=["yearly review"])]


class DictionaryEntryChanged(Event):
    """A code that customers can have was added, named otherwise, retired or reinstated."""

    type = "customer.dictionary_entry.changed.v1"

    dictionary: Annotated[str, Field(examples=["industries"])]
    code: Code
    label_zh: Annotated[str, Field(examples=["制造业"])]
    label_en: Annotated[str, Field(examples=["Manufacturing"])]
    position: Annotated[int, Field(examples=[10])]
    is_retired: bool


class PartnerRelationChanged(Event):
    """A customer is the same party as a partner, or its end customer; `valid_until` is the last day."""

    type = "customer.partner_relation.changed.v1"

    relation_id: Id
    customer_id: Id
    of_partner_id: Id
    role: Annotated[str, Field(examples=["end_customer"])]
    valid_from: Day
    valid_until: Day | None = None


class NumberPatternChanged(Event):
    """The numbers of a series are written otherwise from now on."""

    type = "customer.number_pattern.changed.v1"

    series: Annotated[str, Field(examples=["customers"])]
    prefix: Annotated[str, Field(examples=["C"])]
    date_part: Annotated[str, Field(examples=["year"])]
    width: Annotated[int, Field(examples=[6])]


class CustomerGraded(ScopedEvent):
    """A customer has another grade; null where it has none any more.

    `source` is `policy` or `manual`; a manual grade has a reason and, in `expires_on`, its last day.
    """

    type = "customer.customer.graded.v1"

    customer_id: Id
    grade: Annotated[str | None, Field(examples=["A"])]
    from_grade: Annotated[str | None, Field(examples=["B"])] = None
    source: Annotated[str | None, Field(examples=["policy"])]
    score: Annotated[Amount | None, Field(examples=["86.50"])] = None
    policy_version: Annotated[int | None, Field(examples=[3])] = None
    reason: Annotated[str | None, Field(examples=["strategic customer"])] = None
    expires_on: Day | None = None
    graded_at: Moment


class CustomerStageChanged(ScopedEvent):
    """A customer entered a stage of its life with us, on the day from which on it holds.

    `cause` is `course` (it ordered, or did not), or `correction` (orders were taken back or came late,
    or other rules count).
    """

    type = "customer.customer.stage_changed.v1"

    customer_id: Id
    stage: Annotated[str, Field(examples=["repeat"])]
    from_stage: Annotated[str, Field(examples=["first_purchase"])]
    changed_on: Day
    days_in_from_stage: Annotated[int | None, Field(examples=[42])] = None
    cause: Annotated[str, Field(examples=["course"])]
    policy_version: Annotated[int, Field(examples=[0])]


class CustomerClassified(ScopedEvent):
    """A customer is of another class, by the rules or by a person's choice; null is of none."""

    type = "customer.customer.classified.v1"

    customer_id: Id
    class_code: Annotated[str | None, Field(examples=["key_account"])]
    from_class_code: Annotated[str | None, Field(examples=["standard"])] = None
    source: Annotated[str | None, Field(examples=["policy"])]
    policy_version: Annotated[int | None, Field(examples=[2])] = None
    reason: Annotated[str | None, Field(examples=["group of a key account"])] = None


class _AssessmentPolicyEvent(Event):
    policy_id: Id
    kind: Annotated[str, Field(examples=["grading"])]
    policy_version: Annotated[int, Field(ge=1, examples=[3])]
    name: Annotated[str, Field(examples=["客户分级 2026"])]


class AssessmentPolicyDrafted(_AssessmentPolicyEvent):
    """A version of the rules of assessment was begun or its draft changed; nobody is assessed by it."""

    type = "customer.assessment_policy.drafted.v1"


class AssessmentPolicyActivated(_AssessmentPolicyEvent):
    """A version of the rules of assessment counts from its day on, until a later one does."""

    type = "customer.assessment_policy.activated.v1"

    effective_on: Day


class AssessmentPolicyWithdrawn(_AssessmentPolicyEvent):
    """A version of the rules of assessment that did not count yet will not."""

    type = "customer.assessment_policy.withdrawn.v1"


class _SegmentEvent(ScopedEvent):
    segment_id: Id
    name: Annotated[str, Field(examples=["华东 A 类客户"])]


class SegmentDefined(_SegmentEvent):
    """A segment was defined or changed; these are the values after it."""

    type = "customer.segment.defined.v1"

    kind: Annotated[str, Field(examples=["dynamic"])]


class SegmentFrozen(_SegmentEvent):
    """Who belonged to a segment at one time was kept as a segment of its own."""

    type = "customer.segment.frozen.v1"

    frozen_from_id: Id
    frozen_at: Moment


class SegmentRetired(_SegmentEvent):
    """A segment is not kept up to date any more."""

    type = "customer.segment.retired.v1"


class SegmentMembersEntered(_SegmentEvent):
    """Customers came to belong to a segment; each is told once, in one of several such events."""

    type = "customer.segment.members_entered.v1"

    customer_ids: list[Id]
    entered_at: Moment


class SegmentMembersLeft(_SegmentEvent):
    """Customers belong to a segment no more; each is told once, in one of several such events."""

    type = "customer.segment.members_left.v1"

    customer_ids: list[Id]
    left_at: Moment


class ContactAdded(ScopedEvent):
    """A person at a customer became known; personal data stays with this service."""

    type = "customer.contact.added.v1"

    contact_id: Id
    customer_id: Id
    position: Annotated[str | None, Field(examples=["采购经理"])] = None
    is_primary: bool


class ContactUpdated(ScopedEvent):
    """What is known of a contact changed."""

    type = "customer.contact.updated.v1"

    contact_id: Id
    customer_id: Id
    position: Annotated[str | None, Field(examples=["采购经理"])] = None
    is_primary: bool


class ContactMoved(ScopedEvent):
    """A contact works for another customer now."""

    type = "customer.contact.moved.v1"

    contact_id: Id
    customer_id: Id
    from_customer_id: Id
    position: Annotated[str | None, Field(examples=["采购经理"])] = None
    is_primary: bool
    reason: Annotated[str, Field(examples=["Changed the employer"])]


class ContactRemoved(Event):
    """A contact was taken out of use."""

    type = "customer.contact.removed.v1"

    contact_id: Id
    customer_id: Id


class FollowUpPlanned(ScopedEvent):
    """Something is to be done with a customer; its owner is who does it.

    `cause` is planned, or the kind of the reminder rule that made it.
    """

    type = "customer.follow_up.planned.v1"

    follow_up_id: Id
    customer_id: Id
    contact_id: Id | None = None
    previous_id: Id | None = None
    channel: Annotated[str | None, Field(examples=["phone"])] = None
    due_at: Moment
    cause: Annotated[str, Field(examples=["no_contact"])]


class FollowUpChanged(ScopedEvent):
    """A follow-up was planned otherwise; these are the values after it."""

    type = "customer.follow_up.changed.v1"

    follow_up_id: Id
    customer_id: Id
    contact_id: Id | None = None
    channel: Annotated[str | None, Field(examples=["phone"])] = None
    due_at: Moment


class FollowUpDue(ScopedEvent):
    """The time of a follow-up has come: its owner is to be reminded."""

    type = "customer.follow_up.due.v1"

    follow_up_id: Id
    customer_id: Id
    contact_id: Id | None = None
    channel: Annotated[str | None, Field(examples=["phone"])] = None
    due_at: Moment
    cause: Annotated[str, Field(examples=["no_contact"])]


class FollowUpCompleted(ScopedEvent):
    """A follow-up was done."""

    type = "customer.follow_up.completed.v1"

    follow_up_id: Id
    customer_id: Id
    due_at: Moment
    closed_at: Moment


class FollowUpCancelled(ScopedEvent):
    """A follow-up was given up."""

    type = "customer.follow_up.cancelled.v1"

    follow_up_id: Id
    customer_id: Id
    reason: Annotated[str, Field(examples=["the customer has moved away"])]


class FollowUpPassedOn(ScopedEvent):
    """A follow-up was given to somebody else; the scope fields say to whom."""

    type = "customer.follow_up.passed_on.v1"

    follow_up_id: Id
    customer_id: Id
    from_owner_id: Id | None = None
    reason: Annotated[str, Field(examples=["the owner left the company"])]


class ReminderRuleSet(Event):
    """A reminder rule was made or changed; these are the values after it."""

    type = "customer.reminder_rule.set.v1"

    rule_id: Id
    name: Annotated[str, Field(examples=["A customers, a month"])]
    kind: Annotated[str, Field(examples=["no_contact"])]
    days: Annotated[int | None, Field(examples=[30])] = None
    grades: Annotated[list[str], Field(examples=[["A"]])]
    is_active: bool


class InteractionLogged(ScopedEvent):
    """Something was said with a customer."""

    type = "customer.interaction.logged.v1"

    interaction_id: Id
    customer_id: Id
    contact_id: Id | None = None
    channel: Code
    direction: Code
    occurred_at: Moment
    opportunity_id: Id | None = None
    contract_id: Id | None = None
    ticket_id: Id | None = None
    with_partner_id: Id | None = None


class InteractionLinked(ScopedEvent):
    """To what an interaction belongs changed; these are all its links."""

    type = "customer.interaction.linked.v1"

    interaction_id: Id
    customer_id: Id
    opportunity_id: Id | None = None
    contract_id: Id | None = None
    ticket_id: Id | None = None
    with_partner_id: Id | None = None


class InteractionTagged(ScopedEvent):
    """The needs and problems that came up in an interaction; these are all of them."""

    type = "customer.interaction.tagged.v1"

    interaction_id: Id
    customer_id: Id
    needs: Annotated[list[str], Field(examples=[["faster delivery"]])]
    problems: Annotated[list[str], Field(examples=[["late invoice"]])]


class InteractionCorrected(ScopedEvent):
    """The record of an interaction was corrected; the old text is kept."""

    type = "customer.interaction.corrected.v1"

    interaction_id: Id
    customer_id: Id
    channel: Code
    direction: Code
    occurred_at: Moment


class CustomFieldChanged(CustomFieldChange):
    """A custom field was defined or changed; these are the values after it."""

    type = "customer.custom_field.changed.v1"
