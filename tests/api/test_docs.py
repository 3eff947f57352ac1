"""/docs in a Chromium that finds no other machine: it shows every request, and sends one."""

from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("playwright.sync_api", reason="the viewer's tests need Playwright")
from playwright.sync_api import expect, sync_playwright

from tests.conftest import Server

ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"  # there is no network


def use(chromium: str, base: str, picture: Path, *options: str) -> list[str]:
    """Look at BASE/docs, and search by a picture there. What the browser complained of, and where it asked."""
    complaints: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", *options])
        page = browser.new_page(ignore_https_errors=True)
        page.set_default_timeout(15_000)
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{base}/docs")
        search = page.locator("#operations-Search-search_by_upload")
        search.locator(".opblock-summary-control").click()
        search.get_by_role("button", name="Try it out").click()
        search.locator("input[type=file]").set_input_files(picture)
        search.get_by_role("button", name="Execute", exact=True).click()
        expect(search.locator(".live-responses-table .response").first).to_contain_text(picture.name)
        browser.close()
    assert any(url.startswith(f"{base}/search") for url in asked)
    assert [url for url in asked if not url.startswith((f"{base}/", "data:", "blob:"))] == []
    return complaints


def test_it_works_without_a_network(server: Server, chromium_path: str) -> None:
    assert use(chromium_path, server.url, server.library_pictures[3], ALONE) == []


def test_it_runs_no_script_but_its_files(server: Server) -> None:
    policy: dict[str, Any] = {}
    for part in httpx.get(f"{server.url}/docs").headers["content-security-policy"].split(";"):
        name, _, said = part.strip().partition(" ")
        policy[name] = said
    assert policy["script-src"] == policy["style-src"] == policy["default-src"] == "'self'"
    assert "unsafe" not in str(policy)


def test_there_is_no_other_viewer(server: Server) -> None:
    assert httpx.get(f"{server.url}/redoc").status_code == 404
    gone = httpx.get(f"{server.url}/docs/nothing.js")
    assert (gone.status_code, gone.headers["content-type"]) == (404, "application/problem+json")
