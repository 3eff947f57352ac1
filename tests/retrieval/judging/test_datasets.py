"""Labelled folders, CIFAR-10 batches and MNIST files, whole and damaged."""

import io
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from semblance.retrieval import images
from semblance.retrieval.errors import DatasetError, PictureError
from semblance.retrieval.images import InputSpec
from semblance.retrieval.judging import datasets
from semblance.retrieval.judging.batches import CIFAR_TEST, CIFAR_TRAIN
from semblance.retrieval.judging.datasets import Dataset

CLASSES = ["airplane", "automobile", "bird"]
SPEC = InputSpec(32)


def noise(*shape: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


# ---- class folders -------------------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two classes, a nested folder, and things that are no part of a dataset."""
    root = tmp_path / "dataset"
    for number, name in enumerate(("b/1.png", "b/2.JPG", "a/deep/3.png", "a/0.png", ".hidden/4.png", "a/.git/5.png")):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(40, 50, 3, seed=number)).save(path, "PNG")
    (root / "a/notes.txt").write_text("not a picture")
    (root / "a/.hidden.png").write_bytes(b"not a picture")
    (root / "loose.png").write_bytes(b"not in a class")
    return root


def test_class_folders(folders: Path) -> None:
    gallery, queries = datasets.load(folders)
    assert queries is None
    assert gallery.classes == ["a", "b"]
    found = [path.relative_to(folders).as_posix() for path in gallery.sources if isinstance(path, Path)]
    assert found == ["a/0.png", "a/deep/3.png", "b/1.png", "b/2.JPG"]
    assert gallery.labels.tolist() == [0, 0, 1, 1]
    assert len(gallery) == 4
    pictures = gallery.pictures(InputSpec(16))
    assert pictures.shape == (4, 16, 16, 3)
    for row, name in enumerate(found):
        assert np.array_equal(pictures[row], images.load(folders / name, InputSpec(16)))


def test_a_subset_keeps_pictures_and_labels_together(folders: Path) -> None:
    part = datasets.load(folders)[0].subset(np.array([3, 1]))
    assert [path.name for path in part.sources if isinstance(path, Path)] == ["2.JPG", "3.png"]
    assert part.labels.tolist() == [1, 0]
    dataset = Dataset(noise(5, 32, 32, 3), np.arange(5), [*"abcde"])
    assert np.array_equal(dataset.subset(np.array([4, 0])).pictures(SPEC), noise(5, 32, 32, 3)[[4, 0]])


def test_one_unreadable_picture_is_named(folders: Path) -> None:
    (folders / "a/deep/3.png").write_bytes(b"no picture at all")
    with pytest.raises(DatasetError, match=r"3\.png.*not a picture"):
        datasets.load(folders)[0].pictures(SPEC)
    (folders / "a/deep/3.png").unlink()
    (folders / "a/deep/3.png").symlink_to(folders / "nowhere.png")
    assert len(datasets.load(folders)[0]) == 3


def test_readable_keeps_the_order_and_says_why_not(folders: Path) -> None:
    (folders / "b/1.png").write_bytes(b"no picture at all")
    paths = [folders / "b/2.JPG", folders / "b/1.png", folders / "gone.png", folders / "a/0.png"]
    first, broken, gone, last = datasets.readable(paths, SPEC)
    assert np.array_equal(first, images.load(paths[0], SPEC))  # type: ignore[arg-type]
    assert np.array_equal(last, images.load(paths[3], SPEC))  # type: ignore[arg-type]
    assert isinstance(broken, PictureError)
    assert isinstance(gone, FileNotFoundError)


