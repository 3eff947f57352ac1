"""The two datasets of the field that come in files of their own: the CIFAR-10 batches and the MNIST idx files."""

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from semblance.retrieval.errors import DatasetError
from semblance.retrieval.images import Picture

CIFAR_TRAIN = [f"data_batch_{number}" for number in range(1, 6)]
CIFAR_TEST = ["test_batch"]
MNIST_TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
MNIST_TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

Labels = npt.NDArray[np.int64]  # (N,), of classes


def cifar(folder: Path, names: list[str]) -> tuple[Picture, Labels, list[str]]:
    """The batches of these names: pictures (N, 32, 32, 3), labels, and the classes' names. Raises DatasetError."""
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
    return np.ascontiguousarray(pixels), labels, classes


def mnist(folder: Path, images_name: str, labels_name: str) -> tuple[Picture, Labels, list[str]]:
    """The digits of these files: pictures (N, 28, 28, 3), labels, and the classes' names. Raises DatasetError."""
    grey = _idx(folder / images_name, dimensions=3)  # (N, 28, 28)
    labels = _idx(folder / labels_name, dimensions=1).astype(np.int64)
    digits = [str(digit) for digit in range(10)]
    if not _fits(grey, labels, digits):
        raise DatasetError(f"{folder}: {len(grey)} pictures and {len(labels)} labels from 0 to 9 do not fit together.")
    return np.repeat(grey[..., None], 3, axis=3), labels, digits


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
