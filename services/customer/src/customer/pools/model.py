"""What holds in a pool, how customers moved into and out of it, and which customers lie there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index, String, and_, or_
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.auth import Actor
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id
from customer import events
from customer.customers.model import Customer
from customer.db import Base


class PoolPolicyNotFound(NotFound):
    """There is no such policy."""

    code = "pool_policy_not_found"


class PoolPolicyThere(Conflict):
    """The pool has a policy; change that one, which `existing_id` names."""

    code = "pool_policy_there"


class WarnedBeforeItBegins(Invalid):
    """A warning comes within the days after which a customer goes back."""

    code = "warned_before_it_begins"


class EmployeeNotKnown(Invalid):
    """The employee is not known here."""

    code = "employee_not_known"


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds in a pool; `recycle_after_days` None is never."""

    claim_limit: int = 50
    cool_down_days: int = 7
    recycle_after_days: int | None = None
    warn_before_days: int = 7


BUILT_IN = Terms()
"""What holds where nobody has said anything: nobody loses a customer by himself."""


class PoolPolicy(Aggregate, Base):
    """What holds for the customers of a department and region, owned ones and those in the pool.

    The policy of both comes before that of the department, this before that of the region, and this
    before the one that names neither.
    """

    __tablename__ = "pool_policies"
    __table_args__ = (
        Index(
            "uq_pool_policies_pool",
            "department_id",
            "region_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_pool_policies_created_at_id", "created_at", "id"),
    )

    department_id: Mapped[UUID | None]
    region_id: Mapped[UUID | None]
    claim_limit: Mapped[int]
    cool_down_days: Mapped[int]
    recycle_after_days: Mapped[int | None]
    warn_before_days: Mapped[int]

    @classmethod
    def set_for(cls, **values: Any) -> tuple["PoolPolicy", events.PoolPolicySet]:
        """Say what holds in a pool that has no policy yet."""
        policy = cls(**values)
        return policy, policy._set()

    def update(self, changes: dict[str, Any]) -> events.PoolPolicySet | None:
        """Let something else hold; None when every value is the same already."""
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if not differing:
            return None
        for name, value in differing.items():
            setattr(self, name, value)
        return self._set()

    @property
    def terms(self) -> Terms:
        """What holds."""
        return Terms(
            self.claim_limit, self.cool_down_days, self.recycle_after_days, self.warn_before_days
        )

    def _set(self) -> events.PoolPolicySet:
        if self.recycle_after_days is not None and self.warn_before_days > self.recycle_after_days:
            raise WarnedBeforeItBegins(
                "the warning would come before a customer is idle", pointer="/warn_before_days"
            )
        return events.PoolPolicySet(
            policy_id=self.id,
            department_id=self.department_id,
            region_id=self.region_id,
            claim_limit=self.claim_limit,
            cool_down_days=self.cool_down_days,
            recycle_after_days=self.recycle_after_days,
            warn_before_days=self.warn_before_days,
        )


class CustomerMove(Base):
    """One move of a customer: to somebody, or back to the pool. A row is written once."""

    __tablename__ = "customer_moves"
    __seen_with__ = ("customer_id", "Customer")
    __table_args__ = (Index("ix_customer_moves_customer_id", "customer_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    happened_at: Mapped[datetime]
    how: Mapped[str] = mapped_column(String(20))
    from_owner_id: Mapped[UUID | None]
    to_owner_id: Mapped[UUID | None]
    department_id: Mapped[UUID | None]
    region_id: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(String(300))
    by: Mapped[str] = mapped_column(String(80))


def in_pool() -> ColumnElement[bool]:
    """The condition that a customer lies in the pool, for queries."""
    return and_(
        Customer.owner_id.is_(None), Customer.partner_id.is_(None), Customer.deleted_at.is_(None)
    )


def of_pools_of(actor: Actor) -> ColumnElement[bool] | None:
    """The condition that a customer is of a pool that the actor takes from; None for no pool.

    That is of the actor's own department or one below it, or of a region of the actor's. A
    partner's account takes from none.
    """
    if actor.employee_id is None or actor.partner_id is not None:
        return None
    fits: list[ColumnElement[bool]] = []
    if actor.subtree_ids:
        fits.append(Customer.department_id.in_(sorted(actor.subtree_ids)))
    if actor.region_ids:
        fits.append(Customer.region_id.in_(sorted(actor.region_ids)))
    return and_(Customer.partner_id.is_(None), or_(*fits)) if fits else None
