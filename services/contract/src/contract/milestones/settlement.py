"""How what is known of a contract's orders and receipts meets its milestones."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from common.events import Event
from contract.milestones.model import MetBy, Milestone, MilestoneState
from contract.milestones.planning import MilestoneKind


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """What has happened for a contract; `shipped_on` once all its orders have left completely."""

    shipped_on: date | None = None
    receipts: Sequence[tuple[date, Decimal]] = ()


def settle(
    milestones: Iterable[Milestone], fulfilment: Fulfilment
) -> Iterator[tuple[Milestone, Event]]:
    """Bring the milestones of one contract in line with the facts; what changed is told.

    Payments are filled in order of their due dates. What was met by hand stays as it is and takes
    no part of the receipts.
    """
    payments: list[Milestone] = []
    for milestone in milestones:
        if milestone.state == MilestoneState.CANCELLED or milestone.met_by == MetBy.HAND:
            continue
        if milestone.kind == MilestoneKind.PAYMENT:
            payments.append(milestone)
        elif milestone.kind == MilestoneKind.DELIVERY and fulfilment.shipped_on is not None:
            met = milestone.meet_by_shipment(fulfilment.shipped_on)
            if met is not None:
                yield milestone, met
    payments.sort(key=lambda milestone: (milestone.due_on, milestone.place))
    filled = fill([payment.amount or Decimal(0) for payment in payments], fulfilment.receipts)
    for payment, (received, filled_on) in zip(payments, filled, strict=True):
        told = payment.receive(received, filled_on)
        if told is not None:
            yield payment, told


def fill(
    amounts: Sequence[Decimal], receipts: Sequence[tuple[date, Decimal]]
) -> list[tuple[Decimal, date | None]]:
    """For each promised amount, in order: what of it is received, and the day it became whole.

    Receipts go to the first payment that is not whole, in order of their days; what is more than
    all payments is left over. The outcome follows from the receipts alone, not from the order in
    which they were heard of.
    """
    received = [Decimal(0) for _ in amounts]
    filled_on: list[date | None] = [None for _ in amounts]
    place = 0
    for day, amount in sorted(receipts):
        while amount > 0 and place < len(amounts):
            part = min(amount, amounts[place] - received[place])
            received[place] += part
            amount -= part
            if received[place] == amounts[place]:
                filled_on[place] = day
                place += 1
    return list(zip(received, filled_on, strict=True))
