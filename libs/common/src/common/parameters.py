"""Parameters of the installation, as a service hears of them: what one is on a day.

The channel service owns them. A service that reads one names it with its default, hears both
events, and asks:

    NOTICE = Parameter("contract_expiry_notice_days", 30)
    CONSUMERS = {..., ParameterChanged: keep_parameter, ParameterWithdrawn: forget_parameter}
    days = await value_on(session, NOTICE, today)

Its migrations execute `V1`.
"""

import json
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.events import Consumed

T = TypeVar("T", int, str)

V1 = [
    """
    CREATE TABLE known_parameters (
        name text NOT NULL,
        effective_on date NOT NULL,
        value jsonb NOT NULL,
        PRIMARY KEY (name, effective_on)
    )
    """
]
"""Statements of the first version, in order."""


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T]):
    """A parameter that a service reads; `default` is what it is until one is heard of."""

    name: str
    default: T


class ParameterChanged(Consumed):
    """A parameter has this value from a day on."""

    type = "channel.parameter.changed.v1"

    name: str
    value: int | str
    effective_on: date


class ParameterWithdrawn(Consumed):
    """What was planned for a parameter from a day on will not come."""

    type = "channel.parameter.withdrawn.v1"

    name: str
    effective_on: date


async def keep_parameter(session: AsyncSession, event: ParameterChanged) -> None:
    """Keep the value; of two for the same day, the one said later counts."""
    await session.execute(
        text("""
            INSERT INTO known_parameters (name, effective_on, value)
            VALUES (:name, :effective_on, CAST(:value AS jsonb))
            ON CONFLICT (name, effective_on) DO UPDATE SET value = EXCLUDED.value
        """),
        {
            "name": event.name,
            "effective_on": event.effective_on,
            "value": json.dumps(event.value),
        },
    )


async def forget_parameter(session: AsyncSession, event: ParameterWithdrawn) -> None:
    """Forget what was planned."""
    await session.execute(
        text("DELETE FROM known_parameters WHERE name = :name AND effective_on = :effective_on"),
        {"name": event.name, "effective_on": event.effective_on},
    )


async def value_on(session: AsyncSession, parameter: Parameter[T], day: date) -> T:
    """What the parameter is on this day; its default before anything was heard of it.

    Raises TypeError when what was heard is of another type than the default.
    """
    found = await session.execute(
        text("""
            SELECT value::text FROM known_parameters
            WHERE name = :name AND effective_on <= :day
            ORDER BY effective_on DESC LIMIT 1
        """),
        {"name": parameter.name, "day": day},
    )
    kept = found.scalar()
    if kept is None:
        return parameter.default
    value = json.loads(kept)
    if type(value) is not type(parameter.default):
        raise TypeError(f"{parameter.name} is heard to be {value!r}")
    checked: T = value
    return checked
