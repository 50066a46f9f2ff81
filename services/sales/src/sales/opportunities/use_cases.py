"""What people do with opportunities."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from common.auth import Actor
from common.custom_fields import writing
from common.days import day_of
from common.handovers import Handover
from common.messaging.outbox import record
from common.money import rounded
from common.numbers import next_number, next_numbers
from common.pagination import Page, PageRequest, paginate
from sales import events
from sales.competitors import use_cases as competitors
from sales.competitors.model import Competitor
from sales.competitors.schemas import CompetitorFigures, WinLossRead
from sales.copies import use_cases as copies
from sales.copies.model import CustomerNotKnown, KnownCustomer, References, Wanted
from sales.lost_reasons import use_cases as lost_reasons
from sales.lost_reasons.model import OTHER, settled
from sales.opportunities.conversion import (
    DEFINITIONS,
    WIN_LOSS_DEFINITIONS,
    conversion,
    win_rate,
)
from sales.opportunities.model import (
    STALLED,
    ActivityNotFound,
    ActivityState,
    Opportunity,
    OpportunityActivity,
    OpportunityCompetitor,
    OpportunityLine,
    OpportunityNotFound,
    OpportunityStep,
    Stage,
)
from sales.opportunities.schemas import (
    ActivityAdd,
    ActivityComplete,
    BoardCell,
    BoardRead,
    BoardStage,
    ConversionRead,
    ExpectationChange,
    OpportunityHistory,
    OpportunityLose,
    OpportunityMigrate,
    OpportunityMove,
    OpportunityOpen,
    OpportunityWin,
    PastDeal,
    StageFiguresRead,
    StageRead,
    StageStay,
    StageTotal,
)
from sales.orders.model import Order
from sales.pipelines import use_cases as pipelines
from sales.pipelines.flow import BUILT_IN, DEFAULT_CODE, LOST, WON
from sales.pipelines.model import DealKind
from sales.products import use_cases as products
from sales.products.model import ExternalIdTaken, known
from sales.quotes.totals import LineValues
from sales.receipts.model import Receipt
from sales.receivables import use_cases as receivables

Step = (
    events.OpportunityStageChanged
    | events.OpportunityChanged
    | events.OpportunityPipelineChanged
    | events.OpportunityWon
    | events.OpportunityLost
)
HANDOVER = Actor(id="handover")
TOLD_AT_ONCE = 200
_SCOPE = ("owner_id", "department_id", "partner_id", "region_id")


async def open_opportunity(
    session: AsyncSession,
    new: OpportunityOpen,
    *,
    actor: Actor,
    now: datetime,
    lead_id: UUID | None = None,
    number: int | None = None,
    references: References | None = None,
) -> Opportunity:
    """Open a deal; `number` and `references` are looked up where they are not given."""
    wanted = Wanted(customer_id=new.customer_id, **new.model_dump(include=set(_SCOPE)))
    if references is None:
        references = await copies.look_up(session, wanted)
    if new.end_customer_id is not None:
        await _check_end_customer(session, new.end_customer_id)
    product = None
    if new.product_id is not None:
        found = await products.find_products(session, [new.product_id])
        product = known(found, new.product_id, pointer="/product_id")
    scope = references.scope(wanted)
    if new.external_id is not None:
        await _refuse_taken_external_id(session, new.external_source, new.external_id)
    today = day_of(now)
    kind = DealKind(
        product_id=new.product_id,
        series=product.series if product is not None else None,
        region_id=scope["region_id"],
    )
    pipeline = await pipelines.choose_pipeline(session, kind, code=new.pipeline_code)
    facts = new.model_dump(exclude={"opened_on", "pipeline_code", *_SCOPE})
    facts = await writing.for_new(session, Opportunity, facts)
    opportunity, opened = Opportunity.open(
        number=number or await next_number(session, "opportunities"),
        opened_on=new.opened_on or today,
        now=now,
        today=today,
        lead_id=lead_id,
        pipeline=pipeline,
        **facts,
        **scope,
    )
    session.add(opportunity)
    record(session, opportunity, opened)
    return opportunity


async def get_opportunity(
    session: AsyncSession, opportunity_id: UUID, *, lock: bool = False
) -> Opportunity:
    """The opportunity; `lock` keeps it for this transaction, and brings the rules it runs by."""
    opportunity = await session.get(
        Opportunity,
        opportunity_id,
        options=[joinedload(Opportunity.pipeline)] if lock else [],
        with_for_update={"of": Opportunity} if lock else None,
    )
    if opportunity is None:
        raise OpportunityNotFound(f"no opportunity {opportunity_id}")
    return opportunity


async def list_opportunities(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    filters: Sequence[ColumnElement[bool]] = (),
) -> Page[Opportunity]:
    """A page of opportunities; `q` is looked for in name and number."""
    query = select(Opportunity).where(*filters)
    if q:
        query = query.where(
            or_(Opportunity.name.icontains(q, autoescape=True), Opportunity.number.istartswith(q))
        )
    return await paginate(
        session,
        query,
        page,
        id_column=Opportunity.id,
        sort_keys={
            "created_at": Opportunity.created_at,
            "updated_at": Opportunity.updated_at,
            "opened_on": Opportunity.opened_on,
            "expected_close_on": Opportunity.expected_close_on,
            "number": Opportunity.number,
        },
        default_sort="-created_at",
    )


async def get_lines(session: AsyncSession, opportunity_id: UUID) -> Sequence[OpportunityLine]:
    """What a won deal is made of."""
    found = await session.execute(
        select(OpportunityLine)
        .where(OpportunityLine.opportunity_id == opportunity_id)
        .order_by(OpportunityLine.line_no)
    )
    return found.scalars().all()


async def get_history(
    session: AsyncSession, opportunity_id: UUID, *, now: datetime
) -> OpportunityHistory:
    """Where the deal stood and for how long, and how its expectations changed: when, by whom, why."""
    opportunity = await get_opportunity(session, opportunity_id)
    found = await session.execute(
        select(OpportunityStep)
        .where(OpportunityStep.opportunity_id == opportunity_id)
        .order_by(OpportunityStep.position)
    )
    steps = found.scalars().all()
    stays = []
    entered_on = opportunity.opened_on
    for step in steps:
        if step.days_in_from_stage is not None:
            stays.append(
                StageStay(
                    stage=step.from_stage,
                    entered_on=entered_on,
                    left_on=step.happened_on,
                    days=step.days_in_from_stage,
                    left_by=step.recorded_by,
                    reason=step.reason,
                )
            )
            entered_on = step.happened_on
    stays.append(StageStay(stage=opportunity.stage, entered_on=entered_on, left_on=None, days=None))
    changes = [
        ExpectationChange.model_validate(step)
        for step in steps
        if (step.from_expected_amount, step.from_expected_close_on)
        != (step.expected_amount, step.expected_close_on)
    ]
    until_today = (day_of(now) - entered_on).days if opportunity.is_open else 0
    return OpportunityHistory(
        currency=opportunity.currency,
        stages=stays,
        totals=[
            StageTotal(
                stage=stage,
                stays=sum(stay.stage == stage for stay in stays),
                days=sum(
                    until_today if stay.days is None else stay.days
                    for stay in stays
                    if stay.stage == stage
                ),
            )
            for stage in dict.fromkeys(stay.stage for stay in stays)
        ],
        changes=changes,
    )


async def update_opportunity(
    session: AsyncSession,
    opportunity_id: UUID,
    *,
    changes: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> Opportunity:
    """Change what is expected of a deal; unchanged values cause no event."""
    reason = changes.pop("change_reason", None)
    if changes.get("end_customer_id"):
        await _check_end_customer(session, changes["end_customer_id"])
    references = await copies.look_up(
        session,
        Wanted(**{name: changes[name] for name in ("customer_id", *_SCOPE) if changes.get(name)}),
    )
    if changes.get("owner_id") and "department_id" not in changes and references.owner:
        changes["department_id"] = references.owner.department_id
    if changes.get("product_id") is not None:
        found = await products.find_products(session, [changes["product_id"]])
        known(found, changes["product_id"], pointer="/product_id")
    opportunity = await get_opportunity(session, opportunity_id, lock=True)
    before = _expected(opportunity)
    changed = opportunity.change(await writing.for_change(session, opportunity, changes))
    if changed is not None:
        _tell(session, opportunity, changed, before, actor=actor, now=now, reason=reason)
    return opportunity


async def hand_over_opportunities(session: AsyncSession, handover: Handover, limit: int) -> int:
    """Give the open deals of somebody who left to the successor; how many there were."""
    found = await session.execute(
        select(Opportunity)
        .options(joinedload(Opportunity.pipeline))
        .where(Opportunity.owner_id == handover.from_id, Opportunity.closed_on.is_(None))
        .order_by(Opportunity.id)
        .limit(limit)
        .with_for_update(of=Opportunity)
    )
    deals = found.scalars().all()
    for deal in deals:
        to = {
            "owner_id": handover.to_id,
            "department_id": handover.to_department_id or deal.department_id,
        }
        changed = deal.change(to)
        assert changed is not None
        _tell(session, deal, changed, _expected(deal), actor=HANDOVER, now=handover.now)
    return len(deals)


async def move_opportunity(
    session: AsyncSession, opportunity_id: UUID, to: OpportunityMove, *, actor: Actor, now: datetime
) -> Opportunity:
    """Bring the deal to another stage; what is expected may change with it."""
    opportunity = await get_opportunity(session, opportunity_id, lock=True)
    was_told = opportunity.stall_told_on is not None
    expected = to.model_dump(include={"expected_amount", "expected_close_on"}, exclude_none=True)
    before = _expected(opportunity)
    changed = opportunity.change(expected)
    if changed is not None:
        _tell(session, opportunity, changed, before, actor=actor, now=now, reason=to.reason)
    before, today = _expected(opportunity), day_of(now)
    moved = opportunity.move(
        to.stage,
        on=to.changed_on or today,
        today=today,
        probability=to.probability,
        done=await _done_here(session, opportunity),
    )
    _tell(session, opportunity, moved, before, actor=actor, now=now, reason=to.reason)
    await _drop_stalled_tasks(session, opportunity, was_told=was_told)
    return opportunity


async def migrate_opportunity(
    session: AsyncSession,
    opportunity_id: UUID,
    to: OpportunityMigrate,
    *,
    actor: Actor,
    now: datetime,
) -> Opportunity:
    """Let a running deal go on by another version, of its pipeline or of another one."""
    pipeline = None
    if to.pipeline_id is not None:
        pipeline = await pipelines.get_pipeline_version(session, to.pipeline_id)
    opportunity = await get_opportunity(session, opportunity_id, lock=True)
    before, today = _expected(opportunity), day_of(now)
    was_told = opportunity.stall_told_on is not None
    changed, moved = opportunity.migrate(
        pipeline, stage=to.stage or opportunity.stage, on=to.changed_on or today, today=today
    )
    if moved is None:
        _tell(session, opportunity, changed, before, actor=actor, now=now, reason=to.reason)
    else:
        record(session, opportunity, changed)
        _tell(session, opportunity, moved, before, actor=actor, now=now, reason=to.reason)
        await _drop_stalled_tasks(session, opportunity, was_told=was_told)
    return opportunity


async def win_opportunity(
    session: AsyncSession, opportunity_id: UUID, won: OpportunityWin, *, actor: Actor, now: datetime
) -> Opportunity:
    """Win the deal."""
    found = await products.find_products(session, (line.product_id for line in won.lines))
    for place, line in enumerate(won.lines):
        if line.product_id is not None:
            known(found, line.product_id, pointer=f"/lines/{place}/product_id")
    opportunity = await get_opportunity(session, opportunity_id, lock=True)
    before, today = _expected(opportunity), day_of(now)
    was_told = opportunity.stall_told_on is not None
    event = opportunity.win(
        on=won.won_on or today,
        today=today,
        amount=won.amount,
        lines=[(line.product_id, line.amount) for line in won.lines],
        done=await _done_here(session, opportunity),
        competitor_ids=await _competitors_of(session, opportunity_id),
    )
    _tell(session, opportunity, event, before, actor=actor, now=now)
    session.add_all(OpportunityLine(**line) for line in _won_lines(event))
    await _drop_stalled_tasks(session, opportunity, was_told=was_told)
    return opportunity


async def lose_opportunity(
    session: AsyncSession,
    opportunity_id: UUID,
    lost: OpportunityLose,
    *,
    actor: Actor,
    now: datetime,
) -> Opportunity:
    """Lose the deal, for a reason of the list; whoever won it instead is among its competitors."""
    listed = await lost_reasons.find_active(session)
    code = settled(listed, code=lost.reason_code, words=lost.reason)
    words = lost.reason or ("" if code == OTHER else code)
    if lost.competitor_id is not None:
        await competitors.check_competitors(session, [lost.competitor_id], pointer="/competitor_id")
    opportunity = await get_opportunity(session, opportunity_id, lock=True)
    rivals = await _competitors_of(session, opportunity_id)
    if lost.competitor_id is not None and lost.competitor_id not in rivals:
        rivals = [*rivals, lost.competitor_id]
        session.add(
            OpportunityCompetitor(opportunity_id=opportunity_id, competitor_id=lost.competitor_id)
        )
    before, today = _expected(opportunity), day_of(now)
    was_told = opportunity.stall_told_on is not None
    event = opportunity.lose(
        reason=words,
        reason_code=code,
        needs_competitor=lost.reason_code is not None
        and code in listed
        and listed[code].needs_competitor,
        to_competitor_id=lost.competitor_id,
        competitor_ids=rivals,
        on=lost.lost_on or today,
        today=today,
    )
    _tell(session, opportunity, event, before, actor=actor, now=now, reason=words)
    await _drop_stalled_tasks(session, opportunity, was_told=was_told)
    return opportunity


async def name_competitors(
    session: AsyncSession, opportunity_id: UUID, competitor_ids: Sequence[UUID]
) -> Opportunity:
    """Say who else wants the deal: these, and nobody else."""
    await competitors.check_competitors(session, competitor_ids, pointer="/competitor_ids")
    opportunity = await get_opportunity(session, opportunity_id, lock=True)
    before = await _competitors_of(session, opportunity_id)
    changed = opportunity.name_competitors(sorted(set(competitor_ids)), before=before)
    if changed is not None:
        record(session, opportunity, changed)
        await session.execute(
            delete(OpportunityCompetitor).where(
                OpportunityCompetitor.opportunity_id == opportunity_id,
                OpportunityCompetitor.competitor_id.not_in(changed.competitor_ids),
            )
        )
        session.add_all(
            OpportunityCompetitor(opportunity_id=opportunity_id, competitor_id=competitor_id)
            for competitor_id in changed.competitor_ids
            if competitor_id not in before
        )
    return opportunity


async def list_competitors_of(session: AsyncSession, opportunity_id: UUID) -> list[UUID]:
    """Who else wants the deal, or wanted it."""
    await get_opportunity(session, opportunity_id)
    return await _competitors_of(session, opportunity_id)


def named_competitor(competitor_id: UUID) -> ColumnElement[bool]:
    """A condition on deals: that this competitor wants them, or wanted them."""
    return Opportunity.id.in_(
        select(OpportunityCompetitor.opportunity_id).where(
            OpportunityCompetitor.competitor_id == competitor_id
        )
    )


async def add_activity(
    session: AsyncSession, opportunity_id: UUID, new: ActivityAdd, *, actor: Actor, now: datetime
) -> OpportunityActivity:
    """Plan something for the deal, or note what was done and what came of it."""
    if new.assignee_id is not None:
        await copies.look_up(session, Wanted(owner_id=new.assignee_id))
    opportunity = await get_opportunity(session, opportunity_id, lock=True)
    told: events.OpportunityActivityPlanned | events.OpportunityActivityDone
    if new.due_on is not None:
        activity, told = opportunity.plan(
            kind=new.kind,
            subject=new.subject,
            due_on=new.due_on,
            assignee_id=new.assignee_id,
            by=actor.id,
            now=now,
        )
    else:
        assert new.done_on is not None
        activity, told = opportunity.note(
            kind=new.kind,
            subject=new.subject,
            done_on=new.done_on,
            result=new.result or "",
            by=actor.id,
            now=now,
            today=day_of(now),
        )
    record(session, opportunity, told)
    session.add(activity)
    return activity


async def complete_activity(
    session: AsyncSession, activity_id: UUID, done: ActivityComplete, *, now: datetime
) -> OpportunityActivity:
    """Note what came of a planned activity."""
    activity = await session.get(OpportunityActivity, activity_id)
    if activity is None:
        raise ActivityNotFound(f"no activity {activity_id}")
    # The deal first, as everywhere: its row is the lock of what belongs to it.
    opportunity = await get_opportunity(session, activity.opportunity_id, lock=True)
    await session.refresh(activity)
    today = day_of(now)
    told = opportunity.complete(activity, result=done.result, on=done.done_on or today, today=today)
    record(session, opportunity, told)
    return activity


async def list_activities(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[OpportunityActivity]:
    """A page of activities, the newest first."""
    return await paginate(
        session,
        select(OpportunityActivity).where(*filters),
        page,
        id_column=OpportunityActivity.id,
        sort_keys={"noted_at": OpportunityActivity.noted_at},
        default_sort="-noted_at",
    )


async def list_stalled(
    session: AsyncSession,
    page: PageRequest,
    *,
    filters: Sequence[ColumnElement[bool]] = (),
    now: datetime,
) -> Page[Opportunity]:
    """A page of the open deals that stand at their stage for too long, the longest first."""
    return await paginate(
        session,
        select(Opportunity).where(
            Opportunity.closed_on.is_(None), Opportunity.stalls_on <= day_of(now), *filters
        ),
        page,
        id_column=Opportunity.id,
        sort_keys={"stalls_on": Opportunity.stalls_on},
        default_sort="stalls_on",
    )


async def tell_stalled(session: AsyncSession, *, now: datetime, limit: int = TOLD_AT_ONCE) -> int:
    """Give the owners of deals that stand for too long a task, once a stay; how many.

    Deals that somebody works on are left for the next run.
    """
    today = day_of(now)
    found = await session.execute(
        select(Opportunity)
        .where(
            Opportunity.closed_on.is_(None),
            Opportunity.stall_told_on.is_(None),
            Opportunity.stalls_on <= today,
        )
        .order_by(Opportunity.stalls_on, Opportunity.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    stalled = found.scalars().all()
    for opportunity in stalled:
        task, told = opportunity.stall(today=today, now=now)
        record(session, opportunity, told)
        if task is not None:
            session.add(task)
    return len(stalled)


async def get_board(
    session: AsyncSession,
    *,
    pipeline_code: str,
    filters: Sequence[ColumnElement[bool]] = (),
    now: datetime,
) -> BoardRead:
    """The open deals of a pipeline by stage and currency, of those the caller sees."""
    flow = await pipelines.find_flow(session, pipeline_code)
    found = await session.execute(
        select(
            Opportunity.stage,
            Opportunity.currency,
            func.count().label("deals"),
            func.count().filter(Opportunity.stalls_on <= day_of(now)).label("stalled"),
            func.coalesce(func.sum(Opportunity.expected_amount), 0).label("amount"),
            func.coalesce(func.sum(Opportunity.expected_amount * Opportunity.probability), 0).label(
                "weighted"
            ),
        )
        .where(
            Opportunity.closed_on.is_(None), Opportunity.pipeline_code == pipeline_code, *filters
        )
        .group_by(Opportunity.stage, Opportunity.currency)
        .order_by(Opportunity.stage, Opportunity.currency)
    )
    cells: dict[str, list[BoardCell]] = {}
    for row in found:
        cells.setdefault(row.stage, []).append(
            BoardCell(
                currency=row.currency,
                deals=row.deals,
                stalled=row.stalled,
                amount=rounded(row.amount),
                weighted_amount=rounded(row.weighted),
            )
        )
    names = {rules.stage: (rules.name_zh, rules.name_en) for rules in flow.stages}
    return BoardRead(
        pipeline_code=pipeline_code,
        stages=[
            BoardStage(
                stage=stage,
                name_zh=names.get(stage, (stage, stage))[0],
                name_en=names.get(stage, (stage, stage))[1],
                cells=cells.get(stage, []),
            )
            for stage in dict.fromkeys([*flow.names, *cells])
        ],
    )


async def get_win_loss(
    session: AsyncSession,
    *,
    closed_from: date | None,
    closed_to: date | None,
    product_id: UUID | None,
    region_id: UUID | None,
) -> WinLossRead:
    """How the deals ended that named a competitor, by competitor and currency, of those the caller
    sees; open deals are in it whatever the period is."""
    is_open = Opportunity.closed_on.is_(None)
    won, lost = Opportunity.stage == WON, Opportunity.stage == LOST
    query = (
        select(
            Competitor.id,
            Competitor.name,
            Opportunity.currency,
            func.count().filter(is_open).label("open"),
            func.count().filter(won).label("won"),
            func.count().filter(lost).label("lost"),
            func.count().filter(lost, Opportunity.lost_to_id == Competitor.id).label("lost_to"),
            func.coalesce(func.sum(Opportunity.amount).filter(won), 0).label("won_amount"),
            func.coalesce(func.sum(Opportunity.expected_amount).filter(lost), 0).label(
                "lost_amount"
            ),
        )
        .join(OpportunityCompetitor, OpportunityCompetitor.competitor_id == Competitor.id)
        .join(Opportunity, Opportunity.id == OpportunityCompetitor.opportunity_id)
        .group_by(Competitor.id, Opportunity.currency)
        .order_by(Competitor.name, Competitor.id, Opportunity.currency)
    )
    if closed_from is not None:
        query = query.where(or_(is_open, Opportunity.closed_on >= closed_from))
    if closed_to is not None:
        query = query.where(or_(is_open, Opportunity.closed_on <= closed_to))
    if product_id is not None:
        query = query.where(Opportunity.product_id == product_id)
    if region_id is not None:
        query = query.where(Opportunity.region_id == region_id)
    return WinLossRead(
        rows=[
            CompetitorFigures(
                competitor_id=row.id,
                competitor_name=row.name,
                currency=row.currency,
                open=row.open,
                won=row.won,
                lost=row.lost,
                lost_to=row.lost_to,
                won_amount=rounded(row.won_amount),
                lost_amount=rounded(row.lost_amount),
                win_rate=win_rate(row.won, row.lost),
            )
            for row in await session.execute(query)
        ],
        definitions=WIN_LOSS_DEFINITIONS,
    )


def get_pipeline() -> list[StageRead]:
    """The stages of the built-in default, and where a deal may go from each."""
    open_stages = [
        StageRead(
            stage=rules.stage,
            is_open=True,
            probability=rules.probability,
            moves=list(rules.moves),
            needs=list(rules.needs),
        )
        for rules in BUILT_IN.stages
    ]
    return [
        *open_stages,
        StageRead(stage=WON, is_open=False, probability=Decimal(1), moves=[], needs=[]),
        StageRead(stage=LOST, is_open=False, probability=Decimal(0), moves=[], needs=[]),
    ]


async def get_conversion(
    session: AsyncSession,
    *,
    pipeline_code: str = DEFAULT_CODE,
    filters: Sequence[ColumnElement[bool]] = (),
) -> ConversionRead:
    """The funnel of the pipeline's deals that `filters` leave, from their stage history."""
    open_stages = (await pipelines.find_flow(session, pipeline_code)).names
    filters = [Opportunity.pipeline_code == pipeline_code, *filters]
    place_of = {stage: place for place, stage in enumerate(open_stages, start=1)}
    place_of[WON] = len(open_stages) + 1

    def place(column: Any) -> ColumnElement[int]:
        return case(place_of, value=column, else_=0)

    furthest = (
        select(
            Opportunity.stage,
            func.greatest(
                place(Opportunity.stage),
                func.max(place(OpportunityStep.from_stage)),
                func.max(place(OpportunityStep.stage)),
            ).label("furthest"),
        )
        .outerjoin(OpportunityStep, OpportunityStep.opportunity_id == Opportunity.id)
        .where(*filters)
        .group_by(Opportunity.id)
        .subquery()
    )
    counted = await session.execute(
        select(furthest.c.furthest, furthest.c.stage, func.count()).group_by(
            furthest.c.furthest, furthest.c.stage
        )
    )
    lasted = await session.execute(
        select(OpportunityStep.from_stage, func.avg(OpportunityStep.days_in_from_stage))
        .join(Opportunity, OpportunityStep.opportunity_id == Opportunity.id)
        .where(OpportunityStep.days_in_from_stage.is_not(None), *filters)
        .group_by(OpportunityStep.from_stage)
    )
    figures = conversion(
        open_stages,
        {(furthest, stage): count for furthest, stage, count in counted},
        {stage: days for stage, days in lasted if days is not None},
    )
    return ConversionRead(
        opened=figures.opened,
        won=figures.won,
        lost=figures.lost,
        win_rate=figures.win_rate,
        pipeline_code=pipeline_code,
        stages=[StageFiguresRead.model_validate(stage) for stage in figures.stages],
        definitions=DEFINITIONS,
    )


