"""Files -> SHA-256, and nothing decoded: for files whose state has changed, of which most are as they were."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing

from semblance.indexer.run.encoding import Work, chunks
from semblance.retrieval import fetching, images
from semblance.retrieval.decoding import CREW
from semblance.retrieval.errors import PictureError
from semblance.retrieval.pool import in_order


def hashed(work: Sequence[Work], threads: int) -> Iterator[list[bytes | None]]:
    """The SHA-256 of each file, in order, a list for each chunk; None where it cannot be read, or is no picture by its
    size, of which encoding says why."""
    return in_order(_hashed, chunks(work), threads)


def _hashed(work: Sequence[Work]) -> list[bytes | None]:
    crew, files = CREW.get(), [(item.found.path, item.found.size) for item in work]
    with closing(fetching.ahead(files, lambda: crew.ended)) as fetched:
        return [*map(_hash, fetched)]


def _hash(fetched: fetching.Fetched) -> bytes | None:
    try:
        source = fetching.given(fetched)
        return hashlib.sha256(source if isinstance(source, bytes) else images.read(source)).digest()
    except (OSError, PictureError):
        return None
