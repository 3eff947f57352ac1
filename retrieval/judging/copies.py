"""Does an edited picture stay near its original, and how near may two different pictures come?

Originals lie in a gallery among other pictures, and their edits ask for them. What is found at the first place says
how well a copy is recognised; pairs of different pictures within a distance say how often that distance is wrong. No
labels are asked. Pictures are different unless their 32 x 32 pixels are the same: other copies count as wrong pairs and
make the threshold too small, never too large. It holds for libraries as large as its gallery, with which they grow.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from semblance.retrieval import codes, decoding, images, pixels, queries
from semblance.retrieval.codec import Codec, write_card
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import DatasetError, PictureError
from semblance.retrieval.images import InputSpec, Picture
from semblance.retrieval.index import FlatIndex, Ids
from semblance.retrieval.judging import datasets, evaluation
from semblance.retrieval.judging.editing import EDITS, STRENGTHS, edited
from semblance.retrieval.pixels import PixelIndex, Pixels
from semblance.retrieval.progress import Progress, quiet
from semblance.retrieval.queries import CodeQuery
from semblance.retrieval.views import placed

WRONG_PAIRS = 1.0  # per 1,000 gallery pictures, at most, within the distance that is called near

Failed = list[tuple[Path, str]]

_Item = TypeVar("_Item")
_Sizes = dict[InputSpec, Picture]  # pictures (n, S, S, 3) at each size that is needed

_EDITS = len(EDITS) * len(STRENGTHS)
_AT_ONCE = 256  # gallery pictures decoded, or codes compared with all others, at one time
_ORIGINALS = 16  # whose edits are in memory at one time


@dataclass(frozen=True)
class Gallery:
    """N different pictures in the fixed shuffle that ties fall by, as each way of searching sees them.

    `pixels` uint8 (N, 3072); for each codec, `codes` uint8 (N, W). `identical` files were another's twin and `failed`
    ones could not be read: both were left out.
    """

    paths: list[Path]
    pixels: Pixels
    codes: list[Codes]
    identical: int
    failed: Failed

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True)
class Answers:
    """What the edits of O originals found, by pixels and then by each codec.

    `first` bool (1 + codecs, O, edits, strengths): the nearest picture was the original. For each codec, `distances`
    uint16 (O, edits, strengths): from the original's code to that of its edit.
    """

    first: npt.NDArray[np.bool_]
    distances: list[npt.NDArray[np.uint16]]
    failed: Failed


@dataclass(frozen=True)
class Nearness:
    """What lies within each distance from 0 to all bits: `wrong_pairs` (bits + 1,), different gallery pictures in pairs
    per 1,000 pictures; `found` (strengths, bits + 1), the share of edits that are so near to their original."""

    wrong_pairs: npt.NDArray[np.float64]
    found: npt.NDArray[np.float64]

    @property
    def threshold(self) -> int | None:
        """The largest distance with at most WRONG_PAIRS wrong pairs; None where distance 0 has more already."""
        return int((self.wrong_pairs <= WRONG_PAIRS).sum()) - 1 if self.wrong_pairs[0] <= WRONG_PAIRS else None


def read(paths: Sequence[Path], codecs: Sequence[Codec], progress: Progress = quiet) -> Gallery:
    """Decode and encode all pictures; of twins the first is kept. Raises DatasetError where fewer than two are left."""
    specs = _specs(codecs)
    digests: set[bytes] = set()
    kept: list[Path] = []
    failed: Failed = []
    parts: list[list[npt.NDArray[np.uint8]]] = []
    done = 0

    progress(0, len(paths))
    for portion in _portions(lambda path: _rows(decoding.load_each(path, specs)), paths, _AT_ONCE):
        pictures = []
        for path, found in portion:
            if isinstance(found, Exception):
                failed.append((path, str(found)))
                continue
            digest = hashlib.sha256(found[pixels.SPEC].tobytes()).digest()
            if digest not in digests:
                digests.add(digest)
                kept.append(path)
                pictures.append(found)
        if pictures:
            parts.append(_seen(pictures, codecs))
        done += len(portion)
        progress(done, len(paths))
    identical = len(paths) - len(kept) - len(failed)
    if len(kept) < 2:
        raise DatasetError(
            f"It takes two different pictures, and there are {len(kept)} ({len(failed)} could not be read, "
            f"{identical} were the same as another)."
        )
    order = evaluation.tie_order(len(kept))
    in_pixels, *in_codes = (np.concatenate(part)[order] for part in zip(*parts, strict=True))
    return Gallery([kept[row] for row in order], in_pixels, in_codes, identical, failed)


def spread(gallery: Gallery, among: set[Path], count: int) -> Ids:
    """Rows (O,) of at most `count` gallery pictures, evenly spread over those `among` it, sorted by path.

    Raises DatasetError where there are none.
    """
    rows = sorted((row for row, path in enumerate(gallery.paths) if path in among), key=lambda row: gallery.paths[row])
    if not rows:
        raise DatasetError("There are no pictures that may be originals, or none that can be read: name others.")
    count = min(count, len(rows))
    return np.array(rows, np.int64)[np.arange(count) * len(rows) // count]


def ask(
    gallery: Gallery, originals: Ids, codecs: Sequence[Codec], progress: Progress = quiet, back: bool = False
) -> Answers:
    """Ask with every edit of the gallery's rows `originals` (O,), in every strength; `back`, put back to where
    a crop may have come from, too (views.placed). Distances are those of the edits as they are.

    An original that cannot be edited is left out and named. Raises DatasetError where none is left.
    """
    rows, specs = np.arange(len(gallery)), _specs(codecs)
    by_pixels, indexes = PixelIndex(rows, gallery.pixels), [FlatIndex(codec.bits) for codec in codecs]
    for index, of_codec in zip(indexes, gallery.codes, strict=True):
        index.add(rows, of_codec)
    first: list[npt.NDArray[np.bool_]] = []  # of each portion (1 + codecs, originals, edits x strengths)
    distances: list[list[npt.NDArray[np.uint16]]] = []  # of each original, for each codec (edits x strengths,)
    failed: Failed = []
    asking = [(number, gallery.paths[row]) for number, row in enumerate(originals.tolist())]

    progress(0, len(originals))
    for portion in _portions(partial(_edits, specs=specs), asking, _ORIGINALS):
        done = {int(originals[number]): found for (number, _), found in portion if not isinstance(found, Exception)}
        failed += [(path, str(found)) for (_, path), found in portion if isinstance(found, Exception)]
        if done:
            in_pixels, *in_codes = _seen([*done.values()], codecs)
            nearest = [by_pixels.search(in_pixels, 1)[1]]
            views = _put_back([*done.values()], codecs) if back else [asked[:, None] for asked in in_codes]
            for index, asked in zip(indexes, views, strict=True):
                nearest.append(np.stack([ids for _, ids in queries.search(index, [*map(CodeQuery, asked)], 1)]))
            found = np.stack(nearest).reshape(len(nearest), len(done), _EDITS)
            first.append(found == np.array([*done])[:, None])
            for row, *own in zip(done, *(asked.reshape(len(done), _EDITS, -1) for asked in in_codes), strict=True):
                pairs = zip(gallery.codes, own, strict=True)
                distances.append([codes.hamming(original[[row]], asked)[0] for original, asked in pairs])
        progress(len(distances) + len(failed), len(originals))
    if not first:
        raise DatasetError(f"None of the originals could be edited. {failed[0][0]}: {failed[0][1]}")
    shape = (len(distances), len(EDITS), len(STRENGTHS))
    of_codecs = [np.stack(far).reshape(shape) for far in zip(*distances, strict=True)]
    return Answers(np.concatenate(first, axis=1).reshape(-1, *shape), of_codecs, failed)


def nearness(gallery: Codes, bits: int, distances: npt.NDArray[np.uint16], progress: Progress = quiet) -> Nearness:
    """All pairs of codes (N, W), and the distances (O, edits, strengths) of the originals to their edits."""
    pairs = np.zeros(bits + 1, np.int64)
    progress(0, len(gallery))
    for start in range(0, len(gallery), _AT_ONCE):
        block, later = gallery[start : start + _AT_ONCE], gallery[start + _AT_ONCE :]
        within = _histogram(codes.hamming(block, block), bits)  # each pair twice, and each picture with itself
        within[0] -= len(block)
        pairs += within // 2 + _histogram(codes.hamming(block, later), bits)
        progress(start + len(block), len(gallery))
    found = np.stack([_histogram(distances[..., strength], bits) for strength in range(distances.shape[-1])])
    shares = found.cumsum(axis=1) / (distances.size / distances.shape[-1])
    return Nearness(1000 * pairs.cumsum() / len(gallery), shares)


def keep(folder: Path, near: Nearness, gallery: int, command: str) -> None:
    """Write `near_duplicates` into the model.json of a model folder, with the figures of the threshold; where there is
    none, `distance` is null and they are those of distance 0. Raises OSError."""
    card = json.loads((folder / "model.json").read_bytes())
    at = near.threshold or 0
    card["near_duplicates"] = {
        "distance": near.threshold,
        "wrong_pairs_per_1000": round(float(near.wrong_pairs[at]), 4),
        "gallery": gallery,
        "found": {name: round(float(share), 4) for name, share in zip(STRENGTHS, near.found[:, at], strict=True)},
        "command": command,
    }
    write_card(folder, card)


def _portions(
    work: Callable[[_Item], _Sizes], items: Sequence[_Item], at_once: int
) -> Iterator[list[tuple[_Item, _Sizes | PictureError | OSError]]]:
    """Each item with its pictures or why there are none, so many at one time, worked on by all cores."""
    results = zip(items, datasets.attempts(work, items), strict=True)
    while portion := [*islice(results, at_once)]:
        yield portion


def _specs(codecs: Sequence[Codec]) -> set[InputSpec]:
    return {pixels.SPEC, *(codec.spec for codec in codecs)}


def _rows(made: dict[InputSpec, Picture]) -> _Sizes:
    return {spec: picture[None] for spec, picture in made.items()}


def _edits(numbered: tuple[int, Path], specs: set[InputSpec]) -> _Sizes:
    """All edits of one picture, uint8 (edits x strengths, S, S, 3) at each size."""
    number, picture = numbered[0], decoding.at_full_size(numbered[1])
    files = (edited(picture, edit, name, number) for edit in EDITS for name in STRENGTHS)
    made = [_rows(images.load_each(file, specs)) for file in files]  # our own: decoded here
    return {spec: np.concatenate([sizes[spec] for sizes in made]) for spec in specs}


def _seen(pictures: Sequence[_Sizes], codecs: Sequence[Codec]) -> list[npt.NDArray[np.uint8]]:
    """Pictures one after the other -> their pixels (N, 3072), and for each codec their codes (N, W)."""
    at = {spec: np.concatenate([sizes[spec] for sizes in pictures]) for spec in pictures[0]}
    return [at[pixels.SPEC].reshape(-1, pixels.LENGTH), *(codec.encode(at[codec.spec]) for codec in codecs)]


def _put_back(pictures: Sequence[_Sizes], codecs: Sequence[Codec]) -> list[Codes]:
    """For each codec the codes of pictures and of each put back to where it may have come from, (N, V, W)."""
    made = []
    for codec in codecs:
        back = np.stack([placed(each) for sizes in pictures for each in sizes[codec.spec]])  # (N, V, S, S, 3)
        made.append(codec.encode(back.reshape(-1, *back.shape[2:])).reshape(*back.shape[:2], -1))
    return made


def _histogram(distances: npt.NDArray[np.uint16], bits: int) -> npt.NDArray[np.int64]:
    return np.bincount(distances.ravel(), minlength=bits + 1)
