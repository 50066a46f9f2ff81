import pytest

from channel.roles.built_in import BUILT_IN
from channel.roles.model import RoleInUse, RoleIsRemoved
from common.access.rights import Grant, covers

from ..builders import a_role

GRANTS = {role.code: Grant(role.code, tuple(role.rights), role.scope) for role in BUILT_IN}


@pytest.mark.capability("X-05")
def test_a_role_that_accounts_have_is_not_removed():
    with pytest.raises(RoleInUse):
        a_role().remove(accounts=1)


def test_a_removed_role_is_not_changed_until_it_is_restored():
    role = a_role()
    role.remove(accounts=0)

    with pytest.raises(RoleIsRemoved):
        role.update({"name": "新名"})
    assert role.remove(accounts=0) is None
    restored = role.restore()
    assert restored is not None
    assert restored.state == "active"


def test_an_update_that_changes_nothing_says_nothing():
    role = a_role()

    assert role.update({"rights": ["sales.*.read"], "name": role.name}) is None


@pytest.mark.capability("X-05")
@pytest.mark.parametrize(
    ("values", "everything"),
    [
        ({"rights": ["*"], "scope": "all"}, True),
        ({"rights": ["*"], "scope": "own"}, False),
        ({"rights": ["sales.*"], "scope": "all"}, False),
    ],
)
def test_only_every_right_over_all_rows_is_everything(values, everything):
    assert a_role(**values).gives_everything is everything


@pytest.mark.capability("X-05")
@pytest.mark.parametrize(
    ("role", "right", "given"),
    [
        ("administrator", "channel.accounts.write", True),
        ("channel_manager", "channel.partners.manage", True),
        ("channel_manager", "contract.contracts.read", True),
        ("channel_manager", "channel.accounts.write", False),
        ("channel_manager", "sales.quotes.write", False),
        ("regional_manager", "sales.quotes.approve", True),
        ("regional_manager", "sales.quotes.write", False),
        ("sales", "sales.quotes.write", True),
        ("sales", "contract.contracts.write", True),
        ("sales", "contract.contracts.approve", False),
        ("sales", "channel.partners.read", False),
        ("service_agent", "service-desk.tickets.write", True),
        ("service_agent", "customer.customers.write", False),
        ("finance", "sales.receipts.write", True),
        ("finance", "sales.quotes.write", False),
        ("dealer", "service-desk.tickets.write", True),
        ("dealer", "sales.products.read", True),
        ("dealer", "customer.customers.delete", False),
        ("dealer", "channel.partners.read", False),
    ],
)
def test_a_built_in_role_gives_what_its_people_need_and_no_more(role, right, given):
    assert GRANTS[role].gives(right) is given


def test_a_dealer_reaches_the_rows_of_its_partner_only():
    assert GRANTS["dealer"].scope == "partner"
    assert not any(covers(right, "channel.roles.write") for right in GRANTS["dealer"].rights)
