"""Pictures with labels: folders with one subfolder a class, the CIFAR-10 batches, the MNIST idx files.

Labels judge and never train: training asks for pictures alone, evaluation for both.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from semblance.retrieval import decoding, images
from semblance.retrieval.errors import DatasetError, PictureError
from semblance.retrieval.images import InputSpec, Picture, Source
from semblance.retrieval.judging import batches
from semblance.retrieval.judging.batches import CIFAR_TEST, CIFAR_TRAIN, MNIST_TEST, MNIST_TRAIN, Labels
from semblance.retrieval.pool import in_order

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Dataset:
    """N pictures, not decoded yet, and what they show.

    `sources` are paths, or pictures (H, W, 3) that a batch file has as plain pixels. `labels` (N,) index `classes`.
    """

    sources: list[Path] | Picture
    labels: Labels
    classes: list[str]

    def __len__(self) -> int:
        return len(self.sources)

    def pictures(self, spec: InputSpec) -> Picture:
        """All pictures as uint8 (N, S, S, 3). Pictures that are S x S already are returned as they are.

        Raises DatasetError naming the first file that cannot be read: a dataset with holes gives wrong figures.
        """
        if isinstance(self.sources, np.ndarray) and self.sources.shape[1:3] == (spec.size, spec.size):
            return self.sources
        out = np.empty((len(self), spec.size, spec.size, 3), np.uint8)
        for row, picture in enumerate(readable(self.sources, spec)):
            if isinstance(picture, Exception):
                raise DatasetError(f"{self.sources[row]}: {picture}")
            out[row] = picture
        return out

    def subset(self, rows: npt.NDArray[np.int64]) -> "Dataset":
        """The pictures of these rows, in this order."""
        if isinstance(self.sources, np.ndarray):
            return Dataset(self.sources[rows], self.labels[rows], self.classes)
        return Dataset([self.sources[row] for row in rows], self.labels[rows], self.classes)


def load(folder: Path) -> tuple[Dataset, Dataset | None]:
    """A dataset folder -> gallery and queries; queries are None where each picture is to be asked against the others.

    CIFAR-10 batches: data_batch_1..5 and test_batch. MNIST: the training and the test files. Any other folder: one
    subfolder a class. Raises DatasetError.
    """
    if not folder.is_dir():
        raise DatasetError(f"There is no folder {folder}.")
    name, place = standard(folder)
    if name == "CIFAR-10":
        return Dataset(*batches.cifar(place, CIFAR_TRAIN)), Dataset(*batches.cifar(place, CIFAR_TEST))
    if name == "MNIST":
        return Dataset(*batches.mnist(place, *MNIST_TRAIN)), Dataset(*batches.mnist(place, *MNIST_TEST))
    return _class_folders(folder), None


def standard(folder: Path) -> tuple[str | None, Path]:
    """Which dataset of the field a folder holds, in its own files, and where in it they lie; else None, and itself."""
    for place in (folder, folder / "cifar-10-batches-py"):
        if (place / CIFAR_TRAIN[0]).is_file():
            return "CIFAR-10", place
    for place in (folder, folder / "raw", folder / "MNIST" / "raw"):
        if (place / MNIST_TRAIN[0]).is_file():
            return "MNIST", place
    return None, folder


def hold_out(count: int, total: int, seed: int = 0) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The same rows for everyone: (rows kept (total - count,), rows held out (count,)), both ascending.

    Raises DatasetError where fewer than two rows would be kept.
    """
    if total - count < 2:
        raise DatasetError(f"{total} pictures are too few to hold {count} out.")
    order = np.random.default_rng(seed).permutation(total)
    return np.sort(order[count:]), np.sort(order[:count])


def every_nth_class(dataset: Dataset, n: int) -> Dataset:
    """The pictures of the first class, the (n + 1)th and so on, alone, with labels that index these classes.

    Raises DatasetError where n is below 1, or fewer than two pictures are left.
    """
    rows = np.flatnonzero(dataset.labels % _step(n) == 0)
    if len(rows) < 2:
        raise DatasetError(f"One class in {n} of {len(dataset.classes)} has fewer than two pictures: name a smaller N.")
    left = dataset.subset(rows)
    return Dataset(left.sources, left.labels // n, dataset.classes[::n])


def left_out(folder: Path, n: int) -> list[str]:
    """The names of the subfolders whose pictures `every_nth_class` gives for a dataset with one subfolder a class.

    Training that leaves them out never sees a picture of these classes. Raises DatasetError where n is below 1 or the
    folder has no subfolders.
    """
    if not folder.is_dir():
        raise DatasetError(f"There is no folder {folder}.")
    classes = class_names(folder)[:: _step(n)]
    if not classes:
        raise DatasetError(f"{folder} has no subfolders, so there are no classes to leave out.")
    return classes


def picture_files(folder: Path) -> list[Path]:
    """All files below `folder` that bear a picture's suffix, sorted. Hidden files and folders are passed over."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in images.SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def once(paths: Iterable[Path]) -> list[Path]:
    """Each file or folder where it stands first: one may be named twice, or lie within another that is named too."""
    first: dict[Path, Path] = {}
    for path in paths:
        first.setdefault(path.resolve(), path)
    return [*first.values()]


def attempts(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result | PictureError | OSError]:
    """What `work` makes of each item, or the PictureError or OSError that it raised, in order; done by all cores."""
    return in_order(partial(_attempt, work), items)


def readable(sources: Iterable[Source], spec: InputSpec) -> Iterator[Picture | PictureError | OSError]:
    """Each picture (S, S, 3), or why it could not be read, in order; decoded by all cores."""
    return attempts(partial(decoding.load, spec=spec), sources)


def _attempt(work: Callable[[_Item], _Result], item: _Item) -> _Result | PictureError | OSError:
    try:
        return work(item)
    except (PictureError, OSError) as error:
        return error


def _step(n: int) -> int:
    if n < 1:
        raise DatasetError(f"Every Nth class is every first, second or further one: N is at least 1, not {n}.")
    return n


def class_names(folder: Path) -> list[str]:
    """Subfolders, sorted; hidden ones are passed over, and links are not followed, here as everywhere."""
    folders = [child for child in folder.iterdir() if child.is_dir() and not child.is_symlink()]
    return sorted(child.name for child in folders if not child.name.startswith("."))


def _class_folders(folder: Path) -> Dataset:
    classes = class_names(folder)
    found = [(path, label) for label, name in enumerate(classes) for path in picture_files(folder / name)]
    if len(found) < 2:
        raise DatasetError(f"{folder} is no dataset: it needs one subfolder a class, with pictures in them.")
    paths, labels = zip(*found, strict=True)
    return Dataset(list(paths), np.array(labels, np.int64), classes)
