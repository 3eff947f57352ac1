"""A reader's connection, which answers with what was written, or with a sentence."""

import json
import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from semblance.indexer.catalog import checksums, opening
from semblance.indexer.catalog.records import Generation
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.retrieval.errors import Overtaken

T = TypeVar("T")

log = logging.getLogger("semblance.indexer")

_COLUMNS = ", ".join(checksums.COLUMNS["pictures"])
_PATHS = f"""SELECT known, {_COLUMNS}, checksum FROM
    (SELECT EXISTS (SELECT 1 FROM generations WHERE number = :number AND token = :token) AS known)
    LEFT JOIN (SELECT * FROM pictures WHERE id IN (SELECT value FROM json_each(:ids)))"""


class Connection:
    """An open connection, used by one thread at a time.

    Attributes: `db`; `as_it_stood`, the file's state where it is read without SQLite's locks; `file` and
    `log`, the states of it and its log when they were last looked at; `damaged_seen`, how many rows were left out.
    """

    def __init__(self, folder: Path) -> None:
        """Raises LibraryError, LibraryLocked and sqlite3.Error."""
        self._folder = folder
        self.damaged_seen, self._said = 0, set[str]()
        self._connect()

    def _connect(self) -> None:
        state = opening.state(self._folder)
        self.db, self.as_it_stood = opening.connect(self._folder)
        self.file, self.log = state[:2]

    def close(self) -> None:
        """Close it."""
        self.db.close()

    def look_anew(self) -> None:
        """Connect anew where the catalog's file was written to since. SQLite looks only into its log for what is new: a
        file that another program wrote over in place it would go on answering from memory."""
        with sentences(self._folder):
            state = opening.state(self._folder)
            self.log = state[1]
            if state[0] != self.file:
                before = self.db
                self._connect()
                before.close()

    def rows(self, question: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """All rows."""
        return self.ask(lambda db: db.execute(question, values).fetchall())

    def right(self, table: str, which: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """The rows of a table, in the order of checksums.COLUMNS and with their checksums, that are as written."""
        rows = self.rows(f"{checksums.select(table)} {which}", values)
        right = [row for row in rows if checksums.is_right(table, row)]
        self.say_damaged(table, len(rows) - len(right))
        return right

    def paths(self, ids: Iterable[int], known: Generation | None = None) -> dict[int, str]:
        """The paths of those ids that there are: what every answer asks, straight, with `right`'s rule.

        With `known`, where the ids come from, Overtaken if this catalog has never been there: it was put back since.
        """
        of = {"ids": json.dumps([*ids]), "number": known and known.number, "token": known and known.token}
        found = self.ask(lambda db: db.execute(_PATHS, of).fetchall())
        if known and not found[0][0]:
            raise Overtaken
        rows = [row for _, *row in found if row[0] is not None]
        begun = checksums.BEGUN["pictures"]
        right = {row[0]: row[1] for row in rows if row[-1] == zlib.crc32(ascii((*row[:-1],)).encode(), begun)}
        if len(right) < len(rows):
            self.say_damaged("pictures", len(rows) - len(right))
        return right

    def say_damaged(self, table: str, rows: int) -> None:
        """Count and log rows that are left out."""
        if rows and table not in self._said:
            self._said.add(table)
            said = "%d damaged rows of %s in the catalog of %s are left out: run `semblance verify --library %s`"
            log.warning(said, rows, table, self._folder, self._folder)
        self.damaged_seen += rows

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """What `question` finds. Where the catalog is read as it stands and was written to meanwhile, the answer may
        mix two states of it, or fail: it is opened anew and asked again."""
        wrong: Exception | None = None
        try:
            answer = question(self.db)
        except sqlite3.Error as error:
            wrong = error
        except (TypeError, ValueError, OverflowError):
            wrong = sqlite3.DatabaseError("a value is of another kind than was written")
        if self.as_it_stood is None or self.as_it_stood == opening.state(self._folder):
            if wrong is None:
                return answer
            with sentences(self._folder):
                raise wrong
        before = self.db
        with sentences(self._folder):
            self._connect()
        before.close()
        return self.ask(question)
