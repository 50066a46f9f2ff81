from common.testing.service import settings_for
from contract.__main__ import ENTRY
from contract.worker import timers


async def test_every_timer_runs_on_an_empty_database(database):
    for timer in timers(settings_for(ENTRY, database.dsn)):
        async with database.transaction() as session:
            await timer.run(session)


def test_the_notice_periods_come_from_the_settings():
    settings = settings_for(ENTRY, "postgresql://nobody@localhost/none")

    assert (settings.milestone_notice_days, settings.expiry_notice_days) == (7, 30)
