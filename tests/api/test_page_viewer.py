"""
The page's full view, used as a person uses it: in a real Chromium, against a real server. What the drawn sample does
not have (a date, a place, a file that is gone) is in a small library of its own.
"""

import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import pytest

pytest.importorskip("playwright.sync_api", reason="the page's tests need Playwright")
import httpx
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from semblance.indexer import pipeline
from semblance.retrieval.codec import Codec
from tests.conftest import paint, serving

TAKEN = "2019:05:04 23:02:01"
PROBLEM = "application/problem+json"


class Server(Protocol):
    url: str
    library_pictures: list[Path]


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory, codec: Codec) -> Iterator[str]:
    """A server with two pictures: the first with all that a camera writes, the second gone since it was indexed."""
    folder = tmp_path_factory.mktemp("dated")
    exif = Image.Exif()
    exif[0x0110] = "Box Brownie"
    exif.get_ifd(0x8769)[0x9003] = TAKEN
    gps = {1: "S", 2: (33.0, 30.0, 0.0), 3: "E", 4: (151.0, 15.0, 0.0)}
    exif.get_ifd(0x8825).update(gps)
    Image.open(paint(folder / "drawn.png", 1, (640, 480))).save(folder / "dated.jpg", exif=exif)
    (folder / "drawn.png").unlink()
    gone = paint(folder / "gone.png", 2, (640, 480))
    library = tmp_path_factory.mktemp("dated-library")
    pipeline.update([folder], library, codec)
    gone.unlink()
    with serving(library) as url:
        yield url


@pytest.fixture
def page(chromium: Browser, server: Server) -> Iterator[Page]:
    yield from _pages(chromium, server.url)


@pytest.fixture
def phone(chromium: Browser, server: Server) -> Iterator[Page]:
    yield from _pages(chromium, server.url, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)


@pytest.fixture
def far_away(chromium: Browser, dated: str) -> Iterator[Page]:
    """A browser in another time zone than the camera and the server."""
    yield from _pages(chromium, dated, timezone_id="Pacific/Auckland")


def _pages(chromium: Browser, url: str, **how: Any) -> Iterator[Page]:
    how = {"viewport": {"width": 1280, "height": 900}, **how}
    context = chromium.new_context(base_url=url, reduced_motion="reduce", **how)
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()


def similar(server: Server, id: int) -> list[dict[str, Any]]:
    """What the page shows as the answer, as the server gives it."""
    hits = httpx.get(f"{server.url}/images/{id}/similar", params={"k": 11, "chance": 1}).json()["results"]
    return [hit for hit in hits if hit["id"] != id]


def viewed(page: Page, address: str) -> Page:
    """Open an address with a picture in full view, and wait until the picture itself has come."""
    page.goto(address)
    shown(page)
    return page


def shown(page: Page, side: str = r"\d+") -> None:
    expect(page.locator("#details")).to_be_visible()
    expect(match(page)).to_have_attribute("src", re.compile(rf"images/\d+/view\?side={side}$"))


def match(page: Page) -> Locator:
    return page.locator("#pane-match img")


def scale(page: Page) -> int:
    return int((page.locator("#details-scale").text_content() or "").removesuffix(" %"))


def part_at(page: Page, x: float, y: float) -> tuple[float, float]:
    """What part of the picture lies at a place of the window, in fractions."""
    at = match(page).bounding_box()
    assert at
    return (x - at["x"]) / at["width"], (y - at["y"]) / at["height"]


