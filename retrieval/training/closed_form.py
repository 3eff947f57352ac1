"""Codes that need no training loop: hyperplanes, principal components and k-means patches, fitted by their formulas.

What is fitted becomes torch modules for the sake of one thing: export.py writes them into a model folder like any
network's. The decoder of each is the linear map from bits to pixels of least squared error.
"""

import numpy as np
import numpy.typing as npt
import torch
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.nn import functional

from semblance.retrieval.errors import DatasetError
from semblance.retrieval.images import Picture
from semblance.retrieval.judging import linear
from semblance.retrieval.judging.linear import Floats
from semblance.retrieval.progress import Progress, quiet
from semblance.retrieval.training.recipe import Fitted

_PATCHES_PER_CENTROID = 500
_CONTRAST = 10 / 255**2  # added to a patch's variance: flat ones stay flat
_WHITENING = 0.1  # added to the variances of normalised patches, as Coates, Lee & Ng do
_ROWS = 8  # pictures at a time: what is computed of them stays in the cache


class FittedCoder(nn.Module):
    """An encoder that centres features and maps them to logits linearly, and a linear decoder of bits."""

    def __init__(self, features: nn.Module, mean: Floats, weights: Floats, decoder: tuple[Floats, Floats], side: int):
        """`mean` (F,) and `weights` (F, bits); of the decoder weights (bits, D) and offset (D,), to pixels 0..255."""
        super().__init__()
        scale = np.float32(255)
        to_pixels = _linear(decoder[0] / scale, decoder[1] / scale)
        self.encoder = nn.Sequential(features, _Centred(mean), _linear(weights))
        self.decoder = nn.Sequential(to_pixels, nn.Unflatten(1, (side, side, 3)), _ChannelsFirst())

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Pictures (N, 3, S, S) -> logits (N, bits) and pictures rebuilt from their signs, (N, 3, S, S)."""
        logits = self.encoder(images)
        return logits, [self.decoder(torch.where(logits > 0, 1.0, -1.0))]


class Pixels(nn.Module):
    """Pictures (N, 3, S, S) in 0..1 -> (N, S * S * 3) in 0..255."""

    def forward(self, images: Tensor) -> Tensor:
        return images.permute(0, 2, 3, 1).flatten(1) * 255


class Patches(nn.Module):
    """Pictures (N, 3, S, S) in 0..1 -> how near the patches of each quarter are to each centroid: (N, 4 * centroids).

    Coates, Lee & Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning" (2011), with their
    "triangle" activation: a patch counts for a centroid by as much as it is nearer than to the mean centroid. Patches
    are brought to mean 0 and variance 1 and whitened; all of it is two convolutions, since each step is linear but the
    division by the deviation.
    """

    def __init__(self, side: int, mean: Floats, whitening: Floats, centroids: Floats) -> None:
        """`mean` (P,) and `whitening` (P, P) of normalised patches, P = side * side * 3 in the order (side, side, 3);
        `centroids` (K, P) are whitened."""
        super().__init__()
        filters = np.concatenate([whitening, -2 * centroids @ whitening])  # (P + K, P); whitening is symmetric
        shifts = filters @ mean
        shifts[len(whitening) :] -= np.square(centroids).sum(axis=1)
        filters -= filters.mean(axis=1, keepdims=True)  # so that a patch's mean makes no difference
        self.whitened = len(whitening)
        self.register("filters", torch.from_numpy(filters).reshape(-1, side, side, 3).permute(0, 3, 1, 2))
        self.register("shifts", torch.from_numpy(shifts)[:, None, None])
        self.register("ones", torch.full((1, 3, side, side), 1 / (3 * side * side)))

    filters: Tensor
    shifts: Tensor
    ones: Tensor

    def register(self, name: str, value: Tensor) -> None:
        self.register_buffer(name, value.float().contiguous())

    def forward(self, images: Tensor) -> Tensor:
        mean = functional.conv2d(images, self.ones)  # (N, 1, H, W)
        variance = functional.conv2d(images.square(), self.ones) - mean.square()
        scale = (variance.clamp(min=0) + _CONTRAST).rsqrt()
        products = functional.conv2d(images, self.filters).mul_(scale).sub_(self.shifts)
        length = products[:, : self.whitened].square().sum(dim=1, keepdim=True)
        distances = products[:, self.whitened :].add_(length).clamp_(min=0).sqrt_()  # (N, K, H, W)
        near = distances.neg_().sub_(distances.mean(dim=1, keepdim=True)).clamp_(min=0)
        middle = near.shape[-1] // 2
        quarters = [near[:, :, rows, columns] for rows in _halves(middle) for columns in _halves(middle)]
        return torch.cat([quarter.mean(dim=(2, 3)) for quarter in quarters], dim=1)


def fit(recipe: Fitted, pictures: Picture, progress: Progress = quiet) -> FittedCoder:
    """Fit the recipe on pictures uint8 (N, S, S, 3). Raises DatasetError where they are too few."""
    if recipe.method != "hyperplanes" and len(pictures) < recipe.bits:
        raise DatasetError(f"{len(pictures)} pictures are too few to choose {recipe.bits} directions by: add some.")
    features: nn.Module = Pixels()
    if recipe.method == "patches-itq":
        features = _patches(recipe, pictures, progress)
    vectors = _features(features, pictures, progress)  # (N, F)
    if recipe.method == "hyperplanes":
        mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        weights = linear.RandomHyperplanes(mean, recipe.bits, recipe.seed).normals
    else:
        spread = _spread(vectors) if recipe.method == "patches-itq" else np.ones(vectors.shape[1], np.float32)
        with np.errstate(invalid="ignore"):  # pictures that are all the same have no variance to share out
            found = PCA(recipe.bits, svd_solver="covariance_eigh").fit(vectors / spread)
        mean, weights = found.mean_ * spread, (found.components_ / spread).T
        if recipe.method != "pca":
            projected: Floats = np.asarray((vectors - mean) @ weights, np.float32)
            weights = weights @ linear.iterative_quantisation(projected, seed=recipe.seed)
    bits = np.where((vectors - mean) @ weights > 0, np.float32(1), np.float32(-1))
    decoder = linear.least_squares(bits, pictures.reshape(len(pictures), -1))
    return FittedCoder(features, mean, weights, decoder, recipe.size).eval()


def _spread(vectors: Floats) -> Floats:
    """The deviation of each of the features (N, F), 1 where one is always the same: (F,). What common patches answer
    to would drown the rest; Coates, Lee & Ng standardise their features for the same reason."""
    deviation = vectors.std(axis=0)
    return np.where(deviation > 0, deviation, np.float32(1))


def _patches(recipe: Fitted, pictures: Picture, progress: Progress) -> Patches:
    chance = np.random.default_rng(recipe.seed)
    count = _PATCHES_PER_CENTROID * recipe.centroids
    rows = chance.integers(0, len(pictures), count)
    tops, lefts = chance.integers(0, recipe.size - recipe.patch + 1, (2, count))
    cut = [
        pictures[row, top : top + recipe.patch, left : left + recipe.patch].ravel()
        for row, top, left in zip(rows, tops, lefts, strict=True)
    ]
    patches = np.stack(cut).astype(np.float32) / 255  # (count, P)
    patches -= patches.mean(axis=1, keepdims=True)
    patches /= np.sqrt(patches.var(axis=1, keepdims=True) + _CONTRAST)
    mean = patches.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False))
    whitening = ((vectors / np.sqrt(values + _WHITENING)) @ vectors.T).astype(np.float32)
    clusters = MiniBatchKMeans(recipe.centroids, batch_size=4096, n_init=1, random_state=recipe.seed)
    clusters.fit((patches - mean) @ whitening)
    progress(1, 2)
    return Patches(recipe.patch, mean, whitening, clusters.cluster_centers_.astype(np.float32))


@torch.no_grad()
def _features(features: nn.Module, pictures: Picture, progress: Progress) -> Floats:
    parts: list[npt.NDArray[np.float32]] = []
    for start in range(0, len(pictures), _ROWS):
        part = torch.from_numpy(pictures[start : start + _ROWS]).permute(0, 3, 1, 2).float() / 255
        parts.append(features(part).numpy())
        progress(len(pictures) + start, 2 * len(pictures))
    return np.concatenate(parts)


def _halves(middle: int) -> tuple[slice, slice]:
    return slice(None, middle), slice(middle, None)


def _linear(weights: Floats, offset: Floats | None = None) -> nn.Linear:
    inputs, outputs = weights.shape
    layer = nn.Linear(inputs, outputs, bias=offset is not None)
    layer.weight.data = torch.from_numpy(np.ascontiguousarray(weights.T))
    if offset is not None:
        layer.bias.data = torch.from_numpy(offset)
    return layer


class _Centred(nn.Module):
    """Features (N, F) less their mean, which ships as float32: half of that precision would tip small components."""

    mean: Tensor

    def __init__(self, mean: Floats) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean))

    def forward(self, features: Tensor) -> Tensor:
        return features - self.mean


class _ChannelsFirst(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.permute(0, 3, 1, 2)
