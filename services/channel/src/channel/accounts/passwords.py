"""Which passwords are good enough."""

from pathlib import Path

from common.errors import Invalid

SHORTEST = 12
_FEWEST_LETTERS = 5
_SHORTEST_NAME = 4

_COMMONEST = frozenset(
    (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8").split()
)
"""The commonest passwords that are long enough, in small letters."""


class PasswordTooWeak(Invalid):
    """A password has 12 characters or more, is no common one and does not hold the username."""

    code = "password_too_weak"


def check_password(password: str, *, username: str) -> None:
    """Refuse a password that is guessed early."""
    folded = password.casefold()
    name = username.casefold().split("@", 1)[0]
    if len(password) < SHORTEST:
        raise PasswordTooWeak(f"a password has at least {SHORTEST} characters", pointer="/password")
    if folded in _COMMONEST or len(set(folded)) < _FEWEST_LETTERS:
        raise PasswordTooWeak("this password is too common", pointer="/password")
    if len(name) >= _SHORTEST_NAME and name in folded:
        raise PasswordTooWeak("the username is no part of the password", pointer="/password")