async def bring_in(
    session: AsyncSession, deals: Sequence[PastDeal], *, actor: Actor, now: datetime
) -> list[Opportunity]:
    """Take over deals from another system with their real history, in one flush per table.

    A deal that is there already, by its external id, is passed over, so that a batch may be
    repeated. Returns the opportunities that are new. A won deal with a customer and a product also
    gets its confirmed order and the receipt for it.
    """
    deals = await _not_here_yet(session, deals)
    today = day_of(now)
    numbers = await next_numbers(session, "opportunities", len(deals))
    opened: list[Opportunity] = []
    steps: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    won: list[tuple[PastDeal, Opportunity]] = []
    for deal, number in zip(deals, numbers, strict=True):
        opportunity, first = _open_past(deal, number, now=now, today=today)
        record(session, opportunity, first)
        for event in _live_past(deal, opportunity, today=today):
            expected = _expected(opportunity)
            record(session, opportunity, event)
            steps.append(_step(opportunity, event, expected, actor=actor, now=now))
            if isinstance(event, events.OpportunityWon):
                lines.extend(_won_lines(event))
                if deal.customer is not None and deal.product is not None:
                    won.append((deal, opportunity))
        opened.append(opportunity)
    # Parents first: the rows below name them by foreign key, not by relationship.
    session.add_all(opened)
    await session.flush()
    for table, rows in ((OpportunityStep, steps), (OpportunityLine, lines)):
        if rows:
            await session.execute(insert(table.__table__), rows)  # type: ignore[arg-type]  # a Table
    await _bring_in_money(session, won, now=now, today=today)
    return opened


