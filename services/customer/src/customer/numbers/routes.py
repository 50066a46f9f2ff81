"""The endpoints of number patterns."""

from common.app import service_router
from common.clock import Now
from common.days import day_of
from common.db import Session
from common.numbers import Pattern
from customer.numbers import use_cases as numbers
from customer.numbers.schemas import PatternRead, PatternWrite

router = service_router("customer", "number-patterns")


@router.get("/{series}", response_model=PatternRead)
async def get_number_pattern(series: str, session: Session, now: Now) -> PatternRead:
    return _shown(series, await numbers.get_pattern(session, series), now)


@router.put("/{series}", response_model=PatternRead)
async def set_number_pattern(
    series: str, written: PatternWrite, session: Session, now: Now
) -> PatternRead:
    return _shown(series, await numbers.set_pattern(session, series, written), now)


def _shown(series: str, pattern: Pattern, now: Now) -> PatternRead:
    return PatternRead(
        series=series,
        prefix=pattern.prefix,
        date_part=pattern.date_part,
        width=pattern.width,
        example=pattern.write(1, day_of(now)),
    )
