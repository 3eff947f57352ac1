"""One Chromium for the page's tests, and a page at a desk's width."""

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api", reason="the page's tests need Playwright")
from playwright.sync_api import Browser, Page, sync_playwright


@pytest.fixture(scope="package")
def chromium(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, shelf: str) -> Iterator[Page]:
    """A page of `shelf`, the server that a test's module has."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, base_url=shelf, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()
