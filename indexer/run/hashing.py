"""Files -> SHA-256, and nothing decoded: for files whose state has changed, of which most are as they were."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from semblance.indexer.run.encoding import Work, chunks
from semblance.retrieval import images
from semblance.retrieval.errors import PictureError
from semblance.retrieval.pool import in_order


def hashed(work: Sequence[Work], threads: int) -> Iterator[list[bytes | None]]:
    """The SHA-256 of each file, in order, a list for each chunk; None where it cannot be read, or is no picture by its
    size, of which encoding says why."""
    return in_order(lambda chunk: [_hash(Path(item.found.path)) for item in chunk], chunks(work), threads)


def _hash(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(images.read(path)).digest()
    except (OSError, PictureError):
        return None
