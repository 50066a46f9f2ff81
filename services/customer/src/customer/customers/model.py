"""A customer and its rules."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.audit.trail import DERIVED
from common.custom_fields.columns import Extensible
from common.errors import Conflict, Forbidden, Invalid, Moved, NotFound
from common.pinyin import mnemonic_of, search_tokens
from common.scope import Scoped
from customer import events
from customer.db import Base


class CustomerKind(StrEnum):
    """What a customer is; more may follow."""

    COMPANY = "company"
    PERSON = "person"


class CustomerStatus(StrEnum):
    """Whether we do business with the customer; more may follow."""

    PROSPECT = "prospect"
    ACTIVE = "active"
    INACTIVE = "inactive"


class CustomerNotFound(NotFound):
    """There is no such customer, or it is deleted."""

    code = "customer_not_found"


class ParentCycle(Invalid):
    """The parent organisation is the customer itself or lies below it."""

    code = "parent_cycle"


class ParentNotFound(Invalid):
    """The parent organisation is not a customer here."""

    code = "parent_not_found"


class ExternalIdTaken(Conflict):
    """Another customer carries this id of the other system."""

    code = "external_id_taken"


class NothingToTransfer(Conflict):
    """The customer belongs to this owner and department already."""

    code = "nothing_to_transfer"


class CustomerHasSubsidiaries(Conflict):
    """Other customers name this one as their parent organisation."""

    code = "customer_has_subsidiaries"


class CustomerHasOpenBusiness(Conflict):
    """Orders, contracts or tickets of the customer are open; `reasons` says which."""

    code = "customer_has_open_business"


class CustomerNotDeleted(Conflict):
    """Only a deleted customer can be restored."""

    code = "customer_not_deleted"


class CustomerHasOwner(Conflict):
    """The customer is somebody's, so nobody takes it from the pool."""

    code = "customer_has_owner"


class CustomerHasNoOwner(Conflict):
    """The customer lies in the pool already."""

    code = "customer_has_no_owner"


class CustomerInPool(Conflict):
    """A customer of the pool is claimed, or handed out by who may."""

    code = "customer_in_pool"


class CustomerNotYours(Forbidden):
    """Somebody else's customer is given back by its owner, or by who hands customers out."""

    code = "customer_not_yours"


class CustomerOfPartner(Conflict):
    """What a partner brought stays with the partner and lies in no pool of ours."""

    code = "customer_of_partner"


class HowMoved(StrEnum):
    """How a customer came to another owner, or to none; more may follow."""

    TRANSFERRED = "transferred"
    HANDED_OVER = "handed_over"
    CLAIMED = "claimed"
    ASSIGNED = "assigned"
    RELEASED = "released"
    IDLE = "idle"


class GroupTooDeep(Invalid):
    """There would be more than a hundred customers above this one in its group."""

    code = "group_too_deep"


class CustomerMerged(Moved):
    """The customer was merged into another one, which `existing_id` names."""

    code = "customer_merged"


class NotMergedHere(Conflict):
    """The customer is not, or no longer, merged into the one it was merged into."""

    code = "customer_not_merged_here"


PROFILE = (
    "name",
    "kind",
    "status",
    "industry",
    "size",
    "customer_type",
    "business_scope_code",
    "business_scope",
    "employee_count",
    "annual_revenue",
    "founded_year",
    "country",
    "city",
    "address",
    "office_address",
    "postcode",
    "phone",
    "finance_phone",
    "email",
    "homepage",
    "tax_number",
    "parent_id",
    "region_id",
    "partner_id",
    "notes",
)
"""The fields a client may change; owner and department change by a transfer."""


class NumberNotKnown(Invalid):
    """No customer has this number, and numbers are given by us."""

    code = "customer_number_not_known"


class NumberStays(Conflict):
    """A customer keeps its number; what was found by another key has another one."""

    code = "customer_number_stays"


class CustomerKey(StrEnum):
    """What a customer is recognised by when it is brought up to date."""

    EXTERNAL_ID = "external_id"
    NUMBER = "number"


SORTED_BY = {
    "kind": False,
    "status": False,
    "source": False,
    "registered_at": False,
    "industry": True,
    "size": True,
    "customer_type": True,
    "business_scope_code": True,
    "country": True,
    "city": True,
    "postcode": True,
    "employee_count": True,
    "annual_revenue": True,
    "founded_year": True,
}
"""Fields that lists are sorted by, besides those with other indexes; whether one can be empty."""


def indexes_of_order(table: str, key: str, *, is_nullable: bool) -> list[Index]:
    """The indexes that a list sorted by `key` walks: empty comes last in both directions."""
    indexes = [Index(f"ix_{table}_{key}_id", key, "id")]
    if is_nullable:
        last = text(f"{key} DESC NULLS LAST")
        indexes.append(Index(f"ix_{table}_{key}_id_desc", last, text("id DESC")))
    return indexes


