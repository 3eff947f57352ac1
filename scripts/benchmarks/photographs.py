"""`photographs`: indexing large JPEGs, against decoding and encoding them and nothing else.

Each picture is a drawn scene, enlarged, with grain, so that it weighs what a photograph of its size may.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from semblance.retrieval import images
from semblance.retrieval.codec import COPIES_MODEL, DEFAULT_MODEL, Codec
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
    """`semblance index` from nothing, and bare loops of decoding and resizing: alone, with encoding by one code, and by
    both, in turns on as many threads."""
    model = asked.models[0] if asked.models else DEFAULT_MODEL
    codec = Codec(model)
    both = [codec, Codec(COPIES_MODEL)]
    threads = os.cpu_count() or 1
    folder = asked.scratch / "photographs"
    files = write(folder, threads)
    works = [partial(_decoded, codec), partial(_encoded, [codec]), partial(_encoded, both)]
    bare_seconds(files[:_WARM_UP], works[-1], threads)
    options = ("--model", model, "--threads", str(threads))
    rates = []
    for turn in range(_TURNS):
        summary = indexed(folder, asked.scratch / f"of-photographs-{turn}", *options)
        bare = [bare_seconds(files, work, threads) for work in works]
        rates.append((summary["added"] / summary["seconds"], *(len(files) / seconds for seconds in bare)))
    index, decoding, alone, encoding = np.median(rates, axis=0).tolist()
    share = np.median([both / one for _, _, one, both in rates])
    weight = float(np.mean([path.stat().st_size for path in files]))
    title = f"{len(files):,} JPEGs of {WIDTH} x {HEIGHT}"
    return [
        row(f"{title}, mean", weight / 1000, "kB"),
        row(f"decode and resize alone, {threads} threads", decoding, "pictures/s"),
        row(f"decode, resize and encode by {model} alone", alone, "pictures/s"),
        row(f"the same by {model} and {COPIES_MODEL}", encoding, "pictures/s"),
        row(f"{model} and {COPIES_MODEL} / {model} alone", float(share), "ratio", "at least 0.95"),
        row(f"index them, {model}", index, "pictures/s", "at least 140 (two cores)"),
        row("index / decode, resize and encode alone", index / encoding, "ratio", "at least 0.85"),
    ]


def bare_seconds(files: list[Path], work: Callable[[Path], object], threads: int) -> float:
    """How long `work` on these files takes, one by one, nothing else done with them."""
    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, files):
            pass
    return time.perf_counter() - started


def _decoded(codec: Codec, path: Path) -> object:
    return images.load(path, codec.spec)


def _encoded(codecs: list[Codec], path: Path) -> object:
    seen = images.load_each(path, {codec.spec for codec in codecs})
    return [codec.encode(seen[codec.spec][None]) for codec in codecs]


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