def test_it_says_what_the_picture_is_and_how_like(page: Page, server: Server) -> None:
    hit = similar(server, 1)[0]
    viewed(page, f"/?id=1&open={hit['id']}")
    with Image.open(hit["path"]) as picture:
        width, height = picture.size
    expect(page.locator("#details-name")).to_have_text(Path(hit["path"]).name)
    expect(page.locator("#details-path")).to_have_text(hit["path"])
    expect(page.locator("#details-facts")).to_contain_text(f"{width} × {height}")
    expect(page.locator("#details-likeness")).to_contain_text(re.compile(rf"^Learned code\s*{hit['distance']:.0f} of"))
    assert match(page).get_attribute("draggable") == "true", "out of the page"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#details-copy").click()
    expect(page.locator("#details-copy")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == hit["path"]


def test_dates_are_as_the_camera_wrote_them_and_what_is_gone_says_so(far_away: Page) -> None:
    facts = viewed(far_away, "/?id=1&open=1").locator("#details-facts")
    expect(facts).to_contain_text("2019-05-04 23:02")
    expect(facts).to_contain_text("Box Brownie")
    expect(facts).to_contain_text("33.50000° S, 151.25000° E")
    far_away.goto("/?id=1&open=2&all=1")
    said = far_away.locator("#pane-match .said")
    expect(said).to_contain_text("gone.png")
    expect(said.get_by_role("button")).to_have_count(0)


def test_a_disk_that_does_not_answer_is_asked_again(page: Page) -> None:
    body = json.dumps({"title": "Busy", "status": 503, "detail": "The disk does not answer; try again."})
    page.route("**/view?*", lambda route: route.fulfill(status=503, content_type=PROBLEM, body=body))
    page.goto("/?id=1&open=1")
    said = page.locator("#pane-match .said")
    expect(said).to_contain_text("The disk does not answer; try again.")
    page.unroute("**/view?*")
    said.get_by_role("button").click()
    shown(page)
    expect(said).to_be_hidden()


def test_arrows_go_through_the_answer_and_escape_returns_to_the_card(page: Page, server: Server) -> None:
    found = [str(hit["id"]) for hit in similar(server, 1)]
    page.goto("/?id=1")
    page.locator("#results-code .pick").first.focus()
    page.keyboard.press("Space")
    shown(page)
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(rf"open={found[1]}$"))
    expect(page.locator("#details-place")).to_have_text(re.compile("^2 of"))
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(rf"open={found[2]}$"))
    page.locator("[data-step='-1']").click()
    page.wait_for_url(re.compile(rf"open={found[1]}$"))
    page.keyboard.press("Escape")
    expect(page.locator("#details")).to_be_hidden()
    page.wait_for_url(re.compile(r"\?id=1$"))
    expect(page.locator(f"#results-code .pick[data-id='{found[1]}']")).to_be_focused()
    page.go_forward()
    shown(page)
    page.go_back()
    expect(page.locator("#details")).to_be_hidden()


def test_zoom_keeps_what_lies_at_the_pointer_and_drags_no_further_than_the_edge(page: Page) -> None:
    viewed(page, "/?id=1&open=1")
    at = match(page).bounding_box()
    assert at
    x, y = at["x"] + at["width"] * 0.3, at["y"] + at["height"] * 0.6
    page.mouse.move(x, y)
    before = part_at(page, x, y)
    page.mouse.wheel(0, -700)
    expect(page.locator("#details-stage")).to_have_class(re.compile("near"))
    assert scale(page) > 300
    assert part_at(page, x, y) == pytest.approx(before, abs=0.01)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=3)
    assert part_at(page, x + 60, y + 40) == pytest.approx(before, abs=0.01), "the picture goes with the pointer"
    page.mouse.move(x + 9000, y + 9000, steps=3)
    page.mouse.up()
    moved, stage = match(page).bounding_box(), page.locator("#details-stage").bounding_box()
    assert moved
    assert stage
    assert (moved["x"], moved["y"]) == pytest.approx((stage["x"], stage["y"]), abs=1)
    page.keyboard.press("Shift+ArrowRight")
    after = match(page).bounding_box()
    assert after
    assert after["x"] == pytest.approx(moved["x"] - 80, abs=1)


def test_keys_and_double_clicks_zoom_and_what_is_near_is_fetched_larger(page: Page) -> None:
    viewed(page, "/?id=1&open=1")
    page.keyboard.press("+")
    assert scale(page) == 150
    page.keyboard.press("-")
    assert scale(page) == 100
    match(page).dblclick()
    assert scale(page) == 250
    shown(page, "4096|2048")
    match(page).dblclick()
    assert scale(page) == 100
    page.locator("[data-zoom=in]").click()
    page.keyboard.press("0")
    assert scale(page) == 100


def test_beside_and_over_what_was_asked(page: Page, server: Server) -> None:
    other = similar(server, 1)[0]["id"]
    viewed(page, f"/?id=1&open={other}")
    query = page.locator("#pane-query img")
    expect(query).to_be_hidden()
    page.keyboard.press("b")
    expect(query).to_be_visible()
    page.wait_for_url(re.compile("mode=beside"))
    expect(query).to_have_attribute("src", re.compile("images/1/"))
    left, right = query.bounding_box(), match(page).bounding_box()
    assert left
    assert right
    assert left["x"] + left["width"] <= right["x"]
    page.locator("#details-modes [data-mode=over]").click()
    wipe = page.get_by_role("slider")
    clip = "getComputedStyle(document.getElementById('pane-query')).clipPath"
    halved = page.evaluate(clip)
    wipe.focus()
    page.keyboard.press("End")
    expect(wipe).to_have_value("100")
    assert page.evaluate(clip) != halved
    page.reload()
    shown(page)
    expect(query).to_be_visible()
    expect(page.get_by_role("button", name="Over")).to_have_attribute("aria-pressed", "true")


