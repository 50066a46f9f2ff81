from datetime import UTC, datetime, time
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.days import ZONE
from customer.contacts.model import Contact, PreferredHoursOpen

from ..builders import a_created_customer, an_added_contact

pytestmark = [pytest.mark.capability("CUS-13")]


def a_contact(**values):
    return Contact.add(customer_id=uuid4(), name="王芳", **values)[0]


@given(
    st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1)),
    st.tuples(st.times(), st.times()).map(sorted).filter(lambda ends: ends[0] < ends[1]),
)
def test_a_good_moment_is_the_first_one_in_the_preferred_hours(naive, hours):
    now = naive.replace(tzinfo=UTC)
    begins, ends = (each.replace(second=0, microsecond=0) for each in hours)
    if begins == ends:
        return
    contact = a_contact(preferred_from=begins, preferred_until=ends)

    moment = contact.good_moment(now)

    local = moment.astimezone(ZONE)
    assert moment >= now
    assert begins <= local.time() < ends
    assert moment == now or local.time() == begins
    assert (moment - now).total_seconds() < 24 * 3600


def test_who_prefers_no_hours_is_asked_at_once():
    now = datetime(2026, 3, 2, 20, tzinfo=UTC)

    assert a_contact().good_moment(now) == now


@pytest.mark.parametrize(
    ("begins", "ends"), [(time(9), None), (None, time(9)), (time(12), time(9)), (time(9), time(9))]
)
def test_hours_have_a_beginning_and_a_later_end(begins, ends):
    with pytest.raises(PreferredHoursOpen):
        a_contact(preferred_from=begins, preferred_until=ends)


async def test_preferences_are_kept_with_the_contact(client):
    contact = await an_added_contact(
        client,
        await a_created_customer(client),
        preferred_channel="wechat",
        preferred_from="09:00",
        preferred_until="11:30",
        hobby="钓鱼",
    )
    path = f"/customer/v1/contacts/{contact['id']}"

    changed = await client.patch(path, json={"is_opted_out": True, "preferred_until": "12:00"})
    refused = await client.patch(path, json={"preferred_from": None})

    assert changed.json()["preferred_from"] == "09:00:00"
    assert (changed.json()["preferred_until"], changed.json()["is_opted_out"]) == ("12:00:00", True)
    assert (refused.status_code, refused.json()["code"]) == (422, "preferred_hours_open")
