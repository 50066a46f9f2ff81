"""Input and output of the sign-in endpoints; the names are those of OAuth 2."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from channel.accounts.schemas import Password

Name = Annotated[str, Field(max_length=200)]
Secret = Annotated[SecretStr, Field(max_length=256)]


class TokenRequest(BaseModel):
    """RFC 6749, sections 4.3, 4.4 and 6; what it does not name is ignored."""

    model_config = ConfigDict(extra="ignore")

    grant_type: Annotated[
        Name | None, Field(description="password, client_credentials or refresh_token")
    ] = None
    username: Name | None = None
    password: Secret | None = None
    client_id: Name | None = None
    client_secret: Secret | None = None
    refresh_token: Annotated[SecretStr | None, Field(max_length=256)] = None


class Tokens(BaseModel):
    """RFC 6749, section 5.1. A program gets no refresh token: it has its secret."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the kind of token, no secret
    expires_in: Annotated[int, Field(description="seconds")]
    refresh_token: str | None = None


class TokenRevocation(BaseModel):
    """RFC 7009: a refresh token, or an access token, whose session is over."""

    model_config = ConfigDict(extra="ignore")

    token: Annotated[SecretStr, Field(max_length=8192)]
    token_type_hint: Name | None = None


class KeySetRead(BaseModel):
    """RFC 7517: the public keys that tokens are verified with."""

    keys: list[dict[str, Any]]


class ServerMetadata(BaseModel):
    """RFC 8414: where and how to sign in."""

    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    response_types_supported: list[str] = []
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]


class MyPasswordChange(BaseModel):
    """Another password for whoever is signed in, who knows the present one."""

    model_config = ConfigDict(extra="forbid")

    current_password: Secret
    password: Password


class MyRole(BaseModel):
    """A role in effect."""

    code: str
    rights: list[str]
    scope: str


class MyEmployee(BaseModel):
    """The employee who is signed in."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    name: str
    position: str | None
    department_id: UUID


class MyPartner(BaseModel):
    """The partner for which somebody is signed in."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    name: str
    tier: str


class MyAccount(BaseModel):
    """The account that is signed in."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    username: str
    kind: str
    region_ids: list[UUID]
    created_at: datetime


class Me(BaseModel):
    """Who asks, and what they may do; `account` is null for the operator of an open installation."""

    id: str
    account: MyAccount | None
    employee: MyEmployee | None
    partner: MyPartner | None
    roles: list[MyRole]
    rights: list[str]
