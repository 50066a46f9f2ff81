"""Moving leads: routing them by the rules, and keeping every move with its reason."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Numeric, case, cast, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from common import context
from common.access.rows import all_rows
from common.days import ZONE, day_of
from common.messaging.outbox import record
from sales.copies.model import KnownEmployee, KnownTerritory
from sales.lead_assignments.model import LeadAssignment, LeadAssignmentNotFound
from sales.lead_routing_policies import use_cases as policies
from sales.lead_routing_policies.model import LeadRoutingPolicy, NoRoutingPolicy
from sales.leads.deficits import Asked, Decision, MemberThen, RoutingRule, decide, rules_for
from sales.leads.model import OPEN_STATES, HowMoved, Lead
from sales.routing_members.model import RoutingBalance, RoutingMember
from sales.routing_teams import use_cases as teams
from sales.routing_teams.model import RoutingTeam, fairness_of
from sales.routing_teams.schemas import FairnessRead, MemberShare

NOBODY_FITS = "no rule fits the lead"
NOBODY_FREE = "nobody of the teams that the rules name can take it"
ROUTED_AT_ONCE = 50
"""Leads that the worker routes in one transaction, while others wait for their teams."""


def keep_move(
    session: AsyncSession,
    lead: Lead,
    *,
    how: HowMoved,
    from_owner_id: UUID | None,
    reason: str,
    now: datetime,
    **decided: Any,
) -> LeadAssignment:
    """Write down that the lead was moved to whom it belongs now."""
    move = LeadAssignment(
        lead_id=lead.id,
        happened_at=now,
        how=how,
        from_owner_id=from_owner_id,
        to_owner_id=lead.owner_id,
        reason=reason,
        by=context.current().actor_id or "system",
        **decided,
    )
    session.add(move)
    return move


async def list_assignments(session: AsyncSession, lead_id: UUID) -> Sequence[LeadAssignment]:
    """Every move of a lead, in order."""
    found = await session.execute(
        select(LeadAssignment).where(LeadAssignment.lead_id == lead_id).order_by(LeadAssignment.id)
    )
    return found.scalars().all()


async def get_assignment(
    session: AsyncSession, lead_id: UUID, assignment_id: UUID
) -> LeadAssignment:
    """One move of a lead."""
    found = await session.execute(
        select(LeadAssignment).where(
            LeadAssignment.id == assignment_id, LeadAssignment.lead_id == lead_id
        )
    )
    move = found.scalar()
    if move is None:
        raise LeadAssignmentNotFound(f"no assignment {assignment_id} of this lead")
    return move


async def route(session: AsyncSession, leads: Sequence[Lead], *, now: datetime) -> None:
    """Give these leads, which are locked and lie in the pool, to whom the rules find, in their order.

    Raises NoRoutingPolicy.
    """
    policy = await policies.find_policy_in_force(session, day_of(now))
    if policy is None:
        raise NoRoutingPolicy("no routing policy is in force: assign the lead by hand")
    await _route(session, leads, policy, now=now)


async def route_waiting_leads(
    session: AsyncSession, *, now: datetime, limit: int = ROUTED_AT_ONCE
) -> int:
    """Route the best leads that wait for it; how many there were. Without a policy they wait on."""
    policy = await policies.find_policy_in_force(session, day_of(now))
    if policy is None:
        return 0
    found = await session.execute(
        select(Lead)
        .where(Lead.awaits_routing)
        .order_by(Lead.rank, Lead.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    leads = found.scalars().all()
    if leads:
        await _route(session, leads, policy, now=now)
    return len(leads)


async def get_fairness(
    session: AsyncSession, team_id: UUID, *, from_on: date, to_on: date
) -> FairnessRead:
    """How fairly a team's routed leads were shared from one day to another, both included."""
    await teams.get_routing_team(session, team_id)
    considered = LeadAssignment.decision["considered"]
    each = func.jsonb_array_elements(considered[-1]["candidates"]).table_valued("value").alias()
    candidate = each.c.value
    employee = candidate.op("->>")("employee_id")
    got = case((employee == LeadAssignment.decision["employee_id"].astext, 1), else_=0)
    with all_rows(session):
        found = await session.execute(
            select(
                employee,
                func.sum(cast(candidate.op("->>")("share"), Numeric)),
                func.sum(got),
            )
            .select_from(LeadAssignment)
            .join(each, literal(True))
            .where(
                LeadAssignment.team_id == team_id,
                LeadAssignment.happened_at >= _start_of(from_on),
                LeadAssignment.happened_at < _start_of(to_on + timedelta(days=1)),
            )
            .group_by(employee)
            .order_by(employee)
        )
    shares = [
        MemberShare(
            employee_id=UUID(employee_id),
            assigned=assigned,
            entitled=_rounded(entitled),
            deficit=_rounded(entitled - assigned),
        )
        for employee_id, entitled, assigned in found
    ]
    return FairnessRead(
        team_id=team_id,
        from_on=from_on,
        to_on=to_on,
        leads=sum(share.assigned for share in shares),
        fairness=fairness_of([(share.entitled, share.assigned) for share in shares]),
        largest_deviation=max((abs(share.deficit) for share in shares), default=None),
        members=shares,
    )


