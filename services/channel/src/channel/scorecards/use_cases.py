"""What people do with scorecards, and what is heard for them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from channel.db import take_turn
from channel.parameters import use_cases as parameters
from channel.parameters.definitions import DEFAULT_CURRENCY
from channel.partners.model import Partner
from channel.scorecard_policies import use_cases as policies
from channel.scorecard_policies.model import DEFAULT_VERSION, DEFAULT_WEIGHTS
from channel.scorecards.model import (
    Scorecard,
    ScorecardInput,
    ScorecardNotFound,
    ScorecardRevision,
    check_period,
    currency_of,
)
from channel.scorecards.schemas import HeardInput
from channel.scorecards.scoring import Counted, figures_of, parts_of
from common.auth import Actor
from common.ids import new_id
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate


@dataclass(frozen=True, slots=True)
class PublishedPeriod:
    """What publishing a period came to."""

    period_start: date
    period_end: date
    policy_version: int
    currency: str
    published: list[Scorecard]
    unchanged: int
    unknown_partner_ids: list[UUID]


async def keep_inputs(session: AsyncSession, heard: Sequence[HeardInput]) -> None:
    """Keep what was heard; what is there already stays as it is."""
    if heard:
        await session.execute(
            insert(ScorecardInput)
            .values([{"id": new_id(), **asdict(one)} for one in heard])
            .on_conflict_do_nothing(index_elements=["kind", "source_id"])
        )


async def publish_scorecards(
    session: AsyncSession,
    *,
    period_start: date,
    period_end: date,
    currency: str | None,
    actor: Actor,
    now: datetime,
) -> PublishedPeriod:
    """Publish a card for every partner with inputs in the period.

    Publishing a period again gives a card a new revision only when its figures differ.
    """
    check_period(period_start, period_end)
    await take_turn(session, "scorecards")
    policy = await policies.find_policy_in_force(session, period_end)
    inputs = await _inputs(session, period_start, period_end)
    currency = currency_of(
        currency or (policy.currency if policy else None),
        {one.currency for rows in inputs.values() for _, one in rows if one.currency},
        default=str(await parameters.get_value_on(session, DEFAULT_CURRENCY, period_end)),
    )
    cards = await _cards(session, period_start, period_end)
    partners = await _partners(session, inputs.keys() | cards.keys())
    figures = {
        partner_id: figures_of((one for _, one in inputs.get(partner_id, ())), currency)
        for partner_id in sorted(partners)
    }
    best_amount = max((each.won_amount for each in figures.values()), default=Decimal(0))
    weights = policy.weights if policy else DEFAULT_WEIGHTS
    policy_version = policy.policy_version if policy else DEFAULT_VERSION
    published = []
    for partner_id, achieved in figures.items():
        card = cards.get(partner_id) or Scorecard.begin(
            partner_id=partner_id, period_start=period_start, period_end=period_end
        )
        outcome = card.publish(
            achieved,
            parts_of(achieved, weights, best_amount),
            best_amount=best_amount,
            policy_version=policy_version,
            currency=currency,
            input_ids=[input_id for input_id, _ in inputs.get(partner_id, ())],
            scope=partners[partner_id].scope,
            by=actor.id,
            now=now,
        )
        if outcome is not None:
            revision, told = outcome
            session.add_all([card, revision])
            record(session, card, told)
            published.append(card)
    return PublishedPeriod(
        period_start=period_start,
        period_end=period_end,
        policy_version=policy_version,
        currency=currency,
        published=published,
        unchanged=len(figures) - len(published),
        unknown_partner_ids=sorted(inputs.keys() - partners.keys()),
    )


async def get_scorecard(session: AsyncSession, scorecard_id: UUID) -> Scorecard:
    """The scorecard."""
    scorecard = await session.get(Scorecard, scorecard_id)
    if scorecard is None:
        raise ScorecardNotFound(f"no scorecard {scorecard_id}")
    return scorecard


async def list_scorecards(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[Scorecard]:
    """A page of scorecards, the latest period first."""
    return await paginate(
        session,
        select(Scorecard).where(*filters),
        page,
        id_column=Scorecard.id,
        sort_keys={
            "period_start": Scorecard.period_start,
            "score": Scorecard.score,
            "won_amount": Scorecard.won_amount,
        },
        default_sort="-period_start",
    )


async def list_revisions(session: AsyncSession, scorecard_id: UUID) -> Sequence[ScorecardRevision]:
    """Everything that was published on a card, the latest first."""
    await get_scorecard(session, scorecard_id)
    found = await session.execute(
        select(ScorecardRevision)
        .where(ScorecardRevision.scorecard_id == scorecard_id)
        .order_by(ScorecardRevision.revision.desc())
    )
    return found.scalars().all()


async def explain_scorecard(
    session: AsyncSession, scorecard_id: UUID, *, revision: int | None
) -> tuple[Scorecard, ScorecardRevision, Sequence[ScorecardInput]]:
    """A card, one of its revisions (the last when not said) and every input it came from."""
    scorecard = await get_scorecard(session, scorecard_id)
    wanted = scorecard.revision if revision is None else revision
    found = await session.execute(
        select(ScorecardRevision).where(
            ScorecardRevision.scorecard_id == scorecard_id, ScorecardRevision.revision == wanted
        )
    )
    explained = found.scalar_one_or_none()
    if explained is None:
        raise ScorecardNotFound(f"scorecard {scorecard_id} has no revision {wanted}")
    inputs = await session.execute(
        select(ScorecardInput)
        # One array and not a list of parameters, of which a statement has 32 767 at most.
        .where(ScorecardInput.id == any_(literal(explained.input_ids, ARRAY(Uuid))))
        .order_by(ScorecardInput.occurred_on, ScorecardInput.id)
    )
    return scorecard, explained, inputs.scalars().all()


async def _inputs(
    session: AsyncSession, period_start: date, period_end: date
) -> dict[UUID, list[tuple[UUID, Counted]]]:
    """The inputs of the period by partner, each with its id."""
    found = await session.execute(
        select(
            ScorecardInput.partner_id,
            ScorecardInput.id,
            ScorecardInput.kind,
            ScorecardInput.amount,
            ScorecardInput.currency,
            ScorecardInput.answer,
        )
        .where(ScorecardInput.occurred_on.between(period_start, period_end))
        .order_by(ScorecardInput.id)
    )
    inputs: dict[UUID, list[tuple[UUID, Counted]]] = defaultdict(list)
    for row in found:
        counted = Counted(row.kind, row.amount, row.currency, row.answer)
        inputs[row.partner_id].append((row.id, counted))
    return inputs


async def _cards(
    session: AsyncSession, period_start: date, period_end: date
) -> dict[UUID, Scorecard]:
    found = await session.execute(
        select(Scorecard)
        .where(Scorecard.period_start == period_start, Scorecard.period_end == period_end)
        .with_for_update()
    )
    return {card.partner_id: card for card in found.scalars() if card.partner_id is not None}


async def _partners(session: AsyncSession, ids: set[UUID]) -> dict[UUID, Partner]:
    found = await session.execute(select(Partner).where(Partner.id.in_(ids)))
    return {partner.id: partner for partner in found.scalars()}
