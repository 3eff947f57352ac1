"""What lies between and beyond the pictures: walks through a model's latents, and pictures sampled from them."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from semblance.retrieval.codec import Codec, Logits
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.images import Picture
from semblance.retrieval.judging.contest import Contest
from semblance.scripts.report.figures import chosen, sample_logits, some
from semblance.scripts.report.sheets import OTHER, QUERY, Line, write_sheet

_STEPS = 9
_SAMPLED = 2000  # pictures, for the distance of samples to real ones
_DRAWN = 10  # of them on the sheet
_LEAST = 2 * _DRAWN  # pictures, below which nothing is fitted to them


def write_walk(contest: Contest, codecs: list[Codec], folder: Path) -> Path | None:
    """Write folder/walk.png: between two pictures, what each model decodes on the straight way from one's latents to
    the other's; where it is. Bits flip where the logits cross zero. None where no model decodes."""
    able = [codec for codec in codecs if codec.can_decode]
    if not able:
        return None
    asked = chosen(contest)
    pairs = asked[: min(4, len(asked) // 2 * 2)].reshape(-1, 2)
    if not len(pairs):
        raise DatasetError("A walk goes between pictures of two classes: there is one.")
    steps = np.linspace(0, 1, _STEPS, dtype=np.float32)[:, None]
    lines: list[Line] = []
    for pair in pairs:
        for codec in able:
            ends = contest.queries.subset(pair)
            first, last = codec.logits(ends.pictures(codec.spec))
            way = [(picture, OTHER) for picture in codec.rebuilt(first + steps * (last - first))]
            left, right = ((picture, QUERY) for picture in ends.pictures(codec.decoded))
            lines.append((codec.name, [left, *way, right]))
    title = "A walk from one picture (left) to another (right), decoded on the way."
    return write_sheet(folder / "walk.png", title, lines)


def write_samples(contest: Contest, codecs: list[Codec], judge: Codec, folder: Path) -> Path | None:
    """Write folder/samples.png: pictures from every model that decodes, a line for each way of drawing their latents;
    where it is. From latents fitted to the gallery's, and from the model's prior if it has one.

    Fitted: a normal distribution with the mean and covariance of real latents; of bits, coins as often on as each is.
    The distance is Fréchet's between normal distributions fitted to the judge's logits of sampled and of real pictures
    (Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017, with features learned without labels).
    """
    rows = some(len(contest.gallery), 2 * _SAMPLED)
    if len(rows) < _LEAST:
        raise DatasetError(f"{len(rows)} pictures are too few to compare samples with: it takes {_LEAST}.")
    lines: list[Line] = []
    for codec in codecs:
        if not codec.can_decode:
            continue
        real = _judged(judge, contest.gallery.subset(rows[::2]).pictures(codec.decoded))  # as large as the samples are
        for way, latents in _drawn(codec, sample_logits(contest, codec, rows[1::2])).items():
            pictures = codec.decode(latents)
            distance = frechet(real, _judged(judge, pictures))
            drawn = [(picture, OTHER) for picture in pictures[:_DRAWN]]
            lines.append((f"{codec.name}\n{way}\ndistance {distance:.0f}", drawn))
    title = "Pictures that nobody took: latents drawn by chance, and decoded."
    return write_sheet(folder / "samples.png", title, lines) if lines else None


def frechet(one: Logits, other: Logits) -> float:
    """Features (N, F) and (M, F) -> |mean - mean'|^2 + tr(C + C' - 2 (C C')^(1/2)) of normals fitted to them."""
    means = [features.mean(axis=0, dtype=np.float64) for features in (one, other)]
    first, second = (np.cov(features.astype(np.float64), rowvar=False) for features in (one, other))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    mixed = np.linalg.eigvalsh(root @ second @ root)  # the eigenvalues of C C', whose root is taken one by one
    trace = np.trace(first) + np.trace(second) - 2 * np.sqrt(np.maximum(mixed, 0)).sum()
    return float(np.square(means[0] - means[1]).sum() + trace)


def _drawn(codec: Codec, logits: Logits) -> dict[str, Logits]:
    """Latents (N, bits) by each way of drawing them."""
    chance = np.random.default_rng(3)
    shape = logits.shape
    recipe = codec.card.get("recipe", {})
    prior = recipe.get("divergence", 0) > 0 or recipe.get("adversarial", 0) > 0
    ways: dict[str, npt.NDArray[np.float64]]
    if codec.card.get("latent") == "bits":
        share = (logits > 0).mean(axis=0)
        ways = {"bits drawn as coins": np.where(chance.random(shape) < share, 1, -1)}
        if prior:
            ways["fair coins"] = np.where(chance.random(shape) < 0.5, 1, -1)
    else:
        covariance = np.atleast_2d(np.cov(logits, rowvar=False))
        fitted = chance.multivariate_normal(logits.mean(axis=0), covariance, len(logits))
        ways = {"fitted normal": fitted}
        if prior:
            ways["its prior"] = chance.standard_normal(shape)
    return {way: latents.astype(np.float32) for way, latents in ways.items()}


def _judged(judge: Codec, pictures: Picture) -> Logits:
    """The judge's logits of pictures of any side, brought to its own by repeating or leaving out pixels."""
    places = np.arange(judge.spec.size) * pictures.shape[1] // judge.spec.size
    return judge.logits(pictures[:, places][:, :, places])
