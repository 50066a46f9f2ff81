"""What administrators do with patterns of numbers."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common.messaging.outbox import record
from common.numbers import Pattern, Series, pattern_of
from customer.numbers.model import SERIES, NumberPattern, SeriesNotFound
from customer.numbers.schemas import PatternWrite


async def get_pattern(session: AsyncSession, series: str) -> Pattern:
    """How the numbers of the series are written now."""
    return await pattern_of(session, _known(series))


async def set_pattern(session: AsyncSession, series: str, written: PatternWrite) -> Pattern:
    """Write the numbers of the series like this from now on."""
    known, values = _known(series), written.model_dump()
    found = await session.execute(
        select(NumberPattern).where(NumberPattern.series == series).with_for_update()
    )
    pattern = found.scalar_one_or_none()
    if pattern is None:
        pattern, told = NumberPattern.set_first(series, **values)
        session.add(pattern)
        record(session, pattern, told)
    elif (changed := pattern.update(values)) is not None:
        record(session, pattern, changed)
    await session.flush()
    return await pattern_of(session, known)


def _known(series: str) -> Series:
    if series not in SERIES:
        raise SeriesNotFound(f"no series {series!r}; there are {', '.join(SERIES)}")
    return SERIES[series]
