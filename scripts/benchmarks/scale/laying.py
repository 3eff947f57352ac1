"""A set of codes with its queries and the right answers; and the groups of near-duplicates in it."""

import time
from collections.abc import Callable

import numpy as np

from semblance.retrieval import grouping
from semblance.retrieval.codec import COPIES_MODEL, find_model, read_card
from semblance.retrieval.files import replace
from semblance.retrieval.index import MappedFlat
from semblance.retrieval.index.flat import Flat
from semblance.retrieval.index.mapped import to_file
from semblance.retrieval.pairs import pairs_within
from semblance.scripts.benchmarks.scale import codes as grown
from semblance.scripts.benchmarks.scale.places import BITS, QUERIES, Place

Say = Callable[..., None]


def lay(place: Place, say: Say) -> None:
    """Write the set. Its queries are real codes held out as long as it holds real ones alone, else of its own kind."""
    place.folder.mkdir(exist_ok=True)
    real, started = np.load(place.real), time.perf_counter()
    sources = grown.measured(real[QUERIES:])
    codes = np.lib.format.open_memmap(place.array, mode="w+", dtype=np.uint8, shape=(place.size, BITS // 8))
    grown.grow(sources, codes)
    codes.flush()
    seconds = time.perf_counter() - started
    only_real = place.size <= len(sources.codes)
    queries = real[:QUERIES] if only_real else grown.more(sources, codes, QUERIES)
    replace(place.library, to_file(Flat(BITS, np.arange(place.size), codes)))
    distances, _ = MappedFlat(place.library, BITS).search(queries, min(100, place.size))
    np.save(place.queries, queries)
    np.save(place.truth, distances[:, [min(10, place.size) - 1, -1]])
    near = np.median(distances[:, [0, min(10, place.size) - 1, -1]], axis=0).tolist()
    say(grown_s=seconds, real=min(place.size, len(sources.codes)), near=near)


def group(place: Place, say: Say) -> None:
    """The groups of codes that are as near as two of one picture may be, as `semblance duplicates` finds them."""
    within, codes = int(read_card(find_model(COPIES_MODEL))["near_duplicates"]["distance"]), np.load(place.array)
    started = time.perf_counter()
    pairs = pairs_within(codes, within, BITS)
    groups = grouping.groups(codes[:, None], pairs, within, range(len(codes)))
    say(groups_s=time.perf_counter() - started, groups=len(groups), pairs=len(pairs), within=within)