def test_folders_that_are_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="There is no folder"):
        datasets.load(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="one subfolder a class"):
        datasets.load(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a/only.png").write_bytes(b"one is too few")
    with pytest.raises(DatasetError, match="one subfolder a class"):
        datasets.load(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DatasetError, match="There is no folder"):
        datasets.load(tmp_path / "file")


# ---- holding out ---------------------------------------------------------------------------------------------------


def test_hold_out_parts_the_rows_the_same_for_everyone() -> None:
    kept, out = datasets.hold_out(50, 200)
    assert (len(kept), len(out)) == (150, 50)
    assert sorted([*kept, *out]) == [*range(200)]
    assert np.all(np.diff(kept) > 0)
    assert np.all(np.diff(out) > 0)
    assert out.tolist() != [*range(50)]
    for mine, again in zip((kept, out), datasets.hold_out(50, 200), strict=True):
        assert np.array_equal(mine, again)
    assert not np.array_equal(datasets.hold_out(50, 200, seed=1)[1], out)
    assert [len(part) for part in datasets.hold_out(0, 2)] == [2, 0]
    for count in (199, 200, 201):
        with pytest.raises(DatasetError, match="too few"):
            datasets.hold_out(count, 200)


# ---- leaving classes out -------------------------------------------------------------------------------------------


def write_classes(root: Path) -> Path:
    """Seven classes of two pictures in no order, the fourth of them without any; and what is no class."""
    for number, name in enumerate(("g", "b", "e", "a", "f", "c")):
        for side in (8, 9):
            path = root / name / f"{side}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise(side, side, 3, seed=number)).save(path)
    (root / "d").mkdir()
    (root / ".aa").mkdir()
    (root / "ab.png").write_bytes((root / "a/8.png").read_bytes())
    return root


@pytest.mark.parametrize(
    ("n", "names"), [(1, "abcdefg"), (2, "aceg"), (3, "adg"), (4, "ae"), (6, "ag"), (7, "a"), (9, "a")]
)
def test_every_nth_class_by_name(tmp_path: Path, n: int, names: str) -> None:
    """The names of the folders, and the pictures in them: one rule for training and for evaluation."""
    root = write_classes(tmp_path)
    assert datasets.left_out(root, n) == [*names]
    left = datasets.every_nth_class(datasets.load(root)[0], n)
    assert left.classes == [*names]
    paths = [path.relative_to(root).as_posix() for path in left.sources if isinstance(path, Path)]
    assert paths == [f"{name}/{side}.png" for name in names if name != "d" for side in (8, 9)]
    assert [left.classes[label] for label in left.labels] == [path[0] for path in paths]


def test_every_nth_class_of_pictures_in_memory() -> None:
    pictures = noise(9, 32, 32, 3)
    whole = Dataset(pictures, np.array([4, 0, 1, 2, 3, 4, 0, 1, 2]), [*"abcde"])
    left = datasets.every_nth_class(whole, 2)
    assert np.array_equal(left.pictures(SPEC), pictures[[0, 1, 3, 5, 6, 8]])
    assert left.labels.tolist() == [2, 0, 1, 2, 0, 1]
    assert left.classes == ["a", "c", "e"]


def test_classes_that_cannot_be_left_out(tmp_path: Path) -> None:
    root = write_classes(tmp_path / "dataset")
    whole = datasets.load(root)[0]
    for n in (0, -1):
        with pytest.raises(DatasetError, match=f"N is at least 1, not {n}"):
            datasets.every_nth_class(whole, n)
        with pytest.raises(DatasetError, match=f"N is at least 1, not {n}"):
            datasets.left_out(root, n)
    (root / "a/8.png").unlink()
    with pytest.raises(DatasetError, match="One class in 7 of 7 has fewer than two pictures"):
        datasets.every_nth_class(datasets.load(root)[0], 7)
    with pytest.raises(DatasetError, match="no subfolders"):
        datasets.left_out(root / "b", 2)
    with pytest.raises(DatasetError, match="There is no folder"):
        datasets.left_out(root / "nowhere", 2)


# ---- CIFAR-10 ------------------------------------------------------------------------------------------------------


def write_cifar(folder: Path) -> npt.NDArray[np.uint8]:
    """Batches of 3 pictures in the format of cs.toronto.edu/~kriz/cifar.html; the 18 pictures (18, 32, 32, 3)."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = noise(18, 32, 32, 3)
    for number, name in enumerate(CIFAR_TRAIN + CIFAR_TEST):
        rows = pictures[3 * number : 3 * number + 3].transpose(0, 3, 1, 2).reshape(3, -1)  # red, green, blue planes
        batch = {"batch_label": name, "labels": [number % 3, 1, 2], "data": rows, "filenames": ["x.png"] * 3}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": CLASSES, "num_cases_per_batch": 3}))
    return pictures


@pytest.mark.parametrize("inside", [".", "cifar-10-batches-py"])
def test_cifar_batches(tmp_path: Path, inside: str) -> None:
    pictures = write_cifar(tmp_path / inside)
    gallery, queries = datasets.load(tmp_path)
    assert queries is not None
    assert np.array_equal(gallery.pictures(SPEC), pictures[:15])
    assert np.array_equal(queries.pictures(SPEC), pictures[15:])
    assert gallery.labels.tolist() == [0, 1, 2, 1, 1, 2, 2, 1, 2, 0, 1, 2, 1, 1, 2]
    assert queries.labels.tolist() == [2, 1, 2]
    assert gallery.classes == queries.classes == CLASSES


def test_batches_of_python_2_are_read(tmp_path: Path) -> None:
    """The original files come from Python 2 and an older NumPy, whose module bore another name."""
    write_cifar(tmp_path)
    rows = noise(3, 3072, seed=1)
    new = pickle.dumps({"labels": [0, 1, 2], "data": rows}, protocol=2)
    assert b"numpy._core.multiarray" in new
    (tmp_path / "test_batch").write_bytes(new.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    queries = datasets.load(tmp_path)[1]
    assert queries is not None
    assert np.array_equal(queries.pictures(SPEC), rows.reshape(3, 3, 32, 32).transpose(0, 2, 3, 1))


def test_pictures_in_memory_go_through_the_one_road(tmp_path: Path) -> None:
    """Another size is made as it would be from a lossless file; the same size is not touched."""
    pictures = write_cifar(tmp_path)
    small = datasets.load(tmp_path)[0].pictures(InputSpec(8))
    for row in (0, 14):
        out = io.BytesIO()
        Image.fromarray(pictures[row]).save(out, "PNG")
        assert np.array_equal(small[row], images.load(out.getvalue(), InputSpec(8)))
        assert np.array_equal(images.load(out.getvalue(), SPEC), pictures[row])


class Evil:
    """Unpickled by pickle's own means it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["data_batch_3", "batches.meta"])
@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_wants_to_run_something_is_refused(tmp_path: Path, name: str, protocol: int) -> None:
    write_cifar(tmp_path / "batches")
    evil = pickle.dumps({"data": Evil(tmp_path / "proof"), "label_names": []}, protocol)
    (tmp_path / "batches" / name).write_bytes(evil)
    with pytest.raises(DatasetError, match=f"{name}.*wants to run"):
        datasets.load(tmp_path / "batches")
    assert not (tmp_path / "proof").exists()
    pickle.loads(evil)  # and it is no dud
    assert (tmp_path / "proof").exists()


@pytest.mark.parametrize(
    "batch",
    [
        b"",
        b"no pickle",
        pickle.dumps([1, 2, 3]),
        pickle.dumps({"labels": [0]}),
        pickle.dumps({"data": noise(3, 3071), "labels": [0, 1, 2]}),
        pickle.dumps({"data": noise(2, 3072), "labels": [0, 1, 2]}),  # a label too many
        pickle.dumps({"data": noise(3, 3072), "labels": [0, 1, 3]}),  # of a class that there is not
        pickle.dumps({"data": noise(3, 3072), "labels": [0, 1, -1]}),
        pickle.dumps({"data": noise(3, 3072).astype(np.float64), "labels": [0, 1, 2]}),
        pickle.dumps({"data": "text", "labels": [0, 1, 2]}),
        pickle.dumps({"data": noise(3, 3072), "labels": ["cat", "dog", "bird"]}),
    ],
)
def test_a_damaged_batch(tmp_path: Path, batch: bytes) -> None:
    write_cifar(tmp_path)
    (tmp_path / "data_batch_2").write_bytes(batch)
    with pytest.raises(DatasetError, match="CIFAR-10"):
        datasets.load(tmp_path)


def test_any_damage_to_a_batch_is_a_dataset_error(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    whole = (tmp_path / "test_batch").read_bytes()
    random = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole[: random.integers(len(whole))])
        for at in random.integers(0, min(len(damaged), 300), 3) if damaged else ():
            damaged[at] = random.integers(256)
        (tmp_path / "test_batch").write_bytes(damaged)
        with pytest.raises(DatasetError):
            datasets.load(tmp_path)


@pytest.mark.parametrize("missing", ["data_batch_4", "test_batch", "batches.meta"])
def test_a_missing_batch_is_named(tmp_path: Path, missing: str) -> None:
    write_cifar(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(DatasetError, match=missing):
        datasets.load(tmp_path)


# ---- MNIST ---------------------------------------------------------------------------------------------------------


def idx(values: npt.NDArray[np.uint8]) -> bytes:
    """LeCun's format, written out by hand."""
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def write_mnist(folder: Path) -> npt.NDArray[np.uint8]:
    """Five training and two test digits; all seven (7, 28, 28)."""
    folder.mkdir(parents=True, exist_ok=True)
    digits = noise(7, 28, 28)
    labels = np.array([5, 0, 4, 1, 9, 7, 2], np.uint8)
    for name, part in (("train", slice(0, 5)), ("t10k", slice(5, 7))):
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx(digits[part]))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx(labels[part]))
    return digits


