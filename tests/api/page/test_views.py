"""Map, duplicates and library, used as a person uses them: a real Chromium, a real server, a library that changes."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from tests.conftest import paint, serving, until

Run = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Place:
    """Twelve pictures, the first of them three times and the second twice, and a folder that is not indexed yet."""

    pictures: Path
    others: Path
    library: Path
    url: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, codec: Codec, semblance: Run) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("views")
    pictures, others, library = root / "pictures", root / "others", root / "library"
    for seed in range(12):
        paint(pictures / f"{seed}.png", seed, (320, 240))
    for copy in ("0-a.png", "0-b.png", "1-a.png"):
        shutil.copy(pictures / f"{copy[0]}.png", pictures / copy)
    for seed in range(20, 24):
        paint(others / f"{seed}.png", seed)
    (others / "broken.png").write_bytes(b"no picture")
    pipeline.update([pictures], library, codec, threads=1)
    with serving(library, "--folder", str(others)) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        yield Place(pictures, others, library, url)


@pytest.fixture(scope="module")
def shelf(place: Place) -> str:
    return place.url


def names(place: Place) -> set[str]:
    images = httpx.get(f"{place.url}/images?cursor=&limit=100").json()["images"]
    return {Path(each["path"]).name for each in images}


def members(page: Page) -> Locator:
    return page.get_by_test_id("member")


def test_without_a_map_the_page_says_how_to_make_one_and_with_one_shows_it(
    page: Page, place: Place, semblance: Run
) -> None:
    page.goto("/?view=map")
    expect(page.locator(".notice.within code")).to_have_text(f"semblance map --library {place.library}")
    assert semblance("map", "--library", place.library).returncode == 0
    page.goto("/?view=map")
    expect(page.get_by_test_id("map-list").get_by_role("link")).to_have_count(12)
    ground = page.evaluate(_COLOURS)
    assert len(ground) > 20  # thumbnails of drawn patches, beside the two colours of dots and paper


_COLOURS = """() => {
  const canvas = document.querySelector(".map-window canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return [...new Set(new Uint32Array(data.buffer))];
}"""


def test_the_map_is_moved_by_keys_and_wheel_and_its_place_is_the_address(page: Page, place: Place) -> None:
    page.goto("/?view=map")
    map_ = page.get_by_test_id("map")
    expect(page.get_by_test_id("map-list").get_by_role("link")).to_have_count(12)
    map_.focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"at=0\.[5-9]\d*,0\.5\d*,1\.50"))
    expect(page.locator(".map-name")).to_have_text(re.compile(r"\.png$"))
    map_.hover(position={"x": 300, "y": 200})
    page.mouse.wheel(0, -400)
    expect(page).to_have_url(re.compile(r"at=0\.\d+,0\.\d+,3\.34"))
    address, nearest = page.url, page.get_by_test_id("map-list").inner_text()
    page.goto(address)
    expect(page.get_by_test_id("map-list")).to_have_text(re.compile(re.escape(nearest.split()[0])))
    map_.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#details")).to_be_visible()
    page.go_back()
    expect(page.locator("#details")).to_be_hidden()
    assert page.url == address


def test_a_click_on_the_map_sees_the_picture_under_it(page: Page, place: Place) -> None:
    found = httpx.get(f"{place.url}/map").json()
    page.goto("/?view=map")
    expect(page.get_by_test_id("map-list").get_by_role("link")).to_have_count(12)
    box = page.get_by_test_id("map").bounding_box()
    assert box
    lone = max(range(len(found["ids"])), key=lambda i: _apart(found, i))
    x, y = (0.05 + 0.9 * found[axis][lone] / 65_535 for axis in ("x", "y"))
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    expect(page).to_have_url(re.compile(rf"open={found['ids'][lone]}\b"))


def _apart(found: dict[str, list[int]], i: int) -> int:
    """How far a picture is from any other."""
    here = found["x"][i], found["y"][i]
    return min(
        (x - here[0]) ** 2 + (y - here[1]) ** 2
        for k, (x, y) in enumerate(zip(found["x"], found["y"], strict=True))
        if k != i
    )


def test_groups_are_gone_through_with_keys_and_the_best_is_marked(page: Page, place: Place) -> None:
    page.goto("/?view=duplicates")
    expect(page.locator("#group-title")).to_have_text("Group 1 of 2")
    expect(members(page)).to_have_count(3)
    expect(page.locator(".member .best")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#group-title")).to_have_text("Group 2 of 2")
    expect(members(page)).to_have_count(2)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#group-title")).to_have_text("Group 2 of 2")
    page.go_back()
    expect(page.locator("#group-title")).to_have_text("Group 1 of 2")


def test_a_copy_kept_apart_leaves_its_group_and_can_be_taken_back(page: Page, place: Place) -> None:
    page.goto("/?view=duplicates&at=2")
    page.get_by_role("button", name="Not the same").click()
    expect(page.locator("#group-title")).to_have_text("Group 1 of 1")
    until(lambda: httpx.get(f"{place.url}/duplicates").json().get("total") == 1)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#group-title")).to_have_text("Group 2 of 2")
    until(lambda: httpx.get(f"{place.url}/duplicates").json().get("total") == 2)


def test_removing_asks_and_says_that_the_file_stays(page: Page, place: Place) -> None:
    page.goto("/?view=duplicates")
    last = members(page).nth(2)
    name = last.locator(".name").inner_text()
    last.get_by_role("button", name="Remove").click()
    expect(page.locator("#asks-words")).to_contain_text("Its file stays where it is")
    page.keyboard.press("Escape")
    assert name in names(place)
    last.locator("a").first.focus()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Remove it").click()
    expect(members(page)).to_have_count(2)
    assert name not in names(place)
    assert (place.pictures / name).exists()


def test_pictures_are_added_each_with_its_own_line(page: Page, place: Place, tmp_path: Path) -> None:
    page.goto("/?view=library")
    new, known = paint(tmp_path / "new.png", 99), place.pictures / "5.png"
    (tmp_path / "none.jpg").write_bytes(b"no picture")
    page.get_by_test_id("add-input").set_input_files([new, known, tmp_path / "none.jpg"])
    expect(page.get_by_test_id("added")).to_have_text("1 added, 1 there already, 1 not added")
    rows = page.locator(".adds li")
    expect(rows.nth(0)).to_contain_text("added")
    expect(rows.nth(1)).to_contain_text("is there already")
    expect(rows.nth(2)).to_have_attribute("data-end", "failed")
    assert any(name.startswith("new-") for name in names(place))
    rows.nth(0).get_by_role("link").click()
    expect(page.locator("#query-name")).to_contain_text("new-")


def test_a_folder_is_indexed_and_its_end_is_summed_up(page: Page, place: Place) -> None:
    page.goto("/?view=library")
    page.get_by_test_id("job-folder").fill("/etc")
    page.get_by_role("button", name="Index", exact=True).click()
    expect(page.locator(".wrong")).to_contain_text("may not be indexed over HTTP")
    page.get_by_test_id("job-folder").fill(str(place.others))
    page.get_by_role("button", name="Index", exact=True).click()
    job = page.get_by_test_id("job").first
    expect(job).to_have_attribute("data-state", "done", timeout=60_000)
    expect(job).to_contain_text("Done: 4 new. 1 picture could not be read")
    expect(page.get_by_test_id("holds")).to_contain_text(str(place.others))


def test_where_nothing_may_be_changed_only_the_sentence_stays(page: Page, place: Place, tmp_path: Path) -> None:
    with serving(place.library, "--host", "0.0.0.0", "--open", "--allow-host", "127.0.0.1") as url:
        url = re.sub(r"//[^:]+:", "//127.0.0.1:", url)
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        page.goto(f"{url}/?view=library")
        page.get_by_test_id("add-input").set_input_files([paint(tmp_path / "other.png", 7)])
        expect(page.locator(".brings .told")).to_contain_text("nothing is changed")
        expect(page.get_by_test_id("add")).to_have_count(0)
        expect(page.get_by_role("button", name="Index", exact=True)).to_have_count(0)
