"""thumbnails/: the small JPEGs that the page shows. Derived, made when first asked for, and named by the SHA-256 of the
content that they show, so that a name never lies.

    NAME.jpg = the JPEG, MAGIC, the CRC-32 of the name's SHA-256 and of the JPEG

Programs that show JPEGs pass over what follows one. A thumbnail without a right checksum, damaged or of before, is not
served but made anew. MAGIC is another for another rule of what a thumbnail is like.
"""

import contextlib
import logging
import zlib
from collections.abc import Iterator
from pathlib import Path

from semblance.indexer.catalog import Entry
from semblance.retrieval import decoding, storage
from semblance.retrieval.files import make_folder, read_regular, replace

SIDE = 320  # pixels of the shorter side at most, so that a square cut out of the middle is sharp
PROPORTION = 4.0  # the longer side is at most so many times that
FOLDER = "thumbnails"
_MAGIC = b"SEMBLNC2"  # SEMBLNCT: the longer side had at most 320

log = logging.getLogger("semblance.indexer")


def thumbnail_path(library: Path, sha256: bytes) -> Path:
    """Where the thumbnail of this content is kept."""
    name = sha256.hex()
    return library / FOLDER / name[:2] / f"{name}.jpg"


def read(library: Path, sha256: bytes) -> bytes | None:
    """The JPEG that is kept of this content; None where there is none, or it is not what was kept."""
    try:
        data = read_regular(thumbnail_path(library, sha256))
    except OSError:
        return None
    return _whole(sha256, data)


def damaged(library: Path) -> Iterator[Path]:
    """The thumbnails that are not what was kept. Those of before, which have no checksum, are made anew when asked."""
    for path in sorted((library / FOLDER).glob("*/*.jpg")):
        with contextlib.suppress(ValueError, OSError):
            data = read_regular(path)
            if _MAGIC in data[-12:] and _whole(bytes.fromhex(path.stem), data) is None:
                yield path


def _whole(sha256: bytes, data: bytes) -> bytes | None:
    small, end = data[:-12], data[-12:]
    return small if end == _MAGIC + _checksum(sha256, small) else None


def _checksum(sha256: bytes, small: bytes) -> bytes:
    return zlib.crc32(small, zlib.crc32(sha256)).to_bytes(4, "little")


def make(library: Path, entry: Entry, data: bytes | None = None) -> tuple[bytes, bool]:
    """A JPEG of the picture's file as it is now, or of its bytes, as large as SIDE and PROPORTION say; and whether it
    shows the content that was indexed. Only then is it kept. Raises PictureError, and OSError where the file cannot be
    read."""
    small, sha256 = decoding.thumbnail(storage.place(entry.path) if data is None else data, SIDE, PROPORTION)
    if sha256 != entry.sha256:
        return small, False
    kept = thumbnail_path(library, entry.sha256)
    try:
        make_folder(kept.parent)
        replace(kept, [small, _MAGIC, _checksum(entry.sha256, small)])
    except OSError as error:  # the thumbnail is right all the same; it will be made again
        log.warning("the thumbnail %s could not be kept: %s", kept, error)
    return small, True
