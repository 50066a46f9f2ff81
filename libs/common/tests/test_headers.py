"""What every answer carries, and what no spelling of a request gets around."""

import httpx
import pytest

from common.testing.service import published

from .shop.__main__ import ENTRY
from .shop.main import create

BASKETS = "/shop/v1/baskets"


async def test_an_answer_of_the_api_is_kept_by_nobody_and_shown_in_no_frame(client):
    created = await client.post(BASKETS, json={"name": "apples"})
    one = f"{BASKETS}/{created.json()['id']}"
    known = await client.get(one, headers={"If-None-Match": "*"})
    answers = [
        created,
        known,
        await client.get(BASKETS),
        await client.get(f"{BASKETS}?colour=red"),
        await client.get("/shop/v1/nowhere"),
        await client.get("/nowhere"),
        await client.put(BASKETS),
        await client.post("/shop/v1/failures/refused/fault"),
    ]

    assert [answer.status_code for answer in answers] == [201, 304, 200, 422, 404, 404, 405, 500]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"] == "frame-ancestors 'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


async def test_the_api_page_and_its_files_say_for_themselves(client):
    for path in ("/shop/docs", "/shop/docs-assets/swagger-ui.css", "/livez"):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert "content-security-policy" not in answer.headers
        assert answer.headers.get("cache-control") != "no-store"


@pytest.mark.parametrize(
    ("peer", "said", "is_secure"),
    [("10.0.0.1", "https", True), ("10.0.0.1", "http", False), ("192.0.2.1", "https", False)],
    ids=["TLS to the proxy", "none to the proxy", "said by somebody else"],
)
async def test_a_browser_stays_on_tls_where_it_came_by_it(database, peer, said, is_secure):
    settings = ENTRY.settings(DATABASE_URL=database.dsn, FAIRWAY_TRUSTED_PROXIES="10.0.0.1")
    transport = httpx.ASGITransport(app=create(settings, database), client=(peer, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answers = [
            await client.get(path, headers={"X-Forwarded-Proto": said})
            for path in (BASKETS, "/shop/v1/nowhere", "/shop/docs")
        ]

    for answer in answers:
        given = answer.headers.get("strict-transport-security")
        assert given == ("max-age=63072000; includeSubDomains" if is_secure else None)


async def test_no_origin_is_let_in(client):
    for origin in ("https://elsewhere.example", "null"):
        answer = await client.get(BASKETS, headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers
        preflight = await client.options(
            BASKETS, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
        )
        assert preflight.status_code == 405


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"]
)
async def test_a_header_does_not_change_the_method(client, session, header):
    basket = (await client.post(BASKETS, json={"name": "apples"})).json()
    one = f"{BASKETS}/{basket['id']}"

    read = await client.get(one, headers={header: "DELETE"})
    posted = await client.post(one, headers={header: "PATCH"}, json={"name": "pears"})

    assert (read.status_code, posted.status_code) == (200, 405)
    assert len(await published(session)) == 1


@pytest.mark.parametrize(
    "path",
    [
        f"{BASKETS}/",
        f"{BASKETS}//",
        f"/{BASKETS}",
        "/shop/v1//baskets",
        "/SHOP/v1/baskets",
        "/shop/V1/Baskets",
        "/shop/v1/baskets/%2e",
        "/shop/v1/x/%2e%2e/baskets",
        "/shop/v1/baskets%2f",
        "/shop/v1/baskets;a=b",
    ],
)
async def test_another_spelling_of_a_path_leads_nowhere(client, session, path):
    """Not even to a redirect: its address would be made of the Host header."""
    response = await client.post(path, json={"name": "apples"}, headers={"Host": "evil.example"})

    assert response.status_code in (404, 405, 422), response.headers
    assert "location" not in response.headers
    assert await published(session) == []


async def test_an_encoded_letter_is_the_same_path(client):
    assert (await client.get("/shop/v1/%62askets")).status_code == 200
    assert (await client.get("/shop/v1/%62askets?colour=red")).status_code == 422


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "CONNECT", "BREW"])
async def test_a_method_that_no_endpoint_has_is_refused_without_effect(client, session, method):
    basket = (await client.post(BASKETS, json={"name": "apples"})).json()

    for path in (BASKETS, f"{BASKETS}/{basket['id']}", f"{BASKETS}/{basket['id']}:touch"):
        response = await client.request(method, path)
        assert response.status_code == 405, path
        assert response.headers["allow"]
    assert len(await published(session)) == 1
