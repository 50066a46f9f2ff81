"""Settings every process of a service reads from the environment, typed and checked at start."""

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
    declare_topology: bool = Field(
        True,
        validation_alias="FAIRWAY_DECLARE_TOPOLOGY",
        description="false where a deploy command declares it and the user may not",
    )
    body_limit_bytes: int = Field(2 * 1024 * 1024, validation_alias="FAIRWAY_BODY_LIMIT_BYTES")
    upload_limit_bytes: int = Field(64 * 1024 * 1024, validation_alias="FAIRWAY_UPLOAD_LIMIT_BYTES")
    concurrency_limit: int = Field(200, validation_alias="FAIRWAY_CONCURRENCY_LIMIT", ge=1)

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
            raise ValueError("must be postgresql://user:password@host:port/database")
        return value

    @model_validator(mode="after")
    def _production_is_guarded(self) -> "ServiceSettings":
        if self.environment == "production" and (
            self.internal_token is None or len(self.internal_token.get_secret_value()) < 24
        ):
            raise ValueError(
                "FAIRWAY_INTERNAL_TOKEN of at least 24 characters is needed in production"
            )
        return self

    @property
    def dsn(self) -> str:
        """The database URL as asyncpg takes it."""
        return self.database_url.get_secret_value()
