"""
The page as a question: several pictures, filters, copies, the end of what is alike, what is kept over a reload, keys.
A library of 145 pictures: from a hundred on the server knows what chance would bring.
"""

import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="the page's tests need Playwright")
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, Request, expect

from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from semblance.scripts.scenes import write_sample
from tests.api.browser import DESK, cards, hand_over, ids, opened, settled, tab_to
from tests.conftest import paint, serving

COPIES, KIN, SCENES = 9, 26, 108
NAME = "\u05ea\u05de\u05d5\u05e0\u05d4 \u202egpj.exe <b>.jpg"  # turned by U+202E, it would read as …exe.jpg


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, codec: Codec) -> Path:
    """Drawn scenes, one of them there ten times, a panorama, an odd name, and a library of all."""
    place = tmp_path_factory.mktemp("asking")
    scenes, odd = place / "pictures" / "scenes", place / "pictures" / "odd"
    write_sample(scenes, count=SCENES)
    odd.mkdir()
    first = min(scenes.rglob("*.jpg"))
    for copy in range(COPIES):
        shutil.copy(first, odd / f"copy-{copy}.jpg")
    shutil.copy(max(scenes.rglob("*.jpg")), odd / NAME)
    paint(odd / "panorama.png", 5, (4000, 500))
    relate(place / "pictures" / "kin")
    pipeline.update([place / "pictures"], place / "library", codec, with_pixels=True, threads=1)
    return place


def relate(folder: Path) -> None:
    """Save pictures that are alike and no copies: the same patches but for a fifth of them."""
    folder.mkdir()
    chance = np.random.default_rng(3)
    patches = chance.integers(0, 256, (6, 8, 3), np.uint8)
    for each in range(KIN):
        own = np.where(chance.random((6, 8, 1)) < 0.2, chance.integers(0, 256, (6, 8, 3), np.uint8), patches)
        Image.fromarray(own.astype(np.uint8)).resize((320, 240), Image.Resampling.BICUBIC).save(folder / f"{each}.png")


@pytest.fixture(scope="module")
def url(shelf: Path) -> Iterator[str]:
    with serving(shelf / "library") as url:
        yield url


