"""Which milestones follow from the text of a contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class MilestoneKind(StrEnum):
    """What is promised; more may follow."""

    DELIVERY = "delivery"
    PAYMENT = "payment"
    ACCEPTANCE = "acceptance"


@dataclass(frozen=True, slots=True)
class Planned:
    """One promise; `amount` is what a payment pays."""

    kind: MilestoneKind
    title: str
    due_on: date
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Instalment:
    """One payment of a payment schedule."""

    title: str | None
    due_on: date
    amount: Decimal


def plan(
    *,
    deliveries: Sequence[tuple[int, date]],
    instalments: Sequence[Instalment],
    acceptance_on: date | None,
) -> list[Planned]:
    """The milestones, in order of their due dates.

    `deliveries` are pairs of line number and delivery date: one milestone a date. An instalment
    of nothing is no milestone.
    """
    by_day: dict[date, list[int]] = {}
    for line_no, day in deliveries:
        by_day.setdefault(day, []).append(line_no)
    planned = [
        Planned(MilestoneKind.DELIVERY, _delivery_title(line_nos), day)
        for day, line_nos in by_day.items()
    ]
    planned += [
        Planned(
            MilestoneKind.PAYMENT,
            instalment.title or f"Payment {place} of {len(instalments)}",
            instalment.due_on,
            instalment.amount,
        )
        for place, instalment in enumerate(instalments, start=1)
        if instalment.amount > 0
    ]
    if acceptance_on is not None:
        planned.append(Planned(MilestoneKind.ACCEPTANCE, "Acceptance", acceptance_on))
    return sorted(planned, key=lambda milestone: milestone.due_on)


def _delivery_title(line_nos: Sequence[int]) -> str:
    named = ", ".join(str(line_no) for line_no in line_nos[:20])
    more = ", …" if len(line_nos) > 20 else ""
    return f"Delivery of line{'s' if len(line_nos) > 1 else ''} {named}{more}"
