"""Files -> hashes, codes and pixel vectors: the part of indexing that takes long, and needs no library.

`encode` is a function of its chunk of work alone: it knows no catalog, and what goes in and comes out can be sent
elsewhere. `encoded` runs it in the pool of this machine; whatever runs it on others takes the place of `encoded`.

Each thread encodes what a process of its own (retrieval/decoding/) has decoded for it, so the cores need not be divided
between the two. A codec is therefore best loaded for one thread: measured, that is as fast as larger batches on all of
them, and nothing waits for anything.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from semblance.indexer.catalog import Failure
from semblance.indexer.run.scan import Found
from semblance.retrieval import decoding, pixels, storage
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.decoding import Decoder
from semblance.retrieval.errors import PictureError, StorageError
from semblance.retrieval.facts import Facts
from semblance.retrieval.fetching import Fetched, fetcher
from semblance.retrieval.images import Picture
from semblance.retrieval.inputs import InputSpec
from semblance.retrieval.pixels import Pixels
from semblance.retrieval.pool import in_order

_Result = TypeVar("_Result")

CHUNK = 32  # files at most in a task: a task for every small file would cost more than the file
CHUNK_BYTES = 2 * 1024 * 1024  # beyond which a task ends: large files shall be shared out, and no cut loses more
PIXELS = "pixels"  # the key of a pixel vector among what is known

Known = Callable[[bytes], Mapping[str, Codes]]
"""SHA-256 of a content -> codec_id -> its code (W,), and under PIXELS its vector, as far as the library has them."""


@dataclass(frozen=True)
class Work:
    """A file to look into, and the SHA-256 of the content that is known under its path, None where there is none.

    `lacking`: the codecs, by their ids, of which that content has no code yet.
    """

    found: Found
    known: bytes | None
    lacking: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Encoded:
    """A file's content: its SHA-256, codec_id -> code (W,), its pixel vector (3072,) where one was asked for, and what
    it says of itself, None where its header cannot be read any more.

    Where the content is the known one, `codes` are those that it lacked.
    """

    work: Work
    sha256: bytes
    codes: dict[str, Codes]
    vector: Pixels | None
    facts: Facts | None = None

    @property
    def same(self) -> bool:
        """Whether the content is the known one."""
        return self.sha256 == self.work.known


def nothing_known(_: bytes) -> Mapping[str, Codes]:
    """Of any content."""
    return {}


def encode(
    work: Sequence[Work],
    codecs: Sequence[Codec],
    with_pixels: bool,
    known: Known = nothing_known,
    fetched: Sequence[Fetched] | None = None,
) -> list[Encoded | Failure]:
    """Read, hash, decode and encode a chunk of files; for each, in order, what it holds or why it cannot be used.

    Each file is read once, and decoded once for each input that the codecs (and the pixels) see it by; of one content
    the first file alone. `known`, asked by any thread, says what there is of a content already: that is not made anew.
    `fetched` is what was begun to be fetched of the chunk already. Raises StorageError where a storage is away.
    """
    if fetched is None:
        with fetcher() as begin:
            return encode(work, codecs, with_pixels, known, begin(_files(work)))
    results: list[Encoded | Failure] = []
    waiting: dict[str, list[tuple[Encoded, Picture]]] = {codec.codec_id: [] for codec in codecs}
    seen: dict[bytes, Encoded] = {}
    with decoding.one() as decoder:
        for item, come in zip(work, fetched, strict=True):
            try:
                sha256 = decoder.open(come(lambda: decoder.ended))
                results.append(_decoded(item, sha256, codecs, with_pixels, known, decoder, seen, waiting))
            except PictureError as error:
                results.append(Failure(item.found.path, str(error), read=True))
            except StorageError as error:
                if error.away:  # it is of all others just so
                    raise
                results.append(Failure(item.found.path, str(error), read=False))
            except OSError as error:
                reason = f"The file cannot be read: {error.strerror or error}."
                results.append(Failure(item.found.path, reason, read=False))
    for codec in codecs:
        if fresh := waiting[codec.codec_id]:
            codes = codec.encode(np.stack([picture for _, picture in fresh]))
            for (result, _), code in zip(fresh, codes, strict=True):
                result.codes[codec.codec_id] = code
    return results


def encoded(
    work: Sequence[Work], codecs: Sequence[Codec], with_pixels: bool, threads: int, known: Known = nothing_known
) -> Iterator[list[Encoded | Failure]]:
    """`encode` of all `work`, in order, a list for each chunk, by the cores of this machine."""

    def one(chunk: Sequence[Work], fetched: Sequence[Fetched]) -> list[Encoded | Failure]:
        return encode(chunk, codecs, with_pixels, known, fetched)

    return of_chunks(one, work, threads)


def of_chunks(
    function: Callable[[Sequence[Work], Sequence[Fetched]], _Result], work: Sequence[Work], threads: int
) -> Iterator[_Result]:
    """`function` of each chunk of `work`, in order, by the pool; what lies at addresses is on its way before a chunk's
    turn comes. There a thread more goes on where others wait for what fetches, which is Python's own work."""
    threads += any(storage.is_address(item.found.path) for item in work[:1])
    with fetcher() as begin:
        tasks = ((chunk, begin(_files(chunk))) for chunk in chunks(work))
        yield from in_order(lambda task: function(*task), tasks, threads)


def _files(work: Sequence[Work]) -> list[tuple[str, int]]:
    return [(item.found.path, item.found.size) for item in work]


def _decoded(
    work: Work,
    sha256: bytes,
    codecs: Sequence[Codec],
    with_pixels: bool,
    known: Known,
    decoder: Decoder,
    seen: dict[bytes, Encoded],
    waiting: dict[str, list[tuple[Encoded, Picture]]],
) -> Encoded:
    """The file's content without those codes that have to be made: of them, what their codecs see is `waiting`."""
    if work.known is None and (first := seen.get(sha256)):
        return replace(first, work=work)  # with the same codes, once they are made
    there = known(sha256)
    lacked = {codec.codec_id: codec.spec for codec in codecs if sha256 != work.known or codec.codec_id in work.lacking}
    codes = {codec_id: there[codec_id] for codec_id in lacked if codec_id in there}
    wanted = {codec_id: spec for codec_id, spec in lacked.items() if codec_id not in codes}
    vector = there.get(PIXELS) if with_pixels else None
    to_see = {*wanted.values(), *([pixels.SPEC] if with_pixels and vector is None else [])}
    pictures = _seen(decoder, [*to_see])
    if with_pixels and vector is None:
        vector = pictures[pixels.SPEC].reshape(-1)
    result = Encoded(work, sha256, codes, vector, decoder.said)
    for codec_id, spec in wanted.items():
        waiting[codec_id].append((result, pictures[spec]))
    if work.known is None:
        seen[sha256] = result
    return result


def _seen(decoder: Decoder, specs: list[InputSpec]) -> dict[InputSpec, Picture]:
    """What is to be seen of the file that is held; where that is nothing its header is read, for `said` alone."""
    with suppress(*([] if specs else [PictureError])):
        return decoder.see(specs)
    decoder.said = None
    return {}


def chunks(work: Sequence[Work]) -> Iterator[list[Work]]:
    """Work in tasks for the pool, in order."""
    chunk: list[Work] = []
    for item in work:
        chunk.append(item)
        if len(chunk) == CHUNK or sum(each.found.size for each in chunk) >= CHUNK_BYTES:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
