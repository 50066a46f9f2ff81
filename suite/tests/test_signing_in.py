"""Whom the commands sign in as, and whom they tell their secret."""

import os

import pytest
from pydantic import SecretStr

from fairway import signing_in
from fairway.home import Running, keep_to_ourselves
from fairway.signing_in import CLIENT, credentials_for

URL = "http://127.0.0.1:8080"
ELSEWHERE = "https://fairway.example.com"
NAMES = (
    *("FAIRWAY_ISSUER", "FAIRWAY_JWKS_URL", "FAIRWAY_TOKEN_URL"),
    *("FAIRWAY_CLIENT_ID", "FAIRWAY_CLIENT_SECRET", "NO_PROXY", "no_proxy"),
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRWAY_HOME", str(tmp_path))
    for name in NAMES:
        # Set first, so that what a test leaves behind is taken back.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def runs(monkeypatch, folder):
    """Lets a suite run from the folder, which has a secret of its own."""
    keep_to_ourselves(folder / "cli-secret", "s3cret")

    def run(*, issues_tokens: bool) -> None:
        running = Running(1, URL, "one process", {}, None, issues_tokens)
        monkeypatch.setattr(signing_in, "read_running", lambda: running)

    return run


@pytest.mark.capability("X-02")
def test_the_suites_own_secret_goes_to_the_suite_and_to_nobody_else(runs):
    runs(issues_tokens=True)

    assert credentials_for(URL) == (CLIENT, "s3cret")
    assert credentials_for(f"{URL}/") == (CLIENT, "s3cret")
    assert credentials_for(ELSEWHERE) is None


def test_a_suite_that_asks_nobody_is_told_no_secret(runs):
    runs(issues_tokens=False)

    assert credentials_for(URL) is None


def test_the_client_of_the_environment_is_for_every_address(runs, monkeypatch):
    runs(issues_tokens=True)
    monkeypatch.setenv("FAIRWAY_CLIENT_SECRET", "another")

    assert credentials_for(ELSEWHERE) == (CLIENT, "another")
    monkeypatch.setenv("FAIRWAY_CLIENT_ID", "importer")
    assert credentials_for(URL) == ("importer", "another")


def test_the_suite_is_its_own_issuer_unless_another_is_named(monkeypatch):
    signing_in.configure(URL)
    assert signing_in.issues_tokens(URL)
    assert os.environ["FAIRWAY_JWKS_URL"] == f"{URL}{signing_in.KEYS}"
    # A proxy on the way out of the machine does not lead to its own keys.
    assert os.environ["no_proxy"] == "127.0.0.1"

    signing_in.leave_open()
    assert not signing_in.issues_tokens(URL)
    assert "FAIRWAY_JWKS_URL" not in os.environ

    monkeypatch.setenv("FAIRWAY_ISSUER", ELSEWHERE)
    signing_in.configure(URL)
    assert not signing_in.issues_tokens(URL)
    assert os.environ["FAIRWAY_ISSUER"] == ELSEWHERE


def test_a_token_is_asked_for_where_the_issuer_gives_them(monkeypatch):
    asked = signing_in.token_request(f"{URL}/", "a", "b")
    assert str(asked.url) == f"{URL}{signing_in.TOKENS}"

    monkeypatch.setenv("FAIRWAY_TOKEN_URL", f"{ELSEWHERE}/token")
    assert str(signing_in.token_request(URL, "a", "b").url) == f"{ELSEWHERE}/token"


def test_the_first_password_is_handed_over_once_and_to_us_alone(folder):
    signing_in.hand_over(SecretStr("first"))

    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    handed = signing_in.take_over()
    assert handed is not None
    assert handed.get_secret_value() == "first"
    assert signing_in.take_over() is None