@dataclass
class _Roster:
    """The members of some teams as they are under the teams' locks; it goes on with each lead."""

    teams: dict[UUID, RoutingTeam]
    members: dict[UUID, list[RoutingMember]]
    employees: dict[UUID, KnownEmployee]
    open_leads: dict[UUID, int]
    balances: dict[tuple[UUID, UUID], RoutingBalance]
    on: date
    credited: dict[tuple[UUID, UUID], Decimal] = field(default_factory=dict)
    given: dict[tuple[UUID, UUID], int] = field(default_factory=dict)
    last: dict[tuple[UUID, UUID], datetime] = field(default_factory=dict)

    def of(self, team_id: UUID) -> tuple[MemberThen, ...]:
        """The team as it is now; a closed team has nobody."""
        if team_id not in self.teams or not self.teams[team_id].is_active:
            return ()
        return tuple(self._as_it_is(team_id, member) for member in self.members.get(team_id, ()))

    def take(self, decision: Decision, *, now: datetime) -> None:
        """Credit the shares of a decision, and count the lead for who has it."""
        decided = decision.deciding
        if decided is None or decision.member_id is None or decision.employee_id is None:
            return
        for candidate in decided.candidates:
            key = decided.team_id, candidate.member_id
            self.credited[key] = self.credited.get(key, Decimal(0)) + candidate.share
        key = decided.team_id, decision.member_id
        self.given[key] = self.given.get(key, 0) + 1
        self.last[key] = now
        self.open_leads[decision.employee_id] = self.open_leads.get(decision.employee_id, 0) + 1

    def _as_it_is(self, team_id: UUID, member: RoutingMember) -> MemberThen:
        key = team_id, member.id
        balance = self.balances.get(key)
        employee = self.employees.get(member.employee_id)
        last = self.last.get(key, balance.last_assigned_at if balance else None)
        return MemberThen(
            member_id=member.id,
            employee_id=member.employee_id,
            quota=member.quota,
            capacity=member.capacity,
            open_leads=self.open_leads.get(member.employee_id, 0),
            skills=tuple(sorted(member.skills)),
            territory_ids=tuple(sorted(member.territory_ids)),
            is_absent=member.is_absent_on(self.on),
            is_active=member.is_active,
            has_left=employee is None or employee.state == "left",
            entitled=(balance.entitled if balance else Decimal(0)) + self.credited.get(key, 0),
            assigned=(balance.assigned if balance else 0) + self.given.get(key, 0),
            last_assigned_at=last.astimezone(UTC) if last else None,
        )


async def _route(
    session: AsyncSession, leads: Sequence[Lead], policy: LeadRoutingPolicy, *, now: datetime
) -> None:
    rules = policy.ordered_rules
    fitting = {lead.id: rules_for(rules, lead.facts) for lead in leads}
    wanted = {rule.team_id for matched in fitting.values() for rule in matched}
    # Rules hold whoever asks: a team's shares are those of all its leads.
    with all_rows(session):
        roster = await _roster(session, wanted, on=day_of(now))
        regions = await _regions_around(session, leads, rules)
    for lead in leads:
        asked = Asked(
            policy_version=policy.policy_version,
            facts=lead.facts,
            regions=tuple(regions.get(lead.region_id, ())) if lead.region_id else (),
            rules=fitting[lead.id],
            teams={rule.team_id: roster.of(rule.team_id) for rule in fitting[lead.id]},
        )
        decision = decide(asked)
        roster.take(decision, now=now)
        _give(session, lead, asked, decision, roster, now=now)
    await _write_balances(session, roster)


