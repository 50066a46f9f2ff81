"""Finding duplicates: of something new, and among all that is there."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from common.access.rows import all_rows, rows_of
from common.auth import Actor
from common.clock import utc_now
from common.db import Database
from common.match_keys import Match, MatchKeys, compare
from common.pagination import Page, PageRequest, paginate
from customer.customers.model import Customer
from customer.duplicates.model import (
    Candidate,
    DuplicateGroup,
    DuplicateKeys,
    DuplicatePair,
    DuplicatePolicy,
    DuplicateScan,
    GroupNotFound,
    ScanIsRunning,
    ScanNotFound,
    ScanState,
    said_reasons,
)

MOST_LOOKED_AT = 200
"""Records with something in common that are compared, of those found for one question."""
SCANNED_AT_ONCE = 200

_Keys = tuple[str | None, str | None, Iterable[str], Iterable[str]]

_WITH_CUSTOMERS = """
    SELECT hits.*, c.id AS customer_id, c.number, c.name AS customer_name, c.city,
        c.owner_id, c.department_id, c.partner_id, c.region_id
    FROM hits
    LEFT JOIN contacts p ON hits.record_type = 'contact' AND p.id = hits.record_id
        AND p.deleted_at IS NULL
    JOIN customers c ON c.deleted_at IS NULL
        AND c.id = CASE hits.record_type WHEN 'customer' THEN hits.record_id ELSE p.customer_id END
"""
_FIND = text(f"""
    WITH asked AS MATERIALIZED (
        SELECT index, record_id, tokens
        FROM jsonb_to_recordset(CAST(:asked AS jsonb))
            AS asked (index integer, record_id uuid, tokens bigint[])
    ), hits AS MATERIALIZED (
        SELECT asked.index, hit.*
        FROM asked CROSS JOIN look_up_duplicates(asked.tokens, asked.record_id, :most) AS hit
    )
    {_WITH_CUSTOMERS}
""")  # noqa: S608 - constants
_WAIT = text(
    "SELECT count(pg_advisory_xact_lock(token)) FROM unnest(CAST(:tokens AS bigint[])) AS token"
)
_DISMISSED = text("""
    SELECT one_id, other_id FROM duplicate_pairs
    WHERE dismissed_at IS NOT NULL AND (one_id = :id OR other_id = :id)
""")
_HAVE = text("""
    SELECT record_id FROM look_up_duplicates(
        CAST(:tokens AS bigint[]), CAST(:nobody AS uuid), :most)
    WHERE record_type = 'customer'
