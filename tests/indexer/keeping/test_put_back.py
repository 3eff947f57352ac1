"""A catalog put back from a copy, whatever way, under a running service: soon no answer is of the other history."""

import contextlib
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from semblance.indexer.catalog import FILE, Writer
from semblance.indexer.run import pipeline
from semblance.retrieval import images, pixels
from semblance.retrieval.codec import Codec
from tests.conftest import paint, serving, until

NOTICED = 3.0  # seconds: two, and one for a busy machine


def backup(library: Path, copy: Path) -> None:
    """A whole copy of a catalog in use, by SQLite's own way."""
    with contextlib.closing(sqlite3.connect(library / FILE)) as db:
        db.execute("VACUUM INTO ?", (str(copy),))


def by_rename(library: Path, copy: Path) -> None:
    shutil.copy(copy, library / "copy")
    (library / "copy").replace(library / FILE)


def by_cp(library: Path, copy: Path) -> None:
    (library / FILE).write_bytes(copy.read_bytes())  # the same file, shortened and written over


def by_sqlite(library: Path, copy: Path) -> None:
    """As `sqlite3 catalog.sqlite ".restore copy"`."""
    with contextlib.closing(sqlite3.connect(copy)) as source, contextlib.closing(sqlite3.connect(library / FILE)) as to:
        source.backup(to)


WAYS = {"rename": by_rename, "cp": by_cp, "sqlite": by_sqlite}


def right_answers(library: Path) -> dict[str, list[tuple[str, float]]]:
    """What engine code and pixel have to say of the first picture: brute force over what is in the catalog's file."""
    with contextlib.closing(sqlite3.connect(f"file:{library / FILE}?mode=ro", uri=True)) as db:
        ((codec_id,),) = db.execute("SELECT codec_id FROM codecs WHERE purpose = 'alike' AND current").fetchall()
        rows = db.execute(
            "SELECT path, code FROM pictures JOIN codes ON picture = id WHERE codec_id = ? ORDER BY id", (codec_id,)
        ).fetchall()
    numbers = [int.from_bytes(code, "little") for _, code in rows]
    code = [(path, float((number ^ numbers[0]).bit_count())) for (path, _), number in zip(rows, numbers, strict=True)]
    seen = [images.load(Path(path), pixels.SPEC).astype(np.int64) for path, _ in rows]
    pixel = [
        (path, round(float(np.sqrt(((each - seen[0]) ** 2).sum())) / 255, 4))
        for (path, _), each in zip(rows, seen, strict=True)
    ]
    return {"code": sorted(code), "pixel": sorted(pixel)}


def answers(http: httpx.Client) -> dict[str, list[tuple[str, float]]]:
    found: dict[str, list[tuple[str, float]]] = {}
    for engine in ("code", "pixel"):
        answer: dict[str, Any] = http.get(f"/images/1/similar?k=100&engine={engine}").json()
        hits = [(hit["path"], round(hit["distance"], 4)) for hit in answer.get("results", [])]
        found[engine] = sorted(hits)
    return found


@pytest.fixture
def index(tmp_path: Path, codec: Codec) -> Callable[..., Path]:
    """Index pictures of these seeds, and no others, into a library of that name."""

    def index(name: str, *seeds: int) -> Path:
        folder = tmp_path / f"{name}-pictures"
        shutil.rmtree(folder, ignore_errors=True)
        for seed in seeds:
            paint(folder / f"{seed}.png", seed)
        pipeline.update([folder], tmp_path / name, codec, with_pixels=True, threads=1)
        return tmp_path / name

    return index


@pytest.mark.parametrize("way", WAYS)
def test_a_catalog_put_back_under_a_service_is_noticed_and_nothing_of_the_other_history_is_answered(
    index: Callable[..., Path], tmp_path: Path, way: str
) -> None:
    """After it was put back, the same ids and generations come again for other pictures."""
    library, copy = index("library", 1, 2, 3, 4), tmp_path / "copy.sqlite"
    backup(library, copy)
    index("library", 1, 2, 5, 6, 7)
    with serving(library) as url, httpx.Client(base_url=url) as http:
        until(lambda: http.get("/ready").status_code == 200)
        before = right_answers(library)
        assert answers(http) == before
        for seed in (3, 4):
            paint(tmp_path / "library-pictures" / f"{seed}.png", seed)
        WAYS[way](library, copy)
        put_back = right_answers(library)
        seen = list[list[tuple[str, float]]]()

        def is_put_back() -> bool:
            seen.append(answers(http)["code"])
            return seen[-1] == put_back["code"]

        until(is_put_back, NOTICED)
        if way != "cp":  # in the middle of which nothing can be promised
            assert all(answer in (before["code"], put_back["code"]) for answer in seen), "of both"
        time.sleep(0.2)
        assert answers(http)["code"] == put_back["code"]
        index("library", 1, 2, 8, 9, 10)
        until(lambda: answers(http) == right_answers(library), NOTICED)
        assert {Path(path).stem for path, _ in answers(http)["pixel"]} == {"1", "2", "8", "9", "10"}


def test_another_librarys_catalog_of_the_same_generation_is_not_searched_by_this_ones_index(
    index: Callable[..., Path], tmp_path: Path
) -> None:
    library, other = index("library", 1, 2, 3), index("other", 4, 5, 6)
    with serving(library) as url, httpx.Client(base_url=url) as http:
        until(lambda: http.get("/ready").status_code == 200)
        by_rename(library, other / FILE)
        until(lambda: answers(http)["code"] == right_answers(library)["code"], NOTICED)
        assert answers(http)["pixel"] in ([], right_answers(library)["pixel"]), "no vector of another content"


def test_the_log_of_a_killed_writer_is_not_played_into_the_catalog_that_was_put_back(
    index: Callable[..., Path], tmp_path: Path
) -> None:
    """SQLite itself takes any log that lies beside a catalog for its own."""
    library, copy = index("library", 1, 2, 3), tmp_path / "copy.sqlite"
    backup(library, copy)
    with serving(library) as url, httpx.Client(base_url=url) as http:
        until(lambda: http.get("/ready").status_code == 200)
        db = sqlite3.connect(library / FILE)  # as a writer that was killed: it never brings its log into the catalog
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("DELETE FROM pictures WHERE id = 3")
        db.execute("DELETE FROM codes WHERE picture = 3")
        db.commit()
        time.sleep(1.5)
        assert (library / f"{FILE}-wal").stat().st_size
        by_rename(library, copy)
        until(lambda: len(answers(http)["code"]) == 3 and not _log(library), NOTICED)
        assert answers(http)["code"] == right_answers(library)["code"]
        db.close()


def _log(library: Path) -> int:
    log = library / f"{FILE}-wal"
    return log.stat().st_size if log.exists() else 0


def test_at_rest_the_log_is_empty_even_while_a_reader_has_the_library_open(index: Callable[..., Path]) -> None:
    library = index("library", 1, 2)
    with contextlib.closing(sqlite3.connect(library / FILE)) as reader:
        reader.execute("SELECT count(*) FROM pictures").fetchall()
        with Writer.writing(library) as catalog:
            catalog.forget([catalog.entries()[0].path])
            assert _log(library)
        assert not _log(library)
        assert reader.execute("SELECT count(*) FROM pictures").fetchall() == [(1,)]
