"""Other decoders: many files at once, each as pixels (H, W, 3), RGB on white, or None where it shows none."""

import base64
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.retrieval.grid.scene import Case, Pixels

_BATCH = 100
_TO_PIXELS = """async (files) => Promise.all(files.map(async ([type, data]) => {
  const image = new Image();
  image.src = `data:${type};base64,${data}`;
  try { await image.decode(); } catch { return null; }
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext('2d');
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  return [canvas.width, canvas.height, btoa(Array.from(pixels, (value) => String.fromCharCode(value)).join(''))];
}))"""


def chromium(cases: list[Case], path: str) -> list[Pixels | None]:
    """What a browser shows, profiles brought to sRGB."""
    shown = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        for start in range(0, len(cases), _BATCH):
            files = [[case.media_type, base64.b64encode(case.data).decode()] for case in cases[start : start + _BATCH]]
            shown += page.evaluate(_TO_PIXELS, files)
        browser.close()
    return [None if found is None else _pixels(*found) for found in shown]


def _pixels(width: int, height: int, data: str) -> Pixels:
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)[..., :3]


def magick(cases: list[Case], program: str, folder: Path) -> list[Pixels | None]:
    """What ImageMagick shows. Profiles are left aside. A file that it fails on is asked about once more, alone."""
    as_pixels = "-auto-orient -background white -alpha remove -colorspace sRGB -type TrueColor -depth 8"
    inputs: list[str] = []
    for number, case in enumerate(cases):
        (folder / f"{number}.in").write_bytes(case.data)
        inputs += ["(", f"{folder}/{number}.in[0]", "-set", "filename:n", str(number), ")"]
    subprocess.run(
        [program, *inputs, *as_pixels.split(), "+adjoin", f"{folder}/%[filename:n].ppm"],
        capture_output=True,
        check=False,
    )
    for number in range(len(cases)):
        if not (out := folder / f"{number}.ppm").exists():
            alone = [program, f"{folder}/{number}.in[0]", *as_pixels.split(), str(out)]
            subprocess.run(alone, capture_output=True, check=False)
    outs = [folder / f"{number}.ppm" for number in range(len(cases))]
    return [np.asarray(Image.open(out).convert("RGB")) if out.exists() else None for out in outs]