""")
_NOBODY = "00000000-0000-0000-0000-000000000000"
_ALL = 2**31 - 1


async def find_duplicates(
    session: AsyncSession, asked: Sequence[MatchKeys], *, of: UUID | None = None
) -> list[list[Candidate]]:
    """For each of `asked` the customers it may be, the likeliest first.

    Everybody's customers are compared; those that the session does not see come without a name.
    `of` is the customer asked about, where it is there already: it is no candidate for itself, and
    neither are those that were said to be others.
    """
    rows = rows_of(session)
    questions = [
        {"index": index, "record_id": of or _NOBODY, "tokens": keys.tokens}
        for index, keys in enumerate(asked)
    ]
    with all_rows(session):
        found = await session.execute(
            _FIND, {"asked": to_json(questions).decode(), "most": MOST_LOOKED_AT}
        )
        hits = found.mappings().all()
        others: set[UUID] = {of} if of else set()
        if of is not None:
            decided = await session.execute(_DISMISSED, {"id": of})
            others |= {each for pair in decided for each in pair}
    candidates: list[dict[UUID, Candidate]] = [{} for _ in asked]
    for hit in hits:
        match = compare(asked[hit["index"]], _keys(hit))
        if match is None or hit["customer_id"] in others:
            continue
        best = candidates[hit["index"]].get(hit["customer_id"])
        if best is None or match.score > best.match.score:
            candidates[hit["index"]][hit["customer_id"]] = Candidate(
                customer_id=hit["customer_id"],
                number=hit["number"],
                name=hit["customer_name"],
                city=hit["city"],
                match=match,
                is_seen=rows is None or rows.hold(dict(hit)),
            )
    return [
        sorted(each.values(), key=lambda one: (-one.match.score, one.number)) for each in candidates
    ]


async def customers_with(session: AsyncSession, tokens: Iterable[int]) -> set[UUID]:
    """The customers of which a stored key has one of these tokens, seen or not."""
    asked = sorted(tokens)
    found = await session.execute(_HAVE, {"tokens": asked, "nobody": _NOBODY, "most": _ALL})
    return set(found.scalars())


async def look_before_taking_on(
    session: AsyncSession, keys: MatchKeys, *, policy: str
) -> list[Candidate]:
    """The customers that a new one with these keys may be.

    Where the policy does more than warn, two who take the same one on at the same time wait for each
    other.
    """
    if policy != DuplicatePolicy.WARN:
        await session.execute(_WAIT, {"tokens": keys.tokens})
    (candidates,) = await find_duplicates(session, [keys])
    return candidates


async def start_scan(session: AsyncSession, *, actor: Actor, now: datetime) -> DuplicateScan:
    """Have all customers compared with each other, by the worker; one scan at a time."""
    await session.execute(text("LOCK TABLE duplicate_scans IN SHARE ROW EXCLUSIVE MODE"))
    running = await session.execute(
        select(DuplicateScan.id).where(DuplicateScan.state == ScanState.RUNNING)
    )
    if (scan_id := running.scalar()) is not None:
        raise ScanIsRunning("all customers are being compared", existing_id=str(scan_id))
    total = await session.execute(select(func.count()).select_from(DuplicateKeys))
    scan = DuplicateScan(
        state=ScanState.RUNNING, total=total.scalar_one(), started_by=actor.id, started_at=now
    )
    session.add(scan)
    await session.flush()
    return scan


async def get_scan(session: AsyncSession, scan_id: UUID) -> DuplicateScan:
    """The scan, with its progress."""
    scan = await session.get(DuplicateScan, scan_id)
    if scan is None:
        raise ScanNotFound(f"no scan {scan_id}")
    return scan


async def list_groups(session: AsyncSession, page: PageRequest) -> Page[DuplicateGroup]:
    """A page of groups that are not decided yet, the likeliest first.

    A group of which the session sees no pair is left out.
    """
    groups = select(DuplicateGroup)
    if rows_of(session) is not None:
        groups = groups.where(
            exists().where(DuplicatePair.group_id == DuplicateGroup.id, *_both_are_seen())
        )
    return await paginate(
        session,
        groups,
        page,
        id_column=DuplicateGroup.id,
        sort_keys={"score": DuplicateGroup.score},
        default_sort="-score",
    )


async def pairs_of(
    session: AsyncSession, group_ids: Sequence[UUID]
) -> dict[UUID, list[tuple[DuplicatePair, Customer, Customer]]]:
    """The pairs of these groups that are not decided, with their customers, the likeliest first.

    A pair of which the session does not see both is left out.
    """
    one, other = aliased(Customer), aliased(Customer)
    found = await session.execute(
        select(DuplicatePair, one, other)
        .join(one, one.id == DuplicatePair.one_id)
        .join(other, other.id == DuplicatePair.other_id)
        .where(DuplicatePair.group_id.in_(group_ids), DuplicatePair.dismissed_at.is_(None))
        .order_by(DuplicatePair.score.desc(), DuplicatePair.one_id, DuplicatePair.other_id)
    )
    pairs: dict[UUID, list[tuple[DuplicatePair, Customer, Customer]]] = defaultdict(list)
    for pair, first, second in found:
        assert pair.group_id is not None
        pairs[pair.group_id].append((pair, first, second))
    return pairs


async def dismiss_group(
    session: AsyncSession,
    group_id: UUID,
    *,
    customer_ids: Sequence[UUID] | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Say that these customers of a group, or all of it, are not the same; no scan shows it again.

    Who does not see both customers of a pair decides nothing about it. Raises GroupNotFound.
    """
    group = await session.get(DuplicateGroup, group_id, with_for_update=True)
    seen = select(exists().where(DuplicatePair.group_id == group_id, *_both_are_seen()))
    if group is None or not (await session.execute(seen)).scalar_one():
        raise GroupNotFound(f"no group {group_id}")
    decided = update(DuplicatePair).where(DuplicatePair.group_id == group_id, *_both_are_seen())
    if customer_ids is not None:
        decided = decided.where(
            DuplicatePair.one_id.in_(customer_ids), DuplicatePair.other_id.in_(customer_ids)
        )
    await session.execute(
        decided.values(dismissed_at=now, dismissed_by=actor.id),
        execution_options={"synchronize_session": False},
    )
    await _drop_decided_groups(session)


