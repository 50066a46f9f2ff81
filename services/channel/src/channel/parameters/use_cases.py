"""What people do with parameters."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from channel.db import take_turn
from channel.parameters.definitions import DEFINITIONS, Definition, Value, definition_of
from channel.parameters.model import (
    Parameter,
    ParameterSetting,
    in_force,
    next_planned,
)
from channel.parameters.schemas import ParameterRead, ParameterSettingRead, ParameterWithHistory
from common.auth import Actor
from common.days import day_of
from common.messaging.outbox import record


async def list_parameters(session: AsyncSession, *, now: datetime) -> list[ParameterRead]:
    """Every parameter there is, set or not, in the order of their definitions."""
    found = (await session.execute(select(Parameter))).scalars()
    versions = {parameter.name: parameter.version for parameter in found}
    settings = defaultdict(list)
    for setting, name in await session.execute(
        select(ParameterSetting, Parameter.name).join(
            Parameter, Parameter.id == ParameterSetting.parameter_id
        )
    ):
        settings[name].append(setting)
    return [
        _as_read(definition, settings[name], versions.get(name, 0), day_of(now))
        for name, definition in DEFINITIONS.items()
    ]


async def get_parameter(session: AsyncSession, name: str, *, now: datetime) -> ParameterWithHistory:
    """The parameter with its history; raises ParameterNotFound."""
    definition = definition_of(name)
    parameter = await _find(session, name)
    settings = [] if parameter is None else await _settings(session, parameter)
    version = 0 if parameter is None else parameter.version
    return ParameterWithHistory(
        **_as_read(definition, settings, version, day_of(now)).model_dump(),
        history=[ParameterSettingRead.model_validate(setting) for setting in settings],
    )


async def get_value_on(session: AsyncSession, name: str, day: date) -> Value | None:
    """What the parameter is on this day, the default where nothing was set."""
    definition = definition_of(name)
    parameter = await _find(session, name)
    if parameter is None:
        return definition.default
    setting = in_force(await _settings(session, parameter), day)
    return definition.default if setting is None else setting.value


async def set_parameter(
    session: AsyncSession,
    name: str,
    *,
    value: Value,
    effective_on: date | None,
    reason: str,
    version: int | None,
    actor: Actor,
    now: datetime,
) -> ParameterWithHistory:
    """Give the parameter a value from a day on."""
    definition_of(name)
    await take_turn(session, f"parameter {name}")
    parameter = await _find(session, name) or Parameter(name=name)
    today = day_of(now)
    setting, changed = parameter.set(
        value,
        effective_on=effective_on or today,
        today=today,
        seen_version=version,
        reason=reason,
        by=actor.id,
        now=now,
    )
    session.add(parameter)
    record(session, parameter, changed)
    await session.flush()
    session.add(setting)
    return await get_parameter(session, name, now=now)


async def withdraw_parameter(
    session: AsyncSession,
    name: str,
    *,
    effective_on: date,
    reason: str,
    version: int | None,
    actor: Actor,
    now: datetime,
) -> ParameterWithHistory:
    """Take a planned value back before its day."""
    definition_of(name)
    await take_turn(session, f"parameter {name}")
    parameter = await _find(session, name) or Parameter(name=name)
    settings = await _settings(session, parameter)
    withdrawn = parameter.withdraw(
        settings,
        effective_on=effective_on,
        today=day_of(now),
        seen_version=version,
        reason=reason,
        by=actor.id,
        now=now,
    )
    record(session, parameter, withdrawn)
    return await get_parameter(session, name, now=now)


async def _find(session: AsyncSession, name: str) -> Parameter | None:
    found = await session.execute(select(Parameter).where(Parameter.name == name))
    return found.scalar_one_or_none()


async def _settings(session: AsyncSession, parameter: Parameter) -> Sequence[ParameterSetting]:
    found = await session.execute(
        select(ParameterSetting)
        .where(ParameterSetting.parameter_id == parameter.id)
        .order_by(ParameterSetting.place.desc())
    )
    return found.scalars().all()


def _as_read(
    definition: Definition, settings: Sequence[ParameterSetting], version: int, today: date
) -> ParameterRead:
    current, coming = in_force(settings, today), next_planned(settings, today)
    return ParameterRead(
        name=definition.name,
        kind=definition.kind,
        meaning=definition.meaning,
        meaning_zh=definition.meaning_zh,
        minimum=definition.minimum,
        maximum=definition.maximum,
        choices=list(definition.choices),
        default=definition.default,
        used_by=list(definition.used_by),
        value=definition.default if current is None else current.value,
        effective_on=None if current is None else current.effective_on,
        next_value=None if coming is None else coming.value,
        next_effective_on=None if coming is None else coming.effective_on,
        version=version,
    )
