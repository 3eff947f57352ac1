"""
The web page, used as a person uses it: in a real Chromium, against a real server with a library of drawn pictures.
What the server rarely does (no library, a vanished file, no answer) is played by routes that Playwright answers.
"""

import re
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="the page's tests need Playwright")
import httpx
from playwright.sync_api import FilePayload, Page, Route, expect

from tests.api.browser import PHONE, answers, cards, choose, hand_over, ids, opened, settled, tab_to
from tests.conftest import Server

CODES_ONLY = {"status": "ready", "pictures": 5, "codec_id": "0" * 64, "bits": 256, "engines": ["code"]}


def test_upload_finds_the_picture_itself_first(page: Page, server: Server) -> None:
    picture = server.library_pictures[0]
    opened(page)
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("drop-zone").click()
    chooser.value.set_files(picture)
    settled(page)
    expect(cards(page).first).to_contain_text(picture.name)
    distances = [float(card.get_attribute("data-distance") or "nan") for card in cards(page).all()]
    assert distances[0] == 0
    answer = httpx.post(f"{server.url}/search", files={"file": picture.read_bytes()}).json()
    assert distances == [hit["distance"] for hit in answer["results"]], "in the order of the answer"
    assert len(distances) == min(10, len(server.library_pictures))


def test_a_click_searches_again_and_back_returns(page: Page, server: Server) -> None:
    opened(page)
    choose(page, server.library_pictures[0])
    before = ids(page)
    picked = before[1]
    cards(page).nth(1).click()
    page.wait_for_url(re.compile(rf"\?id={picked}$"))
    settled(page)
    after = ids(page)
    assert after != before
    assert picked not in after, "the query itself is no result"
    page.go_back()
    expect(cards(page).nth(1)).to_have_attribute("data-id", picked)
    settled(page)
    assert ids(page) == before, "Back brings the uploaded picture's answer"
    page.go_forward()
    page.wait_for_url(re.compile(rf"\?id={picked}$"))
    expect(cards(page).first).to_have_attribute("data-id", after[0])


def test_the_start_offers_pictures_and_an_address_can_be_opened(page: Page) -> None:
    sample = opened(page).get_by_test_id("sample").first
    picked = sample.get_attribute("data-id")
    sample.click()
    settled(page)
    assert page.url.endswith(f"?id={picked}")
    found = ids(page)
    page.reload()
    settled(page)
    assert ids(page) == found
    page.locator("#home").click()
    expect(page.get_by_test_id("sample").first).to_be_visible()


def test_pixel_baseline_stands_beside_the_codes(page: Page, server: Server) -> None:
    opened(page)
    choose(page, server.library_pictures[2])
    before = ids(page)
    expect(page.get_by_test_id("results-pixel")).to_be_hidden()
    page.get_by_test_id("pixel-switch").check()
    expect(cards(page, "pixel").first).to_have_attribute("data-distance", re.compile(r"^0(\.0+)?$"))
    assert ids(page) == before
    left, right = (page.get_by_test_id(f"results-{engine}").bounding_box() for engine in ("code", "pixel"))
    assert left
    assert right
    assert left["x"] + left["width"] < right["x"]
    assert left["y"] == right["y"]
    page.get_by_test_id("k-select").select_option("20")
    for engine in ("code", "pixel"):
        expect(cards(page, engine)).to_have_count(min(20, len(server.library_pictures)))
    page.get_by_test_id("pixel-switch").uncheck()
    expect(page.get_by_test_id("results-pixel")).to_be_hidden()