def _both_are_seen() -> tuple[ColumnElement[bool], ...]:
    """Of a pair that is not decided: the session sees both of its customers."""
    return (
        DuplicatePair.dismissed_at.is_(None),
        DuplicatePair.one_id.in_(select(Customer.id)),
        DuplicatePair.other_id.in_(select(Customer.id)),
    )


async def dismiss_pairs(
    session: AsyncSession, customer_id: UUID, others: Iterable[UUID], *, by: str, now: datetime
) -> None:
    """Remember that a customer is none of `others`, whoever suspects it."""
    rows = [
        {
            "one_id": min(customer_id, other),
            "other_id": max(customer_id, other),
            "score": 0,
            "reasons": [],
            "dismissed_at": now,
            "dismissed_by": by,
        }
        for other in sorted(set(others) - {customer_id})
    ]
    if rows:
        keep = insert(DuplicatePair)
        keep = keep.on_conflict_do_update(
            index_elements=["one_id", "other_id"],
            set_={"dismissed_at": now, "dismissed_by": by, "group_id": None},
        )
        await session.execute(keep, rows)


async def suspect(
    session: AsyncSession,
    customer_id: UUID,
    candidates: Sequence[Candidate],
    *,
    by: str,
    now: datetime,
) -> None:
    """Put a customer and whom it may be the same as on the list, without a scan of all.

    The next scan finds the same and puts its group in the place of this one.
    """
    scan = DuplicateScan(
        state=ScanState.SUCCEEDED,
        total=1,
        done=1,
        pairs=len(candidates),
        groups=1,
        started_by=by,
        started_at=now,
        finished_at=now,
    )
    session.add(scan)
    await session.flush()
    group = DuplicateGroup(
        scan_id=scan.id,
        size=len(candidates) + 1,
        score=max(candidate.match.score for candidate in candidates),
    )
    session.add(group)
    await session.flush()
    pairs = {
        (min(customer_id, each.customer_id), max(customer_id, each.customer_id)): each.match
        for each in candidates
    }
    await _keep_pairs(session, scan, pairs)
    await session.execute(
        update(DuplicatePair).where(DuplicatePair.scan_id == scan.id).values(group_id=group.id),
        execution_options={"synchronize_session": False},
    )


async def forget_pairs(session: AsyncSession, customer_ids: Sequence[UUID]) -> None:
    """Drop what is suspected among these customers, who are one now."""
    await session.execute(
        delete(DuplicatePair).where(
            DuplicatePair.dismissed_at.is_(None),
            or_(
                DuplicatePair.one_id.in_(customer_ids),
                DuplicatePair.other_id.in_(customer_ids),
            ),
        ),
        execution_options={"synchronize_session": False},
    )
    await _drop_decided_groups(session)


async def _drop_decided_groups(session: AsyncSession) -> None:
    await session.execute(
        text("""
            DELETE FROM duplicate_groups g WHERE NOT EXISTS (
                SELECT FROM duplicate_pairs p WHERE p.group_id = g.id AND p.dismissed_at IS NULL)
        """)
    )


_TAKE = (
    select(DuplicateScan)
    .where(DuplicateScan.state == ScanState.RUNNING)
    .with_for_update(skip_locked=True)
)
_BATCH = select(DuplicateKeys).order_by(DuplicateKeys.record_id).limit(SCANNED_AT_ONCE)
_MINE = text("""
    SELECT k.id AS record_id, c.id AS customer_id
    FROM unnest(CAST(:ids AS uuid[])) AS k (id)
    LEFT JOIN contacts p ON p.id = k.id AND p.deleted_at IS NULL
    JOIN customers c ON c.id = coalesce(p.customer_id, k.id) AND c.deleted_at IS NULL
""")


async def scan_on(database: Database) -> bool:
    """Compare the next records of the scan that runs; False when there is none."""
    async with database.transaction() as session:
        scan = (await session.execute(_TAKE)).scalar_one_or_none()
        if scan is None:
            return False
        batch = _BATCH
        if scan.last_id is not None:
            batch = batch.where(DuplicateKeys.record_id > scan.last_id)
        records = (await session.execute(batch)).scalars().all()
        if records:
            await _keep_pairs(session, scan, await _suspected(session, records))
            scan.last_id = records[-1].record_id
            scan.done += len(records)
        else:
            await _finish(session, scan)
    return True


