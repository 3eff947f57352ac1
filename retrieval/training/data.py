"""What to train on: any folder of pictures, CIFAR-10 or MNIST. Pictures only: labels are never read here."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval import datasets
from retrieval.errors import DatasetError
from retrieval.images import InputSpec, Picture


@dataclass(frozen=True)
class TrainingData:
    """Pictures uint8 (N, S, S, 3), what they are called, the folder's name, and why files among them were left out."""

    name: str
    source: str
    pictures: Picture
    sha256: str
    failed: list[tuple[Path, str]]


def load(source: Path, spec: InputSpec, progress: Callable[[int, int], None] | None = None) -> TrainingData:
    """Decode all training pictures at `spec`. The test pictures of CIFAR-10 and MNIST are never among them.

    Unreadable files are left out and named in `failed`. Raises DatasetError where nothing is left.
    """
    if not source.is_dir():
        raise DatasetError(f"There is no folder {source}.")
    standard, _ = datasets.standard(source)
    if standard:
        return _named(f"{standard} training pictures", source, datasets.load(source)[0].pictures(spec), [])
    paths = datasets.picture_files(source)
    kept: list[Picture] = []
    failed: list[tuple[Path, str]] = []
    for path, picture in zip(paths, datasets.readable(paths, spec), strict=True):
        if isinstance(picture, Exception):
            failed.append((path, str(picture)))
        else:
            kept.append(picture)
        if progress is not None:
            progress(len(kept) + len(failed), len(paths))
    if not kept:
        raise DatasetError(f"{source} holds no picture that can be read ({len(failed)} could not).")
    return _named(source.resolve().name, source, np.stack(kept), failed)


def download_cifar10(folder: Path) -> None:
    """Fetch CIFAR-10 into folder/cifar-10-batches-py, where it is not there yet. Raises DatasetError."""
    import torchvision

    try:
        torchvision.datasets.CIFAR10(str(folder), download=True)
    except Exception as error:  # the network and the archive fail in many ways
        raise DatasetError(f"CIFAR-10 could not be downloaded into {folder}: {error}") from error


def _named(name: str, source: Path, pictures: Picture, failed: list[tuple[Path, str]]) -> TrainingData:
    return TrainingData(name, source.resolve().name, pictures, hashlib.sha256(pictures.tobytes()).hexdigest(), failed)
