"""What was forecast on which day.

A snapshot keeps of each open deal what differs from the day before, so a deal that nobody touches is
one row, and every day that was kept can still be read deal by deal.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Numeric, String, text
from sqlalchemy.orm import Mapped, mapped_column

from common.errors import NotFound
from common.scope import Scoped
from sales.db import Base
from sales.products.model import EXACT


class GroupBy(StrEnum):
    """What a forecast is told by, beside its periods."""

    OWNER = "owner"
    DEPARTMENT = "department"
    REGION = "region"
    PRODUCT = "product"
    PARTNER = "partner"


class ForecastNotKept(NotFound):
    """No snapshot was taken on that day; `nearest` is the last one before it."""

    code = "forecast_not_kept"


class ForecastSnapshot(Base):
    """A day whose forecast was kept. A day that no worker ran on has none, and gets none."""

    __tablename__ = "forecast_snapshots"

    taken_on: Mapped[date] = mapped_column(primary_key=True)
    taken_at: Mapped[datetime]


class ForecastLine(Scoped, Base):
    """An open deal as the forecast saw it, from `from_on` until the day before `until_on`."""

    __tablename__ = "forecast_lines"
    __table_args__ = (
        Index(
            "uq_forecast_lines_standing",
            "opportunity_id",
            unique=True,
            postgresql_where=text("until_on IS NULL"),
        ),
        Index("ix_forecast_lines_expected_close_on_id", "expected_close_on", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    opportunity_id: Mapped[UUID] = mapped_column(
        ForeignKey("opportunities.id", ondelete="CASCADE"), index=True
    )
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    product_id: Mapped[UUID | None]
    stage: Mapped[str] = mapped_column(String(60))
    probability: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    expected_amount: Mapped[Decimal] = mapped_column(EXACT)
    currency: Mapped[str] = mapped_column(String(3))
    expected_close_on: Mapped[date]
    forecast_category: Mapped[str] = mapped_column(String(20))


KEPT: tuple[str, ...] = (
    "product_id",
    "stage",
    "probability",
    "expected_amount",
    "currency",
    "expected_close_on",
    "forecast_category",
    "owner_id",
    "department_id",
    "partner_id",
    "region_id",
)
"""What of a deal a snapshot keeps."""


def group_column(of: Any, by: GroupBy) -> Any:
    """The column of a deal, or of a line, that it is grouped by."""
    return getattr(of, f"{by.value}_id")
