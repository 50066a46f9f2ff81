"""Events for tests: valid by default, say only what matters; and whole histories by chance."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from httpx import AsyncClient
from hypothesis import HealthCheck, Phase, settings
from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from common.ids import new_id
from common.messaging.consumers import Consumers
from common.messaging.inbox import Inbox, Received
from common.testing.service import received_event
from reporting.consumers import CONSUMERS
from reporting.reports.deals import closed_deals_by_facts, closed_deals_by_rollup
from reporting.reports.questions import Question

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STAGES = ["prospecting", "engaging", "proposal", "negotiation"]
NOBODY = {"owner_id": None, "department_id": None, "partner_id": None, "region_id": None}

# Each example adds another history to the same database; what is proved holds for all of it, and
# there is nothing to make smaller.
BY_CHANCE = settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def an_opened_deal(**values: Any) -> dict[str, Any]:
    return {
        "number": "D2026-000001",
        "name": "设备采购",
        "customer_id": None,
        "lead_id": None,
        "product_id": None,
        "stage": "prospecting",
        "expected_amount": "900.00",
        "currency": "CNY",
        "expected_close_on": None,
        "opened_on": "2026-01-05",
        **NOBODY,
        **values,
    }


def a_won_deal(*, amount: str = "1000.00", **values: Any) -> dict[str, Any]:
    return {
        "customer_id": None,
        "stage": "won",
        "from_stage": "negotiation",
        "won_on": "2026-02-10",
        "amount": amount,
        "currency": "CNY",
        "lines": [{"product_id": values.pop("product_id", None), "amount": amount}],
        "opened_on": "2026-01-05",
        **NOBODY,
        **values,
    }


def a_lost_deal(**values: Any) -> dict[str, Any]:
    return {
        "customer_id": None,
        "product_id": None,
        "stage": "lost",
        "from_stage": "proposal",
        "lost_on": "2026-02-12",
        "reason": "price",
        "amount": None,
        "currency": "CNY",
        "opened_on": "2026-01-05",
        **NOBODY,
        **values,
    }


def a_receipt(**values: Any) -> dict[str, Any]:
    return {
        "number": "R2026-000001",
        "customer_id": None,
        "order_id": None,
        "opportunity_id": None,
        "amount": "400.00",
        "currency": "CNY",
        "received_on": "2026-02-20",
        "method": "bank_transfer",
        **NOBODY,
        **values,
    }


def an_opened_ticket(**values: Any) -> dict[str, Any]:
    return {
        "number": "T2026-000001",
        "customer_id": None,
        "product_id": None,
        "contract_id": None,
        "category": "hardware",
        "priority": "normal",
        "channel": "phone",
        "opened_at": "2026-02-01T02:00:00Z",
        "response_due_at": "2026-02-01T04:00:00Z",
        "solution_due_at": "2026-02-02T02:00:00Z",
        **NOBODY,
        **values,
    }


def a_survey(**values: Any) -> dict[str, Any]:
    return {
        "ticket_id": str(new_id()),
        "customer_id": None,
        "score": 4,
        "answered_at": "2026-02-03T02:00:00Z",
        **NOBODY,
        **values,
    }


def a_scorecard(**values: Any) -> dict[str, Any]:
    return {
        "period_start": "2026-02-01",
        "period_end": "2026-02-28",
        "won_amount": "1000.00",
        "currency": "CNY",
        "won_deals": 1,
        "lost_deals": 0,
        "win_rate": "1.0000",
        "satisfaction": "4.00",
        "score": "80.00",
        **NOBODY,
        **values,
    }


def a_partner(**values: Any) -> dict[str, Any]:
    return {
        "number": "P2026-000001",
        "name": "宁波海达",
        "kind": "dealer",
        "tier": "silver",
        "state": "active",
        "owner_id": None,
        "department_id": None,
        "region_id": None,
        **values,
    }


class Histories:
    """Histories of deals, receipts and tickets by chance, over a few regions, people and products."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.ids = {
            name: [str(UUID(int=chance.getrandbits(128), version=4)) for _ in range(3)]
            for name in ("region_id", "partner_id", "owner_id", "product_id")
        }
        self._told: dict[UUID, list[Received]] = defaultdict(list)

    def say(self, subject: UUID, event_type: str, **data: Any) -> None:
        told = self._told[subject]
        told.append(received_event(event_type, subject=subject, version=len(told) + 1, data=data))

    def tell(self, deals: int) -> list[Received]:
        """So many deals with what belongs to them, shuffled; each aggregate's events in order."""
        self._told.clear()
        for _ in range(deals):
            self._deal()
        for _ in range(deals // 3):
            self._ticket()
        return self._shuffled()

    def _shuffled(self) -> list[Received]:
        left = [list(reversed(events)) for events in self._told.values()]
        shuffled = []
        while left:
            place = self._chance.randrange(len(left))
            shuffled.append(left[place].pop())
            if not left[place]:
                left[place] = left[-1]
                left.pop()
        return shuffled

    def _scope(self) -> dict[str, Any]:
        scope: dict[str, Any] = dict(NOBODY)
        for name in ("region_id", "partner_id", "owner_id"):
            scope[name] = self._one(name)
        return scope

    def _one(self, name: str) -> str | None:
        return self._chance.choice([*self.ids[name], None])

    def _day(self, after: date) -> date:
        return after + timedelta(days=self._chance.randrange(80))

    def _amount(self) -> Decimal:
        return Decimal(self._chance.randrange(1, 1_000_000)).scaleb(-2)

    def _deal(self) -> None:
        chance, deal = self._chance, new_id()
        currency = chance.choice(["CNY", "CNY", "CNY", "USD"])
        scope, product = self._scope(), self._one("product_id")
        day = date(2025, 11, 1) + timedelta(days=chance.randrange(60))
        rank = chance.randrange(3)
        self.say(
            deal,
            "sales.opportunity.opened.v1",
            **an_opened_deal(
                stage=STAGES[rank],
                expected_amount=chance.choice([None, str(self._amount())]),
                currency=currency,
                product_id=product,
                opened_on=str(day),
            )
            | scope,
        )
        opened_on = day
        while chance.random() < 0.5:
            rank = min(3, max(0, rank + chance.choice([-1, 1, 1, 2])))
            day = self._day(day)
            self.say(
                deal,
                "sales.opportunity.stage_changed.v1",
                from_stage=STAGES[rank],
                stage=STAGES[rank],
                changed_on=str(day),
                expected_amount=str(self._amount()),
                currency=currency,
                expected_close_on=None,
                **scope,
            )
        end = chance.random()
        day = self._day(day)
        if end < 0.45:
            self._win(deal, scope, product, STAGES[rank], opened_on, day, currency)
        elif end < 0.8:
            self.say(
                deal,
                "sales.opportunity.lost.v1",
                **a_lost_deal(
                    from_stage=STAGES[rank],
                    lost_on=str(day),
                    opened_on=str(opened_on),
                    product_id=product,
                    currency=currency,
                )
                | scope,
            )
        if chance.random() < 0.2:
            # A closed deal may still be given to somebody else: what it counted for moves along.
            self.say(
                deal,
                "sales.opportunity.changed.v1",
                expected_amount=None,
                currency=currency,
                expected_close_on=None,
                product_id=product,
                customer_id=None,
                **self._scope(),
            )

    def _win(
        self,
        deal: UUID,
        scope: dict[str, Any],
        product: str | None,
        stage: str,
        opened_on: date,
        day: date,
        currency: str,
    ) -> None:
        chance = self._chance
        amounts = [self._amount() for _ in range(chance.choice([1, 1, 2, 3]))]
        products = [product, *(self._one("product_id") for _ in amounts[1:])]
        lines = [
            {"product_id": sold, "amount": str(amount)}
            for sold, amount in zip(products, amounts, strict=True)
        ]
        self.say(
            deal,
            "sales.opportunity.won.v1",
            **a_won_deal(
                amount=str(sum(amounts)),
                from_stage=stage,
                won_on=str(day),
                opened_on=str(opened_on),
                currency=currency,
                lines=lines,
            )
            | scope,
        )
        for _ in range(chance.randrange(3)):
            receipt = new_id()
            facts = a_receipt(
                opportunity_id=str(deal), amount=str(self._amount()), currency=currency
            )
            self.say(receipt, "sales.receipt.recorded.v1", **facts | scope)
            if chance.random() < 0.2:
                self.say(
                    receipt,
                    "sales.receipt.reversed.v1",
                    amount=facts["amount"],
                    currency=currency,
                    reversed_on="2026-03-01",
                    reason="bounced",
                    **scope,
                )

    def _ticket(self) -> None:
        chance, ticket = self._chance, new_id()
        scope = self._scope()
        opened_at = NOW - timedelta(hours=chance.randrange(3000))
        self.say(
            ticket,
            "service_desk.ticket.opened.v1",
            **an_opened_ticket(opened_at=opened_at.isoformat()) | scope,
        )
        if chance.random() < 0.8:
            self.say(
                ticket,
                "service_desk.ticket.responded.v1",
                responded_at=opened_at.isoformat(),
                within_sla=chance.random() < 0.7,
                minutes=chance.randrange(500),
                **scope,
            )
        for _ in range(chance.randrange(3)):
            self.say(
                ticket,
                "service_desk.ticket.closed.v1",
                closed_at=opened_at.isoformat(),
                within_sla=chance.random() < 0.7,
                solution="换件",
                minutes=chance.randrange(5000),
                **scope,
            )
            if chance.random() < 0.3:
                self.say(
                    ticket,
                    "service_desk.ticket.reopened.v1",
                    reopened_at=opened_at.isoformat(),
                    reason="again",
                    **scope,
                )
        if chance.random() < 0.5:
            survey = new_id()
            self.say(
                survey,
                "service_desk.survey.answered.v1",
                **a_survey(
                    ticket_id=str(ticket),
                    score=chance.randrange(1, 6),
                    answered_at=opened_at.isoformat(),
                )
                | scope,
            )


async def hear_all(database: Database, events: Sequence[Received], *, at_once: int = 50) -> None:
    """Deliver events as a worker does, so many in a transaction."""
    inbox = Inbox(database, Consumers("reporting", CONSUMERS))
    for first in range(0, len(events), at_once):
        await inbox.apply(events[first : first + at_once])


async def a_report(client: AsyncClient, name: str, **parameters: Any) -> dict[str, Any]:
    """A report, as the API answers it; `from_` stands for `from`."""
    asked = {key.rstrip("_"): str(value) for key, value in parameters.items()}
    response = await client.get(f"/reporting/v1/reports/{name}", params=asked)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def rollup_and_facts(session: AsyncSession, question: Question) -> tuple[Any, Any]:
    """The same figures from the monthly sums and from the deals, without zeros."""
    found = (
        await closed_deals_by_rollup(session, question),
        await closed_deals_by_facts(session, question),
    )
    rollup, facts = (
        {key: {name: sum_ for name, sum_ in base.items() if sum_} for key, base in figures.items()}
        for figures in found
    )
    return {key: base for key, base in rollup.items() if base}, {
        key: base for key, base in facts.items() if base
    }


def row_of(answer: dict[str, Any], label: str | None) -> dict[str, Any]:
    """The row with this label."""
    found: Iterable[dict[str, Any]] = answer["rows"]
    return next(row for row in found if row[answer["group_by"]] == label)
