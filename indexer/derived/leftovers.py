"""What killed runs left behind: files that were being written under another name, drafts of encoders and of catalogs;
and what somebody put where a derived file or a folder belongs, and would hinder it for ever.

Only names that Semblance gives are touched. The one writer removes them; thumbnails are written by services, too,
beside which it may be running, so that of these only what is old goes. (Uploads are written by whoever is the writer.)
"""

import contextlib
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from semblance.indexer.derived import built, encoders, mapping, pixelfile, snapshot, thumbnails
from semblance.retrieval.files import TEMPORARY, private

RESTORED = "restored"  # a backup on its way in: a folder
_OF_THUMBNAILS = 3600.0  # seconds; a file takes a moment to write
_WRITTEN = (*snapshot.FILES.values(), pixelfile.FILE, mapping.FILE, RESTORED)
_BELONGS = {
    **dict.fromkeys((*snapshot.FILES.values(), pixelfile.FILE, mapping.FILE), Path.is_file),
    **dict.fromkeys((encoders.FOLDER, thumbnails.FOLDER, built.FOLDER), Path.is_dir),
}
_DRAFT = re.compile(r"\.([0-9a-f]{64}|fitted)\.tmp")

log = logging.getLogger("semblance.indexer")


def remove(library: Path) -> None:
    """Remove them; for the one writer. What cannot be removed stays. What is in the way is put aside."""
    for name, belongs in _BELONGS.items():
        with contextlib.suppress(OSError):
            _put_aside(library / name, belongs)
    built.sweep(library)
    for path in _leftovers(library):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def _put_aside(path: Path, belongs: Callable[[Path], bool]) -> None:
    """Rename what is of another kind than belongs here: a folder or a pipe, say. A link that leads nowhere is written
    over."""
    if not path.exists() or belongs(path):
        return
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.damaged-{number}")):
        number += 1
    path.rename(aside)
    log.warning("%s was of another kind than belongs there, and is %s now", path, aside)
    if path.name == pixelfile.FILE:  # that it is there says that pixel vectors are kept
        os.close(private(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))


def _leftovers(library: Path) -> Iterator[Path]:
    for path in library.glob(".*.tmp"):
        written = TEMPORARY.fullmatch(path.name)
        if written and written["name"] in _WRITTEN:
            yield path
    models = library / encoders.FOLDER
    yield from (path for path in models.glob(".*.tmp") if _DRAFT.fullmatch(path.name))
    yield from (path for path in models.glob("*/.*.tmp") if TEMPORARY.fullmatch(path.name))
    yield from (path for path in (library / "uploads").glob("*/*/.*.tmp") if TEMPORARY.fullmatch(path.name))
    for path in (library / thumbnails.FOLDER).glob("*/.*.tmp"):
        with contextlib.suppress(OSError):
            if TEMPORARY.fullmatch(path.name) and time.time() - path.stat().st_mtime > _OF_THUMBNAILS:
                yield path
