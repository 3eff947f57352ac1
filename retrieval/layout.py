"""Codes -> a plane on which what is alike lies together: t-SNE (van der Maaten & Hinton, 2008) of at most so many
landmarks, and beside them whatever has them for neighbours.

Two bit vectors' squared Euclidean distance is their Hamming distance, so t-SNE is given exact Hamming neighbours and
needs no features. It begins with the first two principal components and one seed, on one thread, whose sums have one
order: the same codes give the same plane.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from semblance.retrieval.codes import Codes, unpack
from semblance.retrieval.errors import UsageError
from semblance.retrieval.index import FlatIndex, Ids
from semblance.retrieval.progress import Progress, quiet

Points = npt.NDArray[np.float64]  # (N, 2)
Places = npt.NDArray[np.uint16]  # (N, 2): a plane of 65,536 x 65,536

LANDMARKS = 10_000  # t-SNE of so many takes some three minutes
SIDE = 2**16
_PERPLEXITY = 30.0
_ROUNDS, _ITERATIONS = 4, 250  # of t-SNE; the first with what is near drawn nearer, as its authors do
_NEAREST = 5  # landmarks that place a picture: the median of theirs, as openTSNE begins
_CELLS = 4  # of the grid for each picture, so that three in four are free to move to
_MOVES = 60
_SEED = 0


def plane(codes: Codes, bits: int, progress: Progress = quiet) -> Places:
    """A place for each code (N, W). `progress` counts rounds. Raises UsageError where scikit-learn is not installed."""
    count = len(codes)
    steps = _ROUNDS + 1
    progress(0, steps)
    chosen = np.arange(count)
    if count > LANDMARKS:
        chosen = np.sort(np.random.default_rng(_SEED).choice(count, LANDMARKS, replace=False))
    points = _embedded(codes[chosen], bits, lambda done: progress(done, steps))
    if count > len(chosen):
        index = FlatIndex(bits)
        index.add(chosen.astype(np.int64), codes[chosen])
        others = np.setdiff1d(np.arange(count), chosen)
        whole = np.empty((count, 2))
        whole[chosen] = points
        whole[others] = _beside(codes[others], index, chosen.astype(np.int64), points)
        points = whole
    places = spread(points)
    progress(steps, steps)
    return places


def near(codes: Codes, index: FlatIndex, ids: Ids, places: Places) -> Places:
    """Where new codes (M, W) come to lie on a plane that has `places` (N, 2) of `ids` (N,), ascending, of which `index`
    has the codes: by their nearest, and a little beside them."""
    points = _beside(codes, index, ids, places.astype(np.float64))
    step = SIDE / math.sqrt(_CELLS * (len(ids) + len(codes)))
    points += np.random.default_rng(_SEED + len(ids)).uniform(-step, step, points.shape)
    found: Places = np.clip(points, 0, SIDE - 1).astype(np.uint16)
    return found


def spread(points: Points) -> Places:
    """Points (N, 2) as they lie, but on a grid, where those that would share a cell move to free ones nearby."""
    if not len(points):
        return np.empty((0, 2), np.uint16)
    side = min(SIDE, math.ceil(math.sqrt(_CELLS * len(points))))
    low, high = np.quantile(points, [0.001, 0.999], axis=0)
    cells = np.clip((points - low) / np.maximum(high - low, 1e-9), 0, 1) * (side - 1)
    cells = cells.round().astype(np.int64)
    chance = np.random.default_rng(_SEED)
    for reach in range(1, _MOVES):
        _, first = np.unique(cells[:, 0] * side + cells[:, 1], return_index=True)
        if len(first) == len(cells):
            break
        late = np.ones(len(cells), bool)
        late[first] = False
        moved = cells[late] + chance.integers(-reach, reach + 1, (int(late.sum()), 2))
        cells[late] = np.clip(moved, 0, side - 1)
    places: Places = ((cells + 0.5) * (SIDE / side)).astype(np.uint16)
    return places


def _embedded(codes: Codes, bits: int, done: Callable[[int], object]) -> Points:
    try:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise UsageError("A map needs scikit-learn: pip install 'semblance[report]'.") from error
    count = len(codes)
    if count < 4:
        return np.stack([np.arange(count), np.zeros(count)], 1).astype(np.float64)
    perplexity = min(_PERPLEXITY, (count - 1) / 3)
    with threadpool_limits(1):
        bare = unpack(codes, bits).astype(np.float64)
        bare -= bare.mean(0)
        begun = bare @ np.linalg.eigh(bare.T @ bare)[1][:, :-3:-1]  # the first two principal components
        points = begun / max(float(begun[:, 0].std()), 1e-9) * 1e-4
        graph = _neighbours(codes, bits, min(count - 1, int(3 * perplexity + 1)) + 1)
        for number in range(_ROUNDS):
            embedding = TSNE(
                perplexity=perplexity,
                early_exaggeration=1.0 if number else 12.0,
                learning_rate=max(count / 48, 50.0),
                max_iter=_ITERATIONS,
                metric="precomputed",
                init=points.astype(np.float32),
                random_state=_SEED,
            )
            points = embedding.fit_transform(graph)
            done(number + 1)
    embedded: Points = points.astype(np.float64)
    return embedded


def _neighbours(codes: Codes, bits: int, k: int) -> object:
    """The k nearest codes of each, itself among them, for scikit-learn: (N, N), roots of Hamming distances."""
    from scipy.sparse import csr_matrix

    index = FlatIndex(bits)
    index.add(np.arange(len(codes), dtype=np.int64), codes)
    distances, ids = index.search(codes, k)
    values = np.sqrt(distances.astype(np.float64)).ravel()
    return csr_matrix((values, ids.ravel(), np.arange(0, len(codes) * k + 1, k)), (len(codes), len(codes)))


def _beside(codes: Codes, index: FlatIndex, ids: Ids, points: Points) -> Points:
    nearest = index.search(codes, min(_NEAREST, len(ids)), ids)[1]
    middle: Points = np.median(points[np.searchsorted(ids, nearest)], axis=1)
    return middle
