"""What people do with departments."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    Row,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from channel.db import take_turn
from channel.departments.model import (
    Department,
    DepartmentCodeTaken,
    DepartmentExternalIdTaken,
    DepartmentMove,
    DepartmentNotFound,
    DepartmentState,
    DepartmentUnknown,
)
from channel.departments.schemas import DepartmentCreate
from channel.employees.model import Employee, EmployeeState
from channel.outcome import Outcome
from channel.territories import use_cases as territories
from common.auth import Actor
from common.days import ZONE, day_of
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate


async def open_department(session: AsyncSession, new: DepartmentCreate) -> Department:
    """Open a department."""
    await _refuse_taken(
        session,
        code=new.code,
        external_source=new.external_source,
        external_id=new.external_id,
    )
    if new.region_id is not None:
        await territories.get_open_territory(session, new.region_id, pointer="/region_id")
    parent = None
    if new.parent_id is not None:
        parent = await get_open_department(session, new.parent_id, pointer="/parent_id")
    return _open(session, new, parent)


async def get_department(
    session: AsyncSession, department_id: UUID, *, lock: bool = False
) -> Department:
    """The department; `lock` keeps it for this transaction."""
    department = await session.get(Department, department_id, with_for_update=lock or None)
    if department is None:
        raise DepartmentNotFound(f"no department {department_id}")
    return department


async def get_open_department(
    session: AsyncSession, department_id: UUID, *, pointer: str
) -> Department:
    """The open department that a request names at `pointer`; it stays open for this transaction.

    Raises DepartmentUnknown.
    """
    department = await session.get(Department, department_id, with_for_update={"read": True})
    if department is None or not department.is_active:
        raise DepartmentUnknown(f"no open department {department_id}", pointer=pointer)
    return department


async def find_departments(
    session: AsyncSession, source: str, external_ids: Iterable[str]
) -> dict[str, Department]:
    """The departments with these ids of another system, kept for this transaction; for imports.

    The tree is kept as well: nobody else moves a department until the transaction ends.
    """
    await take_turn(session, "departments")
    found = await session.execute(
        select(Department)
        .where(Department.external_source == source, Department.external_id.in_(set(external_ids)))
        .order_by(Department.id)
        .with_for_update()
    )
    return {str(department.external_id): department for department in found.scalars()}


async def list_departments(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    filters: Sequence[ColumnElement[bool]] = (),
) -> Page[Department]:
    """A page of departments; `q` is looked for in the name and at the start of the code."""
    query = select(Department).where(*filters)
    if q:
        query = query.where(
            or_(
                Department.name.icontains(q, autoescape=True),
                Department.code.istartswith(q, autoescape=True),
            )
        )
    return await paginate(
        session,
        query,
        page,
        id_column=Department.id,
        sort_keys={"name": Department.name, "created_at": Department.created_at},
        default_sort="name",
    )


async def list_subtree(
    session: AsyncSession, department_id: UUID
) -> Sequence[Row[Department, int]]:
    """The department and all below it, each with its depth, the upper ones first."""
    tree = (
        select(Department.id, literal(0).label("depth"))
        .where(Department.id == department_id)
        .cte("tree", recursive=True)
    )
    tree = tree.union_all(
        select(Department.id, tree.c.depth + 1).where(Department.parent_id == tree.c.id)
    )
    found = await session.execute(
        select(Department, tree.c.depth)
        .join(tree, tree.c.id == Department.id)
        .order_by(tree.c.depth, Department.name, Department.id)
    )
    rows = found.all()
    if not rows:
        raise DepartmentNotFound(f"no department {department_id}")
    return rows


async def list_tree(
    session: AsyncSession, *, on: date | None
) -> Sequence[Row[Department, UUID | None, int]]:
    """Every department that was open on the day, with the one above it and its depth on that day.

    The upper ones first. Names, kinds and codes are those of now. A department counts from the day
    it was written down, or from its first move where that is told of an earlier day; below one that
    was written down later it stands at the top. One that was closed and is open again counts as
    open in between. Without a day: the tree as it stands.
    """
    placed = _placed_now() if on is None else _placed_on(on)
    above = placed.alias("above")
    tree = (
        select(placed.c.id, placed.c.parent_id, literal(0).label("depth"))
        .outerjoin(above, above.c.id == placed.c.parent_id)
        .where(above.c.id.is_(None))
        .cte("tree", recursive=True)
    )
    tree = tree.union_all(
        select(placed.c.id, placed.c.parent_id, tree.c.depth + 1).where(
            placed.c.parent_id == tree.c.id
        )
    )
    found = await session.execute(
        select(Department, tree.c.parent_id, tree.c.depth)
        .join(tree, tree.c.id == Department.id)
        .order_by(tree.c.depth, Department.name, Department.id)
    )
    return found.all()


def _placed_now() -> CTE:
    return (
        select(Department.id, Department.parent_id)
        .where(Department.state == DepartmentState.ACTIVE)
        .cte("placed")
    )


def _placed_on(day: date) -> CTE:
    """The departments of that day, each with the one above it then.

    Where the latest move until then put it; else where the first move after it took it from.
    """
    moves = select(DepartmentMove).where(DepartmentMove.department_id == Department.id)
    last = (
        moves.where(DepartmentMove.moved_on <= day)
        .order_by(DepartmentMove.moved_on.desc(), DepartmentMove.moved_at.desc())
        .limit(1)
        .correlate(Department)
        .lateral("last_move")
    )
    following = (
        moves.where(DepartmentMove.moved_on > day)
        .order_by(DepartmentMove.moved_on, DepartmentMove.moved_at)
        .limit(1)
        .correlate(Department)
        .lateral("next_move")
    )
    first_moved_on = (
        select(func.min(DepartmentMove.moved_on))
        .where(DepartmentMove.department_id == Department.id)
        .correlate(Department)
        .scalar_subquery()
    )
    written_on = cast(func.timezone(ZONE.key, Department.created_at), Date)
    return (
        select(
            Department.id,
            case(
                (last.c.id.is_not(None), last.c.parent_id),
                (following.c.id.is_not(None), following.c.from_parent_id),
                else_=Department.parent_id,
            ).label("parent_id"),
        )
        .outerjoin(last, true())
        .outerjoin(following, true())
        .where(
            func.least(written_on, first_moved_on) <= day,
            or_(Department.closed_on.is_(None), Department.closed_on > day),
        )
        .cte("placed")
    )


async def list_moves(session: AsyncSession, department_id: UUID) -> Sequence[DepartmentMove]:
    """The moves of a department, the latest first."""
    await get_department(session, department_id)
    found = await session.execute(
        select(DepartmentMove)
        .where(DepartmentMove.department_id == department_id)
        .order_by(DepartmentMove.moved_at.desc(), DepartmentMove.id.desc())
    )
    return found.scalars().all()


async def update_department(
    session: AsyncSession, department_id: UUID, *, changes: dict[str, Any]
) -> Department:
    """Change name, kind, code or territory."""
    if "kind" in changes:
        await take_turn(session, "departments")
    department = await get_department(session, department_id, lock=True)
    if changes.get("code") not in (None, department.code):
        await _refuse_taken(session, code=changes["code"])
    if changes.get("region_id") not in (None, department.region_id):
        await territories.get_open_territory(session, changes["region_id"], pointer="/region_id")
    parent_kind, kinds_below = None, set[str]()
    if changes.get("kind", department.kind) != department.kind:
        parent_kind, kinds_below = await _neighbours(session, department)
    updated = department.update(changes, parent_kind=parent_kind, kinds_below=kinds_below)
    if updated is not None:
        record(session, department, updated)
    return department


async def move_department(
    session: AsyncSession,
    department_id: UUID,
    *,
    parent_id: UUID | None,
    reason: str,
    moved_on: date | None,
    actor: Actor,
    now: datetime,
) -> Department:
    """Put a department below another, or at the top; its history keeps the move."""
    await take_turn(session, "departments")
    department = await get_department(session, department_id, lock=True)
    parent: Department | None = None
    ancestors: Sequence[UUID] = ()
    today = day_of(now)
    if parent_id is not None:
        parent = await get_open_department(session, parent_id, pointer="/parent_id")
        ancestors = await _ancestors(session, parent_id)
    await _move(
        session,
        department,
        parent,
        ancestors,
        reason=reason,
        on=moved_on or today,
        today=today,
        actor=actor,
        now=now,
    )
    return department


async def close_department(
    session: AsyncSession, department_id: UUID, *, now: datetime
) -> Department:
    """Take the department out of use; repeating it changes nothing."""
    department = await get_department(session, department_id, lock=True)
    below = select(func.count()).where(
        Department.parent_id == department_id, Department.state == DepartmentState.ACTIVE
    )
    employees = select(func.count()).where(
        or_(
            Employee.department_id == department_id,
            Employee.other_department_ids.contains([department_id]),
        ),
        Employee.state == EmployeeState.ACTIVE,
    )
    counts = (
        await session.execute(select(below.scalar_subquery(), employees.scalar_subquery()))
    ).one()
    closed = department.close(open_departments=counts[0], employees=counts[1], on=day_of(now))
    if closed is not None:
        record(session, department, closed)
    return department


async def reopen_department(session: AsyncSession, department_id: UUID) -> Department:
    """Take a closed department into use again; repeating it changes nothing."""
    department = await get_department(session, department_id, lock=True)
    parent_is_active = True
    if department.parent_id is not None:
        parent = await session.get(Department, department.parent_id, with_for_update={"read": True})
        parent_is_active = parent is not None and parent.is_active
    reopened = department.reopen(parent_is_active=parent_is_active)
    if reopened is not None:
        record(session, department, reopened)
    return department


async def bring_in_department(
    session: AsyncSession,
    new: DepartmentCreate,
    *,
    existing: Department | None,
    parent: Department | None,
    actor: Actor,
    now: datetime,
) -> tuple[Department, Outcome]:
    """Open, change or move the department with this external id; for imports.

    `existing` is what `find_departments` found under the id, `parent` the row of `new.parent_id`.
    The caller vouches for `region_id` and for codes that are not taken. A field that `new` does
    not set stays as it is.
    """
    if existing is None:
        return _open(session, new, parent), Outcome.CREATED
    changes = new.model_dump(
        exclude_unset=True, exclude={"parent_id", "external_source", "external_id"}
    )
    moves = "parent_id" in new.model_fields_set and new.parent_id != existing.parent_id
    parent_kind, kinds_below = None, set[str]()
    if changes["kind"] != existing.kind:
        parent_kind, kinds_below = await _neighbours(session, existing)
        if moves:
            # The new kind has to fit where the department goes, which the move looks at.
            parent_kind = None
    ancestors = await _ancestors(session, parent.id) if moves and parent is not None else ()
    updated = existing.update(changes, parent_kind=parent_kind, kinds_below=kinds_below)
    if updated is not None:
        record(session, existing, updated)
    if moves:
        await _move(
            session,
            existing,
            parent,
            ancestors,
            reason=f"brought in from {new.external_source}",
            on=day_of(now),
            today=day_of(now),
            actor=actor,
            now=now,
        )
    return existing, Outcome.UPDATED if moves or updated is not None else Outcome.UNCHANGED


def _open(session: AsyncSession, new: DepartmentCreate, parent: Department | None) -> Department:
    department, opened = Department.open(parent=parent, **new.model_dump(exclude={"parent_id"}))
    session.add(department)
    record(session, department, opened)
    return department


async def _move(
    session: AsyncSession,
    department: Department,
    parent: Department | None,
    ancestors: Iterable[UUID],
    *,
    reason: str,
    on: date,
    today: date,
    actor: Actor,
    now: datetime,
) -> None:
    latest = await session.execute(
        select(func.max(DepartmentMove.moved_on)).where(
            DepartmentMove.department_id.in_([department.id, *ancestors])
        )
    )
    move, moved = department.move(
        to=parent,
        ancestors=ancestors,
        on=on,
        today=today,
        after=latest.scalar_one(),
        by=actor.id,
        now=now,
        reason=reason,
    )
    session.add(move)
    record(session, department, moved)


async def _neighbours(session: AsyncSession, department: Department) -> tuple[str | None, set[str]]:
    """The kind of the department above, and those of the open ones directly below."""
    found = await session.execute(
        select(Department.id, Department.kind).where(
            or_(
                Department.id == department.parent_id,
                and_(
                    Department.parent_id == department.id,
                    Department.state == DepartmentState.ACTIVE,
                ),
            )
        )
    )
    kinds = {row.id: row.kind for row in found}
    parent_kind = None if department.parent_id is None else kinds.pop(department.parent_id, None)
    return parent_kind, set(kinds.values())


async def _ancestors(session: AsyncSession, department_id: UUID) -> Sequence[UUID]:
    """The department and everything above it."""
    chain = (
        select(Department.id, Department.parent_id)
        .where(Department.id == department_id)
        .cte("chain", recursive=True)
    )
    chain = chain.union(
        select(Department.id, Department.parent_id).where(Department.id == chain.c.parent_id)
    )
    return (await session.execute(select(chain.c.id))).scalars().all()


async def _refuse_taken(
    session: AsyncSession,
    *,
    code: str | None,
    external_source: str | None = None,
    external_id: str | None = None,
) -> None:
    same = []
    if code is not None:
        same.append(Department.code == code)
    if external_id is not None:
        same.append(
            and_(
                Department.external_source == external_source,
                Department.external_id == external_id,
            )
        )
    if not same:
        return
    found = await session.execute(select(Department.id, Department.code).where(or_(*same)))
    for existing in found:
        if code is not None and existing.code == code:
            raise DepartmentCodeTaken(
                f"a department with the code {code!r} is there already",
                existing_id=str(existing.id),
            )
        raise DepartmentExternalIdTaken(
            f"a department with id {external_id!r} of {external_source} is there already",
            existing_id=str(existing.id),
        )
