"""What people do with targets."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Date,
    Integer,
    String,
    Uuid,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from common.access.rows import all_rows
from common.auth import Actor
from common.messaging.outbox import record
from common.money import rounded
from common.pagination import Page, PageRequest, paginate
from sales.copies import use_cases as copies
from sales.copies.model import KnownDepartment, KnownTerritory, Wanted
from sales.opportunities.model import Opportunity, OpportunityLine, Stage
from sales.orders.model import PAYABLE, Order, OrderLine
from sales.products import use_cases as products
from sales.products.model import known
from sales.receivables.model import Allocation
from sales.targets.model import (
    Measure,
    SubjectKind,
    Target,
    TargetNotFound,
    TargetParentNotKnown,
    TargetRevision,
    TargetSetAlready,
    TargetState,
    sum_of,
)
from sales.targets.schemas import TargetCreate, TargetNode, TargetRead


async def set_target(
    session: AsyncSession, new: TargetCreate, *, actor: Actor, now: datetime
) -> Target:
    """Say how much a subject is to sell in a period."""
    scope = await _scope_of(session, new)
    parent, siblings = None, []
    if new.parent_id is not None:
        parent = await _locked(session, new.parent_id)
        if parent is None or parent.state != TargetState.ACTIVE:
            raise TargetParentNotKnown(f"no target {new.parent_id}", pointer="/parent_id")
        siblings = await _children(session, parent.id)
    await _refuse_set_already(session, new)
    values = {**new.model_dump(exclude={"parent_id"}), **scope}
    target, told = Target.set(parent=parent, siblings=siblings, **values)
    session.add(target)
    record(session, target, told)
    await session.flush()
    session.add(_revision(target, reason=None, actor=actor, now=now))
    return target


async def get_target(session: AsyncSession, target_id: UUID) -> Target:
    """The target."""
    target = await session.get(Target, target_id)
    if target is None:
        raise TargetNotFound(f"no target {target_id}")
    return target


async def list_targets(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[Target]:
    """A page of targets."""
    return await paginate(
        session,
        select(Target).where(*filters),
        page,
        id_column=Target.id,
        sort_keys={"starts_on": Target.starts_on, "created_at": Target.created_at},
        default_sort="-starts_on",
    )


async def change_target(
    session: AsyncSession,
    target_id: UUID,
    *,
    value: Decimal,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Target:
    """Change the value of a target; the former one is kept."""
    target, parent = await _locked_with_parent(session, target_id)
    children = await _children(session, target_id)
    siblings = (
        [each for each in await _children(session, parent.id) if each.id != target_id]
        if parent
        else []
    )
    told = target.change(value, reason=reason, parent=parent, siblings=siblings, children=children)
    if told is not None:
        record(session, target, told)
        session.add(_revision(target, reason=reason, actor=actor, now=now))
    return target


async def withdraw_target(session: AsyncSession, target_id: UUID) -> Target:
    """Let a target no longer count; none below it may."""
    target, _ = await _locked_with_parent(session, target_id)
    record(session, target, target.withdraw(children=await _children(session, target_id)))
    return target


async def list_target_revisions(session: AsyncSession, target_id: UUID) -> Sequence[TargetRevision]:
    """The values a target had, the last one first."""
    await get_target(session, target_id)
    found = await session.execute(
        select(TargetRevision)
        .where(TargetRevision.target_id == target_id)
        .order_by(TargetRevision.target_version.desc())
    )
    return found.scalars().all()


async def get_target_tree(session: AsyncSession, target_id: UUID) -> list[TargetNode]:
    """The target and all that count below it, from the top down, with what was sold of each.

    Who sees a target sees what was sold of it, also of records that they do not see.
    """
    await get_target(session, target_id)
    tree = (
        select(Target.id, literal(0).label("depth"))
        .where(Target.id == target_id)
        .cte("tree", recursive=True)
    )
    below = aliased(Target)
    tree = tree.union_all(
        select(below.id, tree.c.depth + 1)
        .join(tree, below.parent_id == tree.c.id)
        .where(below.state == TargetState.ACTIVE)
    )
    found = await session.execute(
        select(Target, tree.c.depth)
        .join(tree, tree.c.id == Target.id)
        .order_by(tree.c.depth, Target.subject_kind, Target.starts_on, Target.id)
    )
    rows = [(row[0], row[1]) for row in found]
    children: dict[UUID | None, list[Target]] = defaultdict(list)
    for target, depth in rows:
        if depth:
            children[target.parent_id].append(target)
    actual = await _actuals(session, [target for target, _ in rows])
    return [_node(target, depth, children[target.id], actual[target.id]) for target, depth in rows]


def _node(target: Target, depth: int, children: Sequence[Target], actual: Decimal) -> TargetNode:
    below = sum_of(children) if children else None
    difference = None if below is None else target.value - below
    return TargetNode(
        target=TargetRead.model_validate(target),
        depth=depth,
        children_value=below,
        difference=difference,
        adds_up=difference is None
        or difference == 0
        or (target.sums == "at_most" and difference > 0),
        actual=actual,
        attainment=rounded(actual / target.value, 4) if target.value else None,
    )


async def _actuals(session: AsyncSession, targets: Sequence[Target]) -> dict[UUID, Decimal]:
    """What was sold of each target, in one statement over the facts of their periods."""
    ids = [target.id for target in targets]
    wanted = select(Target.id, Target.subject_kind, Target.subject_id).where(Target.id.in_(ids))
    reach = wanted.cte("reach", recursive=True)
    lower = (
        select(KnownDepartment.id, KnownDepartment.parent_id, literal("department").label("kind"))
        .union_all(
            select(KnownTerritory.id, KnownTerritory.parent_id, literal("region").label("kind"))
        )
        .subquery("lower")
    )
    reach = reach.union(
        select(reach.c.id, reach.c.subject_kind, lower.c.id).join(
            lower,
            and_(lower.c.parent_id == reach.c.subject_id, lower.c.kind == reach.c.subject_kind),
        )
    )
    facts = _facts(
        starts_on=min(target.starts_on for target in targets),
        ends_on=max(target.ends_on for target in targets),
        by_product=any(target.subject_kind == SubjectKind.PRODUCT for target in targets),
    ).subquery("facts")
    of_product = reach.c.subject_kind == SubjectKind.PRODUCT
    subject = case(
        (reach.c.subject_kind == SubjectKind.PERSON, facts.c.owner_id),
        (reach.c.subject_kind == SubjectKind.DEPARTMENT, facts.c.department_id),
        (reach.c.subject_kind == SubjectKind.REGION, facts.c.region_id),
        (reach.c.subject_kind == SubjectKind.PARTNER, facts.c.partner_id),
        else_=facts.c.product_id,
    )
    amount = case((Target.measure == Measure.WON_COUNT, facts.c.count), else_=facts.c.amount)
    with all_rows(session):
        found = await session.execute(
            select(Target.id, func.sum(amount))
            .join(reach, reach.c.id == Target.id)
            .join(
                facts,
                and_(
                    subject == reach.c.subject_id,
                    (facts.c.product_id.is_not(None)) == of_product,
                    facts.c.happened_on.between(Target.starts_on, Target.ends_on),
                    or_(
                        and_(
                            Target.measure == facts.c.measure,
                            Target.currency == facts.c.currency,
                        ),
                        and_(
                            Target.measure == Measure.WON_COUNT,
                            facts.c.measure == Measure.WON_AMOUNT,
                        ),
                    ),
                ),
            )
            .where(Target.id.in_(ids))
            .group_by(Target.id)
        )
        sums = {row[0]: row[1] for row in found}
    return {target.id: sums.get(target.id, Decimal(0)) for target in targets}


def _facts(*, starts_on: Any, ends_on: Any, by_product: bool) -> CompoundSelect[Any]:
    """Deals, orders and money of some days, each with whose it is.

    With products, deals and orders are there a second time: by line, and not as a whole.
    """
    no_product = cast(null(), Uuid).label("product_id")
    one = literal(1, Integer).label("count")
    won = (
        Opportunity.stage == Stage.WON,
        Opportunity.closed_on.between(cast(starts_on, Date), cast(ends_on, Date)),
    )
    ordered = (
        Order.state.in_(PAYABLE),
        Order.ordered_on.between(cast(starts_on, Date), cast(ends_on, Date)),
    )
    parts = [
        select(
            *_said_of(Measure.WON_AMOUNT, Opportunity, Opportunity.closed_on),
            no_product,
            Opportunity.amount.label("amount"),
            one,
        ).where(*won),
        select(
            *_said_of(Measure.ORDER_AMOUNT, Order, Order.ordered_on),
            no_product,
            (Order.total - Order.cancelled_amount).label("amount"),
            one,
        ).where(*ordered),
        select(
            *_said_of(Measure.RECEIPTS, Order, Allocation.counted_on),
            no_product,
            Allocation.amount.label("amount"),
            one,
        )
        .join(Allocation.order)
        .where(
            Allocation.until_on.is_(None),
            Allocation.counted_on.between(cast(starts_on, Date), cast(ends_on, Date)),
        ),
    ]
    if by_product:
        parts += [
            select(
                *_said_of(Measure.WON_AMOUNT, Opportunity, Opportunity.closed_on),
                OpportunityLine.product_id,
                func.sum(OpportunityLine.amount).label("amount"),
                one,
            )
            .join(OpportunityLine, OpportunityLine.opportunity_id == Opportunity.id)
            .where(*won, OpportunityLine.product_id.is_not(None))
            # A deal with two lines of a product is one deal.
            .group_by(Opportunity.id, OpportunityLine.product_id),
            select(
                *_said_of(Measure.ORDER_AMOUNT, Order, Order.ordered_on),
                OrderLine.product_id,
                (OrderLine.amount - OrderLine.cancelled_amount).label("amount"),
                one,
            )
            .join(OrderLine, OrderLine.order_id == Order.id)
            .where(*ordered),
        ]
    return union_all(*parts)


def _said_of(measure: Measure, of: Any, day: Any) -> list[ColumnElement[Any]]:
    return [
        literal(measure.value, String).label("measure"),
        day.label("happened_on"),
        of.currency,
        of.owner_id,
        of.department_id,
        of.region_id,
        of.partner_id,
    ]


async def _scope_of(session: AsyncSession, new: TargetCreate) -> dict[str, UUID | None]:
    """Whose the target is: its subject's; a product's is seen by who sees everything."""
    scope: dict[str, UUID | None] = dict.fromkeys(
        ("owner_id", "department_id", "partner_id", "region_id")
    )
    if new.subject_kind == SubjectKind.PRODUCT:
        found = await products.find_products(session, [new.subject_id])
        known(found, new.subject_id, pointer="/subject_id")
        return scope
    column = {
        SubjectKind.PERSON: "owner_id",
        SubjectKind.DEPARTMENT: "department_id",
        SubjectKind.REGION: "region_id",
        SubjectKind.PARTNER: "partner_id",
    }[new.subject_kind]
    references = await copies.look_up(session, Wanted(**{column: new.subject_id}))
    scope[column] = new.subject_id
    if new.subject_kind == SubjectKind.PERSON and references.owner is not None:
        scope["department_id"] = references.owner.department_id
    return scope


async def _locked(session: AsyncSession, target_id: UUID) -> Target | None:
    return await session.get(Target, target_id, with_for_update=True)


async def _locked_with_parent(
    session: AsyncSession, target_id: UUID
) -> tuple[Target, Target | None]:
    """The target and the one above it, locked from the top down as everybody does."""
    parent_id = (await get_target(session, target_id)).parent_id
    # Also one that the asking person does not see: what is below it still has to fit.
    with all_rows(session):
        parent = await _locked(session, parent_id) if parent_id is not None else None
    target = await session.get(Target, target_id, with_for_update=True, populate_existing=True)
    assert target is not None
    return target, parent


async def _children(session: AsyncSession, target_id: UUID) -> list[Target]:
    # Also those the asking person does not see: the sum is the target's.
    with all_rows(session):
        found = await session.execute(
            select(Target).where(Target.parent_id == target_id, Target.state == TargetState.ACTIVE)
        )
        return list(found.scalars())


async def _refuse_set_already(session: AsyncSession, new: TargetCreate) -> None:
    with all_rows(session):
        found = await session.execute(
            select(Target.id).where(
                Target.subject_kind == new.subject_kind,
                Target.subject_id == new.subject_id,
                Target.measure == new.measure,
                Target.currency.is_not_distinct_from(new.currency),
                Target.period == new.period,
                Target.starts_on == new.starts_on,
                Target.state == TargetState.ACTIVE,
            )
        )
        existing = found.scalar()
    if existing is not None:
        raise TargetSetAlready("there is such a target", existing_id=str(existing))


def _revision(target: Target, *, reason: str | None, actor: Actor, now: datetime) -> TargetRevision:
    return TargetRevision(
        target_id=target.id,
        target_version=target.target_version,
        value=target.value,
        reason=reason,
        set_by=actor.id,
        set_at=now,
    )