@pytest.fixture
def page(chromium: Browser, url: str) -> Iterator[Page]:
    context = chromium.new_context(viewport=DESK, base_url=url, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()


def kin(shelf: Path, each: int) -> Path:
    return shelf / "pictures" / "kin" / f"{each}.png"


def asked(page: Page) -> list[Request]:
    """The questions that the page asks from now on."""
    requests: list[Request] = []
    question = re.compile(r"/s(imilar|earch)\b")
    page.on("request", lambda request: requests.append(request) if question.search(request.url) else None)
    return requests


def id_of(page: Page, name: str) -> int:
    """A picture's id, from the list of all."""
    listed = page.request.get("/images?limit=200&cursor=").json()["images"]
    return int(next(each["id"] for each in listed if Path(each["path"]).name == name))


def test_several_dropped_ask_together_and_a_reload_keeps_them(page: Page, shelf: Path) -> None:
    opened(page)
    questions = asked(page)
    page.get_by_test_id("file-input").set_input_files([kin(shelf, each) for each in (3, 10, 20)])
    settled(page)
    assert [request.url.split("?")[0].rsplit("/", 1)[1] for request in questions] == ["several"]
    expect(page.locator("#chips img")).to_have_count(3)
    found = ids(page)
    page.reload()
    settled(page)
    assert ids(page) == found
    page.get_by_role("button", name=re.compile("Remove: like 10.png")).click()
    page.wait_for_url(re.compile(r"\?upload=u\w+&like=u\w+$"))
    expect(page.locator("#chips img")).to_have_count(2)
    page.go_back()
    expect(page.locator("#chips img")).to_have_count(3)
    page.get_by_test_id("file-input").set_input_files([kin(shelf, each) for each in range(17)])
    expect(page.get_by_test_id("error")).to_contain_text("at most 16")
    words: list[FilePayload] = [
        {"name": f"{name}.txt", "mimeType": "text/plain", "buffer": b"words"} for name in ("first", "second")
    ]
    page.get_by_test_id("file-input").set_input_files(words)
    expect(page.get_by_test_id("error")).to_contain_text("first.txt: ")


def test_an_upload_outlives_a_reload_and_back_and_forward(page: Page, shelf: Path) -> None:
    opened(page)
    hand_over(page, "drop", data=kin(shelf, 7).read_bytes())
    settled(page)
    found = ids(page)
    cards(page).nth(2).click()
    page.wait_for_url(re.compile(r"\?id=\d+$"))
    page.reload()
    settled(page)
    page.go_back()
    expect(cards(page).first).to_have_attribute("data-distance", "0")
    assert ids(page) == found
    page.goto("/?upload=unknown")
    expect(page.get_by_test_id("error")).to_contain_text("choose it again")


def test_copies_fold_into_one_and_unfold(page: Page, shelf: Path) -> None:
    opened(page)
    page.get_by_test_id("file-input").set_input_files(min((shelf / "pictures" / "scenes").rglob("*.jpg")))
    settled(page)
    fold = page.get_by_role("button", name=f"+{COPIES} copies")
    expect(fold).to_be_visible()
    expect(page.get_by_text("the same picture").locator("visible=true")).to_have_count(1)
    cards(page).first.focus()
    page.keyboard.press("f")
    expect(page.get_by_test_id("copy")).to_have_count(COPIES)
    shown = {cards(page).first.get_attribute("data-id")} | {
        card.get_attribute("data-id") for card in page.get_by_test_id("copy").all()
    }
    assert len(shown) == COPIES + 1
    fold.click()
    expect(page.get_by_test_id("copy")).to_have_count(0)
    page.goto(f"/?id={id_of(page, 'copy-3.jpg')}")
    settled(page)
    expect(page.get_by_role("button", name=f"+{COPIES - 1} copies")).to_be_visible()


def test_likes_by_keys_make_one_question(page: Page) -> None:
    opened(page, "/?id=20&all=1")
    settled(page)
    questions = asked(page)
    tab_to(page, "result")
    page.keyboard.press("ArrowDown")
    liked = page.evaluate("document.activeElement.dataset.id")
    assert ids(page).index(liked) > 1, "a row further down"
    page.keyboard.press("l")
    page.wait_for_url(re.compile(rf"\?id=20&like={liked}&all=1$"))
    settled(page)
    unliked = ids(page)[3]
    tab_to(page, "result")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("u")
    page.wait_for_url(re.compile(rf"\?id=20&like={liked}&unlike={unliked}&all=1$"))
    settled(page)
    fields = re.findall(r'name="(\w+)"\s+(\d+)', (questions[-1].post_data_buffer or b"").decode())
    assert fields == [("like_id", "20"), ("like_id", liked), ("unlike_id", unliked)]
    assert {"20", liked, unliked}.isdisjoint(ids(page)), "what asks is no result"
    page.reload()
    settled(page)
    expect(page.locator("#chips img")).to_have_count(3)


def test_more_comes_by_scrolling_until_chance_and_back_is_where_it_was(page: Page) -> None:
    one = id_of(page, "7.png")
    opened(page, f"/?id={one}")
    settled(page)
    assert len(ids(page)) <= 10, "nothing grows that was not scrolled"
    page.mouse.move(800, 600)
    end = page.get_by_test_id("end")
    for _ in range(40):
        page.mouse.wheel(0, 2000)
        if end.text_content():
            break
        page.wait_for_timeout(50)
    expect(end).to_contain_text("Nothing more is alike")
    found = ids(page)
    assert len(set(found)) == len(found) > 10
    told = page.request.get(f"/images/{one}/similar?k=200&chance=1&fold=true").json()["results"]
    assert sorted(found) == sorted(str(hit["id"]) for hit in told if hit["id"] != one)
    at = page.evaluate("scrollY")
    cards(page).nth(1).evaluate("card => card.click()")  # a real click would scroll first
    page.wait_for_url(lambda url: f"id={one}" not in url)
    settled(page)
    page.go_back()
    expect(cards(page)).to_have_count(len(found))
    page.wait_for_function("at => Math.abs(scrollY - at) < 3", arg=at)
    page.get_by_role("button", name="Show what comes after").click()
    page.wait_for_url(re.compile("all=1"))
    page.route("**/search/next", lambda route: route.abort())
    page.get_by_role("button", name="Show more").click()
    expect(end).to_contain_text("does not answer")
    before = page.evaluate("scrollY")
    page.unroute_all()
    assert page.evaluate("scrollY") == before, "nobody is thrown to the top"
    page.get_by_role("button", name="Try again").click()
    page.wait_for_function("() => document.querySelectorAll('[data-testid=result]').length >= 40")
    at = page.evaluate("scrollTo(0, 300), scrollY")
    shown = len(ids(page))
    page.wait_for_function("at => history.state?.count >= 40 && Math.abs(history.state.scroll - at) < 1", arg=at)
    page.reload()
    settled(page)
    page.wait_for_function("at => Math.abs(scrollY - at) < 3", arg=at)
    assert len(ids(page)) >= shown


def test_filters_are_chips_and_addresses(page: Page, shelf: Path) -> None:
    opened(page, "/?id=20&all=1")
    settled(page)
    page.get_by_text("Narrow", exact=True).click()
    page.get_by_test_id("by-folder").select_option(str(shelf / "pictures" / "odd"))
    chip = page.get_by_test_id("narrowed").get_by_role("button", name="In odd")
    expect(chip).to_be_visible()
    settled(page)
    assert all("/odd/" in (card.get_attribute("data-path") or "") for card in cards(page).all())
    expect(page.get_by_test_id("status")).to_contain_text(f"{COPIES + 2} of {SCENES + KIN + COPIES + 2}")
    name = page.locator(".card .name", has_text="gpj.exe")
    assert "\u202e" not in name.inner_text()
    page.reload()
    expect(chip).to_be_visible()
    chip.click()
    expect(chip).to_be_hidden()
    page.wait_for_url(re.compile(r"\?id=20&all=1$"))
    page.goto("/?id=20&folder=/nowhere")
    expect(page.get_by_test_id("end")).to_contain_text("take one of them back")


def test_a_panorama_is_sharp_in_its_square(page: Page) -> None:
    opened(page, f"/?id={id_of(page, 'panorama.png')}")
    image = page.get_by_test_id("query-image")
    expect(image).to_have_js_property("complete", True)
    width, height = (image.evaluate(f"image => image.natural{side}") for side in ("Width", "Height"))
    assert height >= 160, "of 4000 x 500 a square of 264 pixels is filled"
    assert width == 1280


def test_a_slow_upload_shows_how_far_it_is_and_can_be_given_up(page: Page, shelf: Path) -> None:
    opened(page, "/?id=20&all=1")
    settled(page)
    found, named = ids(page), page.locator("#query-name").text_content()
    noise = io.BytesIO()
    Image.effect_noise((900, 900), 90).save(noise, "PNG")
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 20, "downloadThroughput": 2_000_000, "uploadThroughput": 60_000}
    network.send("Network.emulateNetworkConditions", slow)
    files: FilePayload = {"name": "slow.png", "mimeType": "image/png", "buffer": noise.getvalue()}
    page.get_by_test_id("file-input").set_input_files(files)
    page.wait_for_function("() => { const at = document.querySelector('#progress').value; return at > 0 && at < 1; }")
    expect(page.locator("#query-name")).to_have_text("slow.png")
    assert (page.get_by_test_id("query-image").get_attribute("src") or "").startswith("blob:"), "name and picture agree"
    page.get_by_test_id("cancel").click()
    expect(page.locator("#query-name")).to_have_text(named or "")
    expect(page.get_by_test_id("query-image")).to_have_attribute("src", "images/20/thumbnail")
    assert ids(page) == found
    expect(page.get_by_test_id("cancel")).to_be_hidden()
    expect(page.locator("[aria-busy]")).to_have_count(0)


