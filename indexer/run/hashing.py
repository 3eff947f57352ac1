"""Files -> SHA-256, and nothing decoded: for files whose state has changed, of which most are as they were."""

import hashlib
from collections.abc import Iterator, Sequence

from semblance.indexer.run.encoding import Work, of_chunks
from semblance.retrieval import images
from semblance.retrieval.decoding import CREW
from semblance.retrieval.errors import PictureError
from semblance.retrieval.fetching import Fetched


def hashed(work: Sequence[Work], threads: int) -> Iterator[list[bytes | None]]:
    """The SHA-256 of each file, in order, a list for each chunk; None where it cannot be read, or is no picture by its
    size, of which encoding says why."""
    return of_chunks(_hashed, work, threads)


def _hashed(_: Sequence[Work], fetched: Sequence[Fetched]) -> list[bytes | None]:
    return [*map(_hash, fetched)]


def _hash(come: Fetched) -> bytes | None:
    crew = CREW.get()
    try:
        source = come(lambda: crew.ended)
        return hashlib.sha256(source if isinstance(source, bytes) else images.read(source)).digest()
    except (OSError, PictureError):
        return None
