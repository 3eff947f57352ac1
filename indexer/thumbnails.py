"""thumbnails/: the small JPEGs that the page shows. Derived, made when first asked for, and named by the SHA-256 of the
content that they show, so that a name never lies."""

import hashlib
import logging
from pathlib import Path

from semblance.indexer.catalog import Entry
from semblance.retrieval import images
from semblance.retrieval.files import make_folder, replace

SIDE = 320
FOLDER = "thumbnails"

log = logging.getLogger("semblance.indexer")


def thumbnail_path(library: Path, sha256: bytes) -> Path:
    """Where the thumbnail of this content is kept."""
    name = sha256.hex()
    return library / FOLDER / name[:2] / f"{name}.jpg"


def make(library: Path, entry: Entry) -> tuple[bytes, bool]:
    """A JPEG of the picture's file as it is now, its longer side at most SIDE pixels, and whether it shows the content
    that was indexed. Only then is it kept. Raises PictureError, and OSError where the file cannot be read."""
    data = images.read(Path(entry.path))
    small = images.thumbnail(data, SIDE)
    if hashlib.sha256(data).digest() != entry.sha256:
        return small, False
    kept = thumbnail_path(library, entry.sha256)
    try:
        make_folder(kept.parent)
        replace(kept, [small])
    except OSError as error:  # the thumbnail is right all the same; it will be made again
        log.warning("the thumbnail %s could not be kept: %s", kept, error)
    return small, True