class Customer(Aggregate, Scoped, Extensible, Base):
    """A company or person we sell to, or want to."""

    __tablename__ = "customers"
    __table_args__ = (
        Index(
            "uq_customers_external_id",
            "external_source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index("ix_customers_created_at_id", "created_at", "id"),
        Index("ix_customers_name_id", "name", "id"),
        Index("ix_customers_updated_at_id", "updated_at", "id"),
        Index(
            "ix_customers_search_tokens",
            "search_tokens",
            postgresql_using="gin",
            # What waits in the pending list would be read through by every search.
            postgresql_with={"fastupdate": "off"},
        ),
        Index(
            "ix_customers_without_tokens",
            "id",
            postgresql_where=text("search_tokens IS NULL"),
        ),
        *(
            index
            for key, is_nullable in SORTED_BY.items()
            for index in indexes_of_order("customers", key, is_nullable=is_nullable)
        ),
    )

    # Compared by their bytes, so that the index finds the beginning of one as well.
    number: Mapped[str] = mapped_column(String(40, collation="C"), unique=True)
    mnemonic: Mapped[str | None] = mapped_column(String(40, collation="C"), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    # Read by the database only.
    search_tokens: Mapped[list[str] | None] = mapped_column(
        ARRAY(Text), deferred=True, info=DERIVED
    )
    kind: Mapped[str] = mapped_column(String(20), default=CustomerKind.COMPANY)
    status: Mapped[str] = mapped_column(String(60), default=CustomerStatus.PROSPECT)
    industry: Mapped[str | None] = mapped_column(String(60), index=True)
    size: Mapped[str | None] = mapped_column(String(60))
    customer_type: Mapped[str | None] = mapped_column(String(60))
    business_scope_code: Mapped[str | None] = mapped_column(String(60))
    business_scope: Mapped[str | None] = mapped_column(Text)
    employee_count: Mapped[int | None]
    annual_revenue: Mapped[Decimal | None]
    founded_year: Mapped[int | None]
    country: Mapped[str | None] = mapped_column(String(80))
    city: Mapped[str | None] = mapped_column(String(80), index=True)
    address: Mapped[str | None] = mapped_column(String(300))
    office_address: Mapped[str | None] = mapped_column(String(300))
    postcode: Mapped[str | None] = mapped_column(String(20))
    phone: Mapped[str | None] = mapped_column(String(40))
    finance_phone: Mapped[str | None] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(200))
    homepage: Mapped[str | None] = mapped_column(String(300))
    tax_number: Mapped[str | None] = mapped_column(String(40))
    notes: Mapped[str | None] = mapped_column(Text)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"), index=True)
    source: Mapped[str] = mapped_column(String(60))
    registered_at: Mapped[datetime]
    registered_by: Mapped[str] = mapped_column(String(80))
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))
    deleted_at: Mapped[datetime | None]
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"), index=True)
    # Set by a trigger whenever the owner changes, in whichever way.
    owned_since: Mapped[datetime] = mapped_column(server_default=text("now()"))
    is_claimed: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    recycle_warned_at: Mapped[datetime | None]

    @classmethod
    def register(
        cls, *, number: str, by: str, now: datetime, source: str, **profile: Any
    ) -> tuple["Customer", events.CustomerCreated]:
        """A new customer; number, source and registration stay as they are for ever."""
        profile.setdefault("kind", CustomerKind.COMPANY)
        profile.setdefault("status", CustomerStatus.PROSPECT)
        customer = cls(
            number=number,
            search_tokens=search_tokens(profile["name"]),
            source=source,
            registered_at=now,
            registered_by=by,
            **profile,
        )
        return customer, events.CustomerCreated(
            **customer._facts(),
            source=customer.source,
            registered_at=customer.registered_at,
        )

    def update(self, changes: dict[str, Any]) -> events.CustomerUpdated | None:
        """Change the profile; None when every value is the same already."""
        changed = False
        for name, value in changes.items():
            if getattr(self, name) != value:
                setattr(self, name, value)
                changed = True
        if changed and "name" in changes:
            self.search_tokens = search_tokens(self.name)
        return events.CustomerUpdated(**self._facts()) if changed else None

    @property
    def derived_mnemonic(self) -> str:
        """What the mnemonic is made of where nobody chose one: the name, else the number."""
        is_person = self.kind == CustomerKind.PERSON
        return mnemonic_of(self.name, is_person=is_person) or self.number

    def activate(self) -> events.CustomerUpdated | None:
        """Count the customer as one we do business with; None when it is one already."""
        return self.update({"status": CustomerStatus.ACTIVE})

    def check_parent(self, ancestors: Iterable[UUID]) -> None:
        """Refuse a parent whose `ancestors` (itself first) include this customer."""
        if self.id in set(ancestors):
            raise ParentCycle(
                "a customer cannot be its own parent organisation, directly or through others",
                pointer="/parent_id",
            )

    def transfer(
        self,
        *,
        owner_id: UUID | None,
        department_id: UUID | None,
        reason: str,
        how: HowMoved = HowMoved.TRANSFERRED,
    ) -> events.CustomerTransferred:
        """Give the customer to another owner or department."""
        if (owner_id, department_id) == (self.owner_id, self.department_id):
            raise NothingToTransfer("the customer belongs to this owner and department already")
        before = {"from_owner_id": self.owner_id, "from_department_id": self.department_id}
        self.owner_id, self.department_id = owner_id, department_id
        self.is_claimed = how == HowMoved.CLAIMED
        return events.CustomerTransferred(
            customer_id=self.id, reason=reason, how=how, **before, **self.scope
        )

    def check_in_pool(self) -> None:
        """Refuse a customer that is somebody's, or a partner's."""
        if self.partner_id is not None:
            raise CustomerOfPartner("the customer is a partner's")
        if self.owner_id is not None:
            raise CustomerHasOwner("the customer belongs to somebody")

    def check_not_pooled(self) -> None:
        """Refuse a customer that lies in the pool."""
        if self.owner_id is None and self.partner_id is None:
            raise CustomerInPool("the customer lies in the pool: claim it")

    def take_from_pool(
        self, *, owner_id: UUID, department_id: UUID | None, reason: str, how: HowMoved
    ) -> events.CustomerTransferred:
        """Give a customer that nobody has to somebody, and to their department where it is known."""
        self.check_in_pool()
        return self.transfer(
            owner_id=owner_id,
            department_id=department_id or self.department_id,
            reason=reason,
            how=how,
        )

    def release(self, *, how: HowMoved, reason: str) -> events.CustomerTransferred:
        """Put the customer into the pool of its department and region; its owner loses it."""
        if self.partner_id is not None:
            raise CustomerOfPartner("a partner's customer goes into no pool")
        if self.owner_id is None:
            raise CustomerHasNoOwner("the customer lies in the pool already")
        return self.transfer(
            owner_id=None, department_id=self.department_id, reason=reason, how=how
        )

    def warn_of_recycling(
        self, *, idle_since: datetime, recycle_at: datetime, now: datetime
    ) -> events.CustomerRecycleAnnounced:
        """Announce that the owner loses the customer at `recycle_at`, unless something is done."""
        self.recycle_warned_at = now
        return events.CustomerRecycleAnnounced(
            customer_id=self.id, idle_since=idle_since, recycle_at=recycle_at, **self.scope
        )

    def delete(
        self, *, now: datetime, has_subsidiaries: bool, open_business: Sequence[dict[str, Any]] = ()
    ) -> events.CustomerDeleted | None:
        """Take the customer out of use; None when it is deleted already.

        `open_business` has kind, id and number of what is open. Raises CustomerHasOpenBusiness and
        CustomerHasSubsidiaries.
        """
        if self.deleted_at is not None:
            return None
        if open_business:
            raise CustomerHasOpenBusiness(
                "there are open orders, contracts or tickets of the customer",
                reasons=list(open_business),
            )
        if has_subsidiaries:
            raise CustomerHasSubsidiaries("other customers name this one as parent organisation")
        self.deleted_at = now
        return events.CustomerDeleted(customer_id=self.id, **self.scope)

    def restore(self) -> events.CustomerRestored:
        """Take a deleted customer into use again."""
        if self.deleted_at is None:
            raise CustomerNotDeleted("the customer is not deleted")
        self.deleted_at = None
        return events.CustomerRestored(customer_id=self.id, **self.scope)

    def merge_into(self, survivor: "Customer", *, now: datetime) -> events.CustomerDeleted:
        """Be the same as `survivor` from now on; the values stay as they are, to be had back."""
        self.deleted_at, self.merged_into_id = now, survivor.id
        return events.CustomerDeleted(customer_id=self.id, merged_into_id=survivor.id, **self.scope)

    def unmerge_from(self, survivor: "Customer") -> events.CustomerRestored:
        """Be a customer of one's own again."""
        if self.merged_into_id != survivor.id:
            raise NotMergedHere(f"customer {self.number} is not merged into {survivor.number}")
        self.deleted_at = self.merged_into_id = None
        return events.CustomerRestored(customer_id=self.id, **self.scope)

    def _facts(self) -> dict[str, Any]:
        return {
            "customer_id": self.id,
            "number": self.number,
            "name": self.name,
            "kind": self.kind,
            "industry": self.industry,
            "city": self.city,
            "parent_id": self.parent_id,
            "status": self.status,
            "external_source": self.external_source,
            "external_id": self.external_id,
            "custom": self.said_values,
            **self.scope,
        }
