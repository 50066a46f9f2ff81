"""The endpoints of custom fields, the same in every service that has some."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from common.access.rights import SIGNED_IN, Policy
from common.app import service_router
from common.custom_fields import use_cases as custom_fields
from common.custom_fields.columns import Extensible, entity_of
from common.custom_fields.model import CustomField, Say
from common.custom_fields.schemas import CustomFieldCreate, CustomFieldRead, CustomFieldUpdate
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired

CUSTOM_FIELDS_POLICY: Policy = {
    "define_custom_field": "custom_fields.write",
    "list_custom_fields": SIGNED_IN,
    "get_custom_field": SIGNED_IN,
    "update_custom_field": "custom_fields.write",
    "retire_custom_field": "custom_fields.write",
    "reinstate_custom_field": "custom_fields.write",
}
"""Which fields there are everybody knows who reads a record or fills in a form."""


def custom_fields_router(
    service_path: str, models: Sequence[type[Extensible]], *, say: Say
) -> APIRouter:
    """`/{service}/v1/custom-fields`, for the records of these classes."""
    router = service_router(service_path, "custom-fields")
    entities = [entity_of(model) for model in models]

    @router.post("", status_code=201, response_model=CustomFieldRead)
    async def define_custom_field(
        new: CustomFieldCreate, session: Session, response: Response
    ) -> CustomField:
        field = await custom_fields.define_custom_field(session, new, entities=entities, say=say)
        response.headers["Location"] = f"{router.prefix}/{field.id}"
        return field

    @router.get("", response_model=PageOf[CustomFieldRead])
    async def list_custom_fields(
        session: Session,
        page: Paging,
        entity: Annotated[str | None, Query(description="One of " + ", ".join(entities))] = None,
        is_retired: bool | None = None,
    ) -> Page[CustomField]:
        return await custom_fields.list_custom_fields(
            session, page, entity=entity, is_retired=is_retired
        )

    @router.get("/{custom_field_id}", response_model=CustomFieldRead)
    async def get_custom_field(custom_field_id: UUID, session: Session) -> CustomField:
        return await custom_fields.get_custom_field(session, custom_field_id)

    @router.patch(
        "/{custom_field_id}", response_model=CustomFieldRead, dependencies=[IfMatchRequired]
    )
    async def update_custom_field(
        custom_field_id: UUID, changes: CustomFieldUpdate, session: Session
    ) -> CustomField:
        return await custom_fields.update_custom_field(
            session, custom_field_id, changes=changes.changes(), say=say
        )

    @router.post("/{custom_field_id}:retire", response_model=CustomFieldRead)
    async def retire_custom_field(custom_field_id: UUID, session: Session) -> CustomField:
        return await custom_fields.retire_custom_field(session, custom_field_id, say=say)

    @router.post("/{custom_field_id}:reinstate", response_model=CustomFieldRead)
    async def reinstate_custom_field(custom_field_id: UUID, session: Session) -> CustomField:
        return await custom_fields.reinstate_custom_field(session, custom_field_id, say=say)

    return router
