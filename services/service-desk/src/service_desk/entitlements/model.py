"""An entitlement, and the rule that decides whether a product is covered on a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service_desk.db import Base

ENTITLING_KINDS = frozenset({"sales", "service"})
"""Contracts with customers; agreements with partners entitle nobody to service."""


class CoverageReason(StrEnum):
    """Why a product is covered or not; more may follow."""

    COVERED_BY_CONTRACT = "covered_by_contract"
    NO_CONTRACT = "no_contract"
    NOT_STARTED = "not_started"
    ENDED = "ended"
    TERMINATED = "terminated"


class Entitlement(Base):
    """A line of a signed contract: service for a product, from day to day, both included.

    A line of a service contract without a product covers everything of the customer's.
    """

    __tablename__ = "entitlements"
    __seen_with__ = ("customer_id", "KnownCustomer")
    __table_args__ = (
        UniqueConstraint("contract_id", "line_no"),
        Index("ix_entitlements_customer_id_id", "customer_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    contract_id: Mapped[UUID]
    contract_number: Mapped[str] = mapped_column(String(40))
    contract_kind: Mapped[str] = mapped_column(String(20))
    line_no: Mapped[int]
    customer_id: Mapped[UUID]
    product_id: Mapped[UUID | None]
    product_name: Mapped[str] = mapped_column(String(300))
    quantity: Mapped[Decimal]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    terminated_on: Mapped[date | None]

    def names(self, product_id: UUID) -> bool:
        """Whether this is about the product at all, on whatever day."""
        if self.product_id is None:
            return self.contract_kind == "service"
        return self.product_id == product_id

    def standing_on(self, day: date) -> CoverageReason:
        """Whether it holds on that day, or why not. The day of termination is not covered."""
        if day < self.starts_on:
            return CoverageReason.NOT_STARTED
        if self.terminated_on is not None and day >= self.terminated_on:
            return CoverageReason.TERMINATED
        if self.ends_on is not None and day > self.ends_on:
            return CoverageReason.ENDED
        return CoverageReason.COVERED_BY_CONTRACT


@dataclass(frozen=True, slots=True)
class Coverage:
    """The answer: covered or not, by which entitlement, and why.

    Where nothing covers the product, `entitlement` is the one that came nearest, if any.
    """

    covered: bool
    reason: CoverageReason
    entitlement: Entitlement | None


def coverage_on(entitlements: Sequence[Entitlement], product_id: UUID, day: date) -> Coverage:
    """Whether these entitlements of a customer cover the product on that day.

    Of several that do, the one that holds longest is named; of several that do not, the one that
    held last, so that the reason tells of it.
    """
    about_it = [entitlement for entitlement in entitlements if entitlement.names(product_id)]
    if not about_it:
        return Coverage(False, CoverageReason.NO_CONTRACT, None)
    holding = [one for one in about_it if one.standing_on(day) == "covered_by_contract"]
    chosen = max(
        holding or [one for one in about_it if one.starts_on <= day] or about_it, key=_holds_until
    )
    return Coverage(bool(holding), chosen.standing_on(day), chosen)


def _holds_until(entitlement: Entitlement) -> tuple[date, UUID]:
    ends = [day for day in (entitlement.ends_on, entitlement.terminated_on) if day is not None]
    return min(ends, default=date.max), entitlement.id
