"""Crates: a feature with custom fields, on the database of the shop."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.aggregate import Aggregate
from common.app import service_router
from common.batches import Batch, BatchAnswer, DoOneByOne
from common.custom_fields import writing
from common.custom_fields.columns import CustomValues, Extensible, SaidValues
from common.custom_fields.events import CustomFieldChange
from common.custom_fields.routes import CUSTOM_FIELDS_POLICY, custom_fields_router
from common.db import Session, Tables, new_metadata
from common.events import Event, Id
from common.imports.jobs import Target
from common.imports.routes import imports_router
from common.messaging.outbox import record
from common.pagination import Page, PageOf, Paging, paginate
from common.patches import MergePatch


class CustomFieldChanged(CustomFieldChange):
    """A custom field was defined or changed."""

    type = "shop.custom_field.changed.v1"


class CrateChanged(Event):
    """A crate was packed or packed anew."""

    type = "shop.crate.changed.v1"

    crate_id: Id
    name: Annotated[str, Field(examples=["apples"])]
    custom: SaidValues = None


class Base(Tables, DeclarativeBase):
    metadata = new_metadata()


class Crate(Aggregate, Extensible, Base):
    __tablename__ = "crates"

    name: Mapped[str] = mapped_column(String(200))

    def change(self, changes):
        if all(getattr(self, name) == value for name, value in changes.items()):
            return None
        for name, value in changes.items():
            setattr(self, name, value)
        return self.told()

    def told(self):
        return CrateChanged(crate_id=self.id, name=self.name, custom=self.said_values)


class CrateCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    custom: CustomValues = {}


class CrateUpdate(MergePatch):
    name: str | None = None
    custom: CustomValues = {}


class CrateRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    name: str
    custom: CustomValues


crates = service_router("shop", "crates")


async def pack(session, values):
    crate = Crate(**await writing.for_new(session, Crate, values))
    session.add(crate)
    record(session, crate, crate.told())
    return crate


@crates.post("", status_code=201, response_model=CrateRead)
async def pack_crate(new: CrateCreate, session: Session) -> Crate:
    return await pack(session, new.model_dump())


@crates.post(":batch", response_model=BatchAnswer)
async def pack_crates(
    batch: Batch[CrateCreate], session: Session, one_by_one: DoOneByOne
) -> BatchAnswer:
    return await one_by_one.do(batch, lambda new: pack(session, new.model_dump()))


@crates.get("", response_model=PageOf[CrateRead])
async def list_crates(session: Session, page: Paging, name: str | None = None) -> Page[Crate]:
    query = select(Crate) if name is None else select(Crate).where(Crate.name == name)
    return await paginate(
        session,
        query,
        page,
        id_column=Crate.id,
        sort_keys={"name": Crate.name, "created_at": Crate.created_at},
        default_sort="created_at",
    )


@crates.patch("/{crate_id}", response_model=CrateRead)
async def change_crate(crate_id: UUID, changes: CrateUpdate, session: Session) -> Crate:
    crate = await session.get_one(Crate, crate_id, with_for_update=True)
    changed = crate.change(await writing.for_change(session, crate, changes.changes()))
    if changed is not None:
        record(session, crate, changed)
    return crate


async def import_crates(session, rows, context):
    for row in rows:
        crate = await pack(session, row.fields.model_dump())
        row.done("created", crate.id)


TARGETS = {"crates": Target("crates", CrateCreate, import_crates)}

ROUTERS: list[APIRouter] = [
    crates,
    custom_fields_router("shop", [Crate], say=CustomFieldChanged),
    imports_router("shop", TARGETS),
]
POLICY = {
    **{
        route.name: "crates.write"
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
    },
    **CUSTOM_FIELDS_POLICY,
}
