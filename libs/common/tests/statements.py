"""Counts what goes to the database."""

from contextlib import contextmanager

from sqlalchemy import event


@contextmanager
def recorded(database, statements):
    """Append every statement of the block, with its parameters, to `statements`."""

    def remember(connection, cursor, statement, parameters, context, executemany):
        statements.append((statement, parameters))

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", remember)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", remember)
