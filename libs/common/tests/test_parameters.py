from datetime import date

import pytest
import pytest_asyncio
from sqlalchemy import text

from common.parameters import (
    V1,
    Parameter,
    ParameterChanged,
    ParameterWithdrawn,
    forget_parameter,
    keep_parameter,
    value_on,
)
from common.testing.databases import as_owner

NOTICE = Parameter("notice_days", 30)
MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


@pytest_asyncio.fixture
async def session(database):
    async with database.transaction() as held:
        await as_owner(held)
        for statement in V1:
            await held.execute(text(statement))
        yield held
        await held.rollback()


async def heard(session, value, effective_on):
    await keep_parameter(
        session, ParameterChanged(name=NOTICE.name, value=value, effective_on=effective_on)
    )


async def test_before_anything_was_heard_the_default_counts(session):
    assert await value_on(session, NOTICE, MARCH) == 30


@pytest.mark.capability("X-01")
async def test_the_value_of_a_day_is_the_latest_that_has_come(session):
    await heard(session, 60, APRIL)
    await heard(session, 45, MARCH)

    assert await value_on(session, NOTICE, date(2026, 2, 28)) == 30
    assert await value_on(session, NOTICE, date(2026, 3, 31)) == 45
    assert await value_on(session, NOTICE, APRIL) == 60


@pytest.mark.capability("X-01")
async def test_for_one_day_the_later_word_counts_until_it_is_withdrawn(session):
    await heard(session, 45, MARCH)
    await heard(session, 46, MARCH)
    assert await value_on(session, NOTICE, MARCH) == 46

    withdrawn = ParameterWithdrawn(name=NOTICE.name, effective_on=MARCH)
    await forget_parameter(session, withdrawn)
    await forget_parameter(session, withdrawn)

    assert await value_on(session, NOTICE, MARCH) == 30


async def test_a_text_is_read_as_a_text_and_never_as_a_number(session):
    await heard(session, "45", MARCH)

    assert await value_on(session, Parameter(NOTICE.name, "30"), MARCH) == "45"
    with pytest.raises(TypeError):
        await value_on(session, NOTICE, MARCH)
