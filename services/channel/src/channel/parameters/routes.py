"""The parameter endpoints."""

from channel.parameters import use_cases as parameters
from channel.parameters.schemas import (
    ParameterRead,
    ParameterSet,
    ParameterWithdraw,
    ParameterWithHistory,
)
from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session

router = service_router("channel", "parameters")


@router.get("", response_model=list[ParameterRead])
async def list_parameters(session: Session, now: Now) -> list[ParameterRead]:
    return await parameters.list_parameters(session, now=now)


@router.get("/{name}", response_model=ParameterWithHistory)
async def get_parameter(name: str, session: Session, now: Now) -> ParameterWithHistory:
    return await parameters.get_parameter(session, name, now=now)


@router.post("/{name}:set", response_model=ParameterWithHistory)
async def set_parameter(
    name: str, to: ParameterSet, session: Session, actor: CurrentActor, now: Now
) -> ParameterWithHistory:
    return await parameters.set_parameter(session, name, actor=actor, now=now, **to.model_dump())


@router.post("/{name}:withdraw", response_model=ParameterWithHistory)
async def withdraw_parameter(
    name: str, what: ParameterWithdraw, session: Session, actor: CurrentActor, now: Now
) -> ParameterWithHistory:
    return await parameters.withdraw_parameter(
        session, name, actor=actor, now=now, **what.model_dump()
    )
