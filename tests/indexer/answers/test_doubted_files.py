"""Answers by files whose checksums nobody has read yet: what is wrong with them is found before it is answered with."""

import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.answers.asking import answer
from semblance.indexer.answers.hits import Answer
from semblance.indexer.answers.questions import Question
from semblance.indexer.catalog import NewPicture, Writer, codecs
from semblance.indexer.derived import building, built, doubts, snapshot
from semblance.indexer.library import Library
from semblance.retrieval.errors import Overtaken
from semblance.retrieval.files import replace
from semblance.retrieval.index import FlatIndex, MappedFlat
from semblance.retrieval.index.mapped import to_file
from semblance.retrieval.progress import quiet

FAR = 80  # bits: drawn scenes are copies of each other then
ENGINES = ["ivf", "hash", "mapped"]
ASKED: dict[str, Callable[[Library], list[Answer]]] = {
    "by id": lambda library: [library.similar(id, k=5) for id in (2, 9)],
    "by several ids": lambda library: [library.search(2, 9, unlike=4, k=5)],
    "by codes": lambda library: library.search_codes(["5a" * 32, "00" * 32], k=5),
    "by pages": lambda library: [library.next_page(library.similar(2, k=3, cursor="").next or "", 3)],
    "folded": lambda library: [library.similar(2, k=3, fold=True)],
    "narrowed": lambda library: [library.similar(2, k=5, min_pixels=1)],
    "copies": lambda library: library.search_codes(["5a" * 32], k=5, engine="copies"),
}


@pytest.fixture(autouse=True)
def never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubts, "SOON", 3600.0)


@pytest.fixture(params=ENGINES)
def own(request: pytest.FixtureRequest, library: Path, tmp_path: Path) -> tuple[Path, str]:
    """A library, and what it is searched by, which is built."""
    folder = shutil.copytree(library, tmp_path / "own")
    if request.param != "mapped":
        building.build(folder, request.param, lambda _: nullcontext(quiet))
    return folder, request.param


def files(folder: Path, index: str) -> list[Path]:
    """Where the codes lie of what is alike, and of what is the same."""
    if index == "mapped":
        return [folder / name for name in snapshot.FILES.values()]
    return [path / built.CODES for path in (folder / built.FOLDER).iterdir()]


def exchanged(path: Path) -> bytes:
    """What looks like a file of codes, with other codes under the same ids."""
    was, data = MappedFlat(path, 256), path.read_bytes()
    ids = was.ids()
    codes = b"".join(to_file(FlatIndex(256, ids, np.roll(was.codes(ids), 1, axis=0))))
    return codes + data[len(codes) :]


def exchange(path: Path) -> None:
    replace(path, [exchanged(path)])


def told(answers: list[Answer]) -> list[list[tuple[object, ...]]]:
    return [[(hit.id, hit.path, hit.distance, hit.copy, hit.folded) for hit in each.results] for each in answers]


def test_no_answer_goes_by_codes_that_are_not_the_catalogs(
    own: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, index = own
    with Library.open(folder, index="flat") as library:
        right = {name: told(ask(library)) for name, ask in ASKED.items()}
    assert all(len(answer) > 1 for answers in right.values() for answer in answers)
    paths = files(folder, index)
    assert len(paths) == 2
    for path in paths:
        exchange(path)
    for name, ask in ASKED.items():
        monkeypatch.setattr(doubts, "_WRONG", set())
        with Library.open(folder, index=index) as library:
            assert {each.choice.engine for each in library.standing.values()} == {index}
            assert told(ask(library)) == right[name], name
            assert "flat" in {each.choice.engine for each in library.standing.values()}


@pytest.mark.parametrize(
    "damage", [lambda path: os.truncate(path, 100), lambda path: path.write_bytes(exchanged(path))]
)
def test_what_is_written_over_where_it_lies_is_not_read_any_more(
    own: tuple[Path, str], damage: Callable[[Path], object]
) -> None:
    """To read where a file has been cut ends the process: nobody looks at a file that has changed."""
    folder, index = own
    with Library.open(folder, index="flat") as library:
        right = told(ASKED["by id"](library))
    with Library.open(folder, index=index) as library:
        for each in library.standing.values():
            assert each.doubt
            each.doubt.settle()
            assert each.doubt.settled
        for path in files(folder, index):
            damage(path)
        way = library.ways["code"]
        with pytest.raises(Overtaken):
            answer(way, [Question(2, 5)])
        assert told(ASKED["by id"](library)) == right


def test_duplicates_are_looked_for_by_whole_files(own: tuple[Path, str], library: Path) -> None:
    folder, index = own
    with Library.open(library, index="flat") as flat:
        right = [[copy.id for copy in group.copies] for group in flat.duplicates(within=FAR).groups]
    assert right
    for path in files(folder, index):
        exchange(path)
    with Library.open(folder, index=index) as doubted:
        assert [[copy.id for copy in group.copies] for group in doubted.duplicates(within=FAR).groups] == right


def test_what_came_and_went_since_the_last_look_raises_no_doubt(own: tuple[Path, str]) -> None:
    folder, index = own
    with Library.open(folder, index=index) as library:
        before = library.similar(2, k=5).results
        with Writer.writing(folder) as writer:
            writer.forget([before[1].path])
            other = {each.codec.codec_id: np.zeros(32, np.uint8) for each in codecs.known(writer)}
            writer.record([NewPicture(before[2].path, 1, 1, b"other" * 6, other)], [])
        way = library.ways["code"]
        (found,) = answer(way, [Question(2, 5)])
        assert isinstance(found, Answer)
        assert [hit.id for hit in found] == [hit.id for hit in (before[0], *before[3:])]
        assert all(each.doubt and not each.doubt.wrong for each in library.standing.values())
