"""What a row of a file can become in this service."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import model_validator
from sqlalchemy import and_, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from common import clock
from common.access.masks import FieldMasked, sees
from common.access.rows import all_rows
from common.audit.trail import values_now
from common.custom_fields import writing
from common.custom_fields.columns import PREFIX
from common.days import day_of
from common.errors import Conflict, Invalid, Refusal
from common.imports.jobs import ImportContext, Target, TargetRow
from common.imports.undo import Imported, UndoOutcome, values_for
from common.match_keys import MatchKeys, compare
from common.messaging.outbox import record
from common.numbers import next_written
from common.parameters import value_on
from customer.contacts.model import Contact
from customer.customers import use_cases as customers
from customer.customers.mnemonics import take_mnemonics
from customer.customers.model import PROFILE, Customer, CustomerNotFound, ParentCycle
from customer.customers.schemas import Line, Name, Short, TypedProfile
from customer.db import take_turn
from customer.dictionaries import use_cases as dictionaries
from customer.dictionaries.checking import check_codes
from customer.dictionaries.standard import OF_FIELD
from customer.duplicates import use_cases as duplicates
from customer.duplicates.model import DuplicatePolicy, keys_of_customer
from customer.interactions.model import Interaction
from customer.numbers.model import CUSTOMERS
from customer.parameters import CODES_IMPORTED, DUPLICATES_IMPORTED
from customer.personal_data import OF_CUSTOMERS


class CustomerRow(TypedProfile):
    """A customer in a file; the parent organisation is named by its id here or in the other system.

    `id` and `number` are ours, and there already.
    """

    id: UUID | None = None
    number: Short | None = None
    name: Name
    external_id: Line | None = None
    parent_external_id: Line | None = None

    @model_validator(mode="before")
    @classmethod
    def _blank_is_absent(cls, values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if value is not None}


class NothingToMatchOn(Invalid):
    """The row has none of the values by which it would be recognised, so a repetition doubles it."""

    code = "nothing_to_match_on"


class SeveralMatch(Conflict):
    """Several customers have what the row is to be recognised by."""

    code = "several_match"


NAMED = ("external_id", "parent_external_id", "parent_id", "id", "number")
"""What a row says besides the profile."""
GIVEN_BY_US = {"id", "number"}
KEPT = ("tax_number", "phone", "email", "name")
"""Match keys that are looked up among the stored keys (`customer.duplicates`)."""

_Key = tuple[str, Any]


def _keys(of: Any, match_on: Sequence[str], source: str) -> dict[str, set[_Key]]:
    """The values that a row or a customer is recognised by, of each of `match_on` that it has."""
    kept = keys_of_customer(of) if not {*match_on}.isdisjoint(KEPT) else MatchKeys()
    found: dict[str, set[Any]] = {
        "tax_number": {kept.tax_number} - {None},
        "phone": {*kept.phones},
        "email": {*kept.emails},
        "name": {kept.name} - {None},
        "id": {of.id} - {None},
        "number": {of.number} - {None},
        "external_id": {of.external_id} - {None},
    }
    if isinstance(of, Customer) and of.external_source != source:
        found["external_id"] = set()
    return {key: {(key, value) for value in found[key]} for key in match_on if found[key]}


class _Known:
    """The customers of a batch, by what rows are recognised by; those it makes come in as well."""

    def __init__(self, context: ImportContext) -> None:
        self._context = context
        self._by_key: dict[_Key, dict[UUID, Customer]] = defaultdict(dict)
        self.by_external_id: dict[str, Customer] = {}
        self.by_id: dict[UUID, Customer] = {}

    def add(self, customer: Customer) -> None:
        """Know this customer."""
        self.by_id[customer.id] = customer
        context = self._context
        if customer.external_id and customer.external_source == context.external_source:
            self.by_external_id[customer.external_id] = customer
        if customer.deleted_at is not None and customer.merged_into_id is None:
            # Who took it out of use may take it on again: only its own id finds it.
            asked: tuple[str, ...] = tuple(key for key in context.match_on if key not in KEPT)
        else:
            asked = context.match_on
        for values in _keys(customer, asked, context.external_source).values():
            for value in values:
                self._by_key[value][customer.id] = customer

    def match(self, row: TargetRow) -> Customer | None:
        """The customer that the row is, by the first key that any has.

        Raises NothingToMatchOn, SeveralMatch and, for an id or a number that is not there,
        CustomerNotFound.
        """
        keys = _keys(row.fields, self._context.match_on, self._context.external_source)
        if not keys:
            raise NothingToMatchOn(f"the row has none of {', '.join(self._context.match_on)}")
        for values in keys.values():
            found = {
                customer_id: customer
                for value in sorted(values)
                for customer_id, customer in self._by_key.get(value, {}).items()
            }
            if len(found) > 1:
                numbers = sorted(customer.number for customer in found.values())
                raise SeveralMatch(f"may be each of {', '.join(numbers)}")
            for customer in found.values():
                return customer
        if keys.keys() <= GIVEN_BY_US:
            raise CustomerNotFound(f"no customer {row.fields.number or row.fields.id}")
        return None


async def _look_up(
    session: AsyncSession, rows: Sequence[TargetRow], context: ImportContext
) -> _Known:
    """All customers that the rows may be, or name: two statements, however many rows there are."""
    asked = [row.fields for row in rows]
    ids = {fields.id for fields in asked} | {fields.parent_id for fields in asked}
    wanted = [key for key in context.match_on if key in KEPT]
    if wanted:
        tokens: set[int] = set()
        for fields in asked:
            keys = keys_of_customer(fields)
            tokens |= {
                *MatchKeys(
                    name=keys.name if "name" in wanted else None,
                    tax_number=keys.tax_number if "tax_number" in wanted else None,
                    phones=keys.phones if "phone" in wanted else frozenset(),
                    emails=keys.emails if "email" in wanted else frozenset(),
                ).exact_tokens
            }
        ids |= await duplicates.customers_with(session, tokens)
    external_ids = {fields.external_id for fields in asked}
    external_ids |= {fields.parent_external_id for fields in asked}
    found = await session.execute(
        select(Customer)
        .where(
            or_(
                and_(
                    Customer.external_source == context.external_source,
                    Customer.external_id.in_(external_ids - {None}),
                ),
                Customer.id.in_(ids - {None}),
                Customer.number.in_({fields.number for fields in asked} - {None}),
            )
        )
        .order_by(Customer.id)
        .with_for_update()
    )
    known = _Known(context)
    for customer in found.scalars():
        known.add(customer)
    return known


async def import_customers(
    session: AsyncSession, rows: Sequence[TargetRow], context: ImportContext
) -> None:
    """Create or update customers, recognised by what the import says.

    A row that is new may be a customer who is there under another id: the policy says what becomes
    of it. One whose customer was merged into another one is that other one, and changes nothing.
    One that was deleted is taken into use again.
    """
    now = clock.utc_now()
    if any(row.fields.parent_external_id or row.fields.parent_id for row in rows):
        await take_turn(session, "groups")
    known = await _look_up(session, rows, context)
    matched = [(row, _matched(row, known)) for row in rows]
    unknown = [row for row, customer in matched if row.result is None and customer is None]
    if await value_on(session, CODES_IMPORTED, day_of(now)) == "add":
        await dictionaries.add_missing(session, (row.fields.model_dump() for row in rows))
    policy = await value_on(session, DUPLICATES_IMPORTED, day_of(now))
    await _mark_duplicates(session, unknown, policy, context)
    missing = sum(1 for row in unknown if row.result is None)
    numbers = iter(await next_written(session, CUSTOMERS, missing, today=day_of(now)))
    new: list[Customer] = []
    hidden = () if sees(OF_CUSTOMERS.right) else _MASKED
    later: list[tuple[TargetRow, Customer]] = []
    for row in rows:
        # A row above may be the same customer.
        customer = _matched(row, known)
        if row.result is not None:
            continue
        profile = row.fields.model_dump(exclude=set(NAMED))
        try:
            if customer is None:
                customer = await _take_on(
                    session, row, profile, number=next(numbers), context=context, now=now
                )
                known.add(customer)
                new.append(customer)
            elif customer.merged_into_id is not None:
                survivor_id = await customers.survivor_of(session, customer.id)
                row.duplicate(survivor_id, f"{customer.number} was merged into another customer")
                continue
            else:
                if unseen := sorted(row.fields.model_fields_set & {*hidden}):
                    raise FieldMasked(f"{unseen[0]} is not shown to you", right=OF_CUSTOMERS.right)
                given = {name: profile[name] for name in row.fields.model_fields_set & set(profile)}
                await _bring_up_to_date(session, row, customer, given, context)
        except Refusal as refusal:
            row.reject(refusal)
            continue
        if row.fields.parent_external_id or row.fields.parent_id:
            later.append((row, customer))
    await take_mnemonics(session, new)
    session.add_all(new)
    # A row cannot name a parent that is not in the table yet.
    await session.flush()
    for row, customer in later:
        await _set_parent(session, row, customer, known)


def _matched(row: TargetRow, known: _Known) -> Customer | None:
    try:
        return known.match(row)
    except Refusal as refusal:
        row.reject(refusal)
        return None


async def _take_on(
    session: AsyncSession,
    row: TargetRow,
    profile: dict[str, Any],
    *,
    number: str,
    context: ImportContext,
    now: datetime,
) -> Customer:
    await check_codes(session, profile)
    of_the_other = {}
    if row.fields.external_id is not None:
        of_the_other["external_source"] = context.external_source
        of_the_other["external_id"] = row.fields.external_id
    customer, created = Customer.register(
        number=number,
        by=context.actor_id,
        now=now,
        source="import",
        **of_the_other,
        **await writing.for_new(session, Customer, profile),
    )
    record(session, customer, created)
    row.done("created", customer.id)
    return customer


async def _bring_up_to_date(
    session: AsyncSession,
    row: TargetRow,
    customer: Customer,
    given: dict[str, Any],
    context: ImportContext,
) -> None:
    await check_codes(session, given, {name: getattr(customer, name) for name in OF_FIELD})
    changes = await writing.for_change(session, customer, given)
    if row.fields.external_id is not None and customer.external_id is None:
        changes |= {
            "external_source": context.external_source,
            "external_id": row.fields.external_id,
        }
    was_deleted = customer.deleted_at is not None
    if was_deleted:
        record(session, customer, customer.restore())
        row.warnings.append(f"{customer.number} was deleted and is in use again")
    updated = customer.update(changes)
    if updated is not None:
        record(session, customer, updated)
    row.done("updated" if updated or was_deleted else "unchanged", customer.id)


async def _mark_duplicates(
    session: AsyncSession, rows: Sequence[TargetRow], policy: str, context: ImportContext
) -> None:
    """End the rows that are customers who are there; warn of what may be some."""
    asked = [keys_of_customer(row.fields) for row in rows]
    found = await duplicates.find_duplicates(session, asked)
    earlier: dict[str, tuple[TargetRow, MatchKeys]] = {}
    for row, keys, candidates in zip(rows, asked, found, strict=True):
        best = candidates[0] if candidates else None
        if best is not None and best.is_sure and policy != DuplicatePolicy.WARN:
            of = best.customer_id if best.is_seen else None
            row.duplicate(of, f"is customer {best.number}" if of else "is there already")
            continue
        if best is not None:
            who = f"{best.number} {best.name}" if best.is_seen else "one you do not see"
            row.warnings.append(f"may be the same customer as {who} ({best.match.score} %)")
        _compare_with_earlier(row, keys, earlier, policy, context)
        if row.result is None:
            earlier |= dict.fromkeys(keys.shared, (row, keys))


def _compare_with_earlier(
    row: TargetRow,
    keys: MatchKeys,
    earlier: Mapping[str, tuple[TargetRow, MatchKeys]],
    policy: str,
    context: ImportContext,
) -> None:
    """The same for what stands further up in the file, and is not in the table yet."""
    for above, keys_above in (earlier[key] for key in sorted(keys.shared & earlier.keys())):
        match = compare(keys, keys_above)
        if match is None or _are_one(row, above, context):
            continue
        if policy == DuplicatePolicy.WARN:
            row.warnings.append(f"may be the same customer as line {above.line} ({match.score} %)")
        else:
            row.duplicate(None, f"is the customer of line {above.line}")
        return


def _are_one(row: TargetRow, above: TargetRow, context: ImportContext) -> bool:
    """Whether the import itself recognises the two as the same customer, which is made once."""
    one, other = (
        _keys(each.fields, context.match_on, context.external_source) for each in (row, above)
    )
    return any(one[key] & other.get(key, set()) for key in one)


async def _set_parent(
    session: AsyncSession, row: TargetRow, customer: Customer, known: _Known
) -> None:
    """The parent may stand below its subsidiary in the file, so it is looked for afterwards.

    The customer itself is good: a parent that cannot be set is left open, with a warning.
    """
    if row.fields.parent_id is not None:
        name, parent = str(row.fields.parent_id), known.by_id.get(row.fields.parent_id)
    else:
        name = row.fields.parent_external_id
        parent = known.by_external_id.get(name)
    if parent is None or parent.deleted_at is not None:
        row.warnings.append(f"parent organisation {name!r} is not known here: left open")
        return
    if parent.id == customer.parent_id:
        return
    try:
        customer.check_parent(await customers.chain_of(session, parent.id))
    except ParentCycle as refusal:
        row.warnings.append(f"parent organisation {name!r} left open: {refusal.detail}")
        return
    updated = customer.update({"parent_id": parent.id})
    if updated is not None:
        record(session, customer, updated)
        if row.result is not None and row.result.outcome == "unchanged":
            row.done("updated", customer.id)


COUNTED = (*PROFILE, "owner_id", "department_id", "external_source", "external_id")
"""Fields that somebody edits: what an imported customer had in them is compared with what it has."""


async def take_customers_back(
    session: AsyncSession, records: Sequence[Imported], now: datetime
) -> None:
    """Give customers back what they were before an import, and delete those that it made.

    What was hung onto one since, as a contact or a subsidiary, keeps it, unless somebody chooses
    otherwise.
    """
    ids = [each.record_id for each in records]
    found = await session.execute(select(Customer).where(Customer.id.in_(ids)).with_for_update())
    known = {customer.id: customer for customer in found.scalars()}
    for each in records:
        customer = known.get(each.record_id)
        if customer is None:
            each.leave("is not among the customers you see")
        elif customer.merged_into_id is not None:
            each.leave("was merged into another customer since")
        elif not each.is_new:
            await _restore(session, each, customer, now)
    # What was made is deleted when nothing restored names it as its parent any more.
    await session.flush()
    made = [each for each in records if each.is_new and each.outcome is None]
    in_use = await _with_what_was_added(session, [each.record_id for each in made])
    parents = await _with_subsidiaries(session, [each.record_id for each in made])
    for each in made:
        customer = known[each.record_id]
        if customer.deleted_at is not None:
            each.done(UndoOutcome.DELETED)
        elif not each.may_be_deleted(_counted(customer, each)):
            if each.set_back:
                await _set(session, customer, each.set_back)
        elif customer.id in parents:
            each.wait("is the parent organisation of others")
        elif customer.id in in_use and not each.takes_before:
            each.leave("has contacts or communication since the import")
        else:
            deleted = customer.delete(now=now, has_subsidiaries=False)
            assert deleted is not None
            record(session, customer, deleted)
            each.done(UndoOutcome.DELETED)


async def _restore(
    session: AsyncSession, each: Imported, customer: Customer, now: datetime
) -> None:
    was_deleted = each.changes.pop("deleted_at", None) is not None
    if customer.deleted_at is not None:
        each.leave("was deleted since the import")
        return
    restored = each.to_restore(values_now(customer))
    if restored is None:
        return
    try:
        await _set(session, customer, restored)
        if was_deleted:
            below = await _with_subsidiaries(session, [customer.id])
            deleted = customer.delete(now=now, has_subsidiaries=bool(below))
            assert deleted is not None
            record(session, customer, deleted)
    except Refusal as refusal:
        each.leave(refusal.detail)
        return
    each.done(UndoOutcome.RESTORED)


async def _set(session: AsyncSession, customer: Customer, written: dict[str, Any]) -> None:
    changes = await writing.for_change(session, customer, values_for(customer, written))
    updated = customer.update(changes)
    if updated is not None:
        record(session, customer, updated)


def _counted(customer: Customer, imported: Imported) -> dict[str, Any]:
    cleared = {name: None for name in imported.changes if name.startswith(PREFIX)}
    return {
        name: value
        for name, value in (cleared | values_now(customer)).items()
        if name in COUNTED or name.startswith(PREFIX)
    }


async def _with_what_was_added(session: AsyncSession, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the customers that have contacts or communication, whoever sees it."""
    with all_rows(session):
        found = await session.execute(
            union(
                select(Contact.customer_id).where(
                    Contact.customer_id.in_(ids), Contact.deleted_at.is_(None)
                ),
                select(Interaction.customer_id).where(Interaction.customer_id.in_(ids)),
            )
        )
    return set(found.scalars())


async def _with_subsidiaries(session: AsyncSession, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the customers that others name as their parent organisation."""
    with all_rows(session):
        found = await session.execute(
            select(Customer.parent_id)
            .where(Customer.parent_id.in_(ids), Customer.deleted_at.is_(None))
            .distinct()
        )
    return {parent_id for parent_id in found.scalars() if parent_id is not None}


TARGETS = {
    "customers": Target(
        "customers",
        CustomerRow,
        import_customers,
        match_keys=("external_id", "id", "number", *KEPT),
        take_back=take_customers_back,
    )
}

_MASKED = frozenset(
    name for name, each in CustomerRow.model_fields.items() if OF_CUSTOMERS in each.metadata
)