async def _not_here_yet(session: AsyncSession, deals: Sequence[PastDeal]) -> list[PastDeal]:
    named = {(deal.external_source, deal.external_id): deal for deal in deals}
    found = await session.execute(
        select(Opportunity.external_source, Opportunity.external_id).where(
            Opportunity.external_source.in_({source for source, _ in named}),
            Opportunity.external_id.in_({external_id for _, external_id in named}),
        )
    )
    here = {tuple(row) for row in found}
    return [deal for name, deal in named.items() if name not in here]


def _open_past(
    deal: PastDeal, number: int, *, now: datetime, today: date
) -> tuple[Opportunity, events.OpportunityOpened]:
    wanted = Wanted(
        owner_id=deal.owner.id if deal.owner else None,
        department_id=deal.department_id,
        partner_id=deal.partner_id,
        region_id=deal.region_id,
    )
    return Opportunity.open(
        number=number,
        name=deal.name,
        customer_id=deal.customer.id if deal.customer else None,
        lead_id=None,
        product_id=deal.product.id if deal.product else None,
        stage=deal.stages[0][0] if deal.stages else Stage.PROSPECTING,
        expected_amount=deal.expected_amount,
        currency=deal.currency,
        expected_close_on=deal.expected_close_on,
        opened_on=deal.opened_on,
        external_source=deal.external_source,
        external_id=deal.external_id,
        custom=deal.custom,
        now=now,
        today=today,
        **References(customer=deal.customer, owner=deal.owner).scope(wanted),
    )


