import pytest

from channel.accounts.passwords import PasswordTooWeak, check_password

from ..builders import PASSWORD


@pytest.mark.capability("X-02")
@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short-12345", "12 characters"),
        ("Password1234", "too common"),
        ("P@ssw0rd2026", "too common"),
        ("woaini1314520", "too common"),
        ("aaaaaaaaaaaaaa", "too common"),
        ("xx-Fang.Wang-2026", "username"),
    ],
)
def test_a_password_that_is_guessed_early_is_refused(password, why):
    with pytest.raises(PasswordTooWeak, match=why):
        check_password(password, username="fang.wang@fairway.example")


def test_a_long_uncommon_password_is_good_in_any_language():
    check_password(PASSWORD, username="fang.wang")
    check_password("正确的马电池订书钉在海边的小屋", username="fang.wang")
    check_password("al-lives-by-the-sea", username="al")


def test_the_refusal_does_not_repeat_the_password():
    with pytest.raises(PasswordTooWeak) as refused:
        check_password("Password1234", username="fang")

    assert "Password1234" not in f"{refused.value.detail}{refused.value.facts}"
