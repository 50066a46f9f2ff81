"""Dimensions, facts and rollups.

Names come from the events' fields, so a row is what the events about its aggregate told last. Only
the id is certain: events of different aggregates come in any order, so nothing refers to another
table, and a history that was cut begins in the middle. Names are joined when a report is read.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    Column,
    Date,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    String,
    Table,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from reporting.db import Base
from reporting.recordsets import Row

STAGES = ("prospecting", "engaging", "proposal", "negotiation", "won")
"""The pipeline in its order; the place of a stage is its rank. Lost is the way out of any of them."""


def reach(deal: Row, *stages: str) -> None:
    """Note that the deal came to these stages; a deal that skips a stage has reached it too."""
    for stage in stages:
        if stage in STAGES:
            deal["furthest_rank"] = max(deal["furthest_rank"], STAGES.index(stage))


class _Identified:
    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-10)


class _Owned:
    """Whose it is, for grouping and for data scope."""

    owner_id: Mapped[UUID | None] = mapped_column(sort_order=800)
    department_id: Mapped[UUID | None] = mapped_column(sort_order=801)
    partner_id: Mapped[UUID | None] = mapped_column(sort_order=802)
    region_id: Mapped[UUID | None] = mapped_column(sort_order=803)


class _External:
    """The name of the record in the system it was imported from."""

    external_source: Mapped[str | None] = mapped_column(sort_order=900)
    external_id: Mapped[str | None] = mapped_column(sort_order=901)


# --- dimensions


class Customer(_Identified, _Owned, _External, Base):
    """A customer."""

    __tablename__ = "customers"

    number: Mapped[str | None]
    name: Mapped[str | None]
    kind: Mapped[str | None]
    industry: Mapped[str | None]
    city: Mapped[str | None]
    parent_id: Mapped[UUID | None] = mapped_column(index=True)
    status: Mapped[str | None]
    deleted: Mapped[bool] = mapped_column(default=False)


class Product(_Identified, _External, Base):
    """A product."""

    __tablename__ = "products"

    sku: Mapped[str | None]
    name: Mapped[str | None]
    series: Mapped[str | None]
    kind: Mapped[str | None]
    state: Mapped[str | None]


class Person(_Identified, _External, Base):
    """An employee."""

    __tablename__ = "people"

    number: Mapped[str | None]
    name: Mapped[str | None]
    position: Mapped[str | None]
    manager_id: Mapped[UUID | None]
    department_id: Mapped[UUID | None]
    state: Mapped[str | None]


class Department(_Identified, _External, Base):
    """A department."""

    __tablename__ = "departments"

    code: Mapped[str | None]
    name: Mapped[str | None]
    kind: Mapped[str | None]
    parent_id: Mapped[UUID | None]
    region_id: Mapped[UUID | None]
    state: Mapped[str | None]


class Region(_Identified, Base):
    """A territory."""

    __tablename__ = "regions"

    code: Mapped[str | None]
    name: Mapped[str | None]
    parent_id: Mapped[UUID | None]
    state: Mapped[str | None]


class Partner(_Identified, _External, Base):
    """A dealer or agent; `state` is that of the last event that told it."""

    __tablename__ = "partners"

    number: Mapped[str | None]
    name: Mapped[str | None]
    kind: Mapped[str | None]
    tier: Mapped[str | None]
    state: Mapped[str | None]
    owner_id: Mapped[UUID | None]
    department_id: Mapped[UUID | None]
    region_id: Mapped[UUID | None]


# --- facts


class Lead(_Identified, _Owned, Base):
    """A lead: open, converted or lost."""

    __tablename__ = "leads"

    number: Mapped[str | None]
    name: Mapped[str | None]
    source: Mapped[str | None]
    score: Mapped[int | None]
    state: Mapped[str] = mapped_column(default="open")
    captured_at: Mapped[datetime | None]
    customer_id: Mapped[UUID | None] = mapped_column(index=True)
    opportunity_id: Mapped[UUID | None]
    lost_reason: Mapped[str | None]


class Opportunity(_Identified, _Owned, Base):
    """A deal: open, won or lost.

    `amount` is what it was won for, or what was expected when it was lost; `furthest_rank` is the
    place in STAGES of the furthest stage it came to.
    """

    __tablename__ = "opportunities"
    __table_args__ = (
        Index("ix_opportunities_closed_on", "currency", "closed_on"),
        Index("ix_opportunities_opened_on", "currency", "opened_on"),
        Index("ix_opportunities_open", "currency", postgresql_where=text("state = 'open'")),
    )

    number: Mapped[str | None]
    name: Mapped[str | None]
    customer_id: Mapped[UUID | None] = mapped_column(index=True)
    lead_id: Mapped[UUID | None]
    product_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(default="open")
    stage: Mapped[str | None]
    furthest_rank: Mapped[int] = mapped_column(SmallInteger, default=0)
    expected_amount: Mapped[Decimal | None]
    amount: Mapped[Decimal | None]
    currency: Mapped[str | None]
    expected_close_on: Mapped[date | None]
    opened_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    lost_reason: Mapped[str | None]


class WonLine(Base):
    """What a won deal is made of; the amounts add up to the deal's."""

    __tablename__ = "won_lines"
    __seen_with__ = ("opportunity_id", "Opportunity")

    opportunity_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    product_id: Mapped[UUID | None]
    amount: Mapped[Decimal]


