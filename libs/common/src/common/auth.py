"""Who is asking.

Every process listens on loopback or behind the gateway's network until sign-in is configured;
all requests then act as the local operator, and the suite says so when it starts.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a program that acts; `id` is opaque and goes into events as `actorid`."""

    id: str


LOCAL_OPERATOR = Actor(id="local-operator")


def current_actor() -> Actor:
    """The actor of this request."""
    return LOCAL_OPERATOR


async def _actor_of_request() -> Actor:
    return current_actor()


CurrentActor = Annotated[Actor, Depends(_actor_of_request)]
