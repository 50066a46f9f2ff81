"""What a row of a file can become in this service.

A row names customers, employees, partners and products by their id in its own system; their copies
here may still be on their way, which the job waits for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common import clock
from common.auth import Actor
from common.custom_fields import writing
from common.custom_fields.columns import CustomValues
from common.days import day_of
from common.imports.jobs import ImportContext, Target, TargetRow
from common.messaging.outbox import record
from common.money import Currency
from sales.copies.model import KnownCustomer, KnownEmployee, KnownPartner
from sales.exchange_rates.schemas import ExchangeRateState
from sales.exchange_rates.use_cases import import_exchange_rates
from sales.opportunities import use_cases as opportunities
from sales.opportunities.model import Opportunity, Stage
from sales.opportunities.schemas import PastDeal
from sales.products.model import Product
from sales.products.schemas import ProductCreate

Imported = TypeVar("Imported", KnownCustomer, KnownEmployee, KnownPartner, Product)


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _blank_is_absent(cls, values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if value is not None}


class ProductRow(ProductCreate):
    """A product in a file."""

    external_id: str = Field(min_length=1, max_length=200)

    @model_validator(mode="before")
    @classmethod
    def _blank_is_absent(cls, values: dict[str, object]) -> dict[str, object]:
        # Where it comes from is the job's to say; here it only makes the id whole.
        given = {name: value for name, value in values.items() if value is not None}
        return {"external_source": "import", **given}


class OpportunityRow(_Row):
    """A deal in a file, as far as it has come.

    `engaged_on` is the day it left prospecting, `closed_on` and `amount` are those of a deal that
    was won or lost.
    """

    external_id: str = Field(min_length=1, max_length=200)
    name: str | None = Field(None, max_length=200)
    stage: Stage
    customer_external_id: str | None = None
    product_external_id: str | None = None
    owner_external_id: str | None = None
    partner_external_id: str | None = None
    engaged_on: date | None = None
    closed_on: date | None = None
    amount: Decimal | None = Field(None, ge=0)
    currency: Currency
    lost_reason: str = "unknown"
    custom: CustomValues = {}

    @model_validator(mode="after")
    def _is_whole(self) -> "OpportunityRow":
        if self.stage in (Stage.WON, Stage.LOST) and self.closed_on is None:
            raise ValueError(f"a {self.stage} deal needs the day it was closed")
        if self.stage == Stage.WON and not self.amount:
            raise ValueError("a won deal needs its amount")
        if self.stage == Stage.WON and self.customer_external_id is None:
            raise ValueError("a won deal needs its customer")
        if self.engaged_on and self.closed_on and self.closed_on < self.engaged_on:
            raise ValueError("closed before it began")
        return self


async def import_products(
    session: AsyncSession, rows: Sequence[TargetRow], context: ImportContext
) -> None:
    """Add or change products by their external id."""
    found = await session.execute(
        select(Product)
        .where(
            Product.external_source == context.external_source,
            Product.external_id.in_({row.fields.external_id for row in rows}),
        )
        .with_for_update()
    )
    known = {str(product.external_id): product for product in found.scalars()}
    for row in rows:
        values = row.fields.model_dump() | {"external_source": context.external_source}
        product = known.get(row.fields.external_id)
        if product is None:
            values = await writing.for_new(session, Product, values)
            product, created = Product.add(**values)
            session.add(product)
            record(session, product, created)
            known[row.fields.external_id] = product
            row.done("created", product.id)
            continue
        given = row.fields.model_fields_set - {"external_source", "external_id"}
        changes = await writing.for_change(session, product, {name: values[name] for name in given})
        updated = product.update(changes)
        if updated is not None:
            record(session, product, updated)
        row.done("unchanged" if updated is None else "updated", product.id)


async def import_opportunities(
    session: AsyncSession, rows: Sequence[TargetRow], context: ImportContext
) -> None:
    """Take deals over with their history; won ones with their order and receipt.

    A deal that is here already is left as it is; where the file has it in another stage, the row
    says so in a warning.
    """
    source = context.external_source
    here = await _already_here(session, source, rows)
    known = _Known(
        customers=await _called(session, KnownCustomer, source, rows, "customer_external_id"),
        employees=await _called(session, KnownEmployee, source, rows, "owner_external_id"),
        partners=await _called(session, KnownPartner, source, rows, "partner_external_id"),
        products=await _called(session, Product, source, rows, "product_external_id"),
    )
    now = clock.utc_now()
    today = day_of(now)
    fresh: dict[str, TargetRow] = {}
    deals: list[PastDeal] = []
    for row in rows:
        existing = here.get(row.fields.external_id)
        if existing is not None:
            if existing.stage != row.fields.stage:
                row.warnings.append(f"is {existing.stage} here, {row.fields.stage} in the file")
            row.done("unchanged", existing.id)
            continue
        deal = known.deal(row, source, today)
        if deal is not None:
            own = await writing.for_new(session, Opportunity, {"custom": row.fields.custom})
            deals.append(replace(deal, **own))
            fresh[deal.external_id] = row
    opened = await opportunities.bring_in(session, deals, actor=Actor(context.actor_id), now=now)
    created = {str(opportunity.external_id): opportunity for opportunity in opened}
    for row in rows:
        if row.result is None:
            opportunity = created[row.fields.external_id]
            is_first = fresh[row.fields.external_id] is row
            row.done("created" if is_first else "unchanged", opportunity.id)


class _Known:
    """The records a batch may name, by their id in the other system."""

    def __init__(
        self,
        *,
        customers: Mapping[str, KnownCustomer],
        employees: Mapping[str, KnownEmployee],
        partners: Mapping[str, KnownPartner],
        products: Mapping[str, Product],
    ) -> None:
        self._customers = customers
        self._employees = employees
        self._partners = partners
        self._products = products

    def deal(self, row: TargetRow, source: str, today: date) -> PastDeal | None:
        """The deal of a row; None, and the row ended, when it names what is not known here."""
        fields: OpportunityRow = row.fields
        customer = _named(row, self._customers, fields.customer_external_id, "customer")
        product = _named(row, self._products, fields.product_external_id, "product")
        owner = _named(row, self._employees, fields.owner_external_id, "employee")
        partner = _named(row, self._partners, fields.partner_external_id, "partner")
        if row.result is not None:
            return None
        began_on = fields.engaged_on or fields.closed_on or today
        stages: list[tuple[str, date]] = [(Stage.PROSPECTING, began_on)]
        if fields.stage != Stage.PROSPECTING:
            stages.append((Stage.ENGAGING, began_on))
        if fields.stage in (Stage.PROPOSAL, Stage.NEGOTIATION):
            stages.append((fields.stage, began_on))
        outcomes: dict[Stage, Any] = {Stage.WON: "won", Stage.LOST: "lost"}
        list_price = product.list_price if product is not None else None
        return PastDeal(
            name=fields.name or _name_of(customer, product, fields.external_id),
            opened_on=began_on,
            external_source=source,
            external_id=fields.external_id,
            currency=fields.currency,
            stages=stages,
            outcome=outcomes.get(fields.stage),
            closed_on=fields.closed_on,
            amount=fields.amount if fields.stage == Stage.WON else None,
            lost_reason=fields.lost_reason,
            expected_amount=list_price,
            customer=customer,
            product=product,
            owner=owner,
            partner_id=partner.id if partner is not None else None,
            region_id=partner.region_id if partner is not None else None,
        )


def _named(row: TargetRow, known: Mapping[str, Any], name: str | None, what: str) -> Any:
    if name is None:
        return None
    record_here = known.get(name)
    if record_here is None:
        row.unknown(f"{what} {name!r} is not known here")
    return record_here


def _name_of(customer: KnownCustomer | None, product: Product | None, external_id: str) -> str:
    parts = [thing.name for thing in (customer, product) if thing is not None]
    return " · ".join(parts or [external_id])[:200]


async def _already_here(
    session: AsyncSession, source: str, rows: Sequence[TargetRow]
) -> dict[str, Any]:
    found = await session.execute(
        select(Opportunity.external_id, Opportunity.id, Opportunity.stage).where(
            Opportunity.external_source == source,
            Opportunity.external_id.in_({row.fields.external_id for row in rows}),
        )
    )
    return {str(row.external_id): row for row in found}


async def _called(
    session: AsyncSession,
    table: type[Imported],
    source: str,
    rows: Sequence[TargetRow],
    field: str,
) -> dict[str, Imported]:
    """The records that the rows name in this field, by their id in the other system."""
    names = {getattr(row.fields, field) for row in rows} - {None}
    columns = table.__table__.c
    found = await session.execute(
        select(table).where(columns.external_source == source, columns.external_id.in_(names))
    )
    return {str(record_here.external_id): record_here for record_here in found.scalars()}


TARGETS = {
    "products": Target("products", ProductRow, import_products),
    "exchange_rates": Target("exchange_rates", ExchangeRateState, import_exchange_rates),
    "opportunities": Target("opportunities", OpportunityRow, import_opportunities),
}
