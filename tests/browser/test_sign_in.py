"""Signing in on the dashboard: a real Chromium, and a suite that asks everybody for a token."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Request, Response, Route, expect

from fairway.testing import TEST_TIMEOUT_S, Suite

pytestmark = pytest.mark.timeout(TEST_TIMEOUT_S)

ADMIN = "admin"
PASSWORD = "a-long-enough-password"
DASHBOARD = "/reporting/dashboard"
TOKENS = "/channel/v1/sign-in/token"
SETTLED_WITHIN_MS = 20_000
TOKEN_IS_OVER_S = -1
TOKEN_ENDS_SOON_S = 30


@pytest.fixture(scope="module")
def closed_suite() -> Iterator[Suite]:
    """A suite where every call needs a token."""
    suite = Suite()
    suite.environment["FAIRWAY_ADMIN_PASSWORD"] = PASSWORD
    suite.start()
    yield suite
    suite.close()


class Visitor:
    """Somebody with a browser: its tabs share what is kept."""

    def __init__(self, context: BrowserContext, base_url: str) -> None:
        self.context = context
        self.base_url = base_url.rstrip("/")
        self.complaints: list[str] = []
        self.token_requests: list[dict[str, str]] = []
        context.on("request", self._note_request)

    def _note_request(self, request: Request) -> None:
        if request.url.endswith(TOKENS):
            fields = parse_qs(request.post_data or "")
            self.token_requests.append({name: values[0] for name, values in fields.items()})

    @property
    def refreshed(self) -> int:
        """How often a token was asked for with a refresh token."""
        return sum(asked["grant_type"] == "refresh_token" for asked in self.token_requests)

    async def open(self, path: str = f"{DASHBOARD}?lang=en") -> Page:
        page = await self.context.new_page()
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        await page.goto(self.base_url + path)
        return page

    def _note_console(self, message: Any) -> None:
        # The browser itself notes each refusal.
        is_refusal = re.search(r"status of (401|429|503)|ERR_FAILED", message.text)
        if message.type in ("error", "warning") and not is_refusal:
            self.complaints.append(f"console: {message.text}")

    async def open_signed_in(self, path: str = f"{DASHBOARD}?lang=en") -> Page:
        page = await self.open(path)
        await sign_in(page)
        await board_of(page)
        return page

    async def open_account(self, token: str, username: str) -> None:
        """Another administrator."""
        channel, headers = f"{self.base_url}/channel/v1", {"Authorization": f"Bearer {token}"}
        roles = await (await self.context.request.get(f"{channel}/roles", headers=headers)).json()
        role_id = next(role["id"] for role in roles["data"] if role["code"] == "administrator")
        answer = await self.context.request.post(
            f"{channel}/accounts",
            headers=headers,
            data={"username": username, "password": PASSWORD, "role_ids": [role_id]},
        )
        assert answer.status == 201, await answer.text()

    async def ask_for_tokens(self, **fields: str | float | bool) -> tuple[int, dict[str, Any]]:
        """What the channel service answers somebody who is not this page."""
        answer = await self.context.request.post(self.base_url + TOKENS, form=fields)
        return answer.status, await answer.json()


@pytest.fixture
async def visitor(closed_suite: Suite, browser: Browser) -> AsyncIterator[Visitor]:
    context = await browser.new_context(locale="en-US", reduced_motion="reduce")
    visitor = Visitor(context, closed_suite.url)
    yield visitor
    await context.close()
    assert visitor.complaints == []


async def sign_in(page: Page, username: str = ADMIN, password: str = PASSWORD) -> None:
    await page.locator("[name=username]").fill(username)
    await page.locator("[name=password]").fill(password)
    await page.keyboard.press("Enter")


async def board_of(page: Page) -> None:
    """Wait until every card has its answer."""
    cards = page.locator(".card[id]")
    await expect(cards.first).to_be_visible(timeout=SETTLED_WITHIN_MS)
    settled = page.locator(".card[data-state=figures], .card[data-state=empty]")
    await expect(settled).to_have_count(await cards.count(), timeout=SETTLED_WITHIN_MS)


async def kept(page: Page, change: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """The session that the browser keeps, with the change made to it first."""
    return await page.evaluate(
        """change => new Promise((resolve, reject) => {
            const opening = indexedDB.open("fairway", 1);
            opening.onerror = () => reject(opening.error);
            opening.onsuccess = () => {
                const transaction = opening.result.transaction("kept", "readwrite");
                const store = transaction.objectStore("kept");
                const reading = store.get("session");
                reading.onsuccess = () => change
                    && store.put(Object.assign(reading.result, change), "session");
                transaction.oncomplete = () => {
                    opening.result.close();
                    resolve(reading.result ?? null);
                };
            };
        })""",
        change,
    )


async def let_token_end(page: Page, in_s: float = TOKEN_IS_OVER_S) -> None:
    """As if the minutes had gone by that an access token is good."""
    await kept(page, {"goodUntil": (time.time() + in_s) * 1000})


async def ask_all_again(page: Page) -> None:
    """Have the page ask for all its reports at once, and wait for the answers."""
    cards = await page.locator(".card[id]").count()
    answered: set[str] = set()

    def note(answer: Response) -> None:
        if answer.ok and "/v1/reports/" in answer.url:
            answered.add(answer.url)

    page.on("response", note)
    await page.evaluate("dispatchEvent(new Event('online'))")
    async with asyncio.timeout(SETTLED_WITHIN_MS / 1000):
        while len(answered) < cards:
            await asyncio.sleep(0.05)
    await board_of(page)


def form_of(page: Page) -> Any:
    return page.get_by_role("form", name=re.compile("Sign in|登录"))


def refused_with(status: int) -> Callable[[Route], Awaitable[None]]:
    async def refuse(route: Route) -> None:
        await route.fulfill(
            status=status,
            content_type="application/problem+json",
            body=json.dumps({"title": "Refused", "status": status}),
        )

    return refuse


@pytest.mark.capability("X-02")
async def test_who_is_not_signed_in_sees_the_form_and_no_board(visitor):
    page = await visitor.open()

    await expect(form_of(page)).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await expect(page).to_have_title(re.compile("^Sign in"))
    await expect(page.get_by_label("Username")).to_be_focused()
    await expect(page.get_by_label("Username")).to_have_attribute("autocomplete", "username")
    password = page.get_by_label("Password")
    await expect(password).to_have_attribute("autocomplete", "current-password")
    for hidden in ("#content", "#account", "#sections", "#status"):
        await expect(page.locator(hidden)).to_be_hidden()


@pytest.mark.capability("X-02")
async def test_a_person_signs_in_with_the_keyboard_and_sees_the_board(visitor):
    page = await visitor.open()
    await expect(page.get_by_label("Username")).to_be_focused()

    await page.keyboard.type(ADMIN)
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")

    await board_of(page)
    await expect(form_of(page)).to_have_count(0)
    await expect(page.locator("#account")).to_contain_text(ADMIN)
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    await expect(page.locator("#main")).to_be_focused()


async def test_a_reload_stays_signed_in_and_asks_for_no_new_token(visitor):
    page = await visitor.open_signed_in()
    visitor.token_requests.clear()

    await page.reload()

    await board_of(page)
    await expect(page.locator("#account")).to_contain_text(ADMIN)
    assert visitor.token_requests == []


async def test_the_password_is_kept_nowhere(visitor):
    page = await visitor.open_signed_in()

    stored = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert PASSWORD not in stored
    assert PASSWORD not in json.dumps(await kept(page))
    assert PASSWORD not in page.url
    assert await page.locator("input[type=password]").count() == 0


async def test_a_wrong_password_is_said_and_the_name_stays(visitor):
    page = await visitor.open()

    await sign_in(page, password="not-the-password")

    await expect(page.get_by_role("alert")).to_contain_text("password is wrong")
    await expect(page.get_by_label("Username")).to_have_value(ADMIN)
    await expect(page.get_by_label("Password")).to_be_focused()
    await expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    # What was typed is selected, so that typing replaces it.
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await board_of(page)


async def test_an_empty_field_is_said_and_nothing_is_sent(visitor):
    page = await visitor.open()

    await sign_in(page, password="")

    await expect(page.get_by_role("alert")).to_have_text("Enter your username and your password.")
    await expect(page.get_by_label("Password")).to_be_focused()
    assert visitor.token_requests == []


async def test_too_many_attempts_say_when_to_come_back(visitor):
    for _ in range(10):
        await visitor.ask_for_tokens(grant_type="password", username="mallory", password="guess")
    page = await visitor.open()

    await sign_in(page, "mallory", "another guess")

    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text(re.compile(r"Too many attempts.*\d{1,2}:\d{2}"))


async def test_a_server_that_is_away_is_said_and_can_be_tried_again(visitor):
    page = await visitor.open()
    await page.route(f"**{TOKENS}", lambda route: route.abort())

    await sign_in(page)

    await expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    await page.unroute_all()
    await page.get_by_role("button", name="Sign in").click()
    await board_of(page)


async def test_while_it_is_signing_in_it_says_so_and_asks_once(visitor):
    page = await visitor.open()
    answered = asyncio.Event()

    async def late(route: Route) -> None:
        await answered.wait()
        await route.continue_()

    await page.route(f"**{TOKENS}", late)

    await sign_in(page)
    await expect(page.get_by_role("button", name="Signing in …")).to_be_visible()
    await expect(form_of(page)).to_have_attribute("aria-busy", "true")
    await page.keyboard.press("Enter")
    answered.set()

    await board_of(page)
    assert len(visitor.token_requests) == 1


async def test_another_language_keeps_what_was_typed(visitor):
    page = await visitor.open()
    await sign_in(page, password="not-the-password")
    await expect(page.get_by_role("alert")).to_contain_text("password is wrong")

    await page.get_by_role("button", name="中文").click()

    await expect(page.get_by_role("heading", level=1)).to_have_text("登录")
    await expect(page.get_by_role("alert")).to_contain_text("用户名或密码错误")
    await expect(page.get_by_label("用户名")).to_have_value(ADMIN)
    await expect(page.get_by_label("密码")).to_have_value("not-the-password")


async def test_a_token_that_is_over_is_renewed_once_for_all_that_wait(visitor):
    page = await visitor.open_signed_in()
    before = await kept(page)
    await let_token_end(page)

    await ask_all_again(page)

    assert visitor.refreshed == 1
    after = await kept(page)
    assert after["refresh"] != before["refresh"]
    assert after["access"] != before["access"]


async def test_a_token_is_renewed_before_it_is_over(visitor):
    page = await visitor.open_signed_in()
    refused: list[str] = []
    page.on("response", lambda answer: answer.status == 401 and refused.append(answer.url))
    await let_token_end(page, TOKEN_ENDS_SOON_S)

    await ask_all_again(page)

    assert (visitor.refreshed, refused) == (1, [])


async def test_a_token_that_cannot_be_renewed_yet_is_used_while_it_is_good(visitor):
    page = await visitor.open_signed_in()
    await page.route(f"**{TOKENS}", refused_with(503))
    await let_token_end(page, TOKEN_ENDS_SOON_S)

    await ask_all_again(page)

    await expect(form_of(page)).to_have_count(0)
    assert visitor.refreshed > 0


async def test_two_tabs_share_the_session_and_do_not_end_it(visitor):
    first = await visitor.open_signed_in()
    second = await visitor.open()
    await board_of(second)

    for rounds in range(1, 6):
        await let_token_end(first)
        await asyncio.gather(ask_all_again(first), ask_all_again(second))
        assert visitor.refreshed == rounds

    for page in (first, second):
        await expect(form_of(page)).to_have_count(0)
        await expect(page.locator("#account")).to_contain_text(ADMIN)


async def test_a_browser_without_locks_keeps_the_session_in_one_tab(visitor):
    await visitor.context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'locks', {value: undefined})"
    )
    page = await visitor.open_signed_in()
    await expect(page.locator("#account")).to_contain_text(ADMIN)

    other = await visitor.open()

    await expect(form_of(other)).to_be_visible()
    await ask_all_again(page)


async def test_a_tab_goes_on_when_another_one_signs_in(visitor):
    waiting = await visitor.open()
    await expect(form_of(waiting)).to_be_visible()

    await visitor.open_signed_in()

    await board_of(waiting)
    await expect(form_of(waiting)).to_have_count(0)


async def test_after_the_session_was_ended_the_form_comes_and_the_question_is_repeated(visitor):
    page = await visitor.open_signed_in()
    stolen = (await kept(page))["refresh"]
    status, _ = await visitor.ask_for_tokens(grant_type="refresh_token", refresh_token=stolen)
    assert status == 200
    await let_token_end(page)

    await page.get_by_role("button", name="This year").click()

    await expect(form_of(page)).to_contain_text("Your session has ended")
    await expect(page.locator("#content")).to_be_hidden()
    await expect(page.get_by_label("Username")).to_have_value(ADMIN)
    await expect(page.get_by_label("Password")).to_be_focused()
    asked_again = page.expect_response(lambda answer: "from=" in answer.url and answer.ok)
    async with asked_again:
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
    await board_of(page)
    assert "period=year" in page.url
    await expect(page.get_by_role("button", name="This year")).to_have_attribute(
        "aria-pressed", "true"
    )


async def test_signing_out_ends_the_session_everywhere(visitor):
    other = await visitor.open_signed_in()
    page = await visitor.open(f"{DASHBOARD}?lang=en&period=year")
    await board_of(page)
    refresh_token = (await kept(page))["refresh"]

    await page.get_by_role("button", name="Sign out").click()

    for tab in (page, other):
        await expect(form_of(tab)).to_be_visible(timeout=SETTLED_WITHIN_MS)
        await expect(form_of(tab)).not_to_contain_text("Your session has ended")
        assert await tab.locator("#board").inner_text() == ""
    assert await kept(page) is None
    assert page.url == f"{visitor.base_url}{DASHBOARD}?lang=en"
    status, problem = await visitor.ask_for_tokens(
        grant_type="refresh_token", refresh_token=refresh_token
    )
    assert (status, problem["code"]) == (401, "refresh_token_refused")


async def test_another_person_sees_nothing_of_the_one_before(visitor):
    page = await visitor.open_signed_in()
    tokens = await kept(page)
    await visitor.open_account(tokens["access"], "lena")
    await visitor.ask_for_tokens(grant_type="refresh_token", refresh_token=tokens["refresh"])
    await page.evaluate("window.before = true")
    await let_token_end(page)
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(form_of(page)).to_be_visible()

    await sign_in(page, "lena")

    await board_of(page)
    await expect(page.locator("#account")).to_contain_text("lena")
    assert await page.evaluate("window.before") is None


async def test_a_service_that_does_not_know_the_account_yet_is_asked_again(visitor):
    page = await visitor.open()
    await page.route("**/reporting/v1/**", refused_with(401))

    await sign_in(page)

    notice = page.locator("#notice")
    await expect(notice).to_contain_text("does not know your account yet")
    await expect(form_of(page)).to_have_count(0)
    await page.unroute_all()
    await board_of(page)
    await expect(notice).to_have_text("")


async def test_a_download_brings_the_token(visitor):
    page = await visitor.open()
    row = {"id": None, "region": "North", "won_revenue": "1.00", "won_deals": 1}

    async def with_a_row(route: Route) -> None:
        answer = await route.fetch()
        if not answer.ok or "json" not in answer.headers["content-type"]:
            await route.fulfill(response=answer)
            return
        report = await answer.json() | {"rows": [row]}
        await route.fulfill(response=answer, json=report)

    await page.route("**/reports/won-revenue?group_by=region", with_a_row)
    await sign_in(page)
    await board_of(page)
    await let_token_end(page)

    async with page.expect_download() as downloading:
        await page.locator("#card-revenue-region .csv").click()

    text = Path(await (await downloading.value).path()).read_text(encoding="utf-8-sig")
    assert text.startswith("Region,")
    assert visitor.refreshed == 1


async def test_where_nobody_has_to_sign_in_nothing_of_it_is_there(own_suite, browser):
    own_suite.start("--open")
    context = await browser.new_context(locale="en-US")
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = await context.new_page()

    await page.goto(f"{own_suite.url}{DASHBOARD}?lang=en")

    await board_of(page)
    await expect(form_of(page)).to_have_count(0)
    await expect(page.locator("#account")).to_be_hidden()
    assert [url for url in asked if "/channel/" in url] == []
    assert await kept(page) is None
    await context.close()


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_form_and_the_header_fit_the_screen(visitor, width, language):
    page = await visitor.open(f"{DASHBOARD}?lang={language}")
    await page.set_viewport_size({"width": width, "height": 800})
    needed = "document.documentElement.scrollWidth"

    await expect(form_of(page)).to_be_visible()
    assert await page.evaluate(needed) <= width
    await sign_in(page)
    await board_of(page)
    await expect(page.locator("#account button")).to_be_in_viewport(ratio=1)
    assert await page.evaluate(needed) <= width
