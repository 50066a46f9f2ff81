"""Access tokens: JWTs of the RFC 9068 profile, which say who, and not what they may."""

from datetime import datetime
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from channel.accounts.model import Account
from channel.sign_in.crypto import ALGORITHM
from channel.sign_in.model import ACCESS_TOKEN_LIFETIME, SigningKey
from common.ids import new_id

TYPE = "at+jwt"


def access_token(
    key: EllipticCurvePrivateKey,
    kid: str,
    *,
    issuer: str,
    audience: str,
    account: Account,
    session_id: UUID,
    client_id: str,
    now: datetime,
) -> str:
    """A token for the account.

    It is dated to `tokens_from` where that is the second to come: older ones are not good.
    """
    issued_at = int(max(now, account.tokens_from).timestamp())
    return jwt.encode(
        {
            "iss": issuer,
            "aud": audience,
            "sub": str(account.id),
            "sid": str(session_id),
            "client_id": client_id,
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + int(ACCESS_TOKEN_LIFETIME.total_seconds()),
            "jti": str(new_id()),
        },
        key,
        algorithm=ALGORITHM,
        headers={"typ": TYPE, "kid": kid},
    )


def session_of(token: str, keys: list[SigningKey], *, audience: str) -> UUID | None:
    """The session of an access token that we signed, be it expired; None for any other text."""
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        key = next((key for key in keys if key.kid == kid), None)
        if key is None:
            return None
        claims = jwt.decode(
            token,
            jwt.PyJWK(key.public_jwk),
            algorithms=[ALGORITHM],
            audience=audience,
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
        return UUID(claims["sid"])
    except (jwt.PyJWTError, KeyError, ValueError):
        return None