class Order(_Identified, _Owned, Base):
    """An order: confirmed, shipped (all of it) or cancelled."""

    __tablename__ = "orders"
    __table_args__ = (Index("ix_orders_opportunity_id", "opportunity_id"),)

    number: Mapped[str | None]
    quote_id: Mapped[UUID | None]
    contract_id: Mapped[UUID | None]
    opportunity_id: Mapped[UUID | None]
    customer_id: Mapped[UUID | None] = mapped_column(index=True)
    state: Mapped[str | None]
    total: Mapped[Decimal | None]
    currency: Mapped[str | None]
    ordered_on: Mapped[date | None]
    confirmed_at: Mapped[datetime | None]
    shipped_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]


class Receipt(_Identified, _Owned, Base):
    """Money that came in; one with `reversed_on` did not stay."""

    __tablename__ = "receipts"
    __table_args__ = (
        Index("ix_receipts_opportunity_id", "opportunity_id"),
        Index("ix_receipts_order_id", "order_id"),
    )

    number: Mapped[str | None]
    customer_id: Mapped[UUID | None] = mapped_column(index=True)
    order_id: Mapped[UUID | None]
    opportunity_id: Mapped[UUID | None]
    amount: Mapped[Decimal | None]
    currency: Mapped[str | None]
    received_on: Mapped[date | None]
    method: Mapped[str | None]
    reversed_on: Mapped[date | None]


class Contract(_Identified, _Owned, Base):
    """A contract, in the state of the last event about it."""

    __tablename__ = "contracts"

    number: Mapped[str | None]
    kind: Mapped[str | None]
    title: Mapped[str | None]
    quote_id: Mapped[UUID | None]
    order_id: Mapped[UUID | None]
    opportunity_id: Mapped[UUID | None]
    customer_id: Mapped[UUID | None] = mapped_column(index=True)
    state: Mapped[str | None]
    total: Mapped[Decimal | None]
    currency: Mapped[str | None]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    signed_on: Mapped[date | None]
    terminated_on: Mapped[date | None]
    reason: Mapped[str | None]


class Ticket(_Identified, _Owned, Base):
    """A service ticket with its two clocks; `minutes` count as the ticket's policy does."""

    __tablename__ = "tickets"
    __table_args__ = (Index("ix_tickets_opened_on", "opened_on"),)

    number: Mapped[str | None]
    customer_id: Mapped[UUID | None] = mapped_column(index=True)
    product_id: Mapped[UUID | None]
    contract_id: Mapped[UUID | None]
    category: Mapped[str | None]
    priority: Mapped[str | None]
    channel: Mapped[str | None]
    team: Mapped[str | None]
    opened_at: Mapped[datetime | None]
    opened_on: Mapped[date | None]
    response_due_at: Mapped[datetime | None]
    solution_due_at: Mapped[datetime | None]
    responded_at: Mapped[datetime | None]
    responded_within_sla: Mapped[bool | None]
    response_minutes: Mapped[int | None]
    response_breached: Mapped[bool] = mapped_column(default=False)
    closed_at: Mapped[datetime | None]
    closed_within_sla: Mapped[bool | None]
    solution_minutes: Mapped[int | None]
    solution_breached: Mapped[bool] = mapped_column(default=False)
    times_reopened: Mapped[int] = mapped_column(default=0)


class Survey(_Identified, _Owned, Base):
    """What a customer said of the service, from 1 to 5."""

    __tablename__ = "surveys"
    __table_args__ = (Index("ix_surveys_answered_on", "answered_on"),)

    ticket_id: Mapped[UUID | None]
    customer_id: Mapped[UUID | None] = mapped_column(index=True)
    score: Mapped[int | None] = mapped_column(SmallInteger)
    answered_at: Mapped[datetime | None]
    answered_on: Mapped[date | None]


class Scorecard(_Identified, _Owned, Base):
    """A partner's published figures for a period."""

    __tablename__ = "scorecards"
    __table_args__ = (Index("ix_scorecards_period_end", "period_end"),)

    period_start: Mapped[date | None]
    period_end: Mapped[date | None]
    published_at: Mapped[datetime | None]
    won_amount: Mapped[Decimal | None]
    currency: Mapped[str | None]
    won_deals: Mapped[int | None]
    lost_deals: Mapped[int | None]
    win_rate: Mapped[Decimal | None]
    satisfaction: Mapped[Decimal | None]
    score: Mapped[Decimal | None]


# --- rollups


def _rollup(name: str, *more_keys: str) -> Table:
    # NULLS NOT DISTINCT: what is not assigned is one row too, and a rollup has no other key.
    dimensions = ("region_id", "partner_id", "owner_id", *more_keys)
    return Table(
        name,
        Base.metadata,
        Column("month", Date, nullable=False),
        Column("currency", String, nullable=False),
        *(Column(dimension, Uuid) for dimension in dimensions),
        Column("won_revenue", Numeric(20, 6), nullable=False),
        Column("won_deals", Integer, nullable=False),
        Column("lost_deals", Integer, nullable=False),
        Index(
            f"uq_{name}",
            "currency",
            "month",
            *dimensions,
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        comment="closed deals by month; the sum of the facts, kept in the transactions that change them",
    )


won_rollup = _rollup("won_rollup")
won_product_rollup = _rollup("won_product_rollup", "product_id")
"""By product a deal is counted once for each product it has lines of."""


PROJECTIONS: Sequence[Table] = [
    table for table in Base.metadata.sorted_tables if table.name not in {"events", "worker_seen"}
]
"""Everything that is made from the events and can be made again."""
