"""A library copied while it is in use, into a folder that is a library too.

    OUT/catalog.sqlite, OUT/models/     one state of the catalog, and the encoders
    OUT/uploads/                        pictures that exist in the library alone; so far all that cannot be made again
    OUT/index.faiss ... pixels.u8       derived, where they are asked for
    OUT/backup.json                     whose backup this is

A new OUT is written under another name beside it and renamed. An OUT that is an older backup of the same library is
brought up to date file by file, its catalog by one rename: at every moment it is the old backup or the new, whole.
"""

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from semblance.indexer.catalog import FILE, Catalog, copying
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.indexer.derived import encoders, pixelfile, snapshot
from semblance.indexer.keeping import uploads
from semblance.retrieval import files
from semblance.retrieval.errors import LibraryError, UsageError
from semblance.retrieval.progress import Progress, quiet

MARK = "backup.json"
DERIVED = (*snapshot.FILES.values(), pixelfile.FILE)
_CHUNK = 8 * 2**20  # bytes


@dataclass(frozen=True)
class Backup:
    """What was copied: how many pictures the copy has, and how many bytes it takes."""

    pictures: int
    bytes: int


def backup(library: Path, out: Path, derived: bool = False, progress: Progress = quiet) -> Backup:
    """Copy the library to the folder `out`, consistent whoever writes meanwhile; `derived` copies snapshots and pixel
    vectors too. What fails, and Ctrl-C, leaves `out` as it was. Raises UsageError where `out` is there and is no older
    backup of this library, and LibraryError."""
    with Catalog.opened(library) as catalog:
        older = _is_older_backup(out, catalog)
        mark = json.dumps({"library": catalog.library}).encode()
    place = out if older else files.beside(out)
    with said(out):
        try:
            if not older:
                for leftover in out.parent.glob(f".{_quoted(out.name)}.*.tmp"):  # of runs that were killed
                    shutil.rmtree(leftover, ignore_errors=True)
                out.parent.mkdir(parents=True, exist_ok=True)
                place.mkdir(mode=0o700 | library.stat().st_mode & 0o777)
            fill(library, place, derived, progress)
            files.replace(place / MARK, [mark])
            if not older:
                place.replace(out)
                files.sync_folder(out.parent)
        finally:
            if not older:
                shutil.rmtree(place, ignore_errors=True)
    with Catalog.opened(out) as copied:
        return Backup(copied.counts()[0], sum(path.stat().st_size for path in out.rglob("*") if path.is_file()))


def fill(library: Path, place: Path, derived: bool, progress: Progress = quiet) -> None:
    """Make `place` hold what `library` does. Raises LibraryError, sqlite3.Error and OSError."""
    encoders.copy_all(library, place)
    # What is derived is older than the catalog, never newer: what came since is taken in from that.
    for name in (name for name in DERIVED if derived and (library / name).is_file()):
        with contextlib.suppress(FileNotFoundError), (library / name).open("rb") as file:
            files.replace(place / name, iter(lambda: file.read(_CHUNK), b""))
    try:
        draft = files.beside(place / FILE)
        copying.copy(library, draft, progress)
        uploads.copy_all(library, place)  # after the catalog was read, which so knows of no upload that is not there
        draft.replace(place / FILE)
        uploads.drop_others(library, place)
        files.sync_folder(place)
    finally:
        for leftover in place.glob(f".{FILE}.*.tmp*"):  # with SQLite's logs, and of runs that were killed
            leftover.unlink(missing_ok=True)


@contextlib.contextmanager
def said(place: Path) -> Iterator[None]:
    """Raise what hinders writing to `place` as LibraryError."""
    try:
        with sentences(place):
            yield
    except OSError as error:
        raise LibraryError(
            f"{place} could not be written ({error.strerror or error}): nothing of it is kept."
        ) from error


def _is_older_backup(out: Path, catalog: Catalog) -> bool:
    """Whether `out` may be brought up to date. False where it is not there, or empty. Raises UsageError."""
    try:
        names = {path.name for path in out.iterdir()}
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UsageError(f"{out} is no folder that can be looked into ({error.strerror}): name another.") from error
    if not names:
        return False
    try:
        mark = json.loads(files.read_regular(out / MARK))
        with Catalog.opened(out) as older:
            ours = mark["library"] == older.library == catalog.library and catalog.knows(older.generation())
    except (OSError, ValueError, LookupError, TypeError, RecursionError, LibraryError):
        ours = False
    logged = any((out / f"{FILE}{log}").exists() for log in ("-wal", "-journal"))
    if not ours or logged or out.resolve() == catalog.folder.resolve():
        raise UsageError(f"{out} is there, and is no older backup of {catalog.folder}: name another folder.")
    return True


def _quoted(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