def test_keyboard_alone(page: Page, server: Server) -> None:
    opened(page)
    tab_to(page, "drop-zone")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(server.library_pictures[1])
    settled(page)
    tab_to(page, "pixel-switch")
    tab_to(page, "result")
    page.keyboard.press("ArrowRight")
    picked = page.evaluate("document.activeElement.dataset.id")
    assert picked == ids(page)[1]
    page.keyboard.press("Enter")  # what a click does, as on every link
    page.wait_for_url(re.compile(rf"\?id={picked}$"))
    settled(page)
    tab_to(page, "result", presses=1)  # the focus went to the new answer's heading
    picked = page.evaluate("document.activeElement.dataset.id")
    page.keyboard.press("Space")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.wait_for_url(re.compile(rf"open={picked}$"))
    expect(page.get_by_role("link", name="Open the original")).to_have_attribute("href", re.compile(r"images/\d+$"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.evaluate("document.activeElement.dataset.id") == picked, "the focus is where it was"


@pytest.mark.parametrize("event", ["paste", "drop"])
def test_a_picture_handed_over(page: Page, server: Server, event: str) -> None:
    opened(page)
    hand_over(page, event, data=server.library_pictures[3].read_bytes())
    expect(cards(page).first).to_have_attribute("data-distance", "0")
    expect(page.get_by_test_id("query-image")).to_be_visible()


def test_what_is_no_picture_is_answered_with_a_sentence(page: Page, server: Server) -> None:
    opened(page)
    choose(page, server.library_pictures[0])
    before, error = ids(page), page.get_by_test_id("error")
    hand_over(page, "paste", text="only words")
    expect(error).to_contain_text("clipboard")
    notes: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"only words"}
    page.get_by_test_id("file-input").set_input_files(notes)
    expect(error).not_to_contain_text("clipboard")
    expect(error).to_contain_text(re.compile(r"\w+ .+\w"))
    settled(page)
    assert ids(page) == before, "the earlier answer stays"
    choose(page, server.library_pictures[1])
    expect(error).to_be_hidden()


def test_a_picture_over_25_mb_is_never_sent(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    opened(page)
    hand_over(page, "drop", zeros=26 * 2**20)
    expect(page.get_by_test_id("error")).to_contain_text("25 MB")
    assert "POST" not in sent


def test_no_answer_then_try_again(page: Page, server: Server) -> None:
    opened(page)
    page.route(re.compile(r"/search\?"), lambda route: route.abort())
    page.get_by_test_id("file-input").set_input_files(server.library_pictures[0])
    expect(page.get_by_test_id("error")).to_contain_text("does not answer")
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    settled(page)
    expect(page.get_by_test_id("error")).to_be_hidden()


def test_the_last_question_wins(page: Page) -> None:
    opened(page)
    first, second = (page.get_by_test_id("sample").nth(n).get_attribute("data-id") for n in (0, 1))
    waiting: list[Route] = []
    page.route(f"**/images/{first}/similar?*", lambda route: waiting.append(route))
    page.get_by_test_id("sample").nth(0).click()
    expect(page.get_by_test_id("cancel")).to_be_visible()
    expect(page.locator("#end button:visible")).to_have_count(0)  # of an answer that is not there
    expect(page.locator("[aria-busy]").first).to_be_visible()
    page.evaluate("id => document.querySelector(`#samples-grid [data-id='${id}']`).click()", second)
    settled(page)
    assert waiting
    assert page.url.endswith(f"?id={second}")
    expect(page.get_by_test_id("error")).to_be_hidden()


def test_waiting_then_empty_then_begun(page: Page) -> None:
    page.route("**/ready", answers(503, {"title": "Loading", "status": 503, "detail": "The library is being loaded."}))
    page.goto("/")
    expect(page.get_by_text("The library is being loaded.")).to_be_visible()
    page.unroute_all()
    page.route("**/ready", answers(200, CODES_ONLY | {"pictures": 0}))
    expect(page.get_by_text("semblance index FOLDER --library DIR")).to_be_visible()
    page.unroute_all()
    expect(page.get_by_test_id("sample").first).to_be_visible()


def test_what_is_missing_is_said_where_it_is_missed(page: Page, server: Server) -> None:
    page.route("**/ready", answers(200, CODES_ONLY))
    page.route("**/thumbnail", answers(410, {"title": "Gone", "status": 410, "detail": "It is no longer there."}))
    opened(page)
    choose(page, server.library_pictures[0])
    expect(page.get_by_test_id("pixel-switch")).to_be_disabled()
    expect(page.get_by_text("--pixels")).to_be_visible()
    expect(cards(page).first).to_contain_text("file is gone")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_phone_never_scrolls_sideways(page: Page, server: Server, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(PHONE)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert opened(page).evaluate(fits)
    choose(page, server.library_pictures[0])
    page.get_by_test_id("pixel-switch").check()
    expect(cards(page, "pixel").first).to_be_visible()
    assert page.evaluate(fits)


def test_everything_has_a_name_and_nothing_leaves(page: Page, server: Server) -> None:
    elsewhere: list[str] = []
    complaints: list[str] = []
    own = (server.url.rstrip("/") + "/", "blob:", "data:")
    page.on("request", lambda request: None if request.url.startswith(own) else elsewhere.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    nameless = """() => [...document.querySelectorAll("img, button, a, input, select, dialog")].filter((node) => {
        const by = document.getElementById(node.getAttribute("aria-labelledby"));
        const words = [node.ariaLabel, node.alt, by?.textContent, node.labels?.[0]?.textContent, node.textContent];
        return !node.matches("a img[alt='']") && node.checkVisibility() && !words.some((each) => each?.trim());
    }).map((node) => node.outerHTML)"""
    opened(page)
    expect(page.get_by_test_id("sample").first).to_be_visible()
    assert page.evaluate(nameless) == []
    choose(page, server.library_pictures[0])
    page.get_by_test_id("pixel-switch").check()
    expect(cards(page, "pixel").first).to_be_visible()
    page.get_by_role("button", name=re.compile("^Details of")).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate(nameless) == []
    page.wait_for_load_state("networkidle")
    assert (elsewhere, complaints) == ([], [])


# ---- copies and chance ---------------------------------------------------------------------------------------------


def test_a_copy_bears_a_mark_and_nothing_else_does(page: Page, server: Server) -> None:
    choose(opened(page), server.library_pictures[3])
    first, *others = cards(page).all()
    expect(first.get_by_text("the same picture")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("the same picture"))).to_have_count(1)
    for card in others:
        expect(card.get_by_text("the same picture")).to_be_hidden()
    expect(page.get_by_test_id("chance")).to_be_empty()


@pytest.mark.parametrize(("expected", "copy", "said"), [(1.01, False, True), (1.01, True, False), (0.99, False, False)])
def test_where_nothing_is_alike_the_page_says_so(
    page: Page, server: Server, expected: float, copy: bool, said: bool
) -> None:
    def answered(route: Route) -> None:
        body = route.fetch().json()
        for hit in body["results"]:
            hit |= {"expected_by_chance": 5.0, "copy": False}
        body["results"][3] |= {"expected_by_chance": expected, "copy": copy}
        route.fulfill(json=body)

    page.route(re.compile(r"/similar\?"), answered)
    opened(page, "/?id=4")
    settled(page)
    words = "Nothing here is more alike than chance would have it."
    expect(page.get_by_test_id("chance")).to_have_text(words if said else "")
