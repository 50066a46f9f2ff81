import asyncio
from datetime import timedelta

import pytest

from channel.accounts import hashing
from channel.sign_in import use_cases as sign_in
from channel.sign_in.attempts import TooManyAttempts
from channel.sign_in.use_cases import SignInFailed

from ..builders import PASSWORD, an_opened_account

WRONG = "wrong horse battery"


@pytest.mark.capability("X-02")
@pytest.mark.parametrize("username", ["fang.wang", "nobody"])
async def test_after_ten_wrong_passwords_a_username_is_locked_known_or_not(client, desk, username):
    await an_opened_account(client, username="fang.wang")

    wrong = [await desk.sign_in(username, WRONG) for _ in range(20)]
    right = await desk.sign_in(username.upper(), PASSWORD)

    assert [answer.status_code for answer in wrong] == [401] * 10 + [429] * 10
    assert right.status_code == 429
    assert 890 < int(right.headers["retry-after"]) <= 900
    assert right.json()["detail"] == "too many attempts; try again later"
    assert right.json()["code"] == "too_many_attempts"
    assert (await desk.sign_in("somebody.else", WRONG)).status_code == 401


@pytest.mark.capability("X-02")
async def test_guesses_side_by_side_are_no_more_than_ten(client, desk):
    await an_opened_account(client, username="fang.wang")

    answers = await asyncio.gather(*(desk.sign_in("fang.wang", WRONG) for _ in range(25)))

    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(401), statuses.count(429)) == (10, 15)


@pytest.mark.capability("X-02")
async def test_an_address_is_locked_after_thirty_wrong_passwords(client, desk):
    await an_opened_account(client, username="fang.wang")

    wrong = [await desk.sign_in(f"user{number}", WRONG) for number in range(31)]
    right = await desk.sign_in("fang.wang", PASSWORD)

    assert [answer.status_code for answer in wrong] == [401] * 30 + [429]
    assert right.status_code == 429


@pytest.mark.capability("X-02")
async def test_a_locked_username_is_free_again_after_a_quarter_of_an_hour(client, desk, now):
    await an_opened_account(client, username="fang.wang")

    async def try_at(minutes: float, password: str) -> object:
        return await sign_in.sign_in_person(
            desk.at(now + timedelta(minutes=minutes)),
            username="fang.wang",
            password=password,
            client_id=None,
        )

    for minutes in range(10):
        with pytest.raises(SignInFailed):
            await try_at(minutes, WRONG)
    with pytest.raises(TooManyAttempts) as locked:
        await try_at(14, PASSWORD)
    assert locked.value.facts["retry_after_s"] == 60
    assert await try_at(15.1, PASSWORD)


@pytest.mark.capability("X-02")
async def test_the_right_password_forgets_the_wrong_ones_before_it(client, desk):
    await an_opened_account(client, username="fang.wang")

    for _ in range(3):
        statuses = [(await desk.sign_in("fang.wang", WRONG)).status_code for _ in range(9)]
        assert statuses == [401] * 9
        assert (await desk.sign_in("fang.wang", PASSWORD)).status_code == 200


async def test_a_client_is_locked_like_a_person(client, desk):
    await an_opened_account(client, kind="client", username="erp")

    answers = [
        await desk.ask(grant_type="client_credentials", client_id="erp", client_secret="wrong")
        for _ in range(11)
    ]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]


@pytest.mark.capability("X-02")
async def test_an_unknown_user_takes_the_same_work_as_a_known_one(client, desk, monkeypatch):
    await an_opened_account(client, username="fang.wang")
    verified = []
    verify = hashing._verify

    def watched(kept: str, secret: str) -> bool:
        verified.append(kept)
        return verify(kept, secret)

    monkeypatch.setattr(hashing, "_verify", watched)

    for username in ("fang.wang", "nobody"):
        await desk.sign_in(username, WRONG)

    known, unknown = verified
    assert known != unknown
    # Algorithm and cost; salt and hash differ.
    assert known.split("$")[:4] == unknown.split("$")[:4]
    assert known.startswith("$argon2id$")


async def test_the_secret_of_nobody_is_nobodys():
    assert not await hashing.is_secret("", None)
    assert await hashing.is_secret("secret", await hashing.hash_secret("secret"))
