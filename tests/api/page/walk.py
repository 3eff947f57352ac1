"""
A walk through the page's states at two widths, light, dark and in forced colours, with axe in each: what it finds
wrong, and where the page is wider than its window.

The long one, of a server that runs: python -m tests.api.page.walk URL
"""

import shutil
import sys
from collections.abc import Iterator

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.api.page.states import State, go, states

WIDTHS = {360: 740, 1280: 900}
LOOKS = {
    "light": {"color_scheme": "light", "forced_colors": "none"},
    "dark": {"color_scheme": "dark", "forced_colors": "none"},
    "forced": {"color_scheme": "dark", "forced_colors": "active"},
}
_ALL = {"resultTypes": ["violations"]}
_BY_COLOUR = _ALL | {"runOnly": ["color-contrast", "link-in-text-block"]}
_COLOURS = "(options) => axe.run(document, options).then(({ violations }) => violations)"
_WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def walk(browser: Browser, url: str, chosen: list[State]) -> Iterator[tuple[str, list[str]]]:
    """Each state at each width in each look: its name, and a line for each thing that is wrong there."""
    for width, height in WIDTHS.items():
        context = browser.new_context(
            base_url=url,
            viewport={"width": width, "height": height},
            has_touch=width < 700,
            reduced_motion="reduce",
            bypass_csp=True,
        )
        for state in chosen:
            page = context.new_page()
            page.set_default_timeout(10_000)
            try:
                go(page, state)
                for look, media in LOOKS.items():
                    page.emulate_media(**media)  # type: ignore[arg-type]
                    yield f"{state.name}, {width}, {look}", wrong(page, first=look == "light")
            except Error as error:
                yield f"{state.name}, {width}", [f"not reached: {error.message.splitlines()[0]}"]
            page.close()
        context.close()


def wrong(page: Page, *, first: bool) -> list[str]:
    """What is wrong with the page as it stands: by all that axe knows at first, then by what colours change."""
    if first:
        found = Axe().run(page, options=_ALL).response["violations"]
    else:
        found = page.evaluate(_COLOURS, _BY_COLOUR)
    lines = [
        f"{each['id']}: {node['target']} {' '.join(node['failureSummary'].split())}"
        for each in found
        for node in each["nodes"]
    ]
    if (more := page.evaluate(_WIDER)) > 0:
        lines.append(f"wider than its window by {more} pixels")
    return lines


def of(url: str) -> list[State]:
    """The states of the library that a server shows."""
    pictures = httpx.get(f"{url}/images?cursor=&limit=12").json()["images"]
    return states([each["id"] for each in pictures], [each["path"] for each in pictures])


def main(url: str) -> int:
    """Walk all, say what is wrong and where; 1 where something is."""
    bad = count = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, lines in walk(browser, url, of(url)):
            count += 1
            bad += bool(lines)
            for line in lines:
                sys.stdout.write(f"{name}: {line}\n")
        browser.close()
    sys.stdout.write(f"{count} walked, {bad} with something wrong\n")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
