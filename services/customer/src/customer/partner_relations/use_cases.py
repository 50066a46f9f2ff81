"""What people do with relations of customers and partners."""

from datetime import date
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.rows import all_rows
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from customer.customers import use_cases as customers
from customer.db import take_turn
from customer.partner_relations.model import PartnerRelation, RelationNotFound
from customer.partner_relations.schemas import RelationCreate


async def begin_relation(session: AsyncSession, new: RelationCreate) -> PartnerRelation:
    """Say what a customer is to a partner."""
    await customers.get_customer(session, new.customer_id)
    # Of two who say it at once, the second has to see what the first did.
    await take_turn(session, "partner relations")
    # A party is one whoever sees it.
    with all_rows(session):
        found = await session.execute(
            select(PartnerRelation).where(
                or_(
                    PartnerRelation.customer_id == new.customer_id,
                    PartnerRelation.of_partner_id == new.of_partner_id,
                ),
                PartnerRelation.valid_until.is_(None),
            )
        )
        others = found.scalars().all()
    relation, told = PartnerRelation.begin(
        customer_id=new.customer_id,
        of_partner_id=new.of_partner_id,
        role=new.role,
        valid_from=new.valid_from,
        others=others,
    )
    session.add(relation)
    record(session, relation, told)
    return relation


async def list_relations(
    session: AsyncSession,
    page: PageRequest,
    *,
    customer_id: UUID | None,
    of_partner_id: UUID | None,
    role: str | None,
    on: date | None,
) -> Page[PartnerRelation]:
    """Relations of a customer or a partner; `on` leaves those that hold on that day."""
    query = select(PartnerRelation)
    if customer_id is not None:
        query = query.where(PartnerRelation.customer_id == customer_id)
    if of_partner_id is not None:
        query = query.where(PartnerRelation.of_partner_id == of_partner_id)
    if role is not None:
        query = query.where(PartnerRelation.role == role)
    if on is not None:
        query = query.where(
            PartnerRelation.valid_from <= on,
            or_(PartnerRelation.valid_until.is_(None), PartnerRelation.valid_until >= on),
        )
    return await paginate(
        session,
        query,
        page,
        id_column=PartnerRelation.id,
        sort_keys={"valid_from": PartnerRelation.valid_from},
        default_sort="-valid_from",
    )


async def end_relation(
    session: AsyncSession, relation_id: UUID, *, valid_until: date
) -> PartnerRelation:
    """Let a relation hold until a day."""
    relation = await session.get(PartnerRelation, relation_id, with_for_update=True)
    if relation is None:
        raise RelationNotFound(f"no relation {relation_id}")
    record(session, relation, relation.end(valid_until))
    return relation
