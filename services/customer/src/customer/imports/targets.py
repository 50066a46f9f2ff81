"""What a row of a file can become in this service."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import model_validator
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common import clock
from common.imports.jobs import ImportContext, Target, TargetRow
from common.messaging.outbox import record
from common.numbers import next_numbers
from customer.customers.model import Customer, ParentCycle
from customer.customers.schemas import Line, Name, TypedProfile


class CustomerRow(TypedProfile):
    """A customer in a file; the parent organisation is named by its id in the other system."""

    name: Name
    external_id: Line
    parent_external_id: Line | None = None

    @model_validator(mode="before")
    @classmethod
    def _blank_is_absent(cls, values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if value is not None}


async def import_customers(
    session: AsyncSession, rows: Sequence[TargetRow], context: ImportContext
) -> None:
    """Create or update customers by their external id."""
    now = clock.utc_now()
    wanted = {row.fields.external_id for row in rows}
    wanted |= {row.fields.parent_external_id for row in rows} - {None}
    found = await session.execute(
        select(Customer)
        .where(
            Customer.external_source == context.external_source,
            Customer.external_id.in_(wanted),
        )
        .with_for_update()
    )
    known = {str(customer.external_id): customer for customer in found.scalars()}
    missing = {row.fields.external_id for row in rows} - set(known)
    numbers = iter(await next_numbers(session, "customers", len(missing)))
    later: list[TargetRow] = []
    for row in rows:
        profile = row.fields.model_dump(exclude={"external_id", "parent_external_id", "parent_id"})
        customer = known.get(row.fields.external_id)
        if customer is None:
            customer, created = Customer.register(
                number=next(numbers),
                by=context.actor_id,
                now=now,
                source="import",
                external_source=context.external_source,
                external_id=row.fields.external_id,
                **profile,
            )
            session.add(customer)
            record(session, customer, created)
            known[row.fields.external_id] = customer
            row.done("created", customer.id)
        else:
            given = {name: profile[name] for name in row.fields.model_fields_set & set(profile)}
            updated = customer.update(given)
            if updated is not None:
                record(session, customer, updated)
            row.done("unchanged" if updated is None else "updated", customer.id)
        if row.fields.parent_external_id is not None:
            later.append(row)
    # A row cannot name a parent that is not in the table yet.
    await session.flush()
    for row in later:
        _set_parent(session, row, known)


def _set_parent(session: AsyncSession, row: TargetRow, known: dict[str, Customer]) -> None:
    """The parent may stand below its subsidiary in the file, so it is looked for afterwards.

    The customer itself is good: a parent that cannot be set is left open, with a warning.
    """
    name = row.fields.parent_external_id
    customer, parent = known[row.fields.external_id], known.get(name)
    if parent is None:
        row.warnings.append(f"parent organisation {name!r} is not known here: left open")
        return
    try:
        customer.check_parent(_chain(parent, known))
    except ParentCycle as refusal:
        row.warnings.append(f"parent organisation {name!r} left open: {refusal.detail}")
        return
    updated = customer.update({"parent_id": parent.id})
    if updated is not None:
        record(session, customer, updated)
        if row.result is not None and row.result.outcome == "unchanged":
            row.done("updated", customer.id)


def _chain(parent: Customer, known: dict[str, Customer]) -> list[UUID]:
    """The parent and what stands above it, as far as this batch knows."""
    by_id = {customer.id: customer for customer in known.values()}
    chain = [parent.id]
    while parent.parent_id in by_id and parent.parent_id not in chain:
        parent = by_id[parent.parent_id]
        chain.append(parent.id)
    return chain


TARGETS = {"customers": Target("customers", CustomerRow, import_customers)}
