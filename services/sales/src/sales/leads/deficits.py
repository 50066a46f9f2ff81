"""Who gets a lead: the one who is furthest behind the fair share, by rules and without dice.

With every lead that a team gets, its fair share of that lead, one divided by quota, is credited to
each member who could have had it; who has it is one lead further. The difference is the deficit, and
the largest one wins. Who is absent, full, or lacks what the lead needs is credited nothing, so that
nobody is flooded who comes back. Of equal deficits, the one wins who waits longer since the last
lead, then the one with the smaller id.

`decide` looks at nothing but what it is given, so that a decision is replayed from what was kept.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sales.leads.conditions import Condition, Facts, all_hold

_EXACT = Decimal("1e-12")

Skill = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class WhyNot(StrEnum):
    """Why a member of the team was passed over; more may follow."""

    LEFT = "left"
    INACTIVE = "inactive"
    ABSENT = "absent"
    FULL = "full"
    LACKS_SKILL = "lacks_skill"
    OUTSIDE_TERRITORY = "outside_territory"


class DecidedBy(StrEnum):
    """What made the difference between the best candidates."""

    ONLY_ONE = "only_one"
    DEFICIT = "deficit"
    WAITED_LONGER = "waited_longer"
    SMALLER_ID = "smaller_id"


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RoutingRule(_Kept):
    """Leads for which all of `when` holds go to a team; without conditions all leads do.

    They go to members with all of the `skills`, and where `match_territory`, only to those in
    charge of the lead's region or one around it. Where nobody can, the next rule is looked at.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    team_id: UUID
    when: tuple[Condition, ...] = Field((), max_length=10)
    skills: tuple[Skill, ...] = Field((), max_length=20)
    match_territory: bool = False


class MemberThen(_Kept):
    """A member of a team as it was when a lead was routed.

    `entitled` and `assigned` are in leads, over all the time in the team.
    """

    member_id: UUID
    employee_id: UUID
    quota: Decimal
    capacity: int | None
    open_leads: int
    skills: tuple[str, ...]
    territory_ids: tuple[UUID, ...]
    is_absent: bool
    is_active: bool
    has_left: bool
    entitled: Decimal
    assigned: int
    last_assigned_at: datetime | None

    def why_not(self, rule: RoutingRule, regions: Sequence[UUID]) -> WhyNot | None:
        """Why the member cannot have a lead of the rule; None is: can."""
        if self.has_left:
            return WhyNot.LEFT
        if not self.is_active:
            return WhyNot.INACTIVE
        if self.is_absent:
            return WhyNot.ABSENT
        if self.capacity is not None and self.open_leads >= self.capacity:
            return WhyNot.FULL
        if not set(rule.skills) <= set(self.skills):
            return WhyNot.LACKS_SKILL
        if rule.match_territory and not set(regions) & set(self.territory_ids):
            return WhyNot.OUTSIDE_TERRITORY
        return None


class Asked(_Kept):
    """Everything that a decision looks at; `regions` are the lead's region and those around it."""

    policy_version: int
    facts: dict[str, str | None]
    regions: tuple[UUID, ...]
    rules: tuple[RoutingRule, ...]
    teams: dict[UUID, tuple[MemberThen, ...]]


class Candidate(_Kept):
    """Somebody who could have had the lead: the share of it and the deficit that came of it."""

    member_id: UUID
    employee_id: UUID
    share: Decimal
    deficit: Decimal


class PassedOver(_Kept):
    """A member who could not have the lead, and why."""

    member_id: UUID
    employee_id: UUID
    why: WhyNot


class Considered(_Kept):
    """One rule that fits the lead, and who of its team could have it."""

    rule: str
    team_id: UUID
    candidates: tuple[Candidate, ...]
    passed_over: tuple[PassedOver, ...]


class Decision(_Kept):
    """Who gets the lead, by which rule, and how it came to that; nobody where no rule found one.

    `considered` are the rules that fit, in their order; the last one is the one that decided.
    """

    member_id: UUID | None
    employee_id: UUID | None
    decided_by: DecidedBy | None
    considered: tuple[Considered, ...]

    @property
    def deciding(self) -> Considered | None:
        """The rule that found somebody."""
        return None if self.member_id is None else self.considered[-1]


def rules_for(rules: Sequence[RoutingRule], facts: Facts) -> tuple[RoutingRule, ...]:
    """The rules that fit a lead, in their order."""
    return tuple(rule for rule in rules if all_hold(rule.when, facts))


def decide(asked: Asked) -> Decision:
    """Who gets the lead."""
    considered = []
    for rule in rules_for(asked.rules, asked.facts):
        able, passed_over = _sorted_out(asked.teams.get(rule.team_id, ()), rule, asked.regions)
        candidates = tuple(_candidates(able))
        considered.append(
            Considered(
                rule=rule.name,
                team_id=rule.team_id,
                candidates=candidates,
                passed_over=tuple(passed_over),
            )
        )
        if candidates:
            best, decided_by = _best(candidates, {each.member_id: each for each in able})
            return Decision(
                member_id=best.member_id,
                employee_id=best.employee_id,
                decided_by=decided_by,
                considered=tuple(considered),
            )
    return Decision(member_id=None, employee_id=None, decided_by=None, considered=tuple(considered))


def _sorted_out(
    team: Sequence[MemberThen], rule: RoutingRule, regions: Sequence[UUID]
) -> tuple[list[MemberThen], list[PassedOver]]:
    able, passed_over = [], []
    for member in sorted(team, key=lambda each: each.member_id):
        why = member.why_not(rule, regions)
        if why is None:
            able.append(member)
        else:
            passed_over.append(
                PassedOver(member_id=member.member_id, employee_id=member.employee_id, why=why)
            )
    return able, passed_over


def _candidates(able: Sequence[MemberThen]) -> list[Candidate]:
    whole = sum((member.quota for member in able), Decimal(0))
    found = []
    for member in able:
        share = (member.quota / whole).quantize(_EXACT)
        found.append(
            Candidate(
                member_id=member.member_id,
                employee_id=member.employee_id,
                share=share,
                deficit=member.entitled + share - member.assigned,
            )
        )
    return found


def _best(
    candidates: Sequence[Candidate], members: Mapping[UUID, MemberThen]
) -> tuple[Candidate, DecidedBy]:
    def waits_since(candidate: Candidate) -> tuple[bool, datetime | None]:
        last = members[candidate.member_id].last_assigned_at
        return last is not None, last

    if len(candidates) == 1:
        return candidates[0], DecidedBy.ONLY_ONE
    largest = max(candidate.deficit for candidate in candidates)
    furthest = [candidate for candidate in candidates if candidate.deficit == largest]
    if len(furthest) == 1:
        return furthest[0], DecidedBy.DEFICIT
    longest = min(waits_since(candidate) for candidate in furthest)
    waiting = [candidate for candidate in furthest if waits_since(candidate) == longest]
    if len(waiting) == 1:
        return waiting[0], DecidedBy.WAITED_LONGER
    return min(waiting, key=lambda candidate: candidate.member_id), DecidedBy.SMALLER_ID
