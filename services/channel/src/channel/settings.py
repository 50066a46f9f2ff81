"""Settings of the channel service: the shared ones, and how people sign in."""

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from common.settings import ServiceSettings

_SHORTEST_SECRET = 32


class Settings(ServiceSettings):
    """What the channel service reads from the environment."""

    key_secret: SecretStr | None = Field(
        None,
        validation_alias="FAIRWAY_KEY_SECRET",
        description="seals the private keys in the database; at least 32 characters",
    )
    admin_password: SecretStr | None = Field(
        None,
        validation_alias="FAIRWAY_ADMIN_PASSWORD",
        description="of the first administrator; one is made up and shown where there is none",
    )
    client_secret: SecretStr | None = Field(
        None,
        validation_alias="FAIRWAY_CLIENT_SECRET",
        description="of the client fairway-cli, which may do everything; none is made without",
    )
    refresh_idle_hours: int = Field(
        12,
        validation_alias="FAIRWAY_REFRESH_IDLE_HOURS",
        ge=1,
        description="how long a refresh token that nobody uses is good",
    )
    refresh_days: int = Field(
        30,
        validation_alias="FAIRWAY_REFRESH_DAYS",
        ge=1,
        description="after how long a person signs in again, whatever was refreshed",
    )

    @field_validator("client_secret")
    @classmethod
    def _is_no_word(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < _SHORTEST_SECRET:
            raise ValueError(f"FAIRWAY_CLIENT_SECRET has at least {_SHORTEST_SECRET} characters")
        return value

    @model_validator(mode="after")
    def _keys_are_sealed_well(self) -> Self:
        if self.key_secret is None:
            if self.environment == "production":
                raise ValueError("FAIRWAY_KEY_SECRET is needed in production")
        elif len(self.key_secret.get_secret_value()) < _SHORTEST_SECRET:
            raise ValueError(f"FAIRWAY_KEY_SECRET has at least {_SHORTEST_SECRET} characters")
        return self

    @property
    def sealing_secret(self) -> str | None:
        """The secret that seals private keys, as text."""
        return None if self.key_secret is None else self.key_secret.get_secret_value()

    @property
    def issuer_name(self) -> str:
        """Who signs the tokens."""
        return self.issuer or "fairway"
