"""What people do with opportunities."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Actor
from common.days import day_of
from common.handovers import Handover
from common.messaging.outbox import record
from common.money import rounded
from common.numbers import next_number, next_numbers
from common.pagination import Page, PageRequest, paginate
from sales import events
from sales.copies import use_cases as copies
from sales.copies.model import References, Wanted
from sales.opportunities.conversion import DEFINITIONS, conversion
from sales.opportunities.model import (
    ALLOWED,
    NEEDS,
    OPEN_STAGES,
    PROBABILITY,
    Opportunity,
    OpportunityLine,
    OpportunityNotFound,
    OpportunityStep,
    Stage,
)
from sales.opportunities.schemas import (
    ConversionRead,
    ExpectationChange,
    OpportunityHistory,
    OpportunityLose,
    OpportunityMove,
    OpportunityOpen,
    OpportunityWin,
    PastDeal,
    StageFiguresRead,
    StageRead,
    StageStay,
)
from sales.orders.model import Order
from sales.products import use_cases as products
from sales.products.model import ExternalIdTaken, known
from sales.quotes.totals import LineValues
from sales.receipts.model import Receipt

Step = (
    events.OpportunityStageChanged
    | events.OpportunityChanged
    | events.OpportunityWon
    | events.OpportunityLost
)
HANDOVER = Actor(id="handover")
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
    if new.product_id is not None:
        found = await products.find_products(session, [new.product_id])
        known(found, new.product_id, pointer="/product_id")
    if new.external_id is not None:
        await _refuse_taken_external_id(session, new.external_source, new.external_id)
    today = day_of(now)
    facts = new.model_dump(exclude={"opened_on", *_SCOPE})
    opportunity, opened = Opportunity.open(
        number=number or await next_number(session, "opportunities"),
        opened_on=new.opened_on or today,
        now=now,
        today=today,
        lead_id=lead_id,
        **facts,
        **references.scope(wanted),
    )
    session.add(opportunity)
    record(session, opportunity, opened)
    return opportunity


async def get_opportunity(
    session: AsyncSession, opportunity_id: UUID, *, lock: bool = False
) -> Opportunity:
    """The opportunity; `lock` keeps it for this transaction."""
    opportunity = await session.get(Opportunity, opportunity_id, with_for_update=lock or None)
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


async def get_history(session: AsyncSession, opportunity_id: UUID) -> OpportunityHistory:
    """Where the deal stood and for how long, and how its expectations changed."""
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
    return OpportunityHistory(stages=stays, changes=changes)


async def update_opportunity(
    session: AsyncSession,
    opportunity_id: UUID,
    *,
    changes: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> Opportunity:
    """Change what is expected of a deal; unchanged values cause no event."""
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
    changed = opportunity.change(changes)
    if changed is not None:
        _tell(session, opportunity, changed, before, actor=actor, now=now)
    return opportunity


async def hand_over_opportunities(session: AsyncSession, handover: Handover, limit: int) -> int:
    """Give the open deals of somebody who left to the successor; how many there were."""
    found = await session.execute(
        select(Opportunity)
        .where(Opportunity.owner_id == handover.from_id, Opportunity.stage.in_(OPEN_STAGES))
        .order_by(Opportunity.id)
        .limit(limit)
        .with_for_update()
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
    expected = to.model_dump(include={"expected_amount", "expected_close_on"}, exclude_none=True)
    before = _expected(opportunity)
    changed = opportunity.change(expected)
    if changed is not None:
        _tell(session, opportunity, changed, before, actor=actor, now=now)
    before, today = _expected(opportunity), day_of(now)
    moved = opportunity.move(
        to.stage, on=to.changed_on or today, today=today, probability=to.probability
    )
    _tell(session, opportunity, moved, before, actor=actor, now=now)
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
    event = opportunity.win(
        on=won.won_on or today,
        today=today,
        amount=won.amount,
        lines=[(line.product_id, line.amount) for line in won.lines],
    )
    _tell(session, opportunity, event, before, actor=actor, now=now)
    session.add_all(OpportunityLine(**line) for line in _won_lines(event))
    return opportunity


async def lose_opportunity(
    session: AsyncSession,
    opportunity_id: UUID,
    lost: OpportunityLose,
    *,
    actor: Actor,
    now: datetime,
) -> Opportunity:
    """Lose the deal, for a reason."""
    opportunity = await get_opportunity(session, opportunity_id, lock=True)
    before, today = _expected(opportunity), day_of(now)
    event = opportunity.lose(reason=lost.reason, on=lost.lost_on or today, today=today)
    _tell(session, opportunity, event, before, actor=actor, now=now)
    return opportunity


def get_pipeline() -> list[StageRead]:
    """The stages, and where a deal may go from each."""
    return [
        StageRead(
            stage=stage,
            is_open=stage in OPEN_STAGES,
            probability=PROBABILITY[stage],
            moves=[str(to) for to in Stage if to in ALLOWED[stage]],
            needs=list(NEEDS.get(stage, ())),
        )
        for stage in Stage
    ]


async def get_conversion(
    session: AsyncSession, *, filters: Sequence[ColumnElement[bool]] = ()
) -> ConversionRead:
    """The funnel of the deals that `filters` leave, from their stage history."""
    place_of = {str(stage): place for place, stage in enumerate(OPEN_STAGES, start=1)}
    place_of[Stage.WON] = len(OPEN_STAGES) + 1

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
        {(furthest, stage): count for furthest, stage, count in counted},
        {stage: days for stage, days in lasted if days is not None},
    )
    return ConversionRead(
        opened=figures.opened,
        won=figures.won,
        lost=figures.lost,
        win_rate=figures.win_rate,
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
    await session.flush()


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
) -> None:
    """Record the event, and keep it in the deal's own history."""
    record(session, opportunity, event)
    session.add(OpportunityStep(**_step(opportunity, event, before, actor=actor, now=now)))


def _step(
    opportunity: Opportunity,
    event: Step,
    before: tuple[Decimal | None, date | None],
    *,
    actor: Actor,
    now: datetime,
) -> dict[str, Any]:
    on, days, from_stage = day_of(now), None, event.stage
    match event:
        case events.OpportunityStageChanged():
            on, days, from_stage = event.changed_on, event.days_in_from_stage, event.from_stage
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