def _live_past(deal: PastDeal, opportunity: Opportunity, *, today: date) -> list[Step]:
    """What happened to the deal after it was opened, in order."""
    told: list[Step] = [
        opportunity.move(stage, on=on, today=today) for _, (stage, on) in pairwise(deal.stages)
    ]
    closed_on = deal.closed_on or opportunity.stage_entered_on
    if deal.outcome == "won":
        told.append(opportunity.win(on=closed_on, today=today, amount=deal.amount))
    elif deal.outcome == "lost":
        told.append(opportunity.lose(reason=deal.lost_reason, on=closed_on, today=today))
    return told


async def _bring_in_money(
    session: AsyncSession,
    won: Sequence[tuple[PastDeal, Opportunity]],
    *,
    now: datetime,
    today: date,
) -> None:
    order_numbers = await next_numbers(session, "orders", len(won))
    receipt_numbers = await next_numbers(session, "receipts", len(won))
    orders: list[Order] = []
    receipts: list[Receipt] = []
    for (deal, opportunity), order_number, receipt_number in zip(
        won, order_numbers, receipt_numbers, strict=True
    ):
        assert deal.product is not None
        amount, closed_on = opportunity.amount, opportunity.closed_on
        assert amount is not None
        assert closed_on is not None
        # Nobody has seen this order as a draft, so that it was one is not told.
        order, _ = Order.draft(
            number=order_number,
            lines=[
                LineValues(
                    deal.product.id,
                    deal.product.name,
                    quantity=Decimal(1),
                    unit_price=amount,
                    discount_percent=Decimal(0),
                    amount=amount,
                    is_shipped=deal.product.is_shipped,
                )
            ],
            now=now,
            ordered_on=closed_on,
            opportunity_id=opportunity.id,
            customer_id=opportunity.customer_id,
            currency=opportunity.currency,
            **opportunity.scope,
        )
        record(session, order, order.confirm(now=now))
        receipt, recorded = Receipt.take(
            number=receipt_number,
            amount=rounded(amount),
            currency=order.currency,
            received_on=deal.received_on or closed_on,
            method=deal.payment_method,
            order=order,
            now=now,
            today=today,
            external_source=deal.external_source,
            external_id=deal.external_id,
        )
        record(session, order, order.count_payment(receipt.id, receipt.allocated_amount))
        record(session, receipt, recorded)
        orders.append(order)
        receipts.append(receipt)
    session.add_all(orders)
    await session.flush()
    session.add_all(receipts)
    await receivables.bring_in_paid(session, list(zip(orders, receipts, strict=True)), now=now)
    await session.flush()


