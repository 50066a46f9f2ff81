import gzip
import re

import pytest

from reporting.dashboards.routes import STATIC

PAGE = "/reporting/dashboard"
BIG = f"{PAGE}/static/vendor/echarts.min.js"


async def test_the_page_is_there_and_may_load_only_its_own(client):
    response = await client.get(PAGE)

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


@pytest.mark.capability("REP-07")
async def test_everything_the_page_names_is_there(client):
    page = (await client.get(PAGE)).text

    named = re.findall(r'(?:src|href)="(/reporting/dashboard/static/[^"]+)"', page)
    assert named
    for address in [*named, BIG]:
        assert (await client.get(address)).status_code == 200, address


async def test_every_script_that_a_script_imports_is_there(client):
    scripts = [STATIC / "dashboard.js", *(STATIC / "js").glob("*.js")]
    imported = {
        (script.parent / path).resolve().relative_to(STATIC).as_posix()
        for script in scripts
        for path in re.findall(r'^(?:import|\}) .*?from "(\./[^"]+)";$', script.read_text(), re.M)
    }

    assert "js/session.js" in imported
    for name in imported:
        assert (await client.get(f"{PAGE}/static/{name}")).status_code == 200, name


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("dashboard.js", "text/javascript; charset=utf-8"),
        ("dashboard.css", "text/css; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
        ("i18n/zh.json", "application/json"),
        ("vendor/NOTICE", "text/plain; charset=utf-8"),
    ],
)
async def test_a_file_says_what_it_is(client, name, media_type):
    response = await client.get(f"{PAGE}/static/{name}")

    assert response.headers["content-type"] == media_type
    assert response.content == (STATIC / name).read_bytes()


async def test_the_big_file_travels_compressed(client):
    async with client.stream("GET", BIG, headers={"Accept-Encoding": "gzip"}) as response:
        sent = b"".join([chunk async for chunk in response.aiter_raw()])

    whole = (STATIC / "vendor/echarts.min.js").read_bytes()
    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(sent) == whole
    assert len(sent) < len(whole) / 2


async def test_a_file_that_is_known_is_not_sent_again(client):
    first = await client.get(BIG)

    again = await client.get(BIG, headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.js", "../routes.py", "%2e%2e/routes.py", "", "js"])
async def test_nothing_but_the_pages_files_is_given(client, name):
    response = await client.get(f"{PAGE}/static/{name}")

    assert response.status_code == 404
