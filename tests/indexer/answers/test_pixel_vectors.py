"""The pixel baseline's vectors through indexing; and the same file gives the same bytes on all three roads."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from semblance.indexer.catalog import Catalog
from semblance.indexer.derived import pixelfile
from semblance.indexer.derived.pixelfile import HEADER, RECORD, PixelFile
from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.retrieval import images, pixels
from semblance.retrieval.codec import Codec
from semblance.retrieval.training import data
from tests.conftest import paint
from tests.indexer.conftest import Shelf


def vectors(shelf: Shelf) -> dict[str, list[int]]:
    """File name to its pixel vector."""
    ids = shelf.ids()
    with Catalog.opened(shelf.library) as catalog:
        file = PixelFile(shelf.library, catalog.contents())
    by_id = dict(zip(file.ids.tolist(), file[0 : len(file)].tolist(), strict=True))
    return {name: by_id[id] for name, id in ids.items() if id in by_id}


def expected(shelf: Shelf, name: str) -> list[int]:
    vector: list[int] = images.load(shelf.picture(name), pixels.SPEC).reshape(-1).tolist()
    return vector


def test_pixels_asked_for_later_are_filled_in_and_nothing_is_encoded_again(shelf: Shelf) -> None:
    shelf.index()
    assert not pixelfile.exists(shelf.library)
    before = shelf.ids()
    assert shelf.index(with_pixels=True).unchanged == 6
    assert shelf.codec.encoded == 0
    assert shelf.ids() == before
    assert vectors(shelf) == {f"{name}.png": expected(shelf, name) for name in "abcdef"}


def test_a_library_with_pixels_keeps_them_up_to_date_without_being_asked(shelf: Shelf) -> None:
    shelf.index(with_pixels=True)
    paint(shelf.picture("a"), seed=70)
    shelf.picture("b").unlink()
    shelf.index()
    assert vectors(shelf) == {f"{name}.png": expected(shelf, name) for name in "acdef"}


def test_records_lost_to_a_kill_are_made_again(shelf: Shelf) -> None:
    shelf.index(with_pixels=True)
    path = shelf.library / pixelfile.FILE
    path.write_bytes(path.read_bytes()[: len(HEADER) + 3 * RECORD.itemsize + 5])
    assert len(vectors(shelf)) == 3
    shelf.index()
    assert shelf.codec.encoded == 0
    assert vectors(shelf) == {f"{name}.png": expected(shelf, name) for name in "abcdef"}


def test_many_changes_do_not_let_the_file_grow_for_ever(shelf: Shelf) -> None:
    shelf.index(with_pixels=True)
    for turn in range(3):
        for name in "abcdef":
            paint(shelf.picture(name), seed=100 * turn + ord(name))
        shelf.index()
    assert (shelf.library / pixelfile.FILE).stat().st_size == len(HEADER) + 6 * RECORD.itemsize
    assert vectors(shelf) == {f"{name}.png": expected(shelf, name) for name in "abcdef"}


def test_vectors_from_before_a_new_catalog_are_not_taken_for_its_own(shelf: Shelf) -> None:
    """A catalog that is made anew begins with id 1 again, and the old file has a record of id 1."""
    shelf.index(with_pixels=True)
    for file in shelf.library.glob("catalog.sqlite*"):
        file.unlink()
    shutil.rmtree(shelf.folder / "one")
    shelf.index(with_pixels=True)
    assert vectors(shelf) == {f"{name}.png": expected(shelf, name) for name in "def"}


@pytest.mark.parametrize("kind", ["draft.jpg", "plain.png", "turned.jpg", "clear.webp"])
def test_indexing_querying_and_training_see_the_same_bytes(kind: str, codec: Codec, tmp_path: Path) -> None:
    folder, library = tmp_path / "pictures", tmp_path / "library"
    path = folder / kind
    size = (1600, 1200) if kind == "draft.jpg" else (300, 200)
    if kind == "turned.jpg":
        turn = Image.Exif()
        turn[0x0112] = 6
        with Image.open(paint(tmp_path / "plain.jpg", 5, size)) as plain:
            folder.mkdir()
            plain.save(path, exif=turn)
    elif kind == "clear.webp":
        folder.mkdir()
        Image.effect_noise(size, 90).convert("RGBA").save(path, lossless=True)
        with Image.open(path) as image:
            image.putalpha(Image.linear_gradient("L").resize(size))
            image.save(path, lossless=True)
    else:
        paint(path, 5, size)
    pipeline.update([folder], library, codec, with_pixels=True)
    indexed = np.fromfile(library / pixelfile.FILE, RECORD, offset=len(HEADER))["pixels"][0]
    assert len(np.unique(indexed)) > 50, "a picture, not one colour"

    trained = data.load([folder], pixels.SPEC).pictures[0].reshape(-1)
    assert trained.tolist() == indexed.tolist()
    with Library.open(library) as opened:
        for source in (path, path.read_bytes()):
            by: Any = opened.ways["pixel"].of_pictures([source], [], 1).by
            assert by.tolist() == indexed.tolist()
        by = opened.ways["code"].of_pictures([path.read_bytes()], [], 1).by
        assert by.codes.tolist() == codec.encode(data.load([folder], codec.spec).pictures).tolist()
