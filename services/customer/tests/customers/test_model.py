from uuid import uuid4

import pytest

from customer.customers.model import (
    CustomerHasSubsidiaries,
    CustomerNotDeleted,
    NothingToTransfer,
    ParentCycle,
)

from ..builders import NOW, a_customer


def test_an_update_that_changes_nothing_says_nothing():
    customer = a_customer(city="杭州")

    assert customer.update({"city": "杭州"}) is None


def test_an_update_tells_the_values_after_it():
    customer = a_customer(city="杭州")

    updated = customer.update({"city": "宁波"})

    assert updated is not None
    assert updated.city == "宁波"


def test_a_customer_cannot_stand_below_itself():
    customer = a_customer()

    with pytest.raises(ParentCycle):
        customer.check_parent([uuid4(), customer.id])


def test_a_transfer_tells_from_whom_to_whom():
    before, after = uuid4(), uuid4()
    customer = a_customer(owner_id=before)

    transferred = customer.transfer(owner_id=after, department_id=None, reason="离职交接")

    assert (transferred.from_owner_id, transferred.owner_id) == (before, after)
    assert customer.owner_id == after


def test_a_transfer_to_the_present_owner_is_refused():
    owner = uuid4()
    customer = a_customer(owner_id=owner)

    with pytest.raises(NothingToTransfer):
        customer.transfer(owner_id=owner, department_id=None, reason="again")


def test_a_customer_with_subsidiaries_cannot_be_deleted():
    with pytest.raises(CustomerHasSubsidiaries):
        a_customer().delete(now=NOW, has_subsidiaries=True)


def test_deleting_twice_says_it_once():
    customer = a_customer()

    assert customer.delete(now=NOW, has_subsidiaries=False) is not None
    assert customer.delete(now=NOW, has_subsidiaries=False) is None


def test_only_a_deleted_customer_can_be_restored():
    with pytest.raises(CustomerNotDeleted):
        a_customer().restore()
