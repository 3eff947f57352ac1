"""All pictures with their codes, one state of the catalog, a batch at a time: what goes out of a library whole."""

import contextlib
import itertools
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from semblance.indexer.catalog import checksums, opening
from semblance.indexer.catalog.records import CurrentCodec, Generation
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.retrieval.errors import LibraryError

_BATCH = 8192
COLUMNS = {
    "id": "pictures.id",
    "path": "path",
    "size": "size",
    "mtime": "mtime_ns",
    "sha256": "sha256",
    "codec_id": "codec_id",
    "code": "code",
    "width": "width",
    "height": "height",
    "taken": "taken",
    "camera": "camera",
    "latitude": "latitude",
    "longitude": "longitude",
}
_FROM = (
    "FROM codes JOIN pictures ON pictures.id = codes.picture LEFT JOIN facts ON facts.picture = pictures.id"
    " WHERE codec_id IN (SELECT value FROM json_each(?))"
)


@dataclass(frozen=True)
class CodedPictures:
    """One state of a catalog, which stays what it is while it is read. `count` rows, one for each code."""

    db: sqlite3.Connection
    folder: Path
    wanted: str  # codec_ids as JSON
    count: int
    library: str
    generation: Generation

    def batches(self, columns: Sequence[str] = tuple(COLUMNS)) -> Iterator[list[tuple[object, ...]]]:
        """Rows of these COLUMNS, by id and then codec_id."""
        names = ", ".join(COLUMNS[column] for column in columns)
        question = f"SELECT {names} {_FROM} ORDER BY codes.picture, codes.codec_id"
        with sentences(self.folder):
            cursor = self.db.execute(question, (self.wanted,))
        while True:
            with sentences(self.folder):
                if not (rows := cursor.fetchmany(_BATCH)):
                    return
            yield rows

    def sound(self, codec_id: str, since: int = 0, after: int = -1) -> Iterator[list[dict[str, object]]]:
        """All COLUMNS of one codec's rows by id, of those that came after generation `since` and whose id is above
        `after`; without those whose code is not as it was written. A batch may be empty."""
        names = ", ".join(COLUMNS.values())
        question = (
            f"SELECT codes.picture, codes.generation, code, codes.checksum, {names} {_FROM}"
            " AND codes.codec_id = ? AND codes.generation > ? AND codes.picture > ? ORDER BY codes.picture"
        )
        with sentences(self.folder):
            cursor = self.db.execute(question, (self.wanted, codec_id, since, after))
        while True:
            with sentences(self.folder):
                if not (rows := cursor.fetchmany(_BATCH)):
                    return
            right = itertools.compress(rows, checksums.of_codes(codec_id, (row[:4] for row in rows)))
            yield [dict(zip(COLUMNS, row[4:], strict=True)) for row in right]

    def longest(self, column: str) -> int:
        """Bytes of UTF-8 of a column of text."""
        with sentences(self.folder):
            question = f"SELECT max(length(CAST({COLUMNS[column]} AS BLOB))) {_FROM}"
            return int(self.db.execute(question, (self.wanted,)).fetchone()[0] or 0)


@contextlib.contextmanager
def coded_pictures(folder: Path, codecs: Sequence[CurrentCodec]) -> Iterator[CodedPictures]:
    """The codes of these codecs with their pictures, as they are now, whoever writes meanwhile. Raises LibraryError."""
    with sentences(folder):
        db, as_it_stood = opening.connect(folder)
    with contextlib.closing(db):
        wanted = json.dumps([codec.codec_id for codec in codecs])
        with sentences(folder):
            db.execute("BEGIN")
            count = int(db.execute(f"SELECT count(*) {_FROM}", (wanted,)).fetchone()[0])
            (library,) = db.execute("SELECT id FROM identity").fetchone()
            number, token = db.execute("SELECT number, token FROM generations ORDER BY number DESC LIMIT 1").fetchone()
        yield CodedPictures(db, folder, wanted, count, str(library), Generation(number, token))
        if as_it_stood is not None and opening.state(folder) != as_it_stood:
            raise LibraryError(f"The library {folder} was written to meanwhile: run the same command again.")