def test_a_box_on_the_picture_asks_by_that_part(page: Page) -> None:
    viewed(page, "/?id=1&open=1")
    page.keyboard.press("x")
    at = match(page).bounding_box()
    assert at
    page.mouse.move(at["x"] + at["width"] * 0.1, at["y"] + at["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(at["x"] + at["width"] * 0.5, at["y"] + at["height"] * 0.8, steps=4)
    page.mouse.up()
    fields = [float(page.get_by_label(name).input_value()) for name in ("Left", "Top", "Width", "Height")]
    assert fields == pytest.approx([10, 20, 40, 60], abs=1)
    page.get_by_label("Left").fill("90")
    with page.expect_response(re.compile("similar.*region=")) as answer:
        page.get_by_label("Left").press("Enter")
    assert answer.value.ok
    page.wait_for_url(re.compile("region=0.9"))
    said = [float(part) for part in page.url.split("region=")[1].split(",")]
    assert said == pytest.approx([0.9, 0.2, 0.1, 0.6], abs=0.011), "no box leaves its picture"
    expect(page.locator("#details")).to_be_hidden()


def test_a_part_of_an_upload_asks_as_well(page: Page, server: Server) -> None:
    page.goto("/")
    page.get_by_test_id("file-input").set_input_files(server.library_pictures[3])
    page.locator("#query-details").click()
    expect(page.locator("#details-name")).to_have_text(server.library_pictures[3].name)
    expect(match(page)).to_have_attribute("src", re.compile("^blob:"))
    page.locator("#details-box").click()
    with page.expect_response(re.compile(r"/search\?.*region=0.25(,|%2C)0.25")) as answer:
        page.get_by_role("button", name="Search with this part").click()
    assert answer.value.ok
    page.go_back()
    expect(page.locator("#details")).to_be_visible()


def test_more_like_it_and_search_with_it(page: Page, server: Server) -> None:
    other = similar(server, 1)[0]["id"]
    viewed(page, f"/?id=1&open={other}")
    page.keyboard.press("l")
    page.wait_for_url(re.compile(rf"\?id=1&like={other}$"))
    page.go_back()
    shown(page)
    page.keyboard.press("s")
    page.wait_for_url(re.compile(rf"\?id={other}$"))
    expect(page.locator("#details")).to_be_hidden()


def test_what_the_code_remembers_is_shown_where_the_model_can(page: Page, server: Server) -> None:
    remembered = page.locator("#details-remembered")
    viewed(page, "/?id=1&open=1")
    expect(remembered).to_be_visible()
    made = Image.open(BytesIO(httpx.get(f"{server.url}/images/1/remembered").content))
    assert remembered.locator("img").evaluate("node => node.naturalWidth") == made.width
    page.route("**/remembered", lambda route: route.fulfill(status=404, content_type=PROBLEM, body="{}"))
    with page.expect_response("**/remembered"):
        page.reload()
    shown(page)
    expect(remembered).to_be_hidden()


def test_fingers_swipe_on_and_pinch_closer(phone: Page, server: Server) -> None:
    found = [hit["id"] for hit in similar(server, 1)]
    viewed(phone, f"/?id=1&open={found[0]}")
    at = phone.locator("#details-stage").bounding_box()
    assert at
    x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
    touch(phone, [[(x + 60, y)], [(x, y + 4)], [(x - 70, y + 6)]])
    phone.wait_for_url(re.compile(rf"open={found[1]}$"))
    shown(phone)
    touch(phone, [[(x - 20, y), (x + 20, y)], [(x - 40, y), (x + 40, y)], [(x - 60, y), (x + 60, y)]])
    assert scale(phone) == pytest.approx(300, abs=5)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360


def touch(page: Page, moves: list[list[tuple[float, float]]]) -> None:
    """Put fingers down, move them, lift them."""
    session = page.context.new_cdp_session(page)
    for n, points in enumerate(moves):
        held = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
        kind = "touchMove" if n else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": held})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
