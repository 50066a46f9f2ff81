"""Settings every process of a service reads from the environment, typed and checked at start."""

import hmac
from ipaddress import ip_network
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """What a service needs to know about the place it runs in.

    Raises pydantic.ValidationError at start when a value is missing or not usable, so that a
    process with a wrong configuration never becomes ready.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    database_url: SecretStr = Field(
        validation_alias="DATABASE_URL",
        description="postgresql://user:password@host:port/database",
    )
    amqp_url: SecretStr | None = Field(
        None,
        validation_alias="AMQP_URL",
        description="amqp://user:password@host:port/vhost; none where the bus is in-process",
    )
    environment: Literal["development", "production"] = Field(
        "development", validation_alias="ENVIRONMENT"
    )
    host: str = Field("127.0.0.1", validation_alias="HOST")
    port: int = Field(8000, validation_alias="PORT", ge=0, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", validation_alias="LOG_LEVEL"
    )
    database_pool_size: int = Field(10, validation_alias="FAIRWAY_DATABASE_POOL_SIZE", ge=1)
    database_behind_pooler: bool = Field(
        False,
        validation_alias="FAIRWAY_DATABASE_BEHIND_POOLER",
        description="DATABASE_URL leads to a pooler that keeps nothing beyond a transaction",
    )
    peers: dict[str, str] = Field(
        default_factory=dict,
        validation_alias="FAIRWAY_PEERS",
        description='base URL of each other service, as {"sales": "http://sales:8000"}',
    )
    internal_token: SecretStr | None = Field(
        None,
        validation_alias="FAIRWAY_INTERNAL_TOKEN",
        description="bearer token that guards the internal feeds",
    )
    issuer: str | None = Field(
        None,
        validation_alias="FAIRWAY_ISSUER",
        description="whose access tokens are good; without it everybody is the local operator",
    )
    audience: str = Field(
        "fairway", validation_alias="FAIRWAY_AUDIENCE", description="`aud` of good tokens"
    )
    jwks_url: str | None = Field(
        None, validation_alias="FAIRWAY_JWKS_URL", description="the issuer's public keys"
    )
    account_claim: str = Field(
        "preferred_username",
        validation_alias="FAIRWAY_ACCOUNT_CLAIM",
        description="the claim that names an account, where `sub` is not the account's id",
    )
    cursor_key: SecretStr | None = Field(
        None,
        validation_alias="FAIRWAY_CURSOR_KEY",
        min_length=24,
        description="seals the cursors of lists; the same for all processes of a service",
    )
    declare_topology: bool = Field(
        True,
        validation_alias="FAIRWAY_DECLARE_TOPOLOGY",
        description="false where a deploy command declares it and the user may not",
    )
    body_limit_bytes: int = Field(2 * 1024 * 1024, validation_alias="FAIRWAY_BODY_LIMIT_BYTES")
    upload_limit_bytes: int = Field(64 * 1024 * 1024, validation_alias="FAIRWAY_UPLOAD_LIMIT_BYTES")
    rate_limit_per_s: int = Field(
        600,
        validation_alias="FAIRWAY_RATE_LIMIT",
        ge=0,
        description="requests a second of one principal, twice as many at once; 0 is no limit",
    )
    address_rate_limit_per_s: int = Field(
        1200,
        validation_alias="FAIRWAY_ADDRESS_RATE_LIMIT",
        ge=0,
        description="the same for one client address, whoever asks",
    )
    expensive_rate_limit_per_s: int = Field(
        20,
        validation_alias="FAIRWAY_EXPENSIVE_RATE_LIMIT",
        ge=0,
        description="the same for one principal on reports, exports and the like",
    )
    trusted_proxies: str = Field(
        "",
        validation_alias="FAIRWAY_TRUSTED_PROXIES",
        description="addresses and networks of the proxies in front, with commas between them;"
        " only from there X-Forwarded-For and -Proto are believed",
    )
    concurrency_limit: int = Field(200, validation_alias="FAIRWAY_CONCURRENCY_LIMIT", ge=1)

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
            raise ValueError("must be postgresql://user:password@host:port/database")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for network in _listed(value):
            ip_network(network)
        return value

    @model_validator(mode="after")
    def _issuer_has_keys(self) -> "ServiceSettings":
        if (self.issuer is None) != (self.jwks_url is None):
            raise ValueError("FAIRWAY_ISSUER and FAIRWAY_JWKS_URL go together")
        return self

    @model_validator(mode="after")
    def _production_is_guarded(self) -> "ServiceSettings":
        if self.environment == "production" and (
            self.internal_token is None or len(self.internal_token.get_secret_value()) < 24
        ):
            raise ValueError(
                "FAIRWAY_INTERNAL_TOKEN of at least 24 characters is needed in production"
            )
        if self.environment == "production" and self.issuer is None:
            # Without one everybody would be the operator.
            raise ValueError("FAIRWAY_ISSUER and FAIRWAY_JWKS_URL are needed in production")
        return self

    def cursor_key_of(self, service: str) -> bytes:
        """The key of the service's cursors: the same after a restart and in every process.

        Without FAIRWAY_CURSOR_KEY it is derived from a secret that is there: the internal token,
        or else the password of the database.
        """
        given = self.cursor_key or self.internal_token
        secret = given.get_secret_value() if given else urlsplit(self.dsn).password or ""
        return hmac.digest(secret.encode(), f"cursors of {service}".encode(), "sha256")

    @property
    def proxies(self) -> list[str]:
        """The networks whose word about the client's address is believed."""
        return _listed(self.trusted_proxies)

    @property
    def dsn(self) -> str:
        """The database URL as asyncpg takes it."""
        return self.database_url.get_secret_value()


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
