"""The page's states, at a phone's and a desk's width, light, dark and in forced colours: axe finds nothing in them."""

import pytest

pytest.importorskip("playwright.sync_api", reason="the page's tests need Playwright")
from playwright.sync_api import Browser

from tests.api.page import walk
from tests.api.page.states import SHORT
from tests.conftest import Server


@pytest.fixture(scope="module")
def shelf(server: Server) -> str:
    return server.url


def test_axe_finds_nothing_in_the_states_that_are_seen_most(chromium: Browser, shelf: str) -> None:
    chosen = [state for state in walk.of(shelf) if state.name in SHORT]
    assert len(chosen) == len(SHORT)
    assert {name: lines for name, lines in walk.walk(chromium, shelf, chosen) if lines} == {}
