"""Records that were merged into others, and the references that follow them and come back.

A service that keeps references to customers says which columns those are, has its migration execute
`V1` and, for each column, `follows(table, column)`, and puts `**following(REFERENCES)` into its
CONSUMERS. From then on no use case has to know of merges:

- when customers are merged, every reference to one of them points to the survivor;
- whatever is written for a merged customer later (an event that was late, a request that began
  before) is pointed to the survivor while it is written, by a trigger of the table;
- when the merge is undone, exactly the references that were given for the merged customer go back,
  whatever else of their rows changed meanwhile. What was given for the survivor stays there, and so
  does a row that somebody has given to a third customer.

What a row was given for is kept (`merge_moves`), and where it points to follows from that and from
the merges that hold (`merged_ids`). So it makes no difference in which order merges and their undoing
are heard, and hearing one twice changes nothing.

A reference that follows is no change of its record: nothing is said of it but the merge itself, and
the record's version stays, as the customer is the same one under its other id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.events import Consumed, Id
from common.ids import stable_hash
from common.messaging.consumers import ConsumersTable

LOCK = stable_hash(b"fairway merges") - 2**63
"""Shared by who writes a reference, held alone by who merges: none is overlooked between the two."""

V1 = [
    """
    CREATE TABLE merged_ids (
        merge_id uuid NOT NULL,
        number bigint NOT NULL,
        from_id uuid NOT NULL,
        to_id uuid NOT NULL,
        undone boolean NOT NULL DEFAULT false,
        PRIMARY KEY (from_id, merge_id)
    )
    """,
    "CREATE INDEX merged_ids_merge ON merged_ids (merge_id)",
    "CREATE INDEX merged_ids_to ON merged_ids (to_id) WHERE NOT undone",
    """
    CREATE TABLE merge_moves (
        of_table text NOT NULL,
        of_column text NOT NULL,
        row_id uuid NOT NULL,
        original_id uuid NOT NULL,
        PRIMARY KEY (of_table, of_column, row_id)
    )
    """,
    "CREATE INDEX merge_moves_original ON merge_moves (original_id)",
    # Merges are followed in the order in which they were made. That ends: of two that were made one
    # after the other in opposite directions, the first was undone, heard or not.
    """
    CREATE FUNCTION merged_into(given uuid) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
    DECLARE
        here uuid := given;
        step record;
        latest bigint := 0;
    BEGIN
        LOOP
            SELECT to_id, number INTO step FROM merged_ids
            WHERE from_id = here AND NOT undone AND number > latest
            ORDER BY number DESC LIMIT 1;
            EXIT WHEN NOT FOUND;
            here := step.to_id;
            latest := step.number;
        END LOOP;
        RETURN here;
    END $$
    """,
]
"""Statements of the first version, in order.

`merge_moves` has a row for each reference that points elsewhere than to what it was given for, with
what that was. A merge that was undone stays in `merged_ids`, so that its repetition is recognised.
"""


def follows(table: str, column: str) -> list[str]:
    """Statements of a migration: `column` of `table`, whose key is `id`, follows merges."""
    return [
        f"""
        CREATE OR REPLACE FUNCTION follow_merges_of_{column}() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            given uuid := NEW.{column};
            target uuid;
        BEGIN
            IF given IS NOT NULL THEN
                PERFORM pg_advisory_xact_lock_shared({LOCK});
                target := merged_into(given);
            END IF;
            IF target <> given THEN
                INSERT INTO merge_moves (of_table, of_column, row_id, original_id)
                VALUES (TG_TABLE_NAME, '{column}', NEW.id, given)
                ON CONFLICT (of_table, of_column, row_id) DO UPDATE SET original_id = given
                WHERE merged_into(merge_moves.original_id) <> target;
                NEW.{column} := target;
            ELSIF TG_OP = 'UPDATE' AND OLD.{column} IS DISTINCT FROM NEW.{column} THEN
                DELETE FROM merge_moves
                WHERE of_table = TG_TABLE_NAME AND of_column = '{column}' AND row_id = NEW.id
                  AND merged_into(original_id) IS DISTINCT FROM NEW.{column};
            END IF;
            RETURN NEW;
        END $$
        """,  # noqa: S608 - names of our own
        f"""
        CREATE TRIGGER follow_merges_of_{column} BEFORE INSERT OR UPDATE OF {column} ON {table}
        FOR EACH ROW EXECUTE FUNCTION follow_merges_of_{column}()
        """,
    ]


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that names a customer; `follows` of the same names stands in a migration."""

    table: str
    column: str = "customer_id"


