"""What to train on: any folder of pictures, CIFAR-10 or MNIST. Pictures only: labels are never read here."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval import datasets
from retrieval.errors import DatasetError
from retrieval.images import InputSpec, Picture


@dataclass(frozen=True)
class TrainingData:
    """Pictures uint8 (N, S, S, 3), what they are called, what `semblance train` was told to take, and why files were
    left out."""

    name: str
    arguments: tuple[str, ...]
    pictures: Picture
    sha256: str
    failed: list[tuple[Path, str]]


def load(
    sources: Sequence[Path],
    spec: InputSpec,
    progress: Callable[[int, int], None] | None = None,
    leave_out_classes: int | None = None,
) -> TrainingData:
    """Decode all training pictures at `spec`. The test pictures of CIFAR-10 and MNIST are never among them.

    With `leave_out_classes` n, every n-th class of a folder is left out (see datasets.left_out), so that search can be
    judged by what was never trained on. Unreadable files are left out and named in `failed`. Raises DatasetError where
    nothing is left.
    """
    names: list[str] = []
    kept: list[Picture] = []
    failed: list[tuple[Path, str]] = []
    for source in sources:
        if not source.is_dir():
            raise DatasetError(f"There is no folder {source}.")
        standard, _ = datasets.standard(source)
        if standard:
            names.append(f"{standard} training pictures")
            kept.append(datasets.load(source)[0].pictures(spec))
            continue
        names.append(source.resolve().name)
        paths = datasets.picture_files(source)
        if leave_out_classes:
            names[-1] += f" less one class in {leave_out_classes}"
            left_out = {source / name for name in datasets.left_out(source, leave_out_classes)}
            paths = [path for path in paths if left_out.isdisjoint(path.parents)]
        pictures, unread = _read(source, paths, spec, progress)
        kept.append(pictures)
        failed += unread
    pictures = kept[0] if len(kept) == 1 else np.concatenate(kept)
    arguments = [source.resolve().name for source in sources]
    if leave_out_classes:
        arguments += ["--leave-out-classes", str(leave_out_classes)]
    checksum = hashlib.sha256(np.ascontiguousarray(pictures).data).hexdigest()
    return TrainingData(" and ".join(names), tuple(arguments), pictures, checksum, failed)


def _read(
    source: Path, paths: list[Path], spec: InputSpec, progress: Callable[[int, int], None] | None
) -> tuple[Picture, list[tuple[Path, str]]]:
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
    return np.stack(kept), failed


def download_cifar10(folder: Path) -> None:
    """Fetch CIFAR-10 into folder/cifar-10-batches-py, where it is not there yet. Raises DatasetError."""
    import torchvision

    try:
        torchvision.datasets.CIFAR10(str(folder), download=True)
    except Exception as error:  # the network and the archive fail in many ways
        raise DatasetError(f"CIFAR-10 could not be downloaded into {folder}: {error}") from error
