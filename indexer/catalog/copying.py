"""A catalog copied while it is in use, and a copy put in the place of a catalog that is in use.

Both are SQLite's own online backup, page by page. A copy is made under one read transaction: a writer that commits
meanwhile changes nothing of it. A copy is put back by **one transaction of the live file**, never by a rename: a log
beside the catalog (catalog.sqlite-wal) belongs to the file that it was written for, and whoever has the old file open
would go on with it, or bring it into the new one. So a kill at any moment leaves the old catalog or the new, whole,
and who reads meanwhile sees one or the other. A file that is no database any more has no reader and is renamed over.
"""

import contextlib
import itertools
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from semblance.indexer.catalog import opening, schema
from semblance.indexer.catalog.opening import FILE
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.retrieval.errors import LibraryError
from semblance.retrieval.files import private, sync_folder
from semblance.retrieval.progress import Progress, quiet

BEFORE = f"{FILE}.before-restore"
_PAGES = 1024  # 4 MB in a step: between two of them Ctrl-C is heard
_LOGS = ("-wal", "-journal")


def copy(folder: Path, to: Path, progress: Progress = quiet) -> None:
    """Write the catalog in `folder`, as it is now, as the new file `to`: one whole file, synced, no logs beside it.

    An older one stays as old as it is. Raises LibraryError, sqlite3.Error and OSError; `to` may then be there in part.
    """
    db, as_it_stood = opening.connect(folder, up_to_date=False)
    with contextlib.closing(db):
        os.close(private(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on this state is what is read
        with contextlib.closing(sqlite3.connect(to, isolation_level=None)) as out:
            _pour(db, out, progress)
            out.execute("PRAGMA journal_mode = DELETE")
    if as_it_stood is not None and opening.state(folder) != as_it_stood:
        raise LibraryError(f"The library {folder} was written to while it was copied: run the same command again.")


def check(folder: Path) -> None:
    """LibraryError where the catalog in `folder` is damaged, as far as SQLite can tell."""
    with sentences(folder), contextlib.closing(opening.connect(folder)[0]) as db:
        said = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
        if said != "ok":
            raise sqlite3.DatabaseError(said)


def put(draft: Path, folder: Path, progress: Progress = quiet) -> Path | None:
    """Make the catalog in `folder` what that in the folder `draft` is, for the one writer; where the replaced one is
    kept, None where there was none. `draft` is changed. Raises LibraryError and OSError."""
    live = folder / FILE
    if not live.is_file():
        if os.path.lexists(live):  # a link to a disk that is away, say
            raise LibraryError(f"{live} is no file: name another folder, or see where it leads.")
        _rename(draft, folder)
        return None
    with sentences(folder):
        kept = _keep(folder, draft / BEFORE)
        _leave_ids_unused(draft, kept)
        try:
            with (
                contextlib.closing(sqlite3.connect(draft / FILE)) as source,
                contextlib.closing(sqlite3.connect(live, timeout=10, isolation_level=None)) as db,
            ):
                _set_out(db)
                _pour(source, db, progress)
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:  # it is no database any more: nobody reads it
            _rename(draft, folder)
    return kept


def _pour(source: sqlite3.Connection, target: sqlite3.Connection, progress: Progress) -> None:
    source.backup(target, pages=_PAGES, progress=lambda _, left, pages: progress(pages - left, pages))


def _set_out(db: sqlite3.Connection) -> None:
    """As a writer does. A damaged schema, which these read and the copying does not, hinders nothing."""
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        pass


def _keep(folder: Path, draft: Path) -> Path:
    """Copy the present catalog to the first free name of BEFORE, byte by byte where it is no database any more."""
    kept = next(path for number in itertools.count(1) if not (path := folder / f"{BEFORE}-{number}").exists())
    try:
        copy(folder, draft)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        with contextlib.suppress(FileExistsError):
            os.close(private(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        shutil.copyfile(folder / FILE, draft)
    for log in _LOGS:  # SQLite would bring those of an earlier one into this
        kept.with_name(kept.name + log).unlink(missing_ok=True)
    draft.replace(kept)
    sync_folder(folder)
    return kept


def _leave_ids_unused(draft: Path, before: Path) -> None:
    """No id that the replaced catalog ever gave is given again: whatever was kept under one goes on naming that."""
    used = 0
    question = "SELECT seq FROM sqlite_sequence WHERE name = 'pictures'"
    with contextlib.suppress(sqlite3.DatabaseError), _database(before) as db:
        used = int((db.execute(question).fetchone() or (0,))[0])
    with _database(draft / FILE) as db:
        if db.execute(question).fetchone() is None:
            db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('pictures', 0)")
        db.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'pictures'", (used,))


@contextlib.contextmanager
def _database(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


def _rename(draft: Path, folder: Path) -> None:
    for log in (*_LOGS, "-shm"):  # of a catalog that is not there, or is none
        (folder / f"{FILE}{log}").unlink(missing_ok=True)
    (draft / FILE).replace(folder / FILE)
    sync_folder(folder)


def version(folder: Path) -> tuple[int, float]:
    """The number of a catalog's schema, and when its library was made, in seconds since 1970. Raises LibraryError."""
    with sentences(folder), contextlib.closing(opening.connect(folder)[0]) as db:
        return schema.version(db), float(db.execute("SELECT created FROM identity").fetchone()[0])
