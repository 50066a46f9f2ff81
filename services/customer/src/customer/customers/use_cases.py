"""What people do with customers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from common.access.rows import all_rows, rows_of
from common.auth import Actor
from common.batches import Outcome
from common.custom_fields import writing
from common.days import day_of
from common.handovers import Handover, refuse_who_left
from common.messaging.outbox import record
from common.numbers import next_written
from common.pagination import Page, PageRequest, paginate
from common.parameters import value_on
from common.upserts import first_match
from customer.contacts.model import Contact, ContactNotFound
from customer.contacts.schemas import ContactCreate
from customer.customers.filters import in_group
from customer.customers.mnemonics import found_by, free_mnemonic, take_mnemonics
from customer.customers.model import (
    SORTED_BY,
    Customer,
    CustomerKey,
    CustomerMerged,
    CustomerNotFound,
    CustomerStatus,
    ExternalIdTaken,
    GroupTooDeep,
    HowMoved,
    NumberNotKnown,
    NumberStays,
    ParentNotFound,
)
from customer.customers.schemas import (
    COPIED,
    CustomerCopy,
    CustomerCreate,
    CustomerUpdate,
    CustomerUpsert,
    GroupTotals,
    OrderTotals,
)
from customer.db import take_turn
from customer.dictionaries.checking import check_codes
from customer.dictionaries.standard import OF_FIELD
from customer.duplicates import use_cases as duplicates
from customer.duplicates.model import Candidate, check_new, keys_of_customer
from customer.numbers.model import CUSTOMERS
from customer.parameters import DUPLICATES_CREATED
from customer.pools.moving import move_customer
from customer.transactions.model import (
    BINDING,
    KnownContract,
    KnownOrder,
    KnownReceipt,
    KnownTicket,
    OrderState,
)

DEEPEST_GROUP = 100
"""Steps from a customer to the top of its group; what is deeper is taken for a circle."""
OPEN: tuple[tuple[str, Any, ColumnElement[bool]], ...] = (
    (
        "order",
        KnownOrder,
        KnownOrder.state.not_in([OrderState.COMPLETED, OrderState.CANCELLED]),
    ),
    (
        "contract",
        KnownContract,
        KnownContract.state.not_in(["expired", "terminated"]),
    ),
    ("ticket", KnownTicket, KnownTicket.state == "open"),
)
"""What may be open with a customer: how it is called, its copy, and when it is open."""
COPIED_OF_CONTACTS = sorted(
    set(ContactCreate.model_fields)
    & set(Contact.__table__.columns.keys()) - {"customer_id", "supervisor_id"}
)
"""What the copy of a contact has; who it reports to is somebody of the other customer."""
OWNER_LEFT = "the owner left the company"
MAY_HAND_OUT = "customer.customers.hand-out"
SORT_KEYS: dict[str, InstrumentedAttribute[Any]] = {
    "created_at": Customer.created_at,
    "updated_at": Customer.updated_at,
    "name": Customer.name,
    "number": Customer.number,
    "mnemonic": Customer.mnemonic,
    **{name: getattr(Customer, name) for name in SORTED_BY},
}


@dataclass(frozen=True, slots=True)
class TakenOn:
    """A customer that was taken on, or the one that was there; and others who may be the same."""

    customer: Customer
    is_new: bool
    possible_duplicates: list[Candidate]


async def create_customer(
    session: AsyncSession, new: CustomerCreate, *, actor: Actor, now: datetime
) -> TakenOn:
    """Take a customer on, unless the policy for duplicates says otherwise."""
    keys = keys_of_customer(new)
    policy = await value_on(session, DUPLICATES_CREATED, day_of(now))
    candidates = await duplicates.look_before_taking_on(session, keys, policy=policy)
    candidates = [
        candidate
        for candidate in candidates
        if not candidate.is_seen or candidate.customer_id not in new.not_duplicate_of
    ]
    there = check_new(policy, candidates)
    if there is not None:
        return TakenOn(await get_customer(session, there.customer_id), False, candidates)
    customer = await _take_on(session, new, actor=actor, now=now)
    if new.not_duplicate_of:
        await session.flush()
        await duplicates.dismiss_pairs(
            session, customer.id, new.not_duplicate_of, by=actor.id, now=now
        )
    return TakenOn(customer, True, candidates)


async def create_one_of_many(
    session: AsyncSession, new: CustomerCreate, *, actor: Actor, now: datetime
) -> tuple[Customer, bool]:
    """Take a customer on; the customer, and whether it is new."""
    taken = await create_customer(session, new, actor=actor, now=now)
    return taken.customer, taken.is_new


async def _take_on(
    session: AsyncSession, new: CustomerCreate, *, actor: Actor, now: datetime
) -> Customer:
    if new.owner_id is not None:
        await refuse_who_left(session, new.owner_id, pointer="/owner_id")
    if new.external_id is not None:
        await _refuse_taken_external_id(session, new.external_source, new.external_id)
    if new.parent_id is not None:
        await _ancestors(session, new.parent_id)
    await check_codes(session, new.model_dump(exclude_unset=True))
    profile = await writing.for_new(
        session, Customer, new.model_dump(exclude={"not_duplicate_of", "mnemonic"})
    )
    (number,) = await next_written(session, CUSTOMERS, 1, today=day_of(now))
    customer, created = Customer.register(number=number, by=actor.id, now=now, **profile)
    await take_mnemonics(session, [customer], [new.mnemonic])
    session.add(customer)
    record(session, customer, created)
    return customer


async def upsert_customer(
    session: AsyncSession,
    given: CustomerUpsert,
    *,
    match_on: Sequence[CustomerKey],
    actor: Actor,
    now: datetime,
) -> tuple[Customer, Outcome]:
    """Bring the customer that `match_on` finds up to date, or take a new one on."""
    known = await first_match(
        session,
        select(Customer).where(Customer.deleted_at.is_(None)),
        {
            CustomerKey.EXTERNAL_ID: None
            if given.external_id is None
            else and_(
                Customer.external_source == given.external_source,
                Customer.external_id == given.external_id,
            ),
            CustomerKey.NUMBER: None if given.number is None else Customer.number == given.number,
        },
        match_on,
    )
    if known is None:
        if given.number is not None:
            raise NumberNotKnown(f"no customer {given.number}", pointer="/number")
        new = CustomerCreate(**given.model_dump(exclude={"number"}, exclude_unset=True))
        taken = await create_customer(session, new, actor=actor, now=now)
        return taken.customer, Outcome.CREATED if taken.is_new else Outcome.UNCHANGED
    if given.number not in (None, known.number):
        raise NumberStays(f"this is customer {known.number}", existing_id=str(known.id))
    changes = given.model_dump(include=set(CustomerUpdate.model_fields), exclude_unset=True)
    if known.external_id is None and given.external_id is not None:
        changes |= {
            "external_source": given.external_source,
            "external_id": given.external_id,
        }
    before = known.version
    customer = await update_customer(session, known.id, changes=changes)
    return customer, Outcome.UPDATED if customer.version > before else Outcome.UNCHANGED


async def get_customer(
    session: AsyncSession, customer_id: UUID, *, lock: bool = False, deleted: bool = False
) -> Customer:
    """The customer; `lock` keeps it for this transaction, `deleted` finds deleted ones as well.

    Raises CustomerMerged for one that is another one now.
    """
    customer = await session.get(Customer, customer_id, with_for_update=lock or None)
    if customer is not None and customer.merged_into_id is not None:
        survivor_id = await survivor_of(session, customer_id)
        raise CustomerMerged(
            f"customer {customer.number} was merged into another one",
            old_id=customer_id,
            existing_id=survivor_id,
        )
    if customer is None or (customer.deleted_at is not None and not deleted):
        raise CustomerNotFound(f"no customer {customer_id}")
    return customer


async def survivor_of(session: AsyncSession, customer_id: UUID) -> UUID:
    """Whom the customer was merged into, through however many merges; itself where it was not."""
    found = await session.execute(select(func.merged_into(customer_id)))
    survivor_id: UUID = found.scalar_one()
    return survivor_id


async def list_customers(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    filters: Sequence[ColumnElement[bool]] = (),
    include_deleted: bool = False,
) -> Page[Customer]:
    """A page of customers; `q` is looked for in name, pinyin, mnemonic and number."""
    query = select(Customer).where(*filters)
    if not include_deleted:
        query = query.where(Customer.deleted_at.is_(None))
    if q:
        query = query.where(found_by(q))
    return await paginate(
        session,
        query,
        page,
        id_column=Customer.id,
        sort_keys=SORT_KEYS,
        default_sort="-created_at",
    )


async def update_customer(
    session: AsyncSession, customer_id: UUID, *, changes: dict[str, Any]
) -> Customer:
    """Change the profile; unchanged values cause no event."""
    if changes.get("parent_id") is not None:
        # Of two who put A below B and B below A at once, the second has to see what the first did.
        await take_turn(session, "groups")
    customer = await get_customer(session, customer_id, lock=True)
    if changes.get("parent_id") is not None:
        customer.check_parent(await _ancestors(session, changes["parent_id"]))
    await check_codes(session, changes, {name: getattr(customer, name) for name in OF_FIELD})
    if "mnemonic" in changes:
        mnemonic = await free_mnemonic(session, customer, changes["mnemonic"])
        changes = {**changes, "mnemonic": mnemonic}
    updated = customer.update(await writing.for_change(session, customer, changes))
    if updated is not None:
        record(session, customer, updated)
    return customer


async def find_inactive(session: AsyncSession, customer_ids: Iterable[UUID]) -> Sequence[UUID]:
    """Those of the customers that do not count as active, and those that are not known here yet."""
    wanted = set(customer_ids)
    found = await session.execute(
        select(Customer.id).where(Customer.id.in_(wanted), Customer.status == CustomerStatus.ACTIVE)
    )
    return sorted(wanted - set(found.scalars()))


async def activate_customer(session: AsyncSession, customer_id: UUID) -> None:
    """Count the customer as active; repeating it changes nothing."""
    survivor_id = await survivor_of(session, customer_id)
    customer = await get_customer(session, survivor_id, lock=True, deleted=True)
    updated = customer.activate()
    if updated is not None:
        record(session, customer, updated)


async def transfer_customer(
    session: AsyncSession,
    customer_id: UUID,
    *,
    owner_id: UUID | None,
    department_id: UUID | None,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Customer:
    """Give the customer to another owner or department.

    An employee takes a customer from the pool by claiming it, where the limits of the pool count,
    unless they may hand customers out.
    """
    if owner_id is not None:
        await refuse_who_left(session, owner_id, pointer="/owner_id")
    customer = await get_customer(session, customer_id, lock=True)
    if actor.employee_id is not None and not actor.may(MAY_HAND_OUT):
        customer.check_not_pooled()
    transferred = customer.transfer(owner_id=owner_id, department_id=department_id, reason=reason)
    await move_customer(session, customer, transferred, now=now)
    return customer


async def hand_over_customers(session: AsyncSession, handover: Handover, limit: int) -> int:
    """Give the customers of somebody who left to the successor; how many there were.

    Deleted ones as well: restored, they have an owner who is there.
    """
    found = await session.execute(
        select(Customer)
        .where(Customer.owner_id == handover.from_id)
        .order_by(Customer.id)
        .limit(limit)
        .with_for_update()
    )
    customers = found.scalars().all()
    for customer in customers:
        transferred = customer.transfer(
            owner_id=handover.to_id,
            department_id=handover.to_department_id or customer.department_id,
            reason=OWNER_LEFT,
            how=HowMoved.HANDED_OVER,
        )
        await move_customer(session, customer, transferred, now=handover.now)
    return len(customers)


async def delete_customer(session: AsyncSession, customer_id: UUID, *, now: datetime) -> None:
    """Take the customer out of use; repeating it changes nothing."""
    customer = await get_customer(session, customer_id, lock=True, deleted=True)
    subsidiaries = select(
        exists().where(Customer.parent_id == customer_id, Customer.deleted_at.is_(None))
    )
    deleted = customer.delete(
        now=now,
        has_subsidiaries=bool((await session.execute(subsidiaries)).scalar()),
        open_business=await _open_business(session, customer_id),
    )
    if deleted is not None:
        record(session, customer, deleted)


async def _open_business(session: AsyncSession, customer_id: UUID) -> list[dict[str, Any]]:
    """What is open with the customer, whoever asks; number and id of what the session sees."""
    rows = rows_of(session)
    open_things = union_all(
        *(
            select(
                literal(kind).label("kind"),
                of.id,
                of.number,
                of.owner_id,
                of.department_id,
                of.partner_id,
                of.region_id,
            ).where(of.customer_id == customer_id, is_open)
            for kind, of, is_open in OPEN
        )
    )
    with all_rows(session):
        found = (await session.execute(open_things)).mappings().all()
    return [
        {"kind": each["kind"], "id": str(each["id"]), "number": each["number"]}
        if rows is None or rows.hold(dict(each))
        else {"kind": each["kind"]}
        for each in found
    ]


async def copy_customer(
    session: AsyncSession, customer_id: UUID, asked: CustomerCopy, *, actor: Actor, now: datetime
) -> Customer:
    """A new customer with parts of this one's profile, and people of its own with the data of some.

    It has a number and a mnemonic of its own, is a prospect, and belongs to whom the other one does.
    Whatever was agreed or done with the other one stays with that. The two are no duplicates.
    """
    original = await get_customer(session, customer_id)
    profile = {
        name: getattr(original, name)
        for part in dict.fromkeys(asked.parts)
        for name in COPIED[part]
    }
    await check_codes(session, profile)
    profile = await writing.for_new(
        session, Customer, {**original.scope, "kind": original.kind, **profile, "name": asked.name}
    )
    (number,) = await next_written(session, CUSTOMERS, 1, today=day_of(now))
    copy, created = Customer.register(number=number, by=actor.id, now=now, source="copy", **profile)
    await take_mnemonics(session, [copy])
    session.add(copy)
    record(session, copy, created)
    await session.flush()
    await duplicates.dismiss_pairs(session, copy.id, [original.id], by=actor.id, now=now)
    await _copy_contacts(session, original, copy, asked.contact_ids)
    return copy


async def _copy_contacts(
    session: AsyncSession, original: Customer, copy: Customer, contact_ids: Sequence[UUID]
) -> None:
    if not contact_ids:
        return
    found = await session.execute(
        select(Contact)
        .where(
            Contact.id.in_(contact_ids),
            Contact.customer_id == original.id,
            Contact.deleted_at.is_(None),
        )
        .order_by(Contact.id)
    )
    people = found.scalars().all()
    if missing := set(contact_ids) - {person.id for person in people}:
        raise ContactNotFound(f"no contact {min(missing)} of customer {original.number}")
    for person in people:
        known = {name: getattr(person, name) for name in COPIED_OF_CONTACTS}
        known = await writing.for_new(session, Contact, known)
        contact, added = Contact.add(**known, customer_id=copy.id, **copy.scope)
        session.add(contact)
        record(session, contact, added)


async def group_totals(session: AsyncSession, customer_id: UUID, *, subtree: bool) -> GroupTotals:
    """What a customer and all that belong to it come to together, of what the session sees."""
    await get_customer(session, customer_id)
    of_group = select(Customer.id).where(
        in_group(customer_id, subtree=subtree), Customer.deleted_at.is_(None)
    )
    by_status = await session.execute(
        select(Customer.status, func.count())
        .where(Customer.id.in_(of_group))
        .group_by(Customer.status)
    )
    statuses = {row.status: row[1] for row in by_status}
    open_things = {
        f"open_{kind}s": select(func.count())
        .select_from(of)
        .where(of.customer_id.in_(of_group), is_open)
        .scalar_subquery()
        for kind, of, is_open in OPEN
    }
    contacts = (
        select(func.count())
        .select_from(Contact)
        .where(Contact.customer_id.in_(of_group), Contact.deleted_at.is_(None))
        .scalar_subquery()
    )
    counts = await session.execute(
        select(
            contacts.label("contacts"), *(each.label(name) for name, each in open_things.items())
        )
    )
    return GroupTotals(
        customers=sum(statuses.values()),
        by_status=statuses,
        ordered=await _added_up(
            session,
            KnownOrder,
            KnownOrder.total,
            KnownOrder.customer_id.in_(of_group) & KnownOrder.state.in_(BINDING),
        ),
        received=await _added_up(
            session,
            KnownReceipt,
            KnownReceipt.amount,
            KnownReceipt.customer_id.in_(of_group) & ~KnownReceipt.is_reversed,
        ),
        **counts.mappings().one(),
    )


async def _added_up(
    session: AsyncSession, of: Any, amount: Any, condition: ColumnElement[bool]
) -> list[OrderTotals]:
    found = await session.execute(
        select(of.currency, func.count(), func.sum(amount))
        .where(condition)
        .group_by(of.currency)
        .order_by(of.currency)
    )
    return [
        OrderTotals(currency=currency, orders=count, total=total)
        for currency, count, total in found
    ]


async def restore_customer(session: AsyncSession, customer_id: UUID) -> Customer:
    """Take a deleted customer into use again."""
    customer = await get_customer(session, customer_id, lock=True, deleted=True)
    record(session, customer, customer.restore())
    return customer


async def list_subsidiaries(session: AsyncSession, customer_id: UUID) -> Sequence[Customer]:
    """The customers below this one in its group, at any depth, by name."""
    await get_customer(session, customer_id)
    tree = select(Customer.id).where(Customer.parent_id == customer_id).cte("tree", recursive=True)
    tree = tree.union(select(Customer.id).where(Customer.parent_id == tree.c.id))
    query = (
        select(Customer)
        .where(Customer.id.in_(select(tree.c.id)), Customer.deleted_at.is_(None))
        .order_by(func.lower(Customer.name), Customer.id)
    )
    return (await session.execute(query)).scalars().all()


async def _ancestors(session: AsyncSession, parent_id: UUID) -> Sequence[UUID]:
    """The parent and everything above it; raises ParentNotFound."""
    if await session.get(Customer, parent_id) is None:
        raise ParentNotFound(f"no customer {parent_id}", pointer="/parent_id")
    # A circle is one whoever sees it.
    with all_rows(session):
        ids = await chain_of(session, parent_id)
    if not ids:
        raise ParentNotFound(f"no customer {parent_id}", pointer="/parent_id")
    if len(ids) > DEEPEST_GROUP:
        raise GroupTooDeep(
            f"a group has at most {DEEPEST_GROUP} customers above each other", pointer="/parent_id"
        )
    return ids


async def chain_of(session: AsyncSession, customer_id: UUID) -> Sequence[UUID]:
    """The customer, what it belongs to, and so on upwards; nothing where it is deleted."""
    chain = (
        select(Customer.id, Customer.parent_id, literal(0).label("step"))
        .where(Customer.id == customer_id, Customer.deleted_at.is_(None))
        .cte("chain", recursive=True)
    )
    chain = chain.union(
        select(Customer.id, Customer.parent_id, chain.c.step + 1)
        .where(Customer.id == chain.c.parent_id)
        .where(chain.c.step < DEEPEST_GROUP)
    )
    return (await session.execute(select(chain.c.id).order_by(chain.c.step))).scalars().all()


async def _refuse_taken_external_id(
    session: AsyncSession, external_source: str | None, external_id: str
) -> None:
    found = await session.execute(
        select(Customer.id).where(
            Customer.external_source == external_source, Customer.external_id == external_id
        )
    )
    existing = found.scalar()
    if existing is not None:
        existing = await survivor_of(session, existing)
        raise ExternalIdTaken(
            f"a customer with id {external_id!r} of {external_source} is there already",
            existing_id=str(existing),
        )
