from contract.worker import TIMERS


async def test_every_timer_runs_on_an_empty_database(database):
    for timer in TIMERS:
        async with database.transaction() as session:
            await timer.run(session)