def test_counts_follow_the_library_and_a_server_that_is_back(page: Page) -> None:
    opened(page, "/?id=20&all=1")
    settled(page)
    ready: dict[str, Any] = page.request.get("/ready").json()
    page.route("**/ready", lambda route: route.fulfill(json=ready | {"pictures": 4321, "generation": 99}))
    look = "document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))"
    page.locator("#home").click()
    page.evaluate(look)
    expect(page.get_by_test_id("status")).to_contain_text("4,321 pictures")
    page.go_back()
    settled(page)
    expect(page.get_by_test_id("status")).to_contain_text("4,321 pictures")
    page.unroute_all()
    page.route("**/ready", lambda route: route.abort())
    page.evaluate(look)
    expect(page.get_by_test_id("error")).to_contain_text("does not answer")
    page.unroute_all()
    expect(page.get_by_test_id("error")).to_be_hidden()
    page.route(re.compile("/ready|/similar"), lambda route: route.abort())
    cards(page).nth(1).click()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.unroute_all()
    expect(page.get_by_test_id("error")).to_be_hidden()  # what a question failed by is taken back too


def test_a_key_is_asked_for_and_kept(
    chromium: Browser, shelf: Path, semblance: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    locked = Path(shutil.copytree(shelf / "library", shelf / "locked"))
    key = json.loads(semblance("keys", "add", "phone", "--library", locked, "--json").stdout)["key"]
    with serving(locked) as url:
        page = chromium.new_page(base_url=url)
        page.goto("/?id=20&all=1")
        field = page.get_by_label("Key", exact=True)
        field.fill("smb_wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_text("That key is not known here")).to_be_visible()
        field.fill(key)
        page.keyboard.press("Enter")
        settled(page)
        assert page.url == f"{url}/?id=20&all=1"
        page.close()


def test_a_card_dragged_out_gives_its_original(page: Page, url: str) -> None:
    opened(page, "/?id=20&all=1")
    settled(page)
    script = """card => { const data = new DataTransfer();
        card.dispatchEvent(new DragEvent("dragstart", { bubbles: true, dataTransfer: data }));
        return [data.getData("DownloadURL"), data.getData("text/uri-list")]; }"""
    download, address = cards(page).first.evaluate(script)
    one = ids(page)[0]
    assert address == f"{url}/images/{one}"
    kind, name, _ = download.split(":", 2)
    assert (kind, name) == ("image/png", Path(cards(page).first.get_attribute("data-path") or "").name)
    assert page.request.get(address).headers["content-type"] == kind


def test_the_sheet_of_keys_and_who_wants_none(page: Page) -> None:
    opened(page)
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet).to_be_visible()
    sheet.get_by_label("Single keys do something").uncheck()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.keyboard.press("?")
    expect(sheet).to_be_hidden()


def test_sizes_follow_the_browser_and_colours_may_be_forced(chromium: Browser, url: str) -> None:
    context = chromium.new_context(viewport=DESK, base_url=url, reduced_motion="reduce", forced_colors="active")
    page = context.new_page()
    opened(page, "/?id=20&pixel=1&all=1")
    settled(page)
    plain = page.locator(".caption").first.evaluate("node => getComputedStyle(node).fontSize")
    page.evaluate("document.documentElement.style.fontSize = '200%'")  # as a browser's setting for text does
    assert page.locator(".caption").first.evaluate("node => getComputedStyle(node).fontSize") != plain
    colour = "node => getComputedStyle(node).backgroundColor"
    bar, fill = page.locator(".bar").first.evaluate(colour), page.locator(".fill").first.evaluate(colour)
    assert fill != bar, "a bar that can be read"
    on = page.get_by_test_id("pixel-switch").evaluate(colour)
    page.get_by_test_id("pixel-switch").uncheck()
    assert page.get_by_test_id("pixel-switch").evaluate(colour) != on, "a switch that shows how it stands"
    context.close()
