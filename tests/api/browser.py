"""What a person does with the page: opens it, hands it pictures, waits for its answers."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 900}


def opened(page: Page, address: str = "/") -> Page:
    page.goto(address)
    expect(page.get_by_test_id("drop-zone")).to_be_visible()
    return page


def cards(page: Page, engine: str = "code") -> Locator:
    return page.get_by_test_id(f"results-{engine}").get_by_test_id("result")


def ids(page: Page, engine: str = "code") -> list[str]:
    return [card.get_attribute("data-id") or "" for card in cards(page, engine).all()]


def choose(page: Page, picture: Path) -> None:
    """Upload a picture, and wait until its answer is there."""
    with page.expect_response(re.compile(r"/search\?")):
        page.get_by_test_id("file-input").set_input_files(picture)
    settled(page)


def settled(page: Page) -> None:
    expect(cards(page).first).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.get_by_test_id("status")).to_contain_text(re.compile(r"search [\d.,]+ ms"))


def tab_to(page: Page, test_id: str, presses: int = 40) -> None:
    for _ in range(presses):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.testid") == test_id:
            return
    pytest.fail(f"{presses} presses of Tab did not reach {test_id}")


def hand_over(page: Page, event: str, *, text: str = "", data: bytes = b"", zeros: int = 0) -> None:
    """Paste or drop a text, or else a file: of these bytes, or of so many zeros."""
    script = """([event, text, data, zeros]) => {
        const transfer = new DataTransfer();
        const bytes = zeros ? new Uint8Array(zeros) : Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
        if (text) transfer.setData("text/plain", text);
        else transfer.items.add(new File([bytes], "held.png", { type: "image/png" }));
        const about = { bubbles: true, cancelable: true, clipboardData: transfer, dataTransfer: transfer };
        document.body.dispatchEvent(new (event === "paste" ? ClipboardEvent : DragEvent)(event, about));
    }"""
    page.evaluate(script, [event, text, base64.b64encode(data).decode(), zeros])


def answers(status: int, body: dict[str, Any]) -> Any:
    """A route's handler that answers with JSON; from 400 on with a problem."""
    kind = "application/problem+json" if status >= 400 else "application/json"
    return lambda route: route.fulfill(status=status, content_type=kind, body=json.dumps(body))
