"""The pictures of the page in README.md: `python -m semblance.scripts.scenes.screens docs`, from a checkout.

Taken in Chromium of a library of the drawn scenes alone, so that no photograph of anyone's is ever shown. Needs what
the tests need, ImageMagick too; SEMBLANCE_CHROMIUM names another browser than /usr/bin/chromium.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from .sample import write_sample

COUNT = 1200
ASKED = "lighthouse/lighthouse-0001.jpg"
CHROMIUM = os.environ.get("SEMBLANCE_CHROMIUM", "/usr/bin/chromium")
SEMBLANCE = (sys.executable, "-m", "semblance")


def take(out: Path) -> None:
    """Write page.png, viewer.png and map.png into `out`, each 1,280 pixels wide and light."""
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="semblance-") as place,
        _served(Path(place)) as url,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM) as browser,
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light")
        for _ in range(2):  # the first answer of a service takes longer than any other
            page.goto(url)
            page.set_input_files("#file", Path(place) / "pictures" / ASKED)
            page.locator("#results-code .card").nth(9).wait_for()
        page.locator("#pixel").check()
        page.locator("#results-pixel .card").nth(9).wait_for()
        _shoot(page, out / "page.png")
        page.locator("#results-code .card").nth(2).locator("[data-act=details]").click()
        page.locator("[data-mode=beside]").click()
        page.mouse.move(640, 850)
        _shoot(page, out / "viewer.png")
        page.goto(f"{url}?view=map")
        _shoot(page, out / "map.png")


def _shoot(page: Page, path: Path) -> None:
    """In 128 colours: README.md is read over slow lines, too."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)  # what moves or fades in has ended
    subprocess.run(["convert", "png:-", "-strip", "-colors", "128", path], input=page.screenshot(), check=True)


@contextmanager
def _served(place: Path) -> Iterator[str]:
    """The address of a service of a new library in `place`, with pixels and a map."""
    pictures, library = place / "pictures", str(place / "library")
    write_sample(pictures, COUNT)
    subprocess.run([*SEMBLANCE, "index", pictures, "--library", library, "--pixels"], check=True)
    subprocess.run([*SEMBLANCE, "map", "--library", library], check=True)
    serve = [*SEMBLANCE, "serve", "--library", library, "--port", "0"]
    with subprocess.Popen(serve, stderr=subprocess.PIPE, text=True) as service:
        assert service.stderr is not None
        try:
            yield next(word for line in service.stderr for word in line.split() if word.startswith("http"))
        finally:
            service.terminate()


if __name__ == "__main__":
    take(Path(sys.argv[1]))
