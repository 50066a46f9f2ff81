"""The Keycloak realm gives tokens that the services take: made here as the realm's settings say."""

import copy
import json
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from pydantic import SecretStr

from common.access.tokens import ALGORITHMS, BadToken, Claims, KeySet, verify
from common.settings import ServiceSettings
from fairway.signing_in import CLIENT

from .manifests import ROOT

REALM: dict[str, Any] = json.loads((ROOT / "deploy/keycloak/fairway-realm.json").read_text())
CLIENTS: dict[str, dict[str, Any]] = {client["clientId"]: client for client in REALM["clients"]}
SETTINGS = ServiceSettings(
    database_url=SecretStr("postgresql://localhost/any"),
    issuer=f"https://id.example.com/realms/{REALM['realm']}",
    jwks_url="https://id.example.com/keys",
)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
USERNAME = "fang.wang"


def token_of(client: dict[str, Any]) -> str:
    """What Keycloak makes of the client's attributes and mappers."""
    claims: dict[str, Any] = {
        "iss": SETTINGS.issuer,
        "sub": str(uuid4()),
        "iat": int(time.time()),
        "exp": int(time.time()) + REALM["accessTokenLifespan"],
    }
    for mapper in client["protocolMappers"]:
        config = mapper["config"]
        if config["access.token.claim"] != "true":
            continue
        if mapper["protocolMapper"] == "oidc-audience-mapper":
            claims["aud"] = config["included.custom.audience"]
        elif mapper["protocolMapper"] == "oidc-hardcoded-claim-mapper":
            claims[config["claim.name"]] = config["claim.value"]
        elif mapper["protocolMapper"] == "oidc-usermodel-attribute-mapper":
            claims[config["claim.name"]] = {"username": USERNAME}[config["user.attribute"]]
    is_of_the_profile = client["attributes"].get("access.token.header.type.rfc9068") == "true"
    return jwt.encode(
        claims,
        KEY,
        algorithm=REALM["defaultSignatureAlgorithm"],
        headers={"kid": "1", "typ": "at+jwt" if is_of_the_profile else "JWT"},
    )


async def verified(client: dict[str, Any]) -> Claims:
    async def fetch() -> dict[str, Any]:
        public = json.loads(RSAAlgorithm.to_jwk(KEY.public_key()))
        algorithm = REALM["defaultSignatureAlgorithm"]
        return {"keys": [{**public, "kid": "1", "use": "sig", "alg": algorithm}]}

    assert SETTINGS.issuer is not None
    return await verify(
        token_of(client), KeySet(fetch), issuer=SETTINGS.issuer, audience=SETTINGS.audience
    )


@pytest.mark.capability("X-02")
@pytest.mark.parametrize(("client", "account"), [("fairway-web", USERNAME), (CLIENT, CLIENT)])
async def test_a_token_of_each_client_is_good_and_names_the_account(client, account):
    claims = await verified(CLIENTS[client])

    assert claims.everything[SETTINGS.account_claim] == account


@pytest.mark.capability("X-02")
@pytest.mark.parametrize("client", sorted(CLIENTS))
async def test_what_the_realm_says_of_its_tokens_is_needed(client):
    of_another_type = copy.deepcopy(CLIENTS[client])
    del of_another_type["attributes"]["access.token.header.type.rfc9068"]
    for_nobody = copy.deepcopy(CLIENTS[client])
    for_nobody["protocolMappers"] = [
        mapper
        for mapper in for_nobody["protocolMappers"]
        if mapper["protocolMapper"] != "oidc-audience-mapper"
    ]

    for broken in (of_another_type, for_nobody):
        with pytest.raises(BadToken):
            await verified(broken)


def test_the_realm_is_as_careful_as_the_services():
    assert REALM["defaultSignatureAlgorithm"] in ALGORITHMS
    assert REALM["accessTokenLifespan"] <= 300
    assert REALM["bruteForceProtected"]
    assert not REALM["registrationAllowed"]
    for client in CLIENTS.values():
        assert "secret" not in client
        assert not client["publicClient"]
        # Keycloak puts `sub` into a token by this scope.
        assert "basic" in client["defaultClientScopes"]
        assert not client["implicitFlowEnabled"]
        assert not client["directAccessGrantsEnabled"]
        assert all(uri.startswith("https://") for uri in client.get("redirectUris", []))
        assert not any("*" in uri for uri in client.get("redirectUris", []))
    assert CLIENTS["fairway-web"]["attributes"]["pkce.code.challenge.method"] == "S256"
    assert CLIENTS[CLIENT]["serviceAccountsEnabled"]
    assert not CLIENTS[CLIENT]["standardFlowEnabled"]
