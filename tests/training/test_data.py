"""What is trained on: several folders one after the other, classes left out, files that cannot be read."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from semblance.retrieval.errors import DatasetError
from semblance.retrieval.images import InputSpec
from semblance.retrieval.training import data as training_data
from tests.conftest import paint
from tests.retrieval.judging.test_datasets import write_cifar

SPEC = InputSpec(16)


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Five classes a to e of two pictures each, and one picture of no class."""
    for number, name in enumerate("abcde"):
        for picture in range(2):
            paint(tmp_path / "classes" / name / f"{picture}.png", 10 * number + picture)
    paint(tmp_path / "classes" / "loose.png", 99)
    return tmp_path / "classes"


def test_unreadable_pictures_are_left_out_by_name(classes: Path) -> None:
    (classes / "a" / "broken.jpg").write_text("not a picture")
    loaded = training_data.load([classes], SPEC)
    assert loaded.pictures.shape == (11, 16, 16, 3)
    assert [path.name for path, _ in loaded.failed] == ["broken.jpg"]


def test_the_same_pictures_at_another_size(classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same order, without what could not be read, CIFAR-10's plain pixels after the files, in batches."""
    monkeypatch.setattr(training_data, "BATCH", 4)
    (classes / "a" / "broken.jpg").write_text("not a picture")
    (tmp_path / "cifar").mkdir()
    write_cifar(tmp_path / "cifar")
    loaded = training_data.load([tmp_path / "cifar", classes], SPEC)
    seen: list[tuple[int, int]] = []
    batches = [*loaded.at(InputSpec(24), lambda *now: seen.append(now))]
    assert [len(batch) for batch in batches[:-1]] == [4] * (len(batches) - 1)
    assert seen[-1] == (len(loaded.pictures),) * 2
    expected = training_data.load([tmp_path / "cifar", classes], InputSpec(24)).pictures
    assert np.array_equal(np.concatenate(batches), expected)
    (classes / "b" / "0.png").unlink()
    with pytest.raises(DatasetError, match=r"b/0\.png"):
        [*loaded.at(InputSpec(24))]


def test_a_folder_without_pictures_is_said(classes: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="empty holds no pictures: name a folder"):
        training_data.load([classes, tmp_path / "empty"], SPEC)
    (tmp_path / "empty" / "broken.jpg").write_text("not a picture")
    with pytest.raises(DatasetError, match="empty holds no picture that can be read \\(1 could not"):
        training_data.load([tmp_path / "empty"], SPEC)
    with pytest.raises(DatasetError, match="no folder"):
        training_data.load([classes, tmp_path / "nowhere"], SPEC)


def test_several_folders_follow_each_other(classes: Path, tmp_path: Path) -> None:
    paint(tmp_path / "more" / "one.png", 7)
    one, other = (training_data.load([folder], SPEC) for folder in (classes, tmp_path / "more"))
    both = training_data.load([classes, tmp_path / "more"], SPEC)
    assert np.array_equal(both.pictures, np.concatenate([one.pictures, other.pictures]))
    assert both.sha256 == hashlib.sha256(one.pictures.tobytes() + other.pictures.tobytes()).hexdigest()
    assert both.name == "classes and more"
    assert both.arguments == ("classes", "more")


def test_what_is_named_twice_is_taken_once(classes: Path) -> None:
    once = training_data.load([classes], SPEC)
    assert training_data.load([classes, classes / "b", classes], SPEC).sha256 == once.sha256


def test_the_time_left_is_that_of_all_folders(classes: Path, tmp_path: Path) -> None:
    paint(tmp_path / "more" / "one.png", 7)
    seen: list[tuple[int, int]] = []
    training_data.load([classes, tmp_path / "more"], SPEC, lambda *now: seen.append(now))
    assert seen == [(done, 12) for done in range(1, 13)]


def test_every_nth_class_is_left_out_and_nothing_else(classes: Path) -> None:
    kept = training_data.load([classes], SPEC, leave_out_classes=3)  # a and d
    expected = [classes / name / f"{picture}.png" for name in "bce" for picture in range(2)] + [classes / "loose.png"]
    alone = [training_data.load([path.parent], SPEC).pictures for path in expected[:6:2]]
    assert np.array_equal(kept.pictures[:6], np.concatenate(alone))
    assert len(kept.pictures) == 7
    assert kept.arguments == ("classes", "--leave-out-classes", "3")
    assert kept.name == "classes less one class in 3"


def test_classes_that_are_not_there_cannot_be_left_out(tmp_path: Path) -> None:
    paint(tmp_path / "flat" / "one.png", 1)
    with pytest.raises(DatasetError, match="no subfolders"):
        training_data.load([tmp_path / "flat"], SPEC, leave_out_classes=10)


def test_something_must_be_left(classes: Path) -> None:
    (classes / "loose.png").unlink()
    with pytest.raises(DatasetError, match="Nothing is left"):
        training_data.load([classes], SPEC, leave_out_classes=1)


def test_only_training_pictures_of_cifar10_are_trained_on(data: Path, classes: Path) -> None:
    batches = data / "cifar-10-batches-py"
    loaded = training_data.load([batches], InputSpec(32))
    assert loaded.pictures.shape == (50_000, 32, 32, 3)
    # batches 1 to 5, in order
    assert loaded.sha256 == "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a"
    both = training_data.load([batches, classes], InputSpec(32), leave_out_classes=3)
    assert np.array_equal(both.pictures[7:], loaded.pictures)
    assert both.name == "classes less one class in 3 and CIFAR-10 training pictures"
    with pytest.raises(DatasetError, match="none of these"):
        training_data.load([batches], InputSpec(32), leave_out_classes=3)
