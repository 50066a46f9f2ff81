"""Everything the customer service tells the others."""

from typing import Annotated

from pydantic import Field

from common.events import Event, Id, Moment, ScopedEvent

Text = Annotated[str, Field(examples=["杭州远航机电有限公司"])]
Code = Annotated[str, Field(examples=["manufacturing"])]


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


class CustomerTransferred(ScopedEvent):
    """A customer was given to another owner or department; the scope fields say to whom."""

    type = "customer.customer.transferred.v1"

    customer_id: Id
    from_owner_id: Id | None = None
    from_department_id: Id | None = None
    reason: Annotated[str, Field(examples=["Left the company"])]


class CustomerDeleted(ScopedEvent):
    """A customer was taken out of use; it can be restored."""

    type = "customer.customer.deleted.v1"

    customer_id: Id


class CustomerRestored(ScopedEvent):
    """A deleted customer is in use again."""

    type = "customer.customer.restored.v1"

    customer_id: Id


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


class ContactRemoved(Event):
    """A contact was taken out of use."""

    type = "customer.contact.removed.v1"

    contact_id: Id
    customer_id: Id


class InteractionLogged(ScopedEvent):
    """Something was said with a customer."""

    type = "customer.interaction.logged.v1"

    interaction_id: Id
    customer_id: Id
    contact_id: Id | None = None
    channel: Code
    direction: Code
    occurred_at: Moment


class InteractionCorrected(ScopedEvent):
    """The record of an interaction was corrected; the old text is kept."""

    type = "customer.interaction.corrected.v1"

    interaction_id: Id
    customer_id: Id
    channel: Code
    direction: Code
    occurred_at: Moment
