"""Keeping copies of other services' things, and looking them up."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from sales.copies.model import (
    ContractNotKnown,
    KnownContract,
    KnownCustomer,
    KnownDepartment,
    KnownEmployee,
    KnownPartner,
    KnownTerritory,
    References,
    Wanted,
)
from sales.db import Base

Imported = TypeVar("Imported", KnownCustomer, KnownEmployee, KnownDepartment, KnownPartner)


async def keep(session: AsyncSession, table: type[Base], id: UUID, **values: Any) -> None:
    """Write the copy, new or not."""
    await session.execute(
        insert(table)
        .values(id=id, **values)
        .on_conflict_do_update(index_elements=["id"], set_=values)
    )


async def amend(session: AsyncSession, table: type[Base], id: UUID, **values: Any) -> None:
    """Change a part of the copy, where there is one."""
    await session.execute(
        update(table)
        .where(table.__table__.c.id == id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


async def look_up(session: AsyncSession, wanted: Wanted) -> References:
    """The copies of everything that is named, in one statement; raises what `References.check`
    raises. An owner who is not named is the customer's, and found as well."""
    if wanted == Wanted():
        return References()
    named = select(
        literal(wanted.customer_id, KnownCustomer.id.type).label("customer_id"),
        literal(wanted.owner_id, KnownEmployee.id.type).label("owner_id"),
        literal(wanted.department_id, KnownDepartment.id.type).label("department_id"),
        literal(wanted.partner_id, KnownPartner.id.type).label("partner_id"),
        literal(wanted.region_id, KnownTerritory.id.type).label("region_id"),
    ).subquery("named")
    found = await session.execute(
        select(KnownCustomer, KnownEmployee, KnownDepartment, KnownPartner, KnownTerritory)
        .select_from(named)
        .outerjoin(KnownCustomer, KnownCustomer.id == named.c.customer_id)
        .outerjoin(
            KnownEmployee,
            KnownEmployee.id == func.coalesce(named.c.owner_id, KnownCustomer.owner_id),
        )
        .outerjoin(KnownDepartment, KnownDepartment.id == named.c.department_id)
        .outerjoin(
            KnownPartner,
            KnownPartner.id == func.coalesce(named.c.partner_id, KnownCustomer.partner_id),
        )
        .outerjoin(KnownTerritory, KnownTerritory.id == named.c.region_id)
    )
    references = References(*found.one())
    references.check(wanted)
    return references


async def get_contract(session: AsyncSession, contract_id: UUID) -> KnownContract:
    """The signed contract."""
    contract = await session.get(KnownContract, contract_id)
    if contract is None:
        raise ContractNotKnown(f"no signed contract {contract_id}", pointer="/contract_id")
    return contract


async def find_contract_of_quote(session: AsyncSession, quote_id: UUID) -> KnownContract | None:
    """The contract that was signed for a quote."""
    found = await session.execute(
        select(KnownContract).where(KnownContract.quote_id == quote_id).limit(1)
    )
    return found.scalar()


async def by_external_id(
    session: AsyncSession, table: type[Imported], external_source: str
) -> dict[str, Imported]:
    """Every copy that came from that system, by the id it has there: for imports."""
    column = table.__table__.c.external_source
    found = await session.execute(select(table).where(column == external_source))
    return {str(copy.external_id): copy for copy in found.scalars()}


async def find_customers_by_name_key(
    session: AsyncSession, key: str, *, limit: int
) -> Sequence[tuple[UUID, str | None]]:
    """Id and number of the customers whose names have this key (common.match_keys)."""
    found = await session.execute(
        select(KnownCustomer.id, KnownCustomer.number)
        .where(KnownCustomer.name_key == key, KnownCustomer.is_deleted.is_(False))
        .order_by(KnownCustomer.id)
        .limit(limit)
    )
    return [(id_, number) for id_, number in found]
