"""What the demo does about answers that are not yet what they will be."""

import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import pytest_asyncio

from fairway.demo.api import Api, Refused

Answer = Callable[[httpx.Request], httpx.Response]


class Service:
    """Answers what the test says, one answer a call."""

    def __init__(self) -> None:
        self.answers: list[httpx.Response] = []
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def problem(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "code": code, "detail": "because"})


@pytest.fixture
def service() -> Service:
    return Service()


@pytest_asyncio.fixture
async def api(service: Service) -> AsyncIterator[Api]:
    transport = httpx.MockTransport(service)
    async with httpx.AsyncClient(transport=transport, base_url="http://suite") as client:
        yield Api(client, patience_s=0.5)


@pytest.mark.parametrize(
    "not_yet",
    [
        problem(422, "customer_not_known"),
        problem(409, "concurrent_change"),
        problem(503, "busy"),
    ],
)
async def test_what_is_on_its_way_is_asked_for_again(service, api, not_yet):
    service.answers = [not_yet, not_yet, httpx.Response(201, json={"id": "7"})]

    assert await api.post("/sales/v1/leads", {"name": "A"}) == {"id": "7"}

    assert [json.loads(request.content) for request in service.asked] == [{"name": "A"}] * 3


@pytest.mark.parametrize(
    "no", [problem(422, "not_valid"), problem(409, "external_id_taken"), problem(404, "gone")]
)
async def test_a_refusal_is_taken_for_an_answer(service, api, no):
    service.answers = [no]

    with pytest.raises(Refused, match="because") as refused:
        await api.post("/sales/v1/leads")

    assert len(service.asked) == 1
    assert refused.value.status == no.status_code


async def test_patience_comes_to_an_end(service, api):
    service.answers = [problem(422, "partner_not_known")]

    with pytest.raises(Refused, match="partner_not_known"):
        await api.post("/sales/v1/leads")

    assert len(service.asked) > 2


async def test_an_answer_without_a_problem_document_is_told_by_its_text(service, api):
    service.answers = [httpx.Response(502, text="<html>bad gateway</html>")]

    with pytest.raises(Refused, match="bad gateway"):
        await api.get("/sales/v1/leads")


async def test_a_list_is_walked_to_its_end(service, api):
    service.answers = [
        httpx.Response(200, json={"data": [1, 2], "has_more": True, "next_cursor": "b"}),
        httpx.Response(200, json={"data": [3], "has_more": False, "next_cursor": None}),
    ]

    found = [row async for row in api.pages("/sales/v1/leads", state="new")]

    assert found == [1, 2, 3]
    assert service.asked[1].url.params["cursor"] == "b"
    assert service.asked[1].url.params["state"] == "new"


async def test_the_first_row_of_a_list_is_waited_for(service, api):
    empty = httpx.Response(200, json={"data": [], "has_more": False})
    service.answers = [empty, empty, httpx.Response(200, json={"data": [{"id": "7"}]})]

    assert await api.first("/contract/v1/contracts", quote_id="1") == {"id": "7"}


async def test_a_list_that_stays_empty_is_given_up(service, api):
    service.answers = [httpx.Response(200, json={"data": [], "has_more": False})]

    with pytest.raises(TimeoutError, match="shows nothing"):
        await api.first("/contract/v1/contracts")
