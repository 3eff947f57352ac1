"""What killed runs left behind: files that were being written under another name, drafts of encoders and of catalogs.

Only names that Semblance gives are touched. The one writer removes them; thumbnails are written by services, too,
beside which it may be running, so that of these only what is old goes.
"""

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from semblance.indexer import encoders, pixelfile, snapshot, thumbnails
from semblance.retrieval.files import TEMPORARY

RESTORED = "restored"  # a backup on its way in: a folder
_OF_THUMBNAILS = 3600.0  # seconds; one takes a moment to write
_WRITTEN = (*snapshot.FILES.values(), pixelfile.FILE, RESTORED)
_DRAFT = re.compile(r"\.([0-9a-f]{64}|fitted)\.tmp")


def remove(library: Path) -> None:
    """Remove them; for the one writer. What cannot be removed stays."""
    for path in _leftovers(library):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def _leftovers(library: Path) -> Iterator[Path]:
    for path in library.glob(".*.tmp"):
        written = TEMPORARY.fullmatch(path.name)
        if written and written["name"] in _WRITTEN:
            yield path
    models = library / encoders.FOLDER
    yield from (path for path in models.glob(".*.tmp") if _DRAFT.fullmatch(path.name))
    yield from (path for path in models.glob("*/.*.tmp") if TEMPORARY.fullmatch(path.name))
    for path in (library / thumbnails.FOLDER).glob("*/.*.tmp"):
        with contextlib.suppress(OSError):
            if TEMPORARY.fullmatch(path.name) and time.time() - path.stat().st_mtime > _OF_THUMBNAILS:
                yield path
