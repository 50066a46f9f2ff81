"""Which tokens are good: the rows "AuthN" of the security matrix."""

import base64
import json
import time

import jwt
import pytest

from common.access.tokens import BadToken, KeySet, verify
from common.ids import new_id
from common.testing.sign_in import AUDIENCE, ISSUER, TestIssuer

pytestmark = pytest.mark.capability("X-02")

TIMES = ("exp", "nbf", "iat")
"""Claims that are given in seconds from now."""


@pytest.fixture
def issuer():
    return TestIssuer()


async def check(issuer, token, keys=None):
    return await verify(token, keys or issuer.key_set(), issuer=ISSUER, audience=AUDIENCE)


async def test_a_good_token_says_who(issuer):
    account = new_id()

    claims = await check(issuer, issuer.token(account, sid="session-1"))

    assert (claims.subject, claims.session) == (str(account), "session-1")


@pytest.mark.parametrize(
    "bad",
    [
        {"exp": -31},
        {"nbf": 3600},
        {"iat": 60},
        {"iss": "https://else.where"},
        {"aud": "somebody-else"},
        {"exp": None},
        {"sub": None},
        {"iat": None},
        {"aud": None},
        {"sub": 7},
    ],
    ids="-".join,
)
async def test_a_token_with_a_bad_claim_is_refused(issuer, bad):
    now = int(time.time())
    claims = {
        name: now + value if name in TIMES and value else value for name, value in bad.items()
    }

    with pytest.raises(BadToken):
        await check(issuer, issuer.token("someone", **claims))


@pytest.mark.parametrize("kind", ["JWT", "id_token", "rt+jwt", ""])
async def test_a_token_that_is_no_access_token_is_refused(issuer, kind):
    with pytest.raises(BadToken):
        await check(issuer, issuer.token("someone", headers={"typ": kind}))


async def test_a_clock_may_be_half_a_minute_off(issuer):
    await check(issuer, issuer.token("someone", exp=int(time.time()) - 20))


async def test_a_token_that_nobody_signed_is_refused(issuer):
    unsigned = jwt.encode(
        issuer.claims("someone"), None, "none", headers={"typ": "at+jwt", "kid": issuer.key_id}
    )

    with pytest.raises(BadToken):
        await check(issuer, unsigned)


async def test_the_public_key_is_no_shared_secret(issuer):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    # Made by hand, because the library refuses to sign with a public key.
    head = part(json.dumps({"typ": "at+jwt", "alg": "HS256", "kid": issuer.key_id}).encode())
    body = part(json.dumps(issuer.claims("someone")).encode())
    secret = json.dumps(issuer.jwks()["keys"][0]).encode()
    signature = part(
        jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
            head + b"." + body, secret
        )
    )

    with pytest.raises(BadToken):
        await check(issuer, b".".join((head, body, signature)).decode())


async def test_a_key_that_a_token_brings_along_is_not_looked_at(issuer):
    other = TestIssuer()
    token = other.token(
        "someone",
        headers={"jwk": other.jwks()["keys"][0], "jku": "https://evil.test/jwks"},
    )

    with pytest.raises(BadToken):
        await check(issuer, token)


async def test_unknown_key_ids_do_not_make_us_ask_the_issuer_again_and_again(issuer):
    keys = issuer.key_set()

    for number in range(20):
        with pytest.raises(BadToken):
            await check(issuer, issuer.token("x", headers={"kid": f"made-up-{number}"}), keys)

    assert issuer.fetches == 1


async def test_a_new_key_is_found_and_an_old_one_is_good_while_it_is_shown(issuer):
    old = issuer.token("someone")
    keys = issuer.key_set()
    await check(issuer, old, keys)
    new = TestIssuer(key_id="test-2")
    both = {"keys": issuer.jwks()["keys"] + new.jwks()["keys"]}

    async def fetch_both():
        return both

    keys = KeySet(fetch_both)
    await check(issuer, old, keys)
    await check(issuer, new.token("someone"), keys)

    both["keys"] = new.jwks()["keys"]
    with pytest.raises(BadToken):
        await check(issuer, old, KeySet(fetch_both))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "." * 9000, "é" * 40])
async def test_what_is_no_token_is_refused(issuer, token):
    with pytest.raises(BadToken):
        await check(issuer, token)
