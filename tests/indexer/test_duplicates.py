"""Duplicates of drawn pictures: real copies and edits made here, so that what belongs together is known."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semblance.indexer.answers import crowds
from semblance.indexer.catalog import FILE, Catalog, Writer
from semblance.indexer.catalog.opening import lock
from semblance.indexer.duplicates import Copy, Duplicates, finding
from semblance.indexer.duplicates.remembering import remember
from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import LibraryLocked, UnknownPicture, UsageError
from semblance.retrieval.judging.editing import EDITS, STRENGTHS, edited

BLANKS = 14


def blank(path: Path, seed: int) -> None:
    """An empty page as a scanner sees it: its paper's shade, noise, and a little less light on one side."""
    rng = np.random.default_rng(seed)
    page = rng.normal(rng.integers(225, 252), rng.uniform(1, 4), (200, 150, 3))
    page *= (1 - rng.uniform(0, 0.05) * np.linspace(0, 1, 150))[None, :, None]
    Image.fromarray(page.clip(0, 255).astype(np.uint8)).save(path)


def fill(folder: Path, sample: Path) -> None:
    """Twelve drawn pictures, of the first five copies of every kind, blank pages, and many edits of the last."""
    drawn = [sorted(kind.iterdir())[0] for kind in sorted(sample.iterdir()) if kind.is_dir()][:12]
    for number, path in enumerate(drawn):
        shutil.copy(path, folder / f"{number}.jpg")
    os.utime(folder / "0.jpg", (1e9, 1e9))
    shutil.copy(drawn[0], folder / "0-exact.jpg")
    pictures = [Image.open(path).convert("RGB") for path in drawn]
    pictures[1].save(folder / "1-again.jpg", quality=50)
    pictures[1].resize((pictures[1].width // 2, pictures[1].height // 2)).save(folder / "1-small.png")
    pictures[2].transpose(Image.Transpose.ROTATE_90).save(folder / "2-turned.png")
    width, height = pictures[3].size
    pictures[3].crop((width // 8, height // 8, width * 7 // 8, height * 7 // 8)).save(folder / "3-part.png")
    for edit in EDITS:
        suffix = "jpg" if edit.name == "jpeg" else "png"
        (folder / f"11-{edit.name}.{suffix}").write_bytes(edited(np.asarray(pictures[11]), edit, STRENGTHS[0], 0))
    for seed in range(BLANKS):
        blank(folder / f"blank-{seed}.png", seed)


@pytest.fixture(scope="module")
def filled(sample: Path, codec: Codec, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The pictures, and a library of them; not to be changed."""
    folder = tmp_path_factory.mktemp("filled")
    fill(folder, sample)
    pipeline.update([folder], folder.parent / "filled-library", Codec("photos-fast", threads=2))
    return folder, folder.parent / "filled-library"


@pytest.fixture
def own(filled: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the library that a test may change; its pictures are the same files."""
    return Path(shutil.copytree(filled[1], tmp_path / "library"))


def search(library: Path, **options: object) -> Duplicates:
    with Library.open(library) as opened:
        return opened.duplicates(**options)  # type: ignore[arg-type]


def names(found: Duplicates) -> list[set[str]]:
    return [{Path(copy.path).name for copy in group.copies} for group in found.groups]


def member(found: Duplicates, name: str) -> Copy:
    return next(copy for group in found.groups for copy in group.copies if Path(copy.path).name == name)


def test_exact_and_near_copies_and_the_best_of_each(filled: tuple[Path, Path]) -> None:
    found = search(filled[1])
    eleven = {path.name for path in filled[0].iterdir() if path.name.startswith("11")}
    groups = names(found)
    assert {"0.jpg", "0-exact.jpg"} in groups
    assert {"1.jpg", "1-again.jpg", "1-small.png"} in groups
    assert len(next(group for group in groups if "11.jpg" in group) & eleven) >= 10
    assert not any(len({name.split(".")[0].split("-")[0] for name in group}) > 1 for group in groups)
    older = next(group for group in found.groups if len(group.copies) == 2 and group.best.path.endswith("/0.jpg"))
    assert (older.best.date, older.rest[0].why, older.rest[0].distance) == ("2001-09-09T01:46:40+00:00", "exact", 0)
    small, kept = member(found, "1-small.png"), member(found, "1.jpg")
    with Image.open(kept.path) as opened:
        assert (kept.width, kept.height, kept.format, kept.why) == (*opened.size, "JPEG", "best")
    assert small.bytes == Path(small.path).stat().st_size
    assert (small.width, small.format, small.why) == (opened.width // 2, "PNG", "near")
    assert found.bytes == sum(copy.bytes for group in found.groups for copy in group.copies[1:])


def test_distances_are_those_of_the_codes(filled: tuple[Path, Path]) -> None:
    found = search(filled[1])
    group = next(group for group in found.groups if group.best.path.endswith("/1.jpg"))
    bits = np.unpackbits(Codec("copies").encode([copy.path for copy in group.copies]), axis=1)
    assert [copy.distance for copy in group.copies] == (bits != bits[0]).sum(axis=1).tolist()
    assert found.within == 25
    none = search(filled[1], within=0)
    assert {copy.distance for group in none.groups for copy in group.copies} == {0}
    assert {"0.jpg", "0-exact.jpg"} in names(none)


def test_turned_ones_and_parts_where_they_are_asked_for(filled: tuple[Path, Path]) -> None:
    assert not {"2-turned.png", "3-part.png"} & set().union(*names(search(filled[1])))
    turned = search(filled[1], turned=True)
    assert {"2.jpg", "2-turned.png"} in names(turned)
    assert sorted(copy.why for copy in turned.groups[names(turned).index({"2.jpg", "2-turned.png"})].copies) == [
        "best",
        "turned",
    ]
    parts = search(filled[1], crops=True)
    assert {"3.jpg", "3-part.png"} in names(parts)
    assert (member(parts, "3.jpg").why, member(parts, "3-part.png").why) == ("best", "crop")
    assert not any(len({name.split(".")[0].split("-")[0] for name in group}) > 1 for group in names(parts))


def test_a_crowd_is_named_and_left_out_and_a_dozen_copies_are_none(filled: tuple[Path, Path]) -> None:
    found = search(filled[1])
    (crowd,) = found.crowds
    assert {Path(path).name for path in crowd.paths} <= {f"blank-{seed}.png" for seed in range(BLANKS)}
    assert len(crowd.ids) == len(crowd.paths) >= BLANKS - 2
    assert not any("blank" in name for group in names(found) for name in group)


def test_a_crowd_among_many_is_taken_out_before_pairs_are_made(
    filled: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "_FEW", 0)
    found = search(filled[1])
    assert sum(len(crowd.ids) for crowd in found.crowds) >= BLANKS - 2
    assert not any("blank" in name for group in names(found) for name in group)


def test_answers_tell_a_crowd(filled: tuple[Path, Path]) -> None:
    folder, library = filled
    with Library.open(library) as opened:
        blanks = [hit for hit in opened.search(folder / "blank-3.png", k=60) if "blank" in hit.path]
        others = [hit for hit in opened.search(folder / "11.jpg", k=60, engine="copies") if "blank" not in hit.path]
    assert sum((hit.crowd or 0) >= crowds.MANY for hit in blanks) >= BLANKS - 2
    assert len(others) > 20
    assert {hit.crowd for hit in others} == {None}


def test_told_apart_is_remembered_until_a_picture_goes(own: Path, filled: tuple[Path, Path]) -> None:
    one, other = str(filled[0] / "0.jpg"), str(filled[0] / "0-exact.jpg")
    assert remember(own, one, other, apart=True) == (one, other, True)
    assert remember(own, other, one, apart=True)[2] is False  # in either order, once
    for _ in range(2):
        found = search(own)
        assert {"0.jpg", "0-exact.jpg"} not in names(found)
        assert found.apart == 1
    with Catalog.opened(own) as catalog:
        ids = {entry.path: str(entry.id) for entry in catalog.entries()}
    assert remember(own, ids[one], other, apart=False)[2] is True
    assert {"0.jpg", "0-exact.jpg"} in names(search(own))

    remember(own, one, other, apart=True)
    with Writer.writing(own) as writer:
        writer.forget([other])
    with sqlite3.connect(own / FILE) as db:
        assert db.execute("SELECT count(*) FROM apart").fetchone() == (0,)


def test_a_third_copy_stays_with_one_of_two_told_apart(own: Path, filled: tuple[Path, Path]) -> None:
    remember(own, str(filled[0] / "1.jpg"), str(filled[0] / "1-again.jpg"), apart=True)
    (group,) = [group for group in names(search(own)) if "1-small.png" in group]
    assert group in ({"1.jpg", "1-small.png"}, {"1-again.jpg", "1-small.png"})


def test_a_file_that_is_gone_is_said_and_never_the_best(own: Path, filled: tuple[Path, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(filled[0], tmp_path / "pictures"))
    pipeline.update([folder], tmp_path / "new", Codec("cifar10-fast"))
    (folder / "1.jpg").unlink()
    (folder / "5.jpg").unlink()
    found = search(tmp_path / "new", turned=True)
    assert found.gone == [str(folder / "1.jpg"), str(folder / "5.jpg")]
    assert member(found, "1.jpg").width is None
    assert member(found, "1-again.jpg").why == "best"


@pytest.mark.parametrize(
    ("wrong", "error", "match"),
    [
        (lambda own: search(own, within=128), UsageError, "from 0 to 127 bits, not 128"),
        (lambda own: search(own, within=-1), UsageError, "from 0 to 127"),
        (lambda own: remember(own, "1", "1", True), UsageError, "are one picture"),
        (lambda own: remember(own, "1", "/no/such.jpg", True), UnknownPicture, "no picture /no/such.jpg"),
        (lambda own: remember(own, "999999", "1", True), UnknownPicture, "no picture 999999"),
    ],
)
def test_wrong_use(own: Path, wrong: Callable[[Path], object], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        wrong(own)


def test_one_writer_at_a_time(own: Path) -> None:
    with lock(own), pytest.raises(LibraryLocked):
        remember(own, "1", "2", True)
