"""A backup put back in the place of a library, which may be in use, or where there is none.

Encoders come first, then the catalog in one step (catalog/copying.py), then what is derived: a kill at any moment
leaves the library as it was or as the backup is. Who follows the library sees by the tokens of its generations that
this is another history, and loads it anew.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from semblance.indexer.catalog import Catalog, Writer, copying, opening
from semblance.indexer.derived import encoders, leftovers, snapshot
from semblance.indexer.keeping import uploads
from semblance.indexer.keeping.backing_up import DERIVED, fill, said
from semblance.retrieval import files
from semblance.retrieval.errors import LibraryError, LibraryMissing, ModelError, UsageError
from semblance.retrieval.progress import Progress, quiet


@dataclass(frozen=True)
class Restored:
    """How many pictures the library has now, and where the catalog that was replaced is kept: None where none was."""

    pictures: int
    before: Path | None


def restore(backup: Path, library: Path, progress: Progress = quiet) -> Restored:
    """Make `library` what `backup`, any whole copy of a library, is. Services and readers may go on meanwhile.

    The catalog that was there is kept beside the new one. Raises LibraryMissing where `backup` is none, UsageError,
    LibraryLocked where another process writes to `library`, and LibraryError where the backup is damaged.
    """
    if not Catalog.exists(backup):
        raise LibraryMissing(f"There is no backup at {backup}: name a folder that `semblance backup` made.")
    if backup.resolve() == library.resolve():
        raise UsageError(f"{backup} is the library itself: name a backup of it.")
    with said(library):
        library.mkdir(mode=0o700, parents=True, exist_ok=True)
        with opening.lock(library):
            leftovers.remove(library)
            draft = files.beside(library / leftovers.RESTORED)
            try:
                draft.mkdir(mode=library.stat().st_mode & 0o777)
                fill(backup, draft, derived=True)
                _check(draft, backup, library)
                encoders.copy_all(draft, library)
                uploads.copy_all(draft, library)  # any that the backup has not stay: nobody else may have them
                before = copying.put(draft, library, progress)
                for name in DERIVED:
                    if (draft / name).is_file():
                        (draft / name).replace(library / name)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
            with Writer.opened(library) as catalog:
                uploads.bring_home(catalog)
                catalog.empty_log()
                for purpose in snapshot.FILES:
                    if catalog.current(purpose):
                        snapshot.refresh(catalog, purpose)
                return Restored(catalog.counts()[0], before)


def _check(draft: Path, backup: Path, library: Path) -> None:
    """LibraryError where the copy of a backup is damaged, or its encoder is nowhere."""
    try:
        copying.check(draft)
        with Catalog.opened(draft) as catalog:
            if not encoders.has(library, catalog.codec_id):
                encoders.find(catalog)
    except (LibraryError, ModelError) as error:
        said = str(error).replace(str(draft), str(backup))
        raise LibraryError(f"The backup {backup} cannot be put back, and nothing was changed. {said}") from error
