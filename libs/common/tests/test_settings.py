import pytest
from pydantic import ValidationError

from common.settings import ServiceSettings

GOOD = {"DATABASE_URL": "postgresql://shop:s3cret@db:5432/shop"}
TOKEN = "a-token-of-at-least-24-characters"
ISSUER = {"FAIRWAY_ISSUER": "https://id.example", "FAIRWAY_JWKS_URL": "https://id.example/keys"}


@pytest.mark.parametrize(
    "url", ["", "mysql://a:b@host/shop", "postgresql://a:b@host", "postgresql://a:b@host/", "shop"]
)
def test_a_database_that_is_none_of_ours_is_refused_at_the_start(url):
    with pytest.raises(ValidationError, match="must be postgresql://"):
        ServiceSettings(DATABASE_URL=url)


def test_a_process_without_a_database_does_not_start(monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(ValidationError, match="DATABASE_URL"):
        ServiceSettings()


@pytest.mark.parametrize("token", [None, "", "too-short"])
def test_production_needs_a_token_for_the_internal_feeds(token):
    with pytest.raises(ValidationError, match="FAIRWAY_INTERNAL_TOKEN"):
        ServiceSettings(**GOOD, **ISSUER, ENVIRONMENT="production", FAIRWAY_INTERNAL_TOKEN=token)

    assert ServiceSettings(**GOOD, **ISSUER, ENVIRONMENT="production", FAIRWAY_INTERNAL_TOKEN=TOKEN)


@pytest.mark.capability("X-02")
def test_production_does_not_start_where_everybody_would_be_the_operator():
    with pytest.raises(ValidationError, match="FAIRWAY_ISSUER"):
        ServiceSettings(**GOOD, ENVIRONMENT="production", FAIRWAY_INTERNAL_TOKEN=TOKEN)

    assert ServiceSettings(**GOOD).issuer is None


def test_the_proxies_that_are_believed_are_addresses_and_networks():
    settings = ServiceSettings(**GOOD, FAIRWAY_TRUSTED_PROXIES="10.1.2.3, fd00::/8 ,")

    assert settings.proxies == ["10.1.2.3", "fd00::/8"]
    assert ServiceSettings(**GOOD).proxies == []


@pytest.mark.parametrize("proxies", ["*", "gateway", "10.0.0.1/8", "10.0.0.300"])
def test_a_proxy_that_is_no_address_is_refused_at_the_start(proxies):
    with pytest.raises(ValidationError, match="FAIRWAY_TRUSTED_PROXIES"):
        ServiceSettings(**GOOD, FAIRWAY_TRUSTED_PROXIES=proxies)


def test_secrets_are_not_printed():
    shown = repr(
        ServiceSettings(**GOOD, AMQP_URL="amqp://a:s3cret@b/", FAIRWAY_INTERNAL_TOKEN=TOKEN)
    )

    assert "s3cret" not in shown
    assert TOKEN not in shown


def test_settings_are_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", GOOD["DATABASE_URL"])
    monkeypatch.setenv("PORT", "8001")
    monkeypatch.setenv("FAIRWAY_PEERS", '{"sales": "http://sales:8000"}')

    settings = ServiceSettings()

    assert settings.dsn == GOOD["DATABASE_URL"]
    assert settings.port == 8001
    assert settings.peers == {"sales": "http://sales:8000"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "70000"), ("PORT", "eighty"), ("LOG_LEVEL", "LOUD"), ("ENVIRONMENT", "prod")],
)
def test_a_value_that_cannot_be_used_is_named(monkeypatch, name, value):
    monkeypatch.setenv("DATABASE_URL", GOOD["DATABASE_URL"])
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError, match=name):
        ServiceSettings()
