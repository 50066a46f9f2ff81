from datetime import date
from uuid import uuid4

import pytest

from customer.contacts.model import Contact, SupervisorElsewhere

from ..builders import NOW


def a_contact(**values):
    return Contact.add(**{"customer_id": uuid4(), "name": "王芳", **values})[0]


@pytest.mark.capability("CUS-12")
@pytest.mark.parametrize(
    ("today", "age"),
    [(date(2026, 2, 28), 33), (date(2026, 3, 1), 34), (date(2028, 2, 29), 36)],
)
def test_the_age_follows_from_the_birthday(today, age):
    contact = a_contact(birthday=date(1992, 2, 29))

    assert contact.age_on(today) == age


def test_a_supervisor_works_at_the_same_customer():
    contact = a_contact()

    with pytest.raises(SupervisorElsewhere):
        contact.check_supervisor(a_contact())
    with pytest.raises(SupervisorElsewhere):
        contact.check_supervisor(contact)
    contact.check_supervisor(a_contact(customer_id=contact.customer_id))


def test_removing_twice_says_it_once():
    contact = a_contact()

    assert contact.remove(NOW) is not None
    assert contact.remove(NOW) is None
