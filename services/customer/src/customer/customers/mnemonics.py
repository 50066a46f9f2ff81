"""Mnemonic codes (助记码) and what customers and contacts are found by: taken, and made afterwards.

# beside model and use cases: three ways to take a customer on ask here
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.rows import all_rows
from common.db import Database
from common.pinyin import pieces_of, search_tokens, ways_to_read
from customer.contacts.model import Contact
from customer.customers.model import Customer

AT_ONCE = 500
"""Records of an earlier release that get their search tokens in one transaction."""


async def take_mnemonics(
    session: AsyncSession, customers: Sequence[Customer], asked: Sequence[str | None] = ()
) -> None:
    """Give customers the codes asked for, or those of their names; a suffix where one is taken.

    Two who take the same one at the same time wait for each other, and get two.
    """
    bases = [
        (wanted or customer.derived_mnemonic).upper()
        for customer, wanted in zip(customers, asked or [None] * len(customers), strict=True)
    ]
    for customer, mnemonic in zip(customers, await _free(session, bases), strict=True):
        customer.mnemonic = mnemonic


async def free_mnemonic(session: AsyncSession, customer: Customer, asked: str | None) -> str:
    """The code for a customer that is there: what is asked for, else that of its name."""
    base = (asked or customer.derived_mnemonic).upper()
    if customer.mnemonic is not None and base in (
        customer.mnemonic,
        customer.mnemonic.partition("-")[0],
    ):
        return customer.mnemonic
    return (await _free(session, [base]))[0]


async def _free(session: AsyncSession, bases: list[str]) -> list[str]:
    if not bases:
        return []
    # What a partner does not see is taken as well.
    with all_rows(session):
        found = await session.execute(
            select(func.free_mnemonics(literal(bases, ARRAY(Text)), type_=ARRAY(Text)))
        )
    return list(found.scalar_one())


def sounds_like(of: Any, typed: str) -> Iterable[ColumnElement[bool]]:
    """The conditions on customers or contacts by which a name is found: its part, or its pinyin.

    Each is answered by the index of the tokens.
    """
    yield and_(
        of.search_tokens.contains(pieces_of(typed)), of.name.icontains(typed, autoescape=True)
    )
    for way in ways_to_read(typed):
        if len(way.last) == 1:
            yield of.search_tokens.contains([*way.every, *way.last])
        else:
            last = of.search_tokens.overlap(list(way.last))
            yield and_(of.search_tokens.contains(list(way.every)), last) if way.every else last
    # Of an earlier release, for as long as the worker has not come to it.
    yield and_(of.search_tokens.is_(None), of.name.icontains(typed, autoescape=True))


def found_by(typed: str) -> ColumnElement[bool]:
    """The condition on customers for a search: number, mnemonic, a part of the name, or its pinyin."""
    begins = typed.upper()
    return or_(
        Customer.number.startswith(begins, autoescape=True),
        Customer.mnemonic.startswith(begins, autoescape=True),
        *sounds_like(Customer, typed),
    )


async def make_missing_tokens(database: Database) -> bool:
    """Give a batch of what an earlier release wrote its tokens and mnemonics; False when all have."""
    async with database.transaction() as session:
        for kind in (Customer, Contact):
            found = await session.execute(
                select(kind)
                .where(kind.search_tokens.is_(None))
                .order_by(kind.id)
                .limit(AT_ONCE)
                .with_for_update()
            )
            if records := found.scalars().all():
                await _complete(session, kind, records)
                return True
    return False


async def _complete(session: AsyncSession, kind: Any, records: Sequence[Any]) -> None:
    nameless = [one for one in records if kind is Customer and one.mnemonic is None]
    given = await _free(session, [one.derived_mnemonic.upper() for one in nameless])
    mnemonics = {one.id: code for one, code in zip(nameless, given, strict=True)}
    rows = []
    for one in records:
        row = {"id": one.id, "search_tokens": search_tokens(one.name)}
        if one.id in mnemonics:
            row["mnemonic"] = mnemonics[one.id]
        rows.append(row)
    # Nothing that anybody said: no event, and the same version.
    table = kind.__table__
    for names in (["search_tokens"], ["search_tokens", "mnemonic"]):
        batch = [row for row in rows if len(row) == len(names) + 1]
        if batch:
            await session.execute(
                update(table)
                .where(table.c.id == bindparam("of_id"))
                .values({name: bindparam(f"new_{name}") for name in names}),
                [
                    {"of_id": row["id"], **{f"new_{name}": row[name] for name in names}}
                    for row in batch
                ],
            )
