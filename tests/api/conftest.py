"""A real Chromium for the tests of the page."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: "Browser", server: Server) -> "Iterator[Page]":
    from tests.api.browser import DESK

    context = chromium.new_context(viewport=DESK, base_url=server.url, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("filechooser", lambda _: None)  # expect_file_chooser alone may begin too late
    yield page
    context.close()
