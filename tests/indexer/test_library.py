"""One open library: what it follows, whose questions it answers, what is asked together."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.answers.asking import Answer, Question, answer
from semblance.indexer.derived.encoders import codec_for
from semblance.indexer.library import Library
from semblance.retrieval import codes
from semblance.retrieval.errors import CodecMismatch, LibraryError, LibraryMissing, NoPixels, UnknownPicture
from tests.conftest import paint


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for seed in range(6):
        paint(tmp_path / "pictures" / f"{seed}.png", seed)
    return tmp_path / "pictures"


def made(folder: Path, pictures: Path, model: str | None = None, pixels: bool = False) -> Path:
    with Library.create(folder, model) as library:
        library.index(pictures, pixels=pixels)
    return folder


def test_another_library_that_takes_its_place_is_opened(tmp_path: Path, pictures: Path) -> None:
    folder, other = made(tmp_path / "library", pictures), made(tmp_path / "other", pictures, "cifar10-fast")
    with Library.open(folder) as library:
        question = library.ways["code"].of_pictures([pictures / "1.png"], [], 3)
        (before,) = answer(library.ways["code"], [question])
        assert isinstance(before, Answer)
        shutil.rmtree(folder)
        with pytest.raises(LibraryMissing):
            library.follow()
        other.rename(folder)
        library.follow()
        assert library.codec.name == "cifar10-fast"
        assert library.search(pictures / "1.png", k=1)[0].distance == 0
        (refused,) = answer(library.ways["code"], [question])
        assert isinstance(refused, LibraryError), "a question in another codec's bits has no answer"
        assert "ask again" in str(refused)


def test_a_catalog_put_back_from_a_copy_is_noticed(tmp_path: Path, pictures: Path) -> None:
    """By SQLite's own way into the same file, so that neither its inode nor its number of generations differs."""
    folder = made(tmp_path / "library", pictures)
    shutil.copytree(folder, tmp_path / "copy")
    with Library.open(folder) as library:
        (pictures / "0.png").unlink()
        library.index(pictures)
        assert len(library) == 5
        paint(pictures / "0.png", 100)
        with Library.open(tmp_path / "copy") as copy:
            paint(pictures / "7.png", 7)
            copy.index(pictures)
        with (
            contextlib.closing(sqlite3.connect(tmp_path / "copy" / "catalog.sqlite")) as source,
            contextlib.closing(sqlite3.connect(folder / "catalog.sqlite")) as target,
        ):
            source.backup(target)
        library.follow()
        assert {Path(hit.path).name for hit in library.search(pictures / "7.png")} == {
            f"{seed}.png" for seed in (0, 1, 2, 3, 4, 5, 7)
        }
        assert library.search(pictures / "7.png", k=1)[0].path == str(pictures / "7.png")


def test_questions_that_come_together_each_get_their_own_answer(tmp_path: Path, pictures: Path) -> None:
    with Library.open(made(tmp_path / "library", pictures, pixels=True)) as library:
        stored = library.codec.encode([pictures / f"{seed}.png" for seed in range(6)])
        distances = codes.hamming(stored, stored)
        for name, way in library.ways.items():
            of_ids = [Question[object](id, k) for id, k in ((3, 2), (99, 5), (1, 6))]
            found = answer(way, [way.of_pictures([pictures / "4.png"], [], 4), *of_ids])
            assert [type(each) for each in found] == [Answer, Answer, UnknownPicture, Answer]
            firsts = [each for each in found if isinstance(each, Answer)]
            assert [(each[0].distance, len(each)) for each in firsts] == [(0, 4), (0, 2), (0, 6)]
            assert all(each.engine == name and each.library_size == 6 for each in firsts)
            if name == "code":
                assert [hit.distance for hit in firsts[2]] == sorted(distances[0])
                assert firsts[1][1].distance == sorted(distances[2])[1]
                assert firsts[0][1].similarity == 1 - firsts[0][1].distance / 256


def test_vectors_are_seen_as_soon_as_they_are_there(tmp_path: Path, pictures: Path) -> None:
    with Library.open(made(tmp_path / "library", pictures)) as library:
        assert library.engines == ["code", "copies"]
        with pytest.raises(NoPixels, match="--pixels"):
            library.search(pictures / "0.png", engine="pixel")
        library.index(pictures, pixels=True)
        assert library.engines == ["code", "copies", "pixel"]
        assert library.search(pictures / "0.png", engine="pixel")[0].path == str(pictures / "0.png")


def test_several_pictures_are_one_question(tmp_path: Path, pictures: Path) -> None:
    with Library.open(made(tmp_path / "library", pictures)) as library:
        paths = [pictures / f"{seed}.png" for seed in range(6)]
        logits = library.codec.logits(paths)
        wanted = (logits[0] + logits[1]) / 2 - logits[2]
        stored = np.unpackbits(library.codec.encode(paths), axis=1, bitorder="little")
        expected = ((wanted > 0) != stored).sum(axis=1)
        found = library.search(paths[0], paths[1], unlike=[paths[2]], k=6)
        assert {hit.path: hit.distance for hit in found} == {
            str(path): distance for path, distance in zip(paths, expected.tolist(), strict=True)
        }


def test_whose_codec_it_is(tmp_path: Path, pictures: Path) -> None:
    folder = made(tmp_path / "library", pictures, "cifar10-ae")
    assert codec_for(folder).name == "cifar10-ae"
    assert codec_for(tmp_path / "new").name == "photos"
    assert codec_for(tmp_path / "new", "cifar10-fast").name == "cifar10-fast"
    with pytest.raises(CodecMismatch, match="cifar10-ae"):
        Library.open(folder, "photos")


def test_a_library_that_was_away_is_there_again(tmp_path: Path, pictures: Path) -> None:
    """As on a disk that is unmounted for a while: the same files come back."""
    folder = made(tmp_path / "library", pictures)
    with Library.open(folder) as library:
        folder.rename(tmp_path / "away")
        for _ in range(2):
            with pytest.raises(LibraryMissing):
                library.search(pictures / "1.png")
        (tmp_path / "away").rename(folder)
        assert library.search(pictures / "1.png", k=1)[0].path == str(pictures / "1.png")


def test_a_link_to_a_library_that_is_away_is_left_alone(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library/catalog.sqlite").symlink_to(tmp_path / "away.sqlite")
    with pytest.raises(LibraryError, match="none that can be opened"):
        Library.create(tmp_path / "library")
    assert (tmp_path / "library/catalog.sqlite").is_symlink()


def test_the_home_of_nobody_is_a_folder_like_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LibraryMissing, match="~nobody_here"):
        Library.open("~nobody_here/library")
