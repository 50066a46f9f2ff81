"""Everything the contract service tells the others."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from common.custom_fields.columns import SaidValues
from common.custom_fields.events import CustomFieldChange
from common.events import Day, Id, Moment, ScopedEvent
from common.money import Amount, Currency

Text = Annotated[str, Field(examples=["离心泵采购合同"])]
Code = Annotated[str, Field(examples=["sales"])]
Number = Annotated[str, Field(examples=["CT2026-000042"])]
Reason = Annotated[str, Field(examples=["付款条件不可接受"])]
Revision = Annotated[int, Field(ge=1, examples=[1])]
Quantity = Annotated[Amount, Field(examples=["10"])]


class SignedLine(BaseModel):
    """One line of a signed contract."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line_no: Annotated[int, Field(ge=1, examples=[1])]
    product_id: Id | None = None
    product_name: Annotated[str, Field(examples=["离心泵 CP-200"])]
    quantity: Quantity
    unit_price: Amount
    amount: Amount
    delivery_on: Day | None = None


class _ContractEvent(ScopedEvent):
    contract_id: Id
    number: Number
    kind: Code
    customer_id: Id
    quote_id: Id | None = None
    opportunity_id: Id | None = None
    order_id: Id | None = None
    total: Amount
    currency: Currency
    starts_on: Day
    ends_on: Day
    revision: Revision


class ContractDrafted(_ContractEvent):
    """A contract was drafted, from an accepted quote or by hand."""

    type = "contract.contract.drafted.v1"

    title: Text
    renews_id: Id | None = None
    external_source: Annotated[str | None, Field(examples=["erp"])] = None
    external_id: Annotated[str | None, Field(examples=["HT-4711"])] = None
    custom: SaidValues = None


class ContractChanged(_ContractEvent):
    """The text of a contract was edited: it is a draft again, and earlier approvals are void."""

    type = "contract.contract.changed.v1"

    title: Text
    external_source: Annotated[str | None, Field(examples=["erp"])] = None
    external_id: Annotated[str | None, Field(examples=["HT-4711"])] = None
    custom: SaidValues = None


class ContractAnnotated(_ContractEvent):
    """The custom fields of a contract were changed; its text and what was approved of it stay."""

    type = "contract.contract.annotated.v1"

    custom: SaidValues = None


class ContractSubmitted(_ContractEvent):
    """A draft was handed in for approval; `steps` are asked one after the other."""

    type = "contract.contract.submitted.v1"

    submitted_by: Id
    steps: Annotated[list[str], Field(examples=[["manager", "finance"]])]
    policy_version: Annotated[int, Field(ge=0, examples=[1])]


class ContractStepApproved(_ContractEvent):
    """One step of the approval agreed; the contract goes on to the next."""

    type = "contract.contract.step_approved.v1"

    step: Annotated[str, Field(examples=["manager"])]
    next_step: Annotated[str, Field(examples=["finance"])]
    decided_by: Id


class ContractApproved(_ContractEvent):
    """The last step of the approval agreed: the contract may be signed."""

    type = "contract.contract.approved.v1"

    step: Annotated[str, Field(examples=["finance"])]
    decided_by: Id


class ContractRejected(_ContractEvent):
    """A step of the approval refused the contract."""

    type = "contract.contract.rejected.v1"

    step: Annotated[str, Field(examples=["manager"])]
    decided_by: Id
    reason: Reason


class ContractSigned(_ContractEvent):
    """Both sides signed: the text is frozen, `content_hash` is the SHA-256 of its canonical JSON."""

    type = "contract.contract.signed.v1"

    title: Text
    signed_on: Day
    content_hash: Annotated[
        str,
        Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]),
    ]
    lines: list[SignedLine]


class ContractOrderLinked(_ContractEvent):
    """An order that carries out the contract became known."""

    type = "contract.contract.order_linked.v1"

    linked_order_id: Id
    order_total: Amount


class ContractExpiring(_ContractEvent):
    """The end of a signed contract is near; said once."""

    type = "contract.contract.expiring.v1"


class ContractExpired(_ContractEvent):
    """The last day of a signed contract is over."""

    type = "contract.contract.expired.v1"


class ContractTerminated(_ContractEvent):
    """A signed contract was ended before its time."""

    type = "contract.contract.terminated.v1"

    reason: Reason
    terminated_on: Day


class ContractTransferred(_ContractEvent):
    """A contract was given to another owner; the scope fields say to whom."""

    type = "contract.contract.transferred.v1"

    from_owner_id: Id | None = None


class _MilestoneEvent(ScopedEvent):
    milestone_id: Id
    contract_id: Id
    contract_number: Number
    customer_id: Id
    kind: Annotated[str, Field(examples=["payment"])]
    title: Annotated[str, Field(examples=["Payment 1 of 2"])]
    due_on: Day
    amount: Amount | None = None
    currency: Currency | None = None


class MilestonePlanned(_MilestoneEvent):
    """A delivery, payment or acceptance was planned by a contract."""

    type = "contract.milestone.planned.v1"


class MilestoneDue(_MilestoneEvent):
    """A milestone of a signed contract comes due within the notice period; said once."""

    type = "contract.milestone.due.v1"


class MilestoneProgressed(_MilestoneEvent):
    """A payment milestone received some of its amount, or lost some by a reversal."""

    type = "contract.milestone.progressed.v1"

    received: Amount


class MilestoneMet(_MilestoneEvent):
    """A milestone was reached; `late` when that was after its due date."""

    type = "contract.milestone.met.v1"

    met_on: Day
    late: bool


class MilestoneReopened(_MilestoneEvent):
    """A payment milestone that was met is open again: a receipt was reversed."""

    type = "contract.milestone.reopened.v1"

    received: Amount


class MilestoneMissed(_MilestoneEvent):
    """The due date of a milestone of a signed contract passed without it being met; said once."""

    type = "contract.milestone.missed.v1"


class MilestoneCancelled(_MilestoneEvent):
    """A milestone is no longer expected: the contract was edited or terminated."""

    type = "contract.milestone.cancelled.v1"


class MilestoneTransferred(_MilestoneEvent):
    """A milestone that is still expected was given to another owner."""

    type = "contract.milestone.transferred.v1"

    from_owner_id: Id | None = None


class ApprovalPolicyPublished(ScopedEvent):
    """Contracts of a kind submitted from `valid_from` on are approved by these rules."""

    type = "contract.approval_policy.published.v1"

    policy_id: Id
    kind: Code
    policy_version: Annotated[int, Field(ge=1, examples=[1])]
    currency: Currency | None = None
    valid_from: Day
    published_at: Moment


class CustomFieldChanged(CustomFieldChange):
    """A custom field was defined or changed; these are the values after it."""

    type = "contract.custom_field.changed.v1"