async def _check_end_customer(session: AsyncSession, end_customer_id: UUID) -> None:
    customer = await session.get(KnownCustomer, end_customer_id)
    if customer is None or customer.is_deleted:
        raise CustomerNotKnown(f"no customer {end_customer_id}", pointer="/end_customer_id")


async def _done_here(session: AsyncSession, opportunity: Opportunity) -> frozenset[str]:
    """The kinds of activities done during the present stay, where its stage asks for any."""
    rules = opportunity.flow.rules(opportunity.stage)
    if rules is None or not rules.exit_activities:
        return frozenset()
    found = await session.execute(
        select(OpportunityActivity.kind)
        .distinct()
        .where(
            OpportunityActivity.opportunity_id == opportunity.id,
            OpportunityActivity.stage == opportunity.stage,
            OpportunityActivity.state == ActivityState.DONE,
            OpportunityActivity.done_on >= opportunity.stage_entered_on,
        )
    )
    return frozenset(found.scalars())


async def _competitors_of(session: AsyncSession, opportunity_id: UUID) -> list[UUID]:
    found = await session.execute(
        select(OpportunityCompetitor.competitor_id)
        .where(OpportunityCompetitor.opportunity_id == opportunity_id)
        .order_by(OpportunityCompetitor.competitor_id)
    )
    return list(found.scalars())


