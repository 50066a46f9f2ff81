"""Saving, finding, changing and removing views."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from common import context
from common.audit.beside import VIEW, write_entry
from common.auth import Actor
from common.ids import new_id, stable_hash
from common.pagination import Page, PageRequest, paginate
from common.views.lists import Lists
from common.views.model import MOST_VIEWS, TooManyViews, View, ViewNameTaken, ViewNotFound
from common.views.schemas import ViewCreate

SORT_KEYS = {"name": View.name, "created_at": View.created_at}


async def create_view(
    session: AsyncSession,
    new: ViewCreate,
    *,
    lists: Lists,
    actor: Actor,
    share_right: str,
    now: datetime,
) -> View:
    """Save a view of the actor's own.

    Raises UnknownList, UnknownFilter, UnknownColumn and what the list itself refuses;
    SharingNotAllowed, ViewNameTaken and TooManyViews.
    """
    await lists.check(new.list, query=new.query, sort=new.sort, columns=new.columns)
    values = new.model_dump(exclude={"list", "shared_with"})
    view = View(
        id=new_id(), made_by=actor.id, of_list=new.list, created_at=now, updated_at=now, **values
    )
    view.share_with(new.model_dump()["shared_with"], by=actor, right=share_right)
    await _take_turn(session, actor)
    await _refuse_same_name(session, view)
    count = select(func.count()).select_from(View).where(View.made_by == actor.id)
    if (await session.execute(count)).scalar_one() >= MOST_VIEWS:
        raise TooManyViews(f"you have {MOST_VIEWS} views here, and that is the most")
    session.add(view)
    await session.flush()
    await _tell(session, view, "created", before={}, now=now)
    return view


async def list_views(
    session: AsyncSession,
    page: PageRequest,
    *,
    actor: Actor,
    of_list: str | None = None,
    made_by: str | None = None,
) -> Page[View]:
    """A page of the views that the actor sees."""
    equal = {View.of_list: of_list, View.made_by: made_by}
    query = select(View).where(
        View.seen_by(actor),
        *(column == value for column, value in equal.items() if value is not None),
    )
    return await paginate(
        session, query, page, id_column=View.id, sort_keys=SORT_KEYS, default_sort="name"
    )


async def get_view(
    session: AsyncSession, view_id: UUID, *, actor: Actor, lock: bool = False
) -> View:
    """A view that the actor sees; raises ViewNotFound."""
    query = select(View).where(View.id == view_id, View.seen_by(actor))
    found = await session.execute(query.with_for_update() if lock else query)
    view = found.scalar_one_or_none()
    if view is None:
        raise ViewNotFound(f"no view {view_id}")
    return view


async def update_view(
    session: AsyncSession,
    view_id: UUID,
    *,
    changes: Mapping[str, Any],
    lists: Lists,
    actor: Actor,
    share_right: str,
    now: datetime,
) -> View:
    """Change a view of the actor's own; raises as `create_view`, ViewNotFound and NotYourView."""
    await _take_turn(session, actor)
    view = await get_view(session, view_id, actor=actor, lock=True)
    view.refuse_others(actor)
    before = _values(view)
    changed = dict(changes)
    if "query" in changed:
        merged = {**view.query, **changed["query"]}
        changed["query"] = {name: value for name, value in merged.items() if value is not None}
    if "shared_with" in changed:
        view.share_with(changed.pop("shared_with"), by=actor, right=share_right)
    for name, value in changed.items():
        setattr(view, name, value)
    if not session.is_modified(view):
        return view
    with session.no_autoflush:
        await lists.check(view.of_list, query=view.query, sort=view.sort, columns=view.columns)
        await _refuse_same_name(session, view)
    view.updated_at = now
    await session.flush()
    await _tell(session, view, "updated", before=before, now=now)
    return view


async def delete_view(session: AsyncSession, view_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Remove a view of the actor's own; raises ViewNotFound and NotYourView."""
    view = await get_view(session, view_id, actor=actor, lock=True)
    view.refuse_others(actor)
    await session.delete(view)
    await _tell(session, view, "deleted", before=_values(view), now=now)


async def _take_turn(session: AsyncSession, actor: Actor) -> None:
    """One at a time for one actor: what is counted and compared stays so until the commit."""
    lock = stable_hash(f"fairway views\0{actor.id}".encode()) - 2**63
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})


async def _refuse_same_name(session: AsyncSession, view: View) -> None:
    same = select(View.id).where(
        View.made_by == view.made_by,
        View.of_list == view.of_list,
        View.name == view.name,
        View.id != view.id,
    )
    existing_id = (await session.execute(same)).scalar_one_or_none()
    if existing_id is not None:
        raise ViewNameTaken(
            f"you have a view {view.name!r} of {view.of_list}", existing_id=existing_id
        )


_TOLD = ("name", "of_list", "query", "sort", "columns", "department_id", "is_for_everybody")


def _values(view: View) -> dict[str, Any]:
    return {name: getattr(view, name) for name in _TOLD}


async def _tell(
    session: AsyncSession, view: View, action: str, *, before: Mapping[str, Any], now: datetime
) -> None:
    """Put into the audit trail what is otherwise than before."""
    after = {} if action == "deleted" else _values(view)
    changes = {
        name: [before.get(name), after.get(name)]
        for name in _TOLD
        if before.get(name) != after.get(name)
    }
    await write_entry(
        session,
        record_type=VIEW,
        record_id=view.id,
        action=action,
        changes=changes,
        here=context.current(),
        now=now,
    )
