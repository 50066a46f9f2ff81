"""The way of a deal: its stages, where it may go from each, and what is asked of it there.

A flow is a value: a version of a pipeline keeps one and never changes it, so that a deal goes on by
the rules it began with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

WON: Final = "won"
LOST: Final = "lost"
CLOSING = frozenset({WON, LOST})

StageCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,19}$")]
ActivityKind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
NeededField = Literal[
    "customer_id",
    "product_id",
    "expected_amount",
    "expected_close_on",
    "need",
    "budget",
    "decision_cycle_days",
    "owner_id",
    "partner_id",
    "end_customer_id",
]
"""What a stage may ask to be known of a deal."""


class StageRules(BaseModel):
    """An open stage of a pipeline."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: StageCode
    name_zh: str = Field(min_length=1, max_length=80)
    name_en: str = Field(min_length=1, max_length=80)
    probability: Decimal = Field(
        ge=0, le=1, decimal_places=4, description="How likely a deal is won, where nobody says"
    )
    moves: tuple[StageCode, ...] = Field(
        max_length=40, description="Where a deal may go from here; `won` and `lost` among them"
    )
    needs: tuple[NeededField, ...] = Field((), description="Known of every deal that stands here")
    exit_needs: tuple[NeededField, ...] = Field((), description="Known before a deal goes on")
    exit_activities: tuple[ActivityKind, ...] = Field(
        (), max_length=20, description="Done during the stay before a deal goes on"
    )
    limit_days: int | None = Field(
        None, ge=1, le=3650, description="A deal that stood here so long is stalled; null: never"
    )


@dataclass(frozen=True, slots=True)
class Flow:
    """The open stages of a version of a pipeline, in the order a deal goes through them."""

    stages: tuple[StageRules, ...]

    @property
    def first(self) -> str:
        """The stage a deal begins at where nobody says otherwise."""
        return self.stages[0].stage

    @property
    def names(self) -> tuple[str, ...]:
        """The open stages in their order."""
        return tuple(rules.stage for rules in self.stages)

    def rules(self, stage: str) -> StageRules | None:
        """What holds at an open stage; None for a stage that the flow does not have."""
        return next((rules for rules in self.stages if rules.stage == stage), None)

    def moves(self, stage: str) -> tuple[str, ...]:
        """Where a deal may go from a stage; nowhere from a closed one."""
        rules = self.rules(stage)
        return rules.moves if rules is not None else ()

    def goes_on(self, stage: str, to: str) -> bool:
        """Whether a move is one forward: to a later stage, or to won."""
        if to in CLOSING:
            return to == WON
        return self.names.index(to) > self.names.index(stage)


def dead_ends(stages: Sequence[StageRules]) -> list[str]:
    """The stages from which no moves lead to won, or none lead to lost."""
    found = set[str]()
    for end in CLOSING:
        leads_there = {end}
        while more := {
            rules.stage
            for rules in stages
            if rules.stage not in leads_there and leads_there.intersection(rules.moves)
        }:
            leads_there |= more
        found |= {rules.stage for rules in stages if rules.stage not in leads_there}
    return sorted(found)


DEFAULT_CODE: Final = "default"
"""The pipeline of the deals that no other one takes."""

BUILT_IN = Flow(
    (
        StageRules(
            stage="prospecting",
            name_zh="线索挖掘",
            name_en="Prospecting",
            probability=Decimal("0.10"),
            moves=("engaging", "proposal", "negotiation", WON, LOST),
            limit_days=60,
        ),
        StageRules(
            stage="engaging",
            name_zh="需求沟通",
            name_en="Engaging",
            probability=Decimal("0.25"),
            moves=("prospecting", "proposal", "negotiation", WON, LOST),
            limit_days=60,
        ),
        StageRules(
            stage="proposal",
            name_zh="方案报价",
            name_en="Proposal",
            probability=Decimal("0.50"),
            moves=("engaging", "negotiation", WON, LOST),
            needs=("expected_amount",),
            limit_days=45,
        ),
        StageRules(
            stage="negotiation",
            name_zh="商务谈判",
            name_en="Negotiation",
            probability=Decimal("0.75"),
            moves=("proposal", WON, LOST),
            needs=("expected_amount", "expected_close_on"),
            limit_days=30,
        ),
    )
)
"""Version 1 of the default pipeline, which is always there: forward by any number of stages, back by
one; won and lost from everywhere."""
