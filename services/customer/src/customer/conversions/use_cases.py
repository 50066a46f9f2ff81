"""Taking on whom the sales service converted a lead into."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import phonenumbers
from sqlalchemy.ext.asyncio import AsyncSession

from common import context
from common.days import day_of
from common.match_keys import HOME_REGION
from common.messaging.outbox import record
from common.numbers import next_written
from customer.contacts.model import Contact
from customer.customers import use_cases as customers
from customer.customers.mnemonics import take_mnemonics
from customer.customers.model import Customer, CustomerNotFound
from customer.dictionaries.use_cases import add_missing
from customer.duplicates import use_cases as duplicates
from customer.duplicates.model import keys_of_contact, keys_of_customer
from customer.numbers.model import CUSTOMERS


@dataclass(frozen=True, slots=True)
class Conversion:
    """A lead that became somebody: what sales knew of the customer and of the person, if new.

    `scope` has the four values of a scoped record.
    """

    customer_id: UUID
    contact_id: UUID | None
    source: str
    converted_at: datetime
    scope: dict[str, UUID | None]
    customer: dict[str, Any] | None
    contact: dict[str, Any] | None


async def take_on_converted(session: AsyncSession, conversion: Conversion) -> None:
    """Take on who is new, under the ids that sales gave; what is there already stays as it is.

    Nobody is refused, whatever the policy for duplicates: business with them has begun. Who is surely
    somebody we have is put on the list of suspected duplicates, for a person to decide about.
    """
    if conversion.customer is not None:
        await _take_on_customer(session, conversion, conversion.customer)
    if conversion.contact is not None and conversion.contact_id is not None:
        await _take_on_contact(session, conversion, conversion.contact_id, conversion.contact)


async def _take_on_customer(
    session: AsyncSession, conversion: Conversion, known: dict[str, Any]
) -> None:
    if await session.get(Customer, conversion.customer_id) is not None:
        return
    by = context.current().actor_id or "sales"
    await add_missing(session, [known])
    today = day_of(conversion.converted_at)
    (number,) = await next_written(session, CUSTOMERS, 1, today=today)
    customer, created = Customer.register(
        id=conversion.customer_id,
        number=number,
        by=by,
        now=conversion.converted_at,
        source=conversion.source,
        **known,
        **conversion.scope,
    )
    await take_mnemonics(session, [customer])
    session.add(customer)
    record(session, customer, created)
    await session.flush()
    # A lead often tells only how to reach the person, who may be a contact of somebody we have.
    asked = [keys_of_customer(customer)]
    if conversion.contact is not None:
        asked.append(keys_of_contact(_person(conversion.contact)))
    found = await duplicates.find_duplicates(session, asked, of=customer.id)
    sure = {one.customer_id: one for candidates in found for one in candidates if one.is_sure}
    if sure:
        await duplicates.suspect(
            session, customer.id, list(sure.values()), by=by, now=conversion.converted_at
        )


async def _take_on_contact(
    session: AsyncSession, conversion: Conversion, contact_id: UUID, known: dict[str, Any]
) -> None:
    if await session.get(Contact, contact_id) is not None:
        return
    customer = await session.get(Customer, conversion.customer_id)
    if customer is None:
        # It may come from another conversion, whose word is on its way.
        raise CustomerNotFound(f"no customer {conversion.customer_id}")
    if customer.merged_into_id is not None:
        customer = await session.get_one(
            Customer, await customers.survivor_of(session, customer.id)
        )
    contact, added = Contact.add(
        id=contact_id,
        customer_id=customer.id,
        # There is nobody else yet who could be the first to speak with.
        is_primary=conversion.customer is not None and customer.id == conversion.customer_id,
        **_profile(known),
        **customer.scope,
    )
    session.add(contact)
    record(session, contact, added)


def _person(known: dict[str, Any]) -> Contact:
    return Contact(**_profile(known))


def _profile(known: dict[str, Any]) -> dict[str, Any]:
    phone = known["phone"]
    field = "office_phone" if phone and _is_landline(phone) else "mobile_phone"
    return {"name": known["name"], "email": known["email"], field: phone}


def _is_landline(phone: str) -> bool:
    try:
        number = phonenumbers.parse(phone, HOME_REGION)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.FIXED_LINE
