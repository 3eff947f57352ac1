"""What to train on: any folder of pictures, CIFAR-10 or MNIST. Pictures only: labels are never read here.

Adopting a network reads its pictures here too, where there is no torch: it is imported where rows become tensors.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from semblance.retrieval.codec import BATCH
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.images import Picture, Source
from semblance.retrieval.inputs import InputSpec
from semblance.retrieval.judging import datasets
from semblance.retrieval.progress import Progress, quiet

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Selection:
    """Pictures that were named and not read yet: what they are called, what a command was told to take, and where they
    come from, in their order: files, or arrays of pictures."""

    name: str
    arguments: tuple[str, ...]
    sources: list[list[Path] | Picture]

    def __len__(self) -> int:
        return sum(map(len, self.sources))

    def __iter__(self) -> Iterator[Source]:
        return chain.from_iterable(self.sources)


@dataclass(frozen=True)
class TrainingData:
    """Pictures uint8 (N, S, S, 3), what they are called, what `semblance train` was told to take, why files were left
    out, and where the pictures come from, in their order: files, or arrays of pictures."""

    name: str
    arguments: tuple[str, ...]
    pictures: Picture
    sha256: str
    failed: list[tuple[Path, str]]
    sources: list[list[Path] | Picture]

    def at(self, spec: InputSpec, progress: Progress = quiet) -> Iterator[Picture]:
        """The same pictures decoded anew at another size, in batches uint8 (at most BATCH, S, S, 3), since all of them
        at once may be more than the memory holds. Raises DatasetError where a file cannot be read any more."""
        read = (pair for part in self.sources for pair in zip(part, datasets.readable(part, spec), strict=True))
        done = 0
        while batch := [*islice(read, BATCH)]:
            pictures = []
            for source, picture in batch:
                if isinstance(picture, Exception):
                    raise DatasetError(f"{source}: {picture}")
                pictures.append(picture)
            yield np.stack(pictures)
            done += len(batch)
            progress(done, len(self.pictures))


def select(sources: Sequence[Path], leave_out_classes: int | None = None) -> Selection:
    """All training pictures below `sources`. The test pictures of CIFAR-10 and MNIST are never among them.

    With `leave_out_classes` n, every n-th class of each folder is left out (see datasets.left_out), so that search can
    be judged by what was never trained on; CIFAR-10 and MNIST are taken whole, after the folders. Raises DatasetError
    where a folder has nothing to train on.
    """
    for source in sources:
        if not source.is_dir():
            raise DatasetError(f"There is no folder {source}.")
    sources = datasets.once(sources)
    known = {source: name for source in sources if (name := datasets.standard(source)[0])}
    folders = [source for source in sources if source not in known]
    if leave_out_classes and not folders:
        raise DatasetError("Classes are left out of folders that have them as subfolders: none of these is one.")
    paths = datasets.once(path for folder in folders for path in _files(folder, leave_out_classes))
    less = f" less one class in {leave_out_classes}" if leave_out_classes else ""
    names = [folder.resolve().name + less for folder in folders] + [
        f"{name} training pictures" for name in known.values()
    ]
    arguments = [source.resolve().name for source in sources]
    if leave_out_classes:
        arguments += ["--leave-out-classes", str(leave_out_classes)]
    parts = [*([paths] if folders else []), *(datasets.load(source)[0].sources for source in known)]
    return Selection(" and ".join(names), tuple(arguments), parts)


def load(
    sources: Sequence[Path],
    spec: InputSpec,
    progress: Progress = quiet,
    leave_out_classes: int | None = None,
) -> TrainingData:
    """Decode all that `select` finds at `spec`. Unreadable files are left out and named in `failed`.

    Raises DatasetError as `select` does, and where no picture can be read.
    """
    chosen = select(sources, leave_out_classes)
    parts: list[Picture] = []
    origins: list[list[Path] | Picture] = []
    failed: list[tuple[Path, str]] = []
    for part in chosen.sources:
        if isinstance(part, np.ndarray):
            origins.append(part)
            parts.append(datasets.Dataset(part, np.zeros(len(part), np.int64), []).pictures(spec))
            continue
        pictures, failed = _read(part, spec, progress)
        if len(pictures):
            unread = dict(failed)
            origins.append([path for path in part if path not in unread])
            parts.append(pictures)
    if not parts:
        raise DatasetError(f"{sources[0]} holds no picture that can be read ({len(failed)} could not).")
    pictures = parts[0] if len(parts) == 1 else np.concatenate(parts)
    checksum = hashlib.sha256(np.ascontiguousarray(pictures).data).hexdigest()
    return TrainingData(chosen.name, chosen.arguments, pictures, checksum, failed, origins)


def _files(folder: Path, leave_out_classes: int | None) -> list[Path]:
    """The picture files of a folder, less those of classes to leave out. Raises DatasetError where none are left."""
    paths = datasets.picture_files(folder)
    if not paths:
        raise DatasetError(f"{folder} holds no pictures: name a folder of JPEG, PNG or other picture files.")
    if leave_out_classes:
        left_out = {folder / name for name in datasets.left_out(folder, leave_out_classes)}
        paths = [path for path in paths if left_out.isdisjoint(path.parents)]
        if not paths:
            raise DatasetError(f"Nothing is left of {folder}: one class in {leave_out_classes} is all that it has.")
    return paths


def _read(paths: list[Path], spec: InputSpec, progress: Progress) -> tuple[Picture, list[tuple[Path, str]]]:
    """The pictures (N, S, S, 3) that can be read, and why the others cannot."""
    out = np.empty((len(paths), spec.size, spec.size, 3), np.uint8)
    failed: list[tuple[Path, str]] = []
    for done, (path, picture) in enumerate(zip(paths, datasets.readable(paths, spec), strict=True)):
        if isinstance(picture, Exception):
            failed.append((path, str(picture)))
        else:
            out[done - len(failed)] = picture
        progress(done + 1, len(paths))
    return out[: len(paths) - len(failed)], failed


def split(data: TrainingData, held_out: int, batch_size: int) -> "tuple[Tensor, Tensor]":
    """Rows to train on and rows held out, by the one rule. Raises DatasetError where no batch is left to train on."""
    import torch

    total = len(data.pictures)
    if total - held_out < batch_size:
        fewer = min(held_out, total // 10)
        smaller = min(batch_size, (total - fewer) // 4)
        instead = f", or try --set held_out={fewer} --set batch_size={smaller}" if smaller > 1 else ""
        raise DatasetError(
            f"{total} pictures are too few: {held_out} are held out and a batch takes {batch_size}. Add "
            f"pictures{instead}."
        )
    kept, apart = datasets.hold_out(held_out, total)
    return torch.from_numpy(kept), torch.from_numpy(apart)


def download_cifar10(folder: Path) -> None:
    """Fetch CIFAR-10 into folder/cifar-10-batches-py, where it is not there yet. Raises DatasetError."""
    import torchvision

    try:
        torchvision.datasets.CIFAR10(str(folder), download=True)
    except Exception as error:  # the network and the archive fail in many ways
        raise DatasetError(f"CIFAR-10 could not be downloaded into {folder}: {error}") from error