async def _suspected(
    session: AsyncSession, records: Sequence[DuplicateKeys]
) -> dict[tuple[UUID, UUID], Match]:
    """The pairs of customers that these records and any other ones speak for."""
    found = await session.execute(_MINE, {"ids": [record.record_id for record in records]})
    mine = {row.record_id: row.customer_id for row in found}
    asked = [
        {"index": index, "record_id": record.record_id, "tokens": record.tokens}
        for index, record in enumerate(records)
        if record.record_id in mine
    ]
    hits = await session.execute(_FIND, {"asked": to_json(asked).decode(), "most": MOST_LOOKED_AT})
    pairs: dict[tuple[UUID, UUID], Match] = {}
    for hit in hits.mappings():
        record = records[hit["index"]]
        one, other = mine[record.record_id], hit["customer_id"]
        match = compare(_keys_of(record), _keys(hit)) if one != other else None
        if match is None:
            continue
        pair = (min(one, other), max(one, other))
        if pair not in pairs or match.score > pairs[pair].score:
            pairs[pair] = match
    return pairs


async def _keep_pairs(
    session: AsyncSession, scan: DuplicateScan, pairs: dict[tuple[UUID, UUID], Match]
) -> None:
    """Write the pairs down; what was said to be no duplicate stays that."""
    if not pairs:
        return
    keep = insert(DuplicatePair)
    keep = keep.on_conflict_do_update(
        index_elements=["one_id", "other_id"],
        set_={
            "score": keep.excluded.score,
            "reasons": keep.excluded.reasons,
            "scan_id": scan.id,
        },
        # The same two meet by each of their phones and names; the best reason stays.
        where=and_(
            DuplicatePair.dismissed_at.is_(None),
            or_(
                DuplicatePair.scan_id.is_distinct_from(scan.id),
                DuplicatePair.score < keep.excluded.score,
            ),
        ),
    )
    await session.execute(
        keep,
        [
            {
                "one_id": one,
                "other_id": other,
                "score": match.score,
                "reasons": said_reasons(match),
                "scan_id": scan.id,
            }
            for (one, other), match in sorted(pairs.items())
        ],
    )


async def _finish(session: AsyncSession, scan: DuplicateScan) -> None:
    """Put the pairs into groups, in place of those of earlier scans."""
    await session.execute(
        delete(DuplicatePair).where(
            DuplicatePair.dismissed_at.is_(None), DuplicatePair.scan_id.is_distinct_from(scan.id)
        ),
        execution_options={"synchronize_session": False},
    )
    await session.execute(delete(DuplicateGroup))
    found = await session.execute(
        select(DuplicatePair.one_id, DuplicatePair.other_id, DuplicatePair.score).where(
            DuplicatePair.dismissed_at.is_(None)
        )
    )
    pairs = [(row.one_id, row.other_id, row.score) for row in found]
    scan.pairs, scan.groups = len(pairs), 0
    placed = []
    for members in groups_of((one, other) for one, other, _ in pairs):
        group = DuplicateGroup(scan_id=scan.id, size=len(members), score=0)
        session.add(group)
        placed.append((group, members))
    group_of = {member: group for group, members in placed for member in members}
    for one, _, score in pairs:
        group_of[one].score = max(group_of[one].score, score)
    await session.flush()
    await session.execute(
        text("""
            UPDATE duplicate_pairs p SET group_id = g.group_id
            FROM unnest(CAST(:members AS uuid[]), CAST(:groups AS uuid[])) AS g (id, group_id)
            WHERE p.one_id = g.id AND p.dismissed_at IS NULL
        """),
        {
            "members": list(group_of),
            "groups": [group.id for group in group_of.values()],
        },
    )
    scan.groups = len(placed)
    scan.state, scan.finished_at = ScanState.SUCCEEDED, utc_now()


def groups_of(pairs: Iterable[tuple[UUID, UUID]]) -> list[set[UUID]]:
    """What is connected by pairs, however many steps away."""
    root: dict[UUID, UUID] = {}

    def top(of: UUID) -> UUID:
        while root.setdefault(of, of) != of:
            root[of] = root[root[of]]
            of = root[of]
        return of

    for one, other in pairs:
        root[top(one)] = top(other)
    groups: dict[UUID, set[UUID]] = defaultdict(set)
    for member in root:
        groups[top(member)].add(member)
    return list(groups.values())


def _keys(row: Any) -> MatchKeys:
    return MatchKeys(
        row["name"], row["tax_number"], frozenset(row["phones"]), frozenset(row["emails"])
    )


def _keys_of(record: DuplicateKeys) -> MatchKeys:
    return MatchKeys(
        record.name, record.tax_number, frozenset(record.phones), frozenset(record.emails)
    )