class CustomersMerged(Consumed):
    """Several customers turned out to be one: references to the others are to the survivor now."""

    type = "customer.customer.merged.v1"

    merge_id: Id
    merge_number: int
    customer_id: Id
    merged_customer_ids: list[Id]


class CustomersUnmerged(Consumed):
    """They are not one after all: what was given for the others is theirs again."""

    type = "customer.customer.unmerged.v1"

    merge_id: Id


def following(references: Sequence[Reference]) -> ConsumersTable:
    """The rows of a CONSUMERS table that let these references follow."""

    async def follow(session: AsyncSession, event: CustomersMerged) -> None:
        await merge(
            session,
            references,
            merge_id=event.merge_id,
            number=event.merge_number,
            from_ids=event.merged_customer_ids,
            to_id=event.customer_id,
        )

    async def come_back(session: AsyncSession, event: CustomersUnmerged) -> None:
        await unmerge(session, references, merge_id=event.merge_id)

    return {CustomersMerged: follow, CustomersUnmerged: come_back}


async def hold(session: AsyncSession) -> None:
    """Wait for those who are just writing references, and keep others waiting until this commits.

    To be called before rows are locked, by who locks some itself.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


async def merge(
    session: AsyncSession,
    references: Sequence[Reference],
    *,
    merge_id: UUID,
    number: int,
    from_ids: Sequence[UUID],
    to_id: UUID,
) -> None:
    """Point every reference to one of `from_ids` to `to_id`, now and while the merge holds.

    `number` counts the merges from 1, in the order in which they were made.
    """
    await hold(session)
    kept = await session.execute(
        text("""
            INSERT INTO merged_ids (merge_id, number, from_id, to_id)
            SELECT :merge_id, :number, from_id, :to_id FROM unnest(CAST(:from_ids AS uuid[])) AS from_id
            ON CONFLICT DO NOTHING RETURNING from_id
        """),
        {"merge_id": merge_id, "number": number, "from_ids": list(from_ids), "to_id": to_id},
    )
    if kept.first() is None:
        return
    for reference in references:
        # Written again for what it was given, the trigger points it to where that is now.
        await session.execute(
            text(f"""
                UPDATE {reference.table} AS t SET {reference.column} = coalesce((
                    SELECT m.original_id FROM merge_moves m
                    WHERE m.of_table = '{reference.table}' AND m.of_column = '{reference.column}'
                      AND m.row_id = t.id), t.{reference.column})
                WHERE t.{reference.column} = ANY(CAST(:from_ids AS uuid[]))
            """),  # noqa: S608 - names of our own
            {"from_ids": list(from_ids)},
        )


async def unmerge(
    session: AsyncSession, references: Sequence[Reference], *, merge_id: UUID
) -> None:
    """Undo the merge: every reference points to what it was given for, or where that is now."""
    await hold(session)
    undone = await session.execute(
        text("""
            UPDATE merged_ids SET undone = true WHERE merge_id = :merge_id AND NOT undone
            RETURNING from_id
        """),
        {"merge_id": merge_id},
    )
    # What had been merged into these before is theirs again too.
    below = await session.execute(
        text("""
            WITH RECURSIVE below AS (
                SELECT id FROM unnest(CAST(:ids AS uuid[])) AS id
                UNION
                SELECT m.from_id FROM merged_ids m JOIN below ON m.to_id = below.id
                WHERE NOT m.undone
            )
            SELECT id FROM below
        """),
        {"ids": list(undone.scalars())},
    )
    originals = {"ids": list(below.scalars())}
    if not originals["ids"]:
        return
    for reference in references:
        await session.execute(
            text(
                f"UPDATE {reference.table} AS t SET {reference.column} = m.original_id"  # noqa: S608 - ours
                f" FROM merge_moves m WHERE m.row_id = t.id AND m.of_table = '{reference.table}'"
                f" AND m.of_column = '{reference.column}'"
                f" AND m.original_id = ANY(CAST(:ids AS uuid[]))"
            ),
            originals,
        )
    await session.execute(
        text("""
            DELETE FROM merge_moves WHERE original_id = ANY(CAST(:ids AS uuid[]))
            AND merged_into(original_id) = original_id
        """),
        originals,
    )


async def forget(session: AsyncSession) -> None:
    """Forget every merge and move: before all that follows them is made anew from the events."""
    await session.execute(text("DELETE FROM merge_moves"))
    await session.execute(text("DELETE FROM merged_ids"))