async def _drop_stalled_tasks(
    session: AsyncSession, opportunity: Opportunity, *, was_told: bool
) -> None:
    """Take back what the owner was asked to do about a stay that is over."""
    if not was_told:
        return
    await session.execute(
        update(OpportunityActivity)
        .where(
            OpportunityActivity.opportunity_id == opportunity.id,
            OpportunityActivity.kind == STALLED,
            OpportunityActivity.state == ActivityState.PLANNED,
        )
        .values(state=ActivityState.DROPPED)
    )


def _expected(opportunity: Opportunity) -> tuple[Decimal | None, date | None]:
    return opportunity.expected_amount, opportunity.expected_close_on


def _tell(
    session: AsyncSession,
    opportunity: Opportunity,
    event: Step,
    before: tuple[Decimal | None, date | None],
    *,
    actor: Actor,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Record the event, and keep it in the deal's own history."""
    record(session, opportunity, event)
    step = _step(opportunity, event, before, actor=actor, now=now, reason=reason)
    session.add(OpportunityStep(**step))


def _step(
    opportunity: Opportunity,
    event: Step,
    before: tuple[Decimal | None, date | None],
    *,
    actor: Actor,
    now: datetime,
    reason: str | None = None,
) -> dict[str, Any]:
    on, days, from_stage = day_of(now), None, event.stage
    match event:
        case events.OpportunityStageChanged():
            on, days, from_stage = event.changed_on, event.days_in_from_stage, event.from_stage
        case events.OpportunityPipelineChanged():
            on = event.changed_on
        case events.OpportunityWon():
            on, days, from_stage = event.won_on, event.days_in_from_stage, event.from_stage
        case events.OpportunityLost():
            on, days, from_stage = event.lost_on, event.days_in_from_stage, event.from_stage
    return {
        "opportunity_id": opportunity.id,
        "position": opportunity.version,
        "happened_on": on,
        "recorded_at": now,
        "recorded_by": actor.id,
        "reason": reason,
        "from_stage": from_stage,
        "stage": event.stage,
        "days_in_from_stage": days,
        "from_expected_amount": before[0],
        "expected_amount": opportunity.expected_amount,
        "from_expected_close_on": before[1],
        "expected_close_on": opportunity.expected_close_on,
    }


def _won_lines(event: events.OpportunityWon) -> list[dict[str, Any]]:
    return [
        {
            "opportunity_id": event.opportunity_id,
            "line_no": line_no,
            "product_id": line.product_id,
            "amount": line.amount,
        }
        for line_no, line in enumerate(event.lines, start=1)
    ]


async def _refuse_taken_external_id(
    session: AsyncSession, external_source: str | None, external_id: str
) -> None:
    found = await session.execute(
        select(Opportunity.id).where(
            Opportunity.external_source == external_source, Opportunity.external_id == external_id
        )
    )
    existing = found.scalar()
    if existing is not None:
        raise ExternalIdTaken(
            f"an opportunity with id {external_id!r} of {external_source} is there already",
            existing_id=str(existing),
        )
