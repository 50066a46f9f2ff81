from datetime import timedelta
from uuid import uuid4

import pytest

from channel.accounts.model import AccountOfTwo, PasswordOfClient, SecretOfPerson

from ..builders import NOW, an_account

LATER = NOW + timedelta(minutes=5, milliseconds=250)
NEXT_SECOND = NOW + timedelta(minutes=5, seconds=1)


@pytest.mark.capability("X-05")
def test_an_account_is_an_employees_or_a_partners():
    account = an_account(employee_id=uuid4())

    with pytest.raises(AccountOfTwo):
        account.update({"partner_id": uuid4()}, now=LATER)
    moved = account.update({"employee_id": None, "partner_id": uuid4()}, now=LATER)
    assert moved is not None
    assert moved.employee_id is None


@pytest.mark.capability("X-02")
@pytest.mark.parametrize(
    "change",
    [
        lambda account: account.update({"role_ids": [uuid4()]}, now=LATER),
        lambda account: account.set_password("other", now=LATER),
        lambda account: account.disable(now=LATER),
        lambda account: account.take_tokens_back(now=LATER),
    ],
    ids=["roles", "password", "disabled", "revoked"],
)
def test_tokens_from_before_the_change_are_not_good_any_more(change):
    account = an_account()

    told = change(account)

    assert told.tokens_from == account.tokens_from == NEXT_SECOND


def test_a_change_of_regions_leaves_the_tokens_good():
    account = an_account()

    account.update({"region_ids": [uuid4()]}, now=LATER)

    assert account.tokens_from == NOW


def test_the_secret_of_a_client_is_renewed_and_a_password_set_for_a_person():
    with pytest.raises(PasswordOfClient):
        an_account(kind="client").set_password("hash", now=NOW)
    with pytest.raises(SecretOfPerson):
        an_account().renew_secret("hash", now=NOW)


def test_what_changes_nothing_says_nothing():
    account = an_account()

    assert account.update({"username": account.username}, now=LATER) is None
    assert account.enable() is None
    account.disable(now=LATER)
    assert account.disable(now=LATER) is None


def test_no_event_holds_the_hash():
    account = an_account(secret_hash="$argon2id$secret")

    assert "argon2" not in account.set_password("$argon2id$other", now=NOW).model_dump_json()
