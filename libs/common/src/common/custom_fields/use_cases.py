"""Defining, finding, changing and retiring custom fields."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from common.custom_fields.events import CustomFieldChange
from common.custom_fields.model import (
    MOST_FIELDS,
    CustomField,
    CustomFieldKeyTaken,
    CustomFieldNotFound,
    Say,
    TooManyCustomFields,
    UnknownEntity,
)
from common.custom_fields.schemas import CustomFieldCreate
from common.ids import new_id
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate

SORT_KEYS = {"position": CustomField.position, "key": CustomField.key}


async def define_custom_field(
    session: AsyncSession, new: CustomFieldCreate, *, entities: Collection[str], say: Say
) -> CustomField:
    """Give the records of an entity a field.

    Raises UnknownEntity, CustomFieldKeyTaken, TooManyCustomFields and CustomFieldNotValid.
    """
    if new.entity not in entities:
        raise UnknownEntity(
            f"no custom fields for {new.entity!r}; there are some for {', '.join(entities)}",
            pointer="/entity",
        )
    field, defined = CustomField.define(say, **new.model_dump())
    await _take_turn(session)
    same = select(CustomField.id).where(
        CustomField.entity == new.entity, CustomField.key == new.key
    )
    existing_id = (await session.execute(same)).scalar_one_or_none()
    if existing_id is not None:
        raise CustomFieldKeyTaken(
            f"{new.entity} have a field {new.key} already", existing_id=str(existing_id)
        )
    count = select(func.count()).where(CustomField.entity == new.entity)
    if (await session.execute(count)).scalar_one() >= MOST_FIELDS:
        raise TooManyCustomFields(f"{new.entity} have {MOST_FIELDS} custom fields")
    session.add(field)
    record(session, field, defined)
    return field


async def list_custom_fields(
    session: AsyncSession,
    page: PageRequest,
    *,
    entity: str | None = None,
    is_retired: bool | None = None,
) -> Page[CustomField]:
    """A page of the custom fields, in their order."""
    equal = {CustomField.entity: entity, CustomField.is_retired: is_retired}
    query = select(CustomField).where(
        *(column == value for column, value in equal.items() if value is not None)
    )
    return await paginate(
        session,
        query,
        page,
        id_column=CustomField.id,
        sort_keys=SORT_KEYS,
        default_sort="position",
    )


async def get_custom_field(
    session: AsyncSession, custom_field_id: UUID, *, lock: bool = False
) -> CustomField:
    """The custom field; `lock` keeps it for this transaction."""
    field = await session.get(CustomField, custom_field_id, with_for_update=lock or None)
    if field is None:
        raise CustomFieldNotFound(f"no custom field {custom_field_id}")
    return field


async def update_custom_field(
    session: AsyncSession, custom_field_id: UUID, *, changes: dict[str, Any], say: Say
) -> CustomField:
    """Change a custom field; unchanged values cause no event."""
    field = await get_custom_field(session, custom_field_id, lock=True)
    return await _changed(session, field, field.update(say, changes))


async def retire_custom_field(
    session: AsyncSession, custom_field_id: UUID, *, say: Say
) -> CustomField:
    """Take nothing new for the field; repeating it changes nothing."""
    field = await get_custom_field(session, custom_field_id, lock=True)
    return await _changed(session, field, field.retire(say))


async def reinstate_custom_field(
    session: AsyncSession, custom_field_id: UUID, *, say: Say
) -> CustomField:
    """Take values for a retired field again; repeating it changes nothing."""
    field = await get_custom_field(session, custom_field_id, lock=True)
    return await _changed(session, field, field.reinstate(say))


async def _changed(
    session: AsyncSession, field: CustomField, changed: CustomFieldChange | None
) -> CustomField:
    if changed is not None:
        record(session, field, changed)
        await _take_turn(session)
    return field


async def _take_turn(session: AsyncSession) -> None:
    """Another revision of the definitions; its row keeps others waiting until the commit."""
    await session.execute(
        text("""
            INSERT INTO custom_field_revisions (revision) VALUES (:revision)
            ON CONFLICT (is_the_only_one) DO UPDATE SET revision = excluded.revision
        """),
        {"revision": new_id()},
    )
