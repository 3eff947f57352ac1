"""`scale`: every engine from ten thousand codes to tens of millions, beside those of others, in one run."""

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from semblance.retrieval.errors import UsageError
from semblance.scripts.benchmarks.figures import Asked, Row
from semblance.scripts.benchmarks.scale import contenders, running, sources
from semblance.scripts.benchmarks.scale.codes import NEAR
from semblance.scripts.benchmarks.scale.places import QUERIES
from semblance.scripts.benchmarks.scale.rows import rows

KEPT = "scale.jsonl"  # in the folder of the plots


def scale(asked: Asked) -> list[Row]:
    """Time, memory and recall of every engine on real-looking codes; with `--plots` plots of them, and a run that was
    cut goes on. UsageError where a package is missing, or there are too few real codes."""
    folder = asked.plots or asked.scratch / "scale"
    folder.mkdir(parents=True, exist_ok=True)
    names = _named(asked.engines)
    draw = _drawing() if asked.plots else None
    real, whose = sources.real(asked)
    real = np.unique(real, axis=0)
    real = real[np.random.default_rng(18).permutation(len(real))]
    if len(real) < QUERIES + 2 * NEAR:
        raise UsageError(f"{len(real)} codes are too few to grow more from: it takes {QUERIES + 2 * NEAR}.")
    records = running.run(real, asked.sizes, names, asked.scratch / "sets", folder / KEPT)
    if draw is not None:
        draw(records, folder, whose)
    return rows(records, whose)


def _drawing() -> Callable[..., Any]:
    """What draws the plots: asked for before anything is measured."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("matplotlib is not installed: pip install 'semblance[report]', or leave out --plots.")
    from semblance.scripts.benchmarks.scale.plots import draw

    return draw


def _named(engines: Sequence[str]) -> list[str]:
    """The contenders that were asked for, all where none was."""
    known = [*contenders.names()]
    if unknown := [name for name in engines if name not in known]:
        raise UsageError(f"There is no engine {unknown[0]!r} to measure: there are {', '.join(known)}.")
    for package in ("usearch", "pynear"):
        if any(name.startswith(package) for name in engines or known) and importlib.util.find_spec(package) is None:
            raise UsageError(
                f"{package} is not installed: pip install {package}, for this benchmark, or name --engines."
            )
    return [*engines] or known
