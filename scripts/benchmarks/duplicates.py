"""`duplicates`: the near pairs and the groups of a million codes, against comparing some of them with all."""

import time
from pathlib import Path

import faiss
import numpy as np

from semblance.retrieval import grouping, images
from semblance.retrieval.codec import COPIES_MODEL, Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import PictureError
from semblance.retrieval.index import Ids
from semblance.retrieval.judging.editing import EDITS, STRENGTHS, edited
from semblance.retrieval.pairs import Pairs, pairs_within
from semblance.scripts.benchmarks.figures import MILLION, Asked, Row, row
from semblance.scripts.benchmarks.folders import encoded, pictures

_REAL = 60_000  # pictures encoded at most
_EDITED = 40  # pictures whose edits say how codes of copies differ
_COPIES = 0.1  # of the codes are a copy's
_OTHERS = (40, 75)  # bits by which a code made of a picture's differs from it, so that it is another picture's
_ASKED = 1000  # codes that are compared with all others


def duplicates(asked: Asked) -> list[Row]:
    """Pairs within the distance of copies, and groups, of `--codes` codes made of those of real pictures."""
    codec = Codec(COPIES_MODEL)
    within = int(codec.card["near_duplicates"]["distance"])
    real, flips = _measured(pictures(asked), codec)
    codes = _extended(real, flips, asked.codes, np.random.default_rng(0))
    started = time.perf_counter()
    pairs = pairs_within(codes, within, codec.bits)
    paired = time.perf_counter() - started
    groups = grouping.groups(codes[:, None], pairs, within, range(len(codes)))
    grouped = time.perf_counter() - started - paired
    found, there, flat = _exact(codes, within, pairs)
    name = f"{len(codes):,} codes of {len(real):,} pictures"
    return [
        row(f"near pairs, {name}", paired, "s", "at most 300 with groups" if len(codes) == MILLION else ""),
        row(f"groups, {name}", grouped, "s"),
        row("near pairs", len(pairs), "pairs"),
        row("groups", len(groups), "groups"),
        row(
            f"pairs found, of {there:,} by comparing {_ASKED:,} codes with all", found / max(there, 1), "share", "0.99"
        ),
        row("all by comparing each with all, reckoned from these", flat * len(codes) / _ASKED, "s"),
    ]


def _measured(folder: Path, codec: Codec) -> tuple[Codes, Ids]:
    """Codes (R, W) of pictures, and by how many bits the codes of mild and medium edits differ from theirs."""
    chosen, codes = encoded(folder, codec, _REAL)
    flips = [distance for number, path in enumerate(chosen[:_EDITED]) for distance in _edits(number, path, codec)]
    return np.unique(codes, axis=0), np.array(flips, np.int64)


def _edits(number: int, path: Path, codec: Codec) -> list[int]:
    try:
        picture = images.at_full_size(path)
        made = [edited(picture, edit, strength, number) for edit in EDITS for strength in STRENGTHS[:2]]
        codes = codec.encode([path, *made])
    except (PictureError, OSError):
        return []
    distances: list[int] = np.bitwise_count(codes[1:] ^ codes[0]).sum(axis=1).tolist()
    return distances


def _extended(real: Codes, flips: Ids, count: int, rng: np.random.Generator) -> Codes:
    """`count` codes: the real ones, others made of them, and copies of these, which differ as edits do."""
    copies = round(_COPIES * count)
    originals = real[rng.permutation(len(real))[: count - copies]]
    more = real[rng.integers(0, len(real), count - copies - len(originals))]
    made = np.concatenate([originals, _flipped(more, rng.integers(*_OTHERS, len(more)), rng)])
    copied = _flipped(made[rng.integers(0, len(made), copies)], rng.choice(flips, copies), rng)
    return np.concatenate([made, copied])[rng.permutation(count)]


def _flipped(codes: Codes, bits: Ids, rng: np.random.Generator) -> Codes:
    """Each code with so many of its bits the other way."""
    out = codes.copy()
    for at in range(0, len(codes), 10_000):
        order = rng.random((len(codes[at : at + 10_000]), 8 * codes.shape[1]), np.float32).argsort(axis=1)
        chosen = order < bits[at : at + 10_000, None]
        out[at : at + 10_000] ^= np.packbits(chosen, axis=1, bitorder="little")
    return out


def _exact(codes: Codes, within: int, pairs: Pairs) -> tuple[int, int, float]:
    """Of the pairs of some codes with all, how many were found, how many there are, and the seconds it took."""
    some = np.random.default_rng(2).permutation(len(codes))[:_ASKED]
    started = time.perf_counter()
    flat = faiss.IndexBinaryFlat(8 * codes.shape[1])
    flat.add(codes)
    limits, _, near = flat.range_search(codes[some], within + 1)  # what is nearer than that
    seconds = time.perf_counter() - started
    counts = limits[1:].astype(np.int64) - limits[:-1].astype(np.int64)
    asked = np.repeat(some, counts)
    keys = np.unique(len(codes) * np.minimum(asked, near) + np.maximum(asked, near))
    keys = keys[keys // len(codes) != keys % len(codes)]
    found = np.isin(keys, len(codes) * pairs.first + pairs.second)
    return int(found.sum()), len(keys), seconds
