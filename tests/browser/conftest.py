"""The browser of these tests."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_of(installed_with_playwright: str) -> str:
    """The browser to drive; skips where the machine has none."""
    candidates = [os.environ.get("CHROMIUM"), "/usr/bin/chromium", installed_with_playwright]
    found = next((path for path in candidates if path and Path(path).exists()), None)
    if found is None:
        pytest.skip(
            "no Chromium: neither $CHROMIUM, /usr/bin/chromium nor `playwright install chromium`"
        )
    return found


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        path = chromium_of(playwright.chromium.executable_path)
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()