@pytest.mark.parametrize("inside", [".", "raw", "MNIST/raw"])
def test_mnist(tmp_path: Path, inside: str) -> None:
    digits = write_mnist(tmp_path / inside)
    gallery, queries = datasets.load(tmp_path)
    assert queries is not None
    assert (len(gallery), len(queries)) == (5, 2)
    assert gallery.labels.tolist() == [5, 0, 4, 1, 9]
    assert queries.labels.tolist() == [7, 2]
    assert gallery.classes == [str(digit) for digit in range(10)]
    pictures = queries.pictures(InputSpec(28))
    for channel in range(3):
        assert np.array_equal(pictures[..., channel], digits[5:])
    assert gallery.pictures(SPEC).shape == (5, 32, 32, 3)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08",
        b"\0\0\x08\x03\0\0",  # cut within its header
        idx(noise(5, 28, 28))[:-1],
        idx(noise(5, 28, 28)) + b"\0",
        idx(noise(4, 28, 28)),  # fewer than there are labels
        idx(noise(5, 784)),
        b"\0\0\x0d\x03" + idx(noise(5, 28, 28))[4:],  # says that it holds floats
        bytes((0, 0, 8, 3)) + b"\xff" * 12,
    ],
)
def test_damaged_mnist(tmp_path: Path, content: bytes) -> None:
    write_mnist(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(DatasetError):
        datasets.load(tmp_path)


def test_mnist_with_a_label_that_is_no_digit(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.array([0, 1, 2, 3, 10], np.uint8)))
    with pytest.raises(DatasetError, match="0 to 9"):
        datasets.load(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DatasetError, match="cannot be read"):
        datasets.load(tmp_path)


# ---- real data -----------------------------------------------------------------------------------------------------


def test_the_real_cifar_10(data: Path) -> None:
    """50,000 training and 10,000 test pictures of ten classes, each class a tenth (Krizhevsky 2009)."""
    places = [path for path in sorted(data.rglob("data_batch_1")) if path.is_file()]
    assert places, f"{data} holds no CIFAR-10 batches"
    gallery, queries = datasets.load(places[0].parent)
    assert queries is not None
    assert (len(gallery), len(queries)) == (50_000, 10_000)
    assert np.bincount(gallery.labels).tolist() == [5000] * 10
    assert np.bincount(queries.labels).tolist() == [1000] * 10
    assert gallery.classes == "airplane automobile bird cat deer dog frog horse ship truck".split()  # noqa: SIM905
    # The per-channel means that every recipe for CIFAR-10 quotes: 0.4914, 0.4822, 0.4465.
    means = gallery.pictures(SPEC).mean(axis=(0, 1, 2)) / 255
    assert means == pytest.approx([0.4914, 0.4822, 0.4465], abs=5e-5)
