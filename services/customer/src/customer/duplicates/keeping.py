"""Keeping the match keys: written in the transaction that changes a customer or contact.

# beside model and use cases: whoever changes a customer, in whichever way, changes its keys
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import event, inspect, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from common.clock import utc_now
from common.db import Database
from common.match_keys import VERSION
from common.messaging.outbox import UnitOfWork
from customer.contacts.model import Contact
from customer.customers.model import Customer
from customer.duplicates.model import DuplicateKeys, KeysProgress, keys_row

READ_OF = {
    Customer: ("name", "tax_number", "phone", "finance_phone", "email"),
    Contact: ("mobile_phone", "office_phone", "home_phone", "email"),
}
"""The fields that keys are made of."""

AT_ONCE = 500
"""Records whose keys are made in one transaction."""

_KEEP = insert(DuplicateKeys)
_KEEP = _KEEP.on_conflict_do_update(
    index_elements=["record_id"],
    set_={
        name: getattr(_KEEP.excluded, name)
        for name in ("name", "tax_number", "phones", "emails", "tokens", "rules")
    },
)


@event.listens_for(UnitOfWork, "after_flush")
def _keep_keys(session: Session, _: object) -> None:
    changed = [thing for thing in session.new if type(thing) in READ_OF]
    for thing in session.dirty:
        fields = READ_OF.get(type(thing))
        if fields and not inspect(thing).committed_state.keys().isdisjoint(fields):
            changed.append(thing)
    if changed:
        session.connection().execute(_KEEP, [keys_row(thing) for thing in changed])


async def make_missing_keys(database: Database) -> bool:
    """Make keys for a batch of what was there before the present rules; False when all have some."""
    async with database.transaction() as session:
        held = select(KeysProgress).where(KeysProgress.rules == VERSION).with_for_update()
        progress = (await session.execute(held)).scalar_one_or_none()
        if progress is None:
            progress = KeysProgress(rules=VERSION, record_type="customer")
            session.add(progress)
        if progress.done_at is not None:
            return False
        kind: Any = Customer if progress.record_type == "customer" else Contact
        query = select(kind).order_by(kind.id).limit(AT_ONCE)
        if progress.last_id is not None:
            query = query.where(kind.id > progress.last_id)
        records: Sequence[Any] = (await session.execute(query)).scalars().all()
        if records:
            await session.execute(_KEEP, [keys_row(record) for record in records])
            progress.last_id = records[-1].id
        elif progress.record_type == "customer":
            progress.record_type, progress.last_id = "contact", None
        else:
            progress.done_at = utc_now()
    return True
