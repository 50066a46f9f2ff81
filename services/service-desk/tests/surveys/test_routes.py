import pytest

from common.testing.service import said

from ..builders import a_closed_ticket, did

SURVEYS = "/service-desk/v1/surveys"


async def surveys_of(client, ticket):
    page = (await client.get(SURVEYS, params={"ticket_id": ticket["id"]})).json()
    return page["data"]


@pytest.mark.capability("SVC-19", "C-20")
async def test_every_closing_asks_once_and_reopening_withdraws_what_nobody_answered(
    client, session
):
    ticket = await a_closed_ticket(client)
    await did(client, ticket, "reopen", reason="又漏了")
    await did(client, ticket, "close", solution="换新")

    second, first = await surveys_of(client, ticket)

    assert [(first["closure"], first["state"]), (second["closure"], second["state"])] == [
        (1, "void"),
        (2, "open"),
    ]
    assert first["token"] != second["token"]
    response = await client.post(f"{SURVEYS}/{first['token']}:answer", json={"score": 1})
    assert (response.status_code, response.json()["code"]) == (409, "survey_void")
    assert len(await said(session, "service_desk.survey.asked.v1")) == 2


@pytest.mark.capability("SVC-19")
async def test_the_holder_of_the_token_answers_once_and_it_is_told(client, session):
    agent = "01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f"
    ticket = await a_closed_ticket(client, owner_id=agent)
    (survey,) = await surveys_of(client, ticket)
    path = f"{SURVEYS}/{survey['token']}:answer"

    answer = {"score": 4, "answers": {"speed": 5}, "comment": "很快"}
    first = await client.post(path, json=answer)
    second = await client.post(path, json={"score": 1})

    assert (first.status_code, first.json()["score"]) == (200, 4)
    assert set(first.json()) == {"state", "score", "answered_at"}
    assert (second.status_code, second.json()["code"]) == (409, "survey_already_answered")
    (answered,) = await said(session, "service_desk.survey.answered.v1")
    assert (answered["score"], answered["owner_id"]) == (4, agent)
    assert "很快" not in str(answered)
    shown = (await client.get(f"{SURVEYS}/{survey['id']}")).json()
    assert (shown["answers"], shown["comment"]) == ({"speed": 5}, "很快")


async def test_reopening_leaves_an_answer_as_it_is(client, session):
    ticket = await a_closed_ticket(client)
    (survey,) = await surveys_of(client, ticket)
    await client.post(f"{SURVEYS}/{survey['token']}:answer", json={"score": 2})

    await did(client, ticket, "reopen", reason="又漏了")

    assert [row["state"] for row in await surveys_of(client, ticket)] == ["answered"]
    assert await said(session, "service_desk.survey.voided.v1") == []


async def test_the_token_is_told_to_nobody(client, session):
    (survey,) = await surveys_of(client, await a_closed_ticket(client))

    (asked,) = await said(session, "service_desk.survey.asked.v1")

    assert len(survey["token"]) >= 32
    assert survey["token"] not in str(asked)


@pytest.mark.parametrize("score", [0, 6, 4.5, "5"])
async def test_a_score_is_a_whole_number_from_1_to_5(client, score):
    (survey,) = await surveys_of(client, await a_closed_ticket(client))

    response = await client.post(f"{SURVEYS}/{survey['token']}:answer", json={"score": score})

    assert response.status_code == 422


async def test_a_token_nobody_has_opens_nothing(client):
    response = await client.post(f"{SURVEYS}/guessed:answer", json={"score": 1})

    assert response.status_code == 404
    assert "guessed" not in response.json()["detail"]
