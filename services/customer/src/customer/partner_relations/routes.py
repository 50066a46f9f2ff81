"""The endpoints of partner relations."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from common.app import service_router
from common.db import Session
from common.pagination import Page, PageOf, Paging
from customer.partner_relations import use_cases as relations
from customer.partner_relations.model import PartnerRelation
from customer.partner_relations.schemas import RelationCreate, RelationEnd, RelationRead

router = service_router("customer", "partner-relations")


@router.post("", status_code=201, response_model=RelationRead)
async def begin_partner_relation(
    new: RelationCreate, session: Session, response: Response
) -> PartnerRelation:
    relation = await relations.begin_relation(session, new)
    response.headers["Location"] = f"{router.prefix}/{relation.id}"
    return relation


@router.get("", response_model=PageOf[RelationRead])
async def list_partner_relations(
    session: Session,
    page: Paging,
    customer_id: UUID | None = None,
    of_partner_id: UUID | None = None,
    role: str | None = None,
    on: Annotated[date | None, Query(description="Relations that hold on this day")] = None,
) -> Page[PartnerRelation]:
    return await relations.list_relations(
        session, page, customer_id=customer_id, of_partner_id=of_partner_id, role=role, on=on
    )


@router.post("/{relation_id}:end", response_model=RelationRead)
async def end_partner_relation(
    relation_id: UUID, end: RelationEnd, session: Session
) -> PartnerRelation:
    return await relations.end_relation(session, relation_id, valid_until=end.valid_until)
