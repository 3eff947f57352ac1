"""Files -> hashes, codes and pixel vectors: the part of indexing that takes long, and needs no library.

`encode` is a function of its chunk of work alone: it knows no catalog, and what goes in and comes out can be sent
elsewhere. `encoded` runs it in the pool of this machine; whatever runs it on others takes the place of `encoded`.

Each thread encodes what it has decoded, so the cores need not be divided between the two. A codec is therefore best
loaded for one thread: measured, that is as fast as larger batches on all of them, and nothing waits for anything.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from semblance.indexer.catalog import Failure
from semblance.indexer.scan import Found
from semblance.retrieval import images, pixels
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import PictureError
from semblance.retrieval.images import Picture
from semblance.retrieval.pixels import Pixels
from semblance.retrieval.pool import in_order

Known = Callable[[bytes], Mapping[str, Codes]]
"""SHA-256 of a content -> codec_id -> its code (W,), and under PIXELS its vector, as far as the library has them."""

PIXELS = "pixels"

CHUNK = 32  # files at most in a task: a task for every small file would cost more than the file
CHUNK_BYTES = 2 * 1024 * 1024  # beyond which a task ends: large files shall be shared out, and Ctrl-C waits for them


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
    """A file's content: its SHA-256, codec_id -> code (W,), and its pixel vector (3072,) where one was asked for.

    Where the content is the known one, `codes` are those that it lacked.
    """

    work: Work
    sha256: bytes
    codes: dict[str, Codes]
    vector: Pixels | None

    @property
    def same(self) -> bool:
        """Whether the content is the known one."""
        return self.sha256 == self.work.known


def nothing_known(_sha256: bytes) -> Mapping[str, Codes]:
    """For who has no library."""
    return {}


def encode(
    work: Sequence[Work], codecs: Sequence[Codec], with_pixels: bool, known: Known = nothing_known
) -> list[Encoded | Failure]:
    """Read, hash, decode and encode a chunk of files; for each, in order, what it holds or why it cannot be used.

    Each file is read once, and decoded once for each input that the codecs (and the pixels) see it by; what `known` has
    of its content is not made again. It is asked in the pool's threads.
    """
    results: list[Encoded | Failure] = []
    waiting: dict[str, list[tuple[Encoded, Picture]]] = {codec.codec_id: [] for codec in codecs}
    first: dict[bytes, Encoded] = {}
    for item in work:
        try:
            result, pictures = _decode(item, codecs, with_pixels, known, first)
        except PictureError as error:
            results.append(Failure(item.found.path, str(error), read=True))
        except OSError as error:
            reason = f"The file cannot be read: {error.strerror or error}."
            results.append(Failure(item.found.path, reason, read=False))
        else:
            results.append(result)
            for codec_id, picture in pictures.items():
                waiting[codec_id].append((result, picture))
    for codec in codecs:
        if fresh := waiting[codec.codec_id]:
            codes = codec.encode(np.stack([picture for _, picture in fresh]))
            for (result, _), code in zip(fresh, codes, strict=True):
                result.codes[codec.codec_id] = code
    for each in results:
        if isinstance(each, Encoded) and not each.same and first[each.sha256] is not each:
            each.codes.update(first[each.sha256].codes)
    return results


def encoded(
    work: Sequence[Work], codecs: Sequence[Codec], with_pixels: bool, threads: int, known: Known = nothing_known
) -> Iterator[list[Encoded | Failure]]:
    """`encode` of all `work`, in order, a list for each chunk, by the cores of this machine."""
    return in_order(partial(encode, codecs=codecs, with_pixels=with_pixels, known=known), chunks(work), threads)


def _decode(
    work: Work, codecs: Sequence[Codec], with_pixels: bool, known: Known, first: dict[bytes, Encoded]
) -> tuple[Encoded, dict[str, Picture]]:
    """The file's content with the codes that are known, and for each codec whose code it lacks, by its id, what that
    sees of it. `first` has the first of each content in the chunk, whose codes the others get when it is done."""
    data = images.read(Path(work.found.path))
    sha256 = hashlib.sha256(data).digest()
    if sha256 != work.known and (twin := first.get(sha256)):
        return Encoded(work, sha256, {}, twin.vector), {}
    held = known(sha256)
    wanted = {codec.codec_id: codec.spec for codec in codecs if sha256 != work.known or codec.codec_id in work.lacking}
    codes = {codec_id: held[codec_id] for codec_id in wanted if codec_id in held}
    specs = {codec_id: spec for codec_id, spec in wanted.items() if codec_id not in codes}
    with_vector = with_pixels and PIXELS not in held
    pictures = (
        images.load_each(data, {*specs.values(), *([pixels.SPEC] if with_vector else [])})
        if specs or with_vector
        else {}
    )
    vector = pictures[pixels.SPEC].reshape(-1) if with_vector else held.get(PIXELS) if with_pixels else None
    result = Encoded(work, sha256, codes, vector)
    if not result.same:
        first[sha256] = result
    return result, {codec_id: pictures[spec] for codec_id, spec in specs.items()}


def chunks(work: Sequence[Work]) -> Iterator[list[Work]]:
    """The tasks that work is shared out in."""
    chunk: list[Work] = []
    for item in work:
        chunk.append(item)
        if len(chunk) == CHUNK or sum(each.found.size for each in chunk) >= CHUNK_BYTES:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
