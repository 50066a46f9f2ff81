"""The sign-in endpoints: OAuth 2 for programs and pages, and who I am."""

import base64
import binascii
from typing import Annotated, TypeVar
from urllib.parse import unquote_plus

from fastapi import Depends, Form, Request, Response

from channel.settings import Settings
from channel.sign_in import keys
from channel.sign_in import use_cases as sign_in
from channel.sign_in.schemas import (
    KeySetRead,
    Me,
    MyPasswordChange,
    ServerMetadata,
    TokenRequest,
    TokenRevocation,
    Tokens,
)
from channel.sign_in.use_cases import SignIn
from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.errors import BadRequest

router = service_router("channel", "sign-in")
me_router = service_router("channel", "me")

Given = TypeVar("Given")


class TokenRequestNotUnderstood(BadRequest):
    """The request for a token lacks something, or asks for a way to sign in that we do not have."""

    code = "token_request_not_understood"


async def _at(request: Request, now: Now) -> SignIn:
    address = request.client.host if request.client else ""
    return SignIn(request.app.state.database, request.app.state.settings, now, address)


At = Annotated[SignIn, Depends(_at)]


@router.post("/token", response_model=Tokens, response_model_exclude_none=True)
async def issue_token(
    asked: Annotated[TokenRequest, Form()], at: At, request: Request, response: Response
) -> Tokens:
    # A token is nothing that a proxy, a browser or an idempotency key may keep.
    response.headers["Cache-Control"] = "no-store"
    if asked.grant_type == "password":
        return await sign_in.sign_in_person(
            at,
            username=_needed(asked.username, "username"),
            password=_needed(asked.password, "password").get_secret_value(),
            client_id=asked.client_id,
        )
    if asked.grant_type == "client_credentials":
        client_id, client_secret = _client_of(asked, request)
        return await sign_in.sign_in_client(at, client_id=client_id, client_secret=client_secret)
    if asked.grant_type == "refresh_token":
        return await sign_in.refresh(
            at,
            refresh_token=_needed(asked.refresh_token, "refresh_token").get_secret_value(),
            client_id=asked.client_id,
        )
    raise _not_understood(
        "grant_type is password, client_credentials or refresh_token", "unsupported_grant_type"
    )


@router.post("/revoke", status_code=200, response_class=Response)
async def revoke_token(
    asked: Annotated[TokenRevocation, Form()], session: Session, at: At
) -> Response:
    await sign_in.revoke_token(session, asked.token.get_secret_value(), at=at)
    return Response(headers={"Cache-Control": "no-store"})


@router.get("/jwks", response_model=KeySetRead)
async def list_public_keys(session: Session, now: Now, response: Response) -> KeySetRead:
    # Not for longer: a new key signs at once.
    response.headers["Cache-Control"] = "public, max-age=60"
    published = await keys.list_published_keys(session, now=now)
    return KeySetRead(keys=[key.public_jwk for key in published])


@router.get("/metadata", response_model=ServerMetadata)
async def get_sign_in_metadata(request: Request) -> ServerMetadata:
    settings: Settings = request.app.state.settings
    issuer = settings.issuer_name
    base = issuer if issuer.startswith(("https://", "http://")) else str(request.base_url)
    here = base.rstrip("/") + router.prefix
    return ServerMetadata(
        issuer=issuer,
        token_endpoint=f"{here}/token",
        revocation_endpoint=f"{here}/revoke",
        jwks_uri=f"{here}/jwks",
        grant_types_supported=["password", "client_credentials", "refresh_token"],
        token_endpoint_auth_methods_supported=["client_secret_basic", "client_secret_post", "none"],
        revocation_endpoint_auth_methods_supported=["none"],
    )


@me_router.get("", response_model=Me)
async def tell_me(session: Session, actor: CurrentActor) -> Me:
    return await sign_in.tell_me(session, actor)


@me_router.post(":set-password", status_code=204)
async def change_my_password(
    new: MyPasswordChange, session: Session, actor: CurrentActor, at: At, response: Response
) -> None:
    response.headers["Cache-Control"] = "no-store"
    await sign_in.change_my_password(
        session, actor, current_password=new.current_password, password=new.password, at=at
    )


def _client_of(asked: TokenRequest, request: Request) -> tuple[str, str]:
    """Name and secret of the client, from the Authorization header (RFC 6749, 2.3.1) or the form."""
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        secret = _needed(asked.client_secret, "client_secret").get_secret_value()
        return _needed(asked.client_id, "client_id"), secret
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _not_understood("the Authorization header is not Basic", "invalid_request") from None
    return unquote_plus(name), unquote_plus(secret)


def _needed(value: Given | None, name: str) -> Given:
    if value is None:
        raise _not_understood(f"{name} is missing", "invalid_request")
    return value


def _not_understood(words: str, error: str) -> TokenRequestNotUnderstood:
    return TokenRequestNotUnderstood(words, error=error, error_description=words)
