"""`photographs`: indexing large JPEGs, where decoding is nearly all the work, against decoding them and nothing else.

Each picture is a drawn scene, enlarged, with grain, so that it weighs what a photograph of its size may.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from semblance.retrieval import images
from semblance.retrieval.codec import DEFAULT_MODEL, Codec
from semblance.retrieval.images import InputSpec
from semblance.scripts.benchmarks.figures import Asked, Row, row
from semblance.scripts.benchmarks.library import indexed
from semblance.scripts.scenes import KINDS, draw

COUNT = 1000
WIDTH, HEIGHT = 1152, 864
_TURNS = 3
_WARM_UP = 50  # files decoded before the clock runs
_SCENES = 2  # of each kind, which all pictures are cut from
_GRAIN, _QUALITY = 5.4, 85  # together some 150 kB a picture
_SHIFT = 256  # pixels by which the grain is moved at most, so that pictures do not share it


def photographs(asked: Asked) -> list[Row]:
    """`semblance index` from nothing, and a bare loop of decoding and resizing, in turns on as many threads."""
    model = asked.models[0] if asked.models else DEFAULT_MODEL
    spec = Codec(model).spec
    threads = os.cpu_count() or 1
    folder = asked.scratch / "photographs"
    files = write(folder, threads)
    bare_seconds(files[:_WARM_UP], spec, threads)
    options = ("--model", model, "--threads", str(threads))
    rates = []
    for turn in range(_TURNS):
        summary = indexed(folder, asked.scratch / f"of-photographs-{turn}", *options)
        rates.append((len(files) / bare_seconds(files, spec, threads), summary["added"] / summary["seconds"]))
    bare, index = np.median(rates, axis=0).tolist()
    weight = float(np.mean([path.stat().st_size for path in files]))
    title = f"{len(files):,} JPEGs of {WIDTH} x {HEIGHT}"
    return [
        row(f"{title}, mean", weight / 1000, "kB"),
        row(f"decode and resize alone, {threads} threads", bare, "pictures/s"),
        row(f"index them, {model}", index, "pictures/s"),
        row("index / decode and resize alone", index / bare, "ratio", "at least 0.5"),
    ]


def bare_seconds(files: list[Path], spec: InputSpec, threads: int) -> float:
    """How long decoding and resizing these files takes, nothing else done with them."""
    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda path: images.load(path, spec), files):
            pass
    return time.perf_counter() - started


def write(folder: Path, threads: int) -> list[Path]:
    """Fill `folder` with COUNT pictures, no two alike; where they are."""
    folder.mkdir()
    scenes = [_wide(draw(kind, seed)) for seed in range(_SCENES) for kind in KINDS]
    rng = np.random.default_rng(0)
    grain = (_GRAIN * rng.standard_normal((HEIGHT + _SHIFT, WIDTH + _SHIFT, 3), np.float32)).astype(np.int16)
    files = [folder / f"{number:04d}.jpg" for number in range(COUNT)]

    def made(number: int) -> None:
        _photograph(scenes[number % len(scenes)], grain, number).save(files[number], "JPEG", quality=_QUALITY)

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(made, range(COUNT)):
            pass
    return files


def _wide(scene: Image.Image) -> Image.Image:
    return scene if scene.width > scene.height else scene.transpose(Image.Transpose.ROTATE_90)


def _photograph(scene: Image.Image, grain: npt.NDArray[np.int16], number: int) -> Image.Image:
    """Nine tenths of a scene (384 x 288), mirrored or not, enlarged, under a piece of the grain: all by its number."""
    rng = np.random.default_rng(number)
    width, height = 0.9 * scene.width, 0.9 * scene.height
    left, top = rng.uniform(0, scene.width - width), rng.uniform(0, scene.height - height)
    box = (left, top, left + width, top + height)
    large = scene.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=box)
    if rng.random() < 0.5:
        large = large.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    across, down = rng.integers(0, _SHIFT, 2)
    grainy = np.asarray(large, np.int16) + grain[down : down + HEIGHT, across : across + WIDTH]
    return Image.fromarray(grainy.clip(0, 255).astype(np.uint8))
