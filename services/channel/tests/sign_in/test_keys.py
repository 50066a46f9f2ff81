from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr, ValidationError
from sqlalchemy import select, text

from channel.settings import Settings
from channel.sign_in import keys
from channel.sign_in.bootstrap import bootstrap
from channel.sign_in.crypto import CannotOpen
from channel.sign_in.model import SigningKey

from ..builders import NOW, PASSWORD, an_opened_account

JWKS = "/channel/v1/sign-in/jwks"
SECRET, OTHER = "s" * 32, "o" * 32


@pytest.mark.capability("X-02")
async def test_after_a_rotation_new_tokens_have_the_new_key_and_old_ones_still_verify(
    client, desk, database, now
):
    await an_opened_account(client, username="fang.wang")
    old = (await desk.sign_in("fang.wang", PASSWORD)).json()["access_token"]

    async with database.transaction() as session:
        made = await keys.rotate_keys(session, secret=None, now=now)

    new = (await desk.sign_in("fang.wang", PASSWORD)).json()["access_token"]
    assert jwt.get_unverified_header(new)["kid"] == made.kid
    assert jwt.get_unverified_header(old)["kid"] != made.kid
    assert (await desk.claims(old))["sub"] == (await desk.claims(new))["sub"]


@pytest.mark.capability("X-02")
async def test_an_old_key_is_published_until_its_last_token_has_expired(desk, database, now):
    async with database.transaction() as session:
        made = await keys.rotate_keys(session, secret=None, now=now)

    async def published(after: timedelta) -> int:
        async with database.reading() as session:
            return len(await keys.list_published_keys(session, now=now + after))

    assert await published(timedelta(seconds=330)) == 2
    assert await published(timedelta(seconds=361)) == 1
    async with database.transaction() as session:
        await keys.forget_old_keys(session, now=now + timedelta(seconds=361))
        assert [key.kid for key in await keys.list_keys(session)] == [made.kid]


@pytest.mark.capability("X-02")
async def test_nothing_private_is_published_and_a_retired_key_cannot_sign(client, desk, database):
    async with database.transaction() as session:
        await keys.rotate_keys(session, secret=None, now=NOW)

    published = (await client.get(JWKS)).json()["keys"]

    async with database.reading() as session:
        private = (await session.execute(select(SigningKey.private_key))).scalars().all()
    assert {name for key in published for name in key} == {
        *("kty", "crv", "x", "y", "kid", "use", "alg"),
    }
    assert sorted(key is None for key in private) == [False, True]


@pytest.mark.capability("X-06")
def test_a_sealed_key_opens_with_its_secret_and_under_its_own_name_only():
    key, other = (SigningKey.make(secret=SECRET, now=NOW) for _ in range(2))

    assert key.opened(SECRET).curve.name == "secp256r1"
    for secret in (OTHER, None):
        with pytest.raises(CannotOpen):
            key.opened(secret)
    key.private_key, other.private_key = other.private_key, key.private_key
    with pytest.raises(CannotOpen):
        key.opened(SECRET)


@pytest.mark.capability("X-06")
def test_a_flipped_bit_of_a_sealed_key_is_noticed():
    key = SigningKey.make(secret=SECRET, now=NOW)
    assert key.private_key is not None

    for place in (0, 20, -1):
        altered = bytearray(key.private_key)
        altered[place] ^= 1
        broken = SigningKey(kid=key.kid, private_key=bytes(altered), is_sealed=True)
        with pytest.raises(CannotOpen):
            broken.opened(SECRET)


@pytest.mark.capability("X-06")
def test_what_is_kept_of_a_sealed_key_is_no_key_and_never_twice_the_same():
    key = SigningKey.make(secret=SECRET, now=NOW)
    assert key.private_key is not None
    der = key.opened(SECRET).private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )

    assert der not in key.private_key
    with pytest.raises(ValueError):
        serialization.load_der_private_key(key.private_key, password=None)
    nonces = {(SigningKey.make(secret=SECRET, now=NOW).private_key or b"")[:12] for _ in range(50)}
    assert len(nonces) == 50


@pytest.mark.capability("X-06")
async def test_with_a_secret_the_open_key_gives_way_to_a_sealed_one(desk, database):
    sealed = Settings(DATABASE_URL=database.dsn, FAIRWAY_KEY_SECRET=SECRET)

    for _ in range(2):
        await bootstrap(database, sealed)

    async with database.reading() as session:
        newest, oldest = await keys.list_keys(session)
    assert (newest.is_sealed, newest.retired_at) == (True, None)
    assert oldest.retired_at is not None
    await bootstrap(database, sealed.model_copy(update={"key_secret": SecretStr(OTHER)}))
    async with database.reading() as session:
        assert (await keys.list_keys(session))[0].opened(OTHER)


async def test_without_a_key_nobody_gets_a_token_and_the_reason_is_said(client, desk, session):
    await an_opened_account(client, username="fang.wang")
    async with desk.database.transaction() as writing:
        await writing.execute(text("DELETE FROM signing_keys"))

    response = await desk.sign_in("fang.wang", PASSWORD)

    assert response.status_code == 503
    assert "setup" in response.json()["detail"]


@pytest.mark.capability("X-06")
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ENVIRONMENT": "production"}, "FAIRWAY_KEY_SECRET is needed"),
        ({"FAIRWAY_KEY_SECRET": "short"}, "at least 32"),
    ],
)
def test_production_starts_with_a_good_secret_only(values, words):
    place = {
        "DATABASE_URL": "postgresql://localhost/channel",
        "FAIRWAY_INTERNAL_TOKEN": "t" * 24,
        "FAIRWAY_ISSUER": "https://fairway.example",
        "FAIRWAY_JWKS_URL": "http://channel-api:8000/channel/v1/sign-in/jwks",
    }

    with pytest.raises(ValidationError, match=words):
        Settings(**place, **values)
    Settings(**place, **{**values, "FAIRWAY_KEY_SECRET": SECRET})


def test_no_secret_is_shown_with_the_settings():
    settings = Settings(
        DATABASE_URL="postgresql://localhost/channel",
        FAIRWAY_KEY_SECRET=SECRET,
        FAIRWAY_ADMIN_PASSWORD=PASSWORD,
    )

    assert SECRET not in repr(settings)
    assert PASSWORD not in repr(settings)
