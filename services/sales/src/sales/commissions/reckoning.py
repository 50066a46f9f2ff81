"""What commissions an order has earned by now, held against the ledger: a plain function.

The ledger is brought in line with the sources: what an order took of each receipt, and its lines. A
source that stands as it was accrued is left alone, whatever rules say today. One that came to
another amount, or is gone, is reversed line by line; what is left of it is accrued anew by the
version, and for the payees, of the lines it replaces.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from common.money import allocate
from sales.commission_rules.model import CommissionRule
from sales.commission_rules.terms import Base, Part, Payee, PayeeKind, Share, Sold
from sales.commissions.model import Commission, CommissionKind, payee_scope


@dataclass(frozen=True, slots=True)
class Source:
    """Something that earns: a receipt with what the order took of it, or an order line."""

    kind: Base
    source_id: UUID
    amount: Decimal
    earned_on: date


@dataclass(frozen=True, slots=True)
class Earning:
    """An order as commissions see it; `sources` is empty where it does not bind."""

    order_id: UUID
    number: str
    owner_id: UUID | None
    partner_id: UUID | None
    currency: str
    places: int
    sold: Sequence[Sold]
    sources: Sequence[Source]
    departments: Mapping[UUID, UUID | None] = field(default_factory=dict)
    """The departments of the people who may be paid."""


class Rules:
    """The versions of all rules that pay, did, or will."""

    def __init__(self, rules: Iterable[CommissionRule]) -> None:
        self._by_id = {rule.id: rule for rule in rules}
        self._said = {rule.id: rule.said for rule in self._by_id.values()}
        self._by_code: dict[str, list[CommissionRule]] = defaultdict(list)
        for rule in sorted(
            self._by_id.values(), key=lambda each: (each.valid_from, each.rule_version)
        ):
            self._by_code[rule.code].append(rule)

    @property
    def named_people(self) -> set[UUID]:
        """Who gets a share by name."""
        return {
            share.payee_id
            for terms in self._said.values()
            for share in terms.shares
            if share.payee == Payee.NAMED_PERSON and share.payee_id is not None
        }

    def for_source(self, source: Source, currency: str) -> dict[str, CommissionRule]:
        """By code, the version that counts for what was earned on that day."""
        found = {}
        for code, versions in self._by_code.items():
            begun = [rule for rule in versions if rule.valid_from <= source.earned_on]
            if not begun:
                continue
            rule = begun[-1]
            terms = self._said[rule.id]
            if (
                (rule.valid_until is None or source.earned_on <= rule.valid_until)
                and terms.base == source.kind
                and terms.currency == currency
            ):
                found[code] = rule
        return found

    def __getitem__(self, rule_id: UUID) -> CommissionRule:
        return self._by_id[rule_id]


def reckon(
    order: Earning, rules: Rules, ledger: Sequence[Commission], *, today: date
) -> list[Commission]:
    """The lines that the order's ledger lacks; none when it is in line already."""
    reversed_ids = {line.reverses_id for line in ledger}
    occurrences: dict[tuple[str, UUID, str], int] = defaultdict(int)
    standing: dict[tuple[str, UUID], dict[str, list[Commission]]] = defaultdict(dict)
    for line in ledger:
        place = (line.source_kind, line.source_id)
        key = (*place, line.rule_code)
        occurrences[key] = max(occurrences[key], line.occurrence)
        if line.reverses_id is None and line.id not in reversed_ids:
            standing[place].setdefault(line.rule_code, []).append(line)

    lines: list[Commission] = []
    for source in order.sources:
        before = standing.pop((source.kind, source.source_id), {})
        wanted = rules.for_source(source, order.currency)
        for code in sorted({*before, *wanted}):
            old = before.get(code, [])
            if old and old[0].source_amount == source.amount:
                continue
            lines += [line.reversal(today=today) for line in old]
            lines += _accruals(
                order,
                source,
                rules[old[0].rule_id] if old else wanted[code],
                old,
                occurrence=occurrences[(source.kind, source.source_id, code)] + 1,
                booked_on=today if old else source.earned_on,
            )
    for gone in standing.values():
        lines += [line.reversal(today=today) for group in gone.values() for line in group]
    return lines


def _accruals(
    order: Earning,
    source: Source,
    rule: CommissionRule,
    replaced: Sequence[Commission],
    *,
    occurrence: int,
    booked_on: date,
) -> list[Commission]:
    terms = rule.said
    payees = {line.share_no: (line.payee_kind, line.payee_id) for line in replaced}
    lines = []
    for sold, base in _bases(order, source):
        if not base or not terms.pays_for(sold):
            continue
        rate = terms.rate_of(sold.amount)
        for part in terms.parts(base, sold.amount, order.places):
            payee = payees.get(part.share_no) or _payee(order, part.share)
            if payee is not None and part.amount:
                lines.append(
                    _line(order, source, rule, sold, base, rate, part, payee, occurrence, booked_on)
                )
    return lines


def _line(
    order: Earning,
    source: Source,
    rule: CommissionRule,
    sold: Sold,
    base: Decimal,
    rate: Decimal,
    part: Part,
    payee: tuple[str, UUID],
    occurrence: int,
    booked_on: date,
) -> Commission:
    payee_kind, payee_id = payee
    return Commission(
        kind=CommissionKind.ACCRUAL,
        payee_kind=payee_kind,
        payee_id=payee_id,
        rule_id=rule.id,
        rule_code=rule.code,
        rule_version=rule.rule_version,
        source_kind=source.kind,
        source_id=source.source_id,
        source_amount=source.amount,
        order_id=order.order_id,
        order_number=order.number,
        order_line_id=sold.order_line_id,
        line_no=sold.line_no,
        product_id=sold.product_id,
        receipt_id=source.source_id if source.kind == Base.RECEIPT else None,
        line_amount=sold.amount,
        base_amount=base,
        rate=rate,
        cap=rule.said.cap,
        share_no=part.share_no,
        share_percent=part.share.percent,
        amount=part.amount,
        rounding=part.rounding,
        currency=order.currency,
        occurrence=occurrence,
        earned_on=source.earned_on,
        booked_on=booked_on,
        reverses_id=None,
        **payee_scope(payee_kind, payee_id, order.departments.get(payee_id)),
    )


def _bases(order: Earning, source: Source) -> list[tuple[Sold, Decimal]]:
    """What of the source is which order line's; the parts add up to it exactly."""
    if source.kind == Base.ORDER_LINE:
        return [
            (sold, sold.amount) for sold in order.sold if sold.order_line_id == source.source_id
        ]
    weights = [sold.amount for sold in order.sold]
    if not any(weights):
        return []
    return list(zip(order.sold, allocate(source.amount, weights, order.places), strict=True))


def _payee(order: Earning, share: Share) -> tuple[str, UUID] | None:
    """Who gets a share; None where the order has nobody in that part, and so nobody earned it."""
    kind, payee_id = {
        Payee.OWNER: (PayeeKind.PERSON, order.owner_id),
        Payee.PARTNER: (PayeeKind.PARTNER, order.partner_id),
        Payee.NAMED_PERSON: (PayeeKind.PERSON, share.payee_id),
        Payee.NAMED_PARTNER: (PayeeKind.PARTNER, share.payee_id),
    }[share.payee]
    return None if payee_id is None else (kind, payee_id)
