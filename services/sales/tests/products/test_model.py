from datetime import date

import pytest

from sales.products.model import ProductNotForSale, ValidityReversed

from ..builders import TODAY, a_product


@pytest.mark.capability("SAL-13")
@pytest.mark.parametrize(
    ("kind", "is_stocked", "is_shipped"),
    [
        ("own", True, True),
        ("outsourced", False, True),
        ("consigned", True, True),
        ("tangible", True, True),
        ("intangible", False, False),
        ("training", False, False),
        ("services", False, False),
    ],
)
def test_the_kind_says_whether_a_product_is_stocked_and_shipped(kind, is_stocked, is_shipped):
    product = a_product(kind=kind)

    assert (product.is_stocked, product.is_shipped) == (is_stocked, is_shipped)


@pytest.mark.capability("SAL-13")
@pytest.mark.parametrize(
    "values",
    [{"state": "retired"}, {"valid_from": date(2026, 3, 3)}, {"valid_to": date(2026, 3, 1)}],
)
def test_what_is_not_sold_on_the_day_is_refused(values):
    with pytest.raises(ProductNotForSale):
        a_product(**values).check_for_sale(TODAY, pointer="/product_id")


def test_a_product_is_sold_on_its_first_and_on_its_last_day():
    a_product(valid_from=TODAY, valid_to=TODAY).check_for_sale(TODAY, pointer="/product_id")


def test_an_update_that_changes_nothing_says_nothing():
    assert a_product().update({"name": "GTX Pro"}) is None


def test_the_last_day_is_not_before_the_first():
    with pytest.raises(ValidityReversed):
        a_product(valid_from=date(2026, 3, 2)).update({"valid_to": date(2026, 3, 1)})
