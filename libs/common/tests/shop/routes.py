"""The shop's endpoints: ordinary ones, and some that fail in every way an endpoint can."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select, text

from common import errors
from common.app import service_router
from common.batches import Batch, BatchAnswer, DoOneByOne
from common.clock import Now
from common.db import Session
from common.messaging.outbox import record
from common.pagination import Page, PageOf, Paging, paginate
from common.preconditions import IfMatchRequired
from common.rate_limits import Expensive

from .model import Basket

router = service_router("shop", "baskets")
failures = service_router("shop", "failures")

SORT_KEYS = {
    "created_at": Basket.created_at,
    "name": Basket.name,
    "weight": Basket.weight,
    "price": Basket.price,
    "placed_at": Basket.placed_at,
    "id": Basket.id,
}


class BasketCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100_000)
    weight: int | None = None
    notes: dict[str, Any] = {}


class BasketRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    weight: int | None
    price: Decimal | None
    placed_at: datetime | None
    version: int


class BasketNotFound(errors.NotFound):
    code = "basket_not_found"


@router.post("", status_code=201, response_model=BasketRead)
async def create_basket(new: BasketCreate, session: Session, response: Response) -> Basket:
    basket = Basket(name=new.name, weight=new.weight)
    session.add(basket)
    record(session, basket, basket.fill(new.name))
    await session.execute(text("SELECT CAST(:notes AS jsonb)"), {"notes": json.dumps(new.notes)})
    response.headers["Location"] = f"{router.prefix}/{basket.id}"
    return basket


@router.post(":batch", response_model=BatchAnswer)
async def create_baskets(
    batch: Batch[BasketCreate], session: Session, one_by_one: DoOneByOne
) -> BatchAnswer:
    async def fill(new: BasketCreate) -> Basket:
        if new.name == "cursed":
            raise RuntimeError("a fault and no refusal")
        if new.name == "too long for the column":
            new.name *= 10
        basket = await create_basket(new, session, Response())
        if new.name == "forbidden":
            raise errors.Conflict("no such baskets", existing_id=basket.id)
        return basket

    return await one_by_one.do(batch, fill)


@router.get("", response_model=PageOf[BasketRead])
async def list_baskets(session: Session, page: Paging, name: str | None = None) -> Page[Basket]:
    query = select(Basket)
    if name is not None:
        query = query.where(Basket.name == name)
    return await paginate(
        session,
        query,
        page,
        id_column=Basket.id,
        sort_keys=SORT_KEYS,
        default_sort="-created_at",
    )


@router.get(":report", dependencies=[Expensive])
async def report_baskets(session: Session) -> int:
    counted = await session.execute(select(func.count()).select_from(Basket))
    return counted.scalar_one()


@router.get("/{basket_id}", response_model=BasketRead)
async def get_basket(basket_id: UUID, session: Session) -> Basket:
    basket = await session.get(Basket, basket_id)
    if basket is None or basket.name == "hidden":
        raise BasketNotFound(f"no basket {basket_id}")
    return basket


class BasketAge(BaseModel):
    id: UUID
    version: int
    seconds: float


@router.get("/{basket_id}/label", response_model=BasketRead)
async def get_label(basket_id: UUID, session: Session) -> Response:
    basket = await get_basket(basket_id, session)
    return Response(basket.name, media_type="text/plain")


@router.get("/{basket_id}/age", response_model=BasketAge)
async def get_age(basket_id: UUID, session: Session, now: Now) -> BasketAge:
    basket = await get_basket(basket_id, session)
    seconds = (now - basket.created_at).total_seconds()
    return BasketAge(id=basket.id, version=basket.version, seconds=seconds)


@router.patch("/{basket_id}", response_model=BasketRead)
async def rename_basket(basket_id: UUID, new: BasketCreate, session: Session) -> Basket:
    """Without a lock on the row: two at once are a conflict."""
    basket = await get_basket(basket_id, session)
    record(session, basket, basket.fill(new.name))
    return basket


@router.post("/{basket_id}:touch", response_model=BasketRead)
async def touch_basket(
    basket_id: UUID, session: Session, by: Annotated[str, Query()] = "nobody"
) -> Basket:
    basket = await session.get(Basket, basket_id, with_for_update=True)
    if basket is None:
        raise BasketNotFound(f"no basket {basket_id}")
    record(session, basket, basket.fill(f"touched by {by}"))
    return basket


@router.delete("/{basket_id}", status_code=204)
async def empty_basket(basket_id: UUID, session: Session) -> None:
    basket = await get_basket(basket_id, session)
    record(session, basket, basket.empty())


class Contents(BaseModel):
    names: list[str]


@router.patch("/{basket_id}/contents", response_model=BasketRead, dependencies=[IfMatchRequired])
async def replace_contents(basket_id: UUID, contents: Contents, session: Session) -> Basket:
    basket = await get_basket(basket_id, session)
    record(session, basket, basket.fill(" ".join(contents.names)))
    return basket


@router.post("/{basket_id}:break", response_model=BasketRead)
async def break_basket(basket_id: UUID, session: Session) -> Basket:
    basket = await get_basket(basket_id, session)
    raise errors.Conflict(f"basket {basket.name} cannot be broken")


@router.post("/{basket_id}:weigh", response_model=BasketRead)
async def weigh_basket(basket_id: UUID, session: Session) -> Basket:
    return await get_basket(basket_id, session)


@router.post("/{basket_id}:overwrite")
async def overwrite_basket(basket_id: UUID, session: Session) -> None:
    """What no service does: a change that the session knows nothing of."""
    await session.execute(
        text("UPDATE baskets SET name = 'overwritten' WHERE id = :id"), {"id": basket_id}
    )


@router.post(":import", status_code=204)
async def import_baskets(rows: list[str], session: Session) -> None:
    await session.execute(text("SELECT 1"))


@failures.post("/unshapable", response_model=BasketRead)
async def answer_what_is_no_basket(session: Session) -> dict[str, str]:
    basket = Basket(name="unshapable")
    session.add(basket)
    record(session, basket, basket.fill("unshapable"))
    await session.flush()
    return {"this": "is no basket"}


@failures.post("/refused/{family}")
async def refuse(family: str, session: Session) -> None:
    basket = Basket(name="refused")
    session.add(basket)
    record(session, basket, basket.fill("refused"))
    await session.flush()
    refusals: dict[str, type[Exception]] = {
        "bad_request": errors.BadRequest,
        "forbidden": errors.Forbidden,
        "not_found": BasketNotFound,
        "conflict": errors.Conflict,
        "invalid": errors.Invalid,
        "unavailable": errors.Unavailable,
        "fault": RuntimeError,
    }
    if family == "file":
        Path("/nowhere/at/all").read_text()
    raise refusals[family]("because")


@failures.get("/slow")
async def wait_for_the_database(session: Session, seconds: float) -> float:
    await session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
    return seconds