def _give(
    session: AsyncSession,
    lead: Lead,
    asked: Asked,
    decision: Decision,
    roster: _Roster,
    *,
    now: datetime,
) -> None:
    before = lead.owner_id
    decided = decision.deciding
    if decided is None or decision.employee_id is None:
        reason = NOBODY_FREE if decision.considered else NOBODY_FITS
        how = HowMoved.UNROUTED
        record(
            session, lead, lead.leave_unrouted(policy_version=asked.policy_version, reason=reason)
        )
    else:
        reason, how = f"routed by rule {decided.rule}", HowMoved.ROUTED
        assigned = lead.assign(
            assignee_id=decision.employee_id,
            department_id=roster.employees[decision.employee_id].department_id,
            reason=reason,
            now=now,
            how=how,
        )
        record(session, lead, assigned)
    keep_move(
        session,
        lead,
        how=how,
        from_owner_id=before,
        reason=reason,
        now=now,
        policy_version=asked.policy_version,
        team_id=None if decided is None else decided.team_id,
        rule=None if decided is None else decided.rule,
        decided_by=decision.decided_by,
        asked=asked.model_dump(mode="json"),
        decision=decision.model_dump(mode="json"),
    )


async def _roster(session: AsyncSession, team_ids: Collection[UUID], *, on: date) -> _Roster:
    """The teams and their members, locked: teams first, each in the order of the ids.

    Two leads at the same time never see the same deficits, nor the same room under a capacity.
    """
    locked = await teams.lock_routing_teams(session, team_ids)
    found = await session.execute(
        select(RoutingMember)
        .where(RoutingMember.team_ids.overlap(sorted(locked)))
        .order_by(RoutingMember.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    all_members = found.scalars().all()
    employee_ids = [member.employee_id for member in all_members]
    known = await session.execute(select(KnownEmployee).where(KnownEmployee.id.in_(employee_ids)))
    counted = await session.execute(
        select(Lead.owner_id, func.count())
        .where(Lead.owner_id.in_(employee_ids), Lead.state.in_(OPEN_STATES))
        .group_by(Lead.owner_id)
    )
    balances = await session.execute(
        select(RoutingBalance)
        .where(RoutingBalance.team_id.in_(locked))
        .execution_options(populate_existing=True)
    )
    return _Roster(
        teams=locked,
        members={
            team_id: [member for member in all_members if team_id in member.team_ids]
            for team_id in locked
        },
        employees={employee.id: employee for employee in known.scalars()},
        open_leads={owner_id: count for owner_id, count in counted if owner_id is not None},
        balances={(each.team_id, each.member_id): each for each in balances.scalars()},
        on=on,
    )


async def _write_balances(session: AsyncSession, roster: _Roster) -> None:
    rows = [
        {
            "team_id": team_id,
            "member_id": member_id,
            "entitled": share,
            "assigned": roster.given.get((team_id, member_id), 0),
            "last_assigned_at": roster.last.get((team_id, member_id)),
        }
        for (team_id, member_id), share in sorted(roster.credited.items())
    ]
    if not rows:
        return
    new = insert(RoutingBalance).values(rows)
    await session.execute(
        new.on_conflict_do_update(
            index_elements=["team_id", "member_id"],
            set_={
                "entitled": RoutingBalance.entitled + new.excluded.entitled,
                "assigned": RoutingBalance.assigned + new.excluded.assigned,
                "last_assigned_at": func.coalesce(
                    new.excluded.last_assigned_at, RoutingBalance.last_assigned_at
                ),
            },
        ),
        execution_options={"synchronize_session": False},
    )


async def _regions_around(
    session: AsyncSession, leads: Iterable[Lead], rules: Sequence[RoutingRule]
) -> dict[UUID, list[UUID]]:
    """Each lead's region with those around it, where a rule asks for that."""
    wanted = {lead.region_id for lead in leads if lead.region_id is not None}
    if not wanted or not any(rule.match_territory for rule in rules):
        return {}
    around = (
        select(
            KnownTerritory.id.label("region_id"),
            KnownTerritory.id.label("id"),
            KnownTerritory.parent_id,
        )
        .where(KnownTerritory.id.in_(wanted))
        .cte("around", recursive=True)
    )
    # A union, not a union all: it ends where the territories should ever form a circle.
    around = around.union(
        select(around.c.region_id, KnownTerritory.id, KnownTerritory.parent_id).where(
            KnownTerritory.id == around.c.parent_id
        )
    )
    found: dict[UUID, list[UUID]] = {}
    rows = await session.execute(
        select(around.c.region_id, around.c.id).order_by(around.c.region_id, around.c.id)
    )
    for region_id, id_ in rows:
        found.setdefault(region_id, []).append(id_)
    return found


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), ZONE)


def _rounded(leads: Decimal) -> Decimal:
    return leads.quantize(Decimal("0.0001"))
