from uuid import uuid4

import pytest

from sales.copies.model import (
    CustomerNotKnown,
    KnownCustomer,
    KnownEmployee,
    KnownPartner,
    References,
    Wanted,
)

A_CUSTOMER = KnownCustomer(
    id=uuid4(),
    owner_id=uuid4(),
    department_id=uuid4(),
    partner_id=uuid4(),
    region_id=uuid4(),
    is_deleted=False,
)
AN_EMPLOYEE = KnownEmployee(id=uuid4(), department_id=uuid4())


def test_what_the_caller_says_holds():
    wanted = Wanted(
        customer_id=A_CUSTOMER.id,
        owner_id=uuid4(),
        department_id=uuid4(),
        partner_id=uuid4(),
        region_id=uuid4(),
    )

    scope = References(customer=A_CUSTOMER, owner=AN_EMPLOYEE).scope(wanted)

    assert scope == {name: getattr(wanted, name) for name in scope}


def test_without_a_department_it_is_that_of_the_owner():
    scope = References(customer=A_CUSTOMER, owner=AN_EMPLOYEE).scope(
        Wanted(owner_id=AN_EMPLOYEE.id)
    )

    assert scope["department_id"] == AN_EMPLOYEE.department_id


def test_without_anything_it_is_all_the_customers():
    scope = References(customer=A_CUSTOMER).scope(Wanted(customer_id=A_CUSTOMER.id))

    assert scope == {name: getattr(A_CUSTOMER, name) for name in scope}


def test_where_the_customer_has_no_region_it_is_the_partners():
    partner = KnownPartner(id=uuid4(), region_id=uuid4())

    scope = References(partner=partner).scope(Wanted(partner_id=partner.id))

    assert scope["region_id"] == partner.region_id


@pytest.mark.parametrize("customer", [None, KnownCustomer(id=uuid4(), is_deleted=True)])
def test_a_customer_nobody_told_of_or_who_is_deleted_is_refused(customer):
    with pytest.raises(CustomerNotKnown):
        References(customer=customer).check(Wanted(customer_id=uuid4()))
