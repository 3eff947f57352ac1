"""Pictures with labels: folders with one subfolder a class, the CIFAR-10 batches, the MNIST idx files.

Labels judge and never train: training asks for pictures alone, evaluation for both.
"""

import io
import math
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from semblance.retrieval import images
from semblance.retrieval.errors import DatasetError, PictureError
from semblance.retrieval.images import InputSpec, Picture
from semblance.retrieval.pool import in_order

CIFAR_TRAIN = [f"data_batch_{number}" for number in range(1, 6)]
CIFAR_TEST = ["test_batch"]
_MNIST = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}

Labels = npt.NDArray[np.int64]

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
        return _load_all(list(self.sources), spec)

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
        return _cifar(place, CIFAR_TRAIN), _cifar(place, CIFAR_TEST)
    if name == "MNIST":
        return _mnist(place, *_MNIST["train"]), _mnist(place, *_MNIST["test"])
    return _class_folders(folder), None


def standard(folder: Path) -> tuple[str | None, Path]:
    """Which dataset of the field a folder holds, in its own files, and where in it they lie; else None, and itself."""
    for place in (folder, folder / "cifar-10-batches-py"):
        if (place / CIFAR_TRAIN[0]).is_file():
            return "CIFAR-10", place
    for place in (folder, folder / "raw", folder / "MNIST" / "raw"):
        if (place / _MNIST["train"][0]).is_file():
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
    classes = _class_names(folder)[:: _step(n)]
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


def readable(paths: list[Path], spec: InputSpec) -> Iterator[Picture | PictureError | OSError]:
    """Each file's picture (S, S, 3), or why it could not be read, in order; decoded by all cores."""
    return attempts(partial(images.load, spec=spec), paths)


def _attempt(work: Callable[[_Item], _Result], item: _Item) -> _Result | PictureError | OSError:
    try:
        return work(item)
    except (PictureError, OSError) as error:
        return error


def _load_all(sources: list[Path] | list[Picture], spec: InputSpec) -> Picture:
    out = np.empty((len(sources), spec.size, spec.size, 3), np.uint8)
    if sources and isinstance(sources[0], np.ndarray):
        for row, pixels in enumerate(sources):
            png = io.BytesIO()
            Image.fromarray(np.asarray(pixels)).save(png, "PNG", compress_level=0)
            out[row] = images.load(png.getvalue(), spec)  # lossless, and through the one road
        return out
    paths = [path for path in sources if isinstance(path, Path)]
    for row, picture in enumerate(readable(paths, spec)):
        if isinstance(picture, Exception):
            raise DatasetError(f"{paths[row]}: {picture}")
        out[row] = picture
    return out


def _step(n: int) -> int:
    if n < 1:
        raise DatasetError(f"Every Nth class is every first, second or further one: N is at least 1, not {n}.")
    return n


def _class_names(folder: Path) -> list[str]:
    """Subfolders, sorted; hidden ones are passed over, and links are not followed, here as everywhere."""
    folders = [child for child in folder.iterdir() if child.is_dir() and not child.is_symlink()]
    return sorted(child.name for child in folders if not child.name.startswith("."))


def _class_folders(folder: Path) -> Dataset:
    classes = _class_names(folder)
    found = [(path, label) for label, name in enumerate(classes) for path in picture_files(folder / name)]
    if len(found) < 2:
        raise DatasetError(f"{folder} is no dataset: it needs one subfolder a class, with pictures in them.")
    paths, labels = zip(*found, strict=True)
    return Dataset(list(paths), np.array(labels, np.int64), classes)


def _cifar(folder: Path, names: list[str]) -> Dataset:
    batches = [_unpickle(folder / name) for name in names]
    try:
        pixels = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        labels = np.concatenate([batch["labels"] for batch in batches]).astype(np.int64)
        classes = [str(name) for name in _unpickle(folder / "batches.meta")["label_names"]]
    except (KeyError, ValueError, TypeError) as error:
        raise DatasetError(f"{folder} holds no CIFAR-10 batches in the python version: {error}") from error
    if pixels.dtype != np.uint8 or not _fits(pixels, labels, classes):
        raise DatasetError(
            f"{folder} holds no CIFAR-10 batches: their pictures, labels and classes do not fit together."
        )
    return Dataset(np.ascontiguousarray(pixels), labels, classes)


def _fits(pictures: Picture, labels: Labels, classes: list[str]) -> bool:
    return len(pictures) == len(labels) and bool(np.all((labels >= 0) & (labels < len(classes))))


class _PlainPickle(pickle.Unpickler):
    """Unpickles arrays, numbers, strings and containers, and nothing that could run code."""

    ALLOWED = frozenset(
        {
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it wants to run {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _unpickle(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = _PlainPickle(file, encoding="latin1").load()
    except Exception as error:  # damaged pickles raise nearly anything
        raise DatasetError(f"{path} is no CIFAR-10 batch: {error}") from error
    if not isinstance(raw, dict):
        raise DatasetError(f"{path} is no CIFAR-10 batch.")
    return raw


def _mnist(folder: Path, images_name: str, labels_name: str) -> Dataset:
    grey = _idx(folder / images_name, dimensions=3)  # (N, 28, 28)
    labels = _idx(folder / labels_name, dimensions=1).astype(np.int64)
    digits = [str(digit) for digit in range(10)]
    if not _fits(grey, labels, digits):
        raise DatasetError(f"{folder}: {len(grey)} pictures and {len(labels)} labels from 0 to 9 do not fit together.")
    return Dataset(np.repeat(grey[..., None], 3, axis=3), labels, digits)


def _idx(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """LeCun's idx format: two zero bytes, type 8 (unsigned byte), the number of dimensions, their sizes, the values."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    header = 4 + 4 * dimensions
    shape = [int.from_bytes(raw[at : at + 4]) for at in range(4, header, 4)]
    if raw[:4] != bytes((0, 0, 8, dimensions)) or len(raw) != header + math.prod(shape):
        raise DatasetError(f"{path} is no idx file of {dimensions} dimensions, or it is cut short.")
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)
