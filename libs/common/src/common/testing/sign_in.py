"""An issuer of tokens for tests, and a service that asks for them."""

import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI

from common.access.tokens import KeySet
from common.cli import ServiceEntry
from common.db import Database
from common.testing.service import settings_for

ISSUER, AUDIENCE = "https://sign-in.test", "fairway"


@dataclass
class TestIssuer:
    """Signs tokens and shows its public key; `fetches` counts how often it was asked for it."""

    __test__ = False

    key_id: str = "test-1"
    private_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    fetches: int = 0

    def jwks(self) -> dict[str, Any]:
        """The public keys as the issuer publishes them."""
        public = jwt.algorithms.ECAlgorithm.to_jwk(self.private_key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": "ES256"}]}

    def key_set(self) -> KeySet:
        """The key set that a service fetches."""

        async def fetch() -> dict[str, Any]:
            self.fetches += 1
            return self.jwks()

        return KeySet(fetch)

    def claims(self, subject: UUID | str, **other: Any) -> dict[str, Any]:
        """The claims of a good token; a claim given as None is left out."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(subject),
            "iat": now,
            "exp": now + 300,
            "jti": f"{subject}-{now}",
            **other,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self, subject: UUID | str, *, headers: dict[str, Any] | None = None, **other: Any
    ) -> str:
        """A token; good unless `headers` or a claim make it bad."""
        return jwt.encode(
            self.claims(subject, **other),
            self.private_key,
            algorithm="ES256",
            headers={"typ": "at+jwt", "kid": self.key_id, **(headers or {})},
        )


def guarded_app(entry: ServiceEntry, database: Database, issuer: TestIssuer) -> FastAPI:
    """The service's app, which accepts this issuer's tokens and no others."""
    settings = settings_for(
        entry,
        database.dsn,
        FAIRWAY_ISSUER=ISSUER,
        FAIRWAY_AUDIENCE=AUDIENCE,
        FAIRWAY_JWKS_URL=f"{ISSUER}/jwks",
        # A test asks faster than people do; those of the limits set them.
        FAIRWAY_EXPENSIVE_RATE_LIMIT=0,
    )
    app: FastAPI = entry.create_app(settings, database)
    app.state.accounts.keys = issuer.key_set()
    return app


def client_of(app: FastAPI, token: str | None = None) -> httpx.AsyncClient:
    """A client of the app that brings this token."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://test", headers=headers
    )
