from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from common.ids import new_id
from service_desk.entitlements.model import Entitlement, coverage_on

PUMP, VALVE = uuid4(), uuid4()


def an_entitlement(**values):
    promised = {
        "id": new_id(),
        "contract_id": uuid4(),
        "contract_number": "K2026-000001",
        "contract_kind": "service",
        "line_no": 1,
        "customer_id": uuid4(),
        "product_id": PUMP,
        "product_name": "水泵",
        "quantity": Decimal(1),
        "starts_on": date(2026, 1, 1),
        "ends_on": date(2026, 12, 31),
    }
    return Entitlement(**{**promised, **values})


@pytest.mark.capability("SVC-13")
@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2025, 12, 31), "not_started"),
        (date(2026, 1, 1), "covered_by_contract"),
        (date(2026, 12, 31), "covered_by_contract"),
        (date(2027, 1, 1), "ended"),
    ],
)
def test_a_contract_covers_from_its_first_to_its_last_day(day, reason):
    coverage = coverage_on([an_entitlement()], PUMP, day)

    assert (coverage.covered, coverage.reason) == (reason == "covered_by_contract", reason)


def test_nothing_is_covered_from_the_day_of_termination_on():
    ended = an_entitlement(terminated_on=date(2026, 6, 1))

    assert coverage_on([ended], PUMP, date(2026, 5, 31)).covered
    assert coverage_on([ended], PUMP, date(2026, 6, 1)).reason == "terminated"


def test_another_product_is_not_covered():
    coverage = coverage_on([an_entitlement()], VALVE, date(2026, 3, 2))

    assert (coverage.reason, coverage.entitlement) == ("no_contract", None)


def test_a_service_contract_without_products_covers_all_and_a_sale_without_one_nothing():
    day = date(2026, 3, 2)

    assert coverage_on([an_entitlement(product_id=None)], VALVE, day).covered
    sale = an_entitlement(product_id=None, contract_kind="sales")
    assert not coverage_on([sale], VALVE, day).covered


def test_the_contract_that_holds_longest_is_named():
    short, long = an_entitlement(), an_entitlement(ends_on=None)

    assert coverage_on([short, long], PUMP, date(2026, 3, 2)).entitlement is long


def test_of_those_that_hold_no_longer_the_last_tells_why():
    old = an_entitlement(ends_on=date(2025, 12, 31), starts_on=date(2025, 1, 1))
    future = an_entitlement(starts_on=date(2028, 1, 1), ends_on=date(2028, 12, 31))
    ended = an_entitlement()

    coverage = coverage_on([old, future, ended], PUMP, date(2027, 3, 2))

    assert (coverage.reason, coverage.entitlement) == ("ended", ended)
