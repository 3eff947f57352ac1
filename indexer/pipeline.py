"""Scan -> decode pool -> encode in batches -> one transaction a batch.

The pool's threads read, hash and decode while this thread encodes and commits. What is committed stays: a kill, Ctrl-C
or a full disk loses at most the batch in flight, and the next run takes up from there.
"""

import contextlib
import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from semblance.indexer import pixelfile, snapshot
from semblance.indexer.catalog import Catalog
from semblance.indexer.records import Entry, Failure, NewPicture
from semblance.indexer.scan import Found, Scan, scan
from semblance.retrieval import images, pixels
from semblance.retrieval.codec import BATCH, Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import LibraryError, PictureError, UsageError
from semblance.retrieval.images import Picture

_CHUNK = 32  # files a pool task takes: a task for every small file would cost more than the file

Progress = Callable[[int, int], None]


@dataclass
class Report:
    """What one run did. `failed`: path and reason of each file left out; `warnings`: what was not done, and why."""

    added: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class _Work:
    """A file to look into, and its entry where the catalog has one."""

    found: Found
    known: Entry | None


@dataclass(frozen=True)
class _Decoded:
    """A file's content: hash, picture for the codec (None where the content is the known one), pixel vector."""

    found: Found
    known: Entry | None
    sha256: bytes
    picture: Picture | None
    vector: Picture | None


def index(
    folders: list[Path],
    library: Path,
    codec: Codec,
    *,
    with_pixels: bool = False,
    prune: bool = False,
    threads: int = os.cpu_count() or 1,
    progress: Progress = lambda _done, _total: None,
) -> Report:
    """Bring `library` up to date with `folders`: encode what is new or changed, forget what is gone.

    Only files below `folders` are ever forgotten; a folder that is missing or has suddenly no picture left forgets
    nothing unless `prune`. `with_pixels` keeps pixel vectors too, as does a library that already has them. `threads`
    decode. Raises UsageError, LibraryLocked, CodecMismatch and LibraryError.
    """
    started = time.monotonic()
    if not Catalog.exists(library):
        for folder in folders:
            if not folder.is_dir():
                raise UsageError(f"There is no folder {folder}.")
    with Catalog.writing(library, codec) as catalog, _full_disk_said(library):
        if (
            catalog.generation().number == 0
        ):  # a file from before this catalog would give its ids other pictures' vectors
            pixelfile.drop(library)
        seen = scan(folders, library)
        report = Report(skipped=seen.skipped, failed=dict(seen.unlisted))
        entries = {entry.path: entry for entry in catalog.entries()}
        failures = catalog.failures()
        gone = _gone(seen, entries, failures, prune, report)
        catalog.forget(gone)
        report.removed = sum(path in entries for path in gone)
        with_pixels = with_pixels or pixelfile.exists(library)
        work = _plan(catalog, seen, entries, failures, with_pixels)
        report.unchanged = sum(path in entries for path in seen.found) - sum(item.known is not None for item in work)
        _Run(catalog, codec, with_pixels, report).process(work, threads, progress)
        catalog.record([], [Failure(path, reason, read=False) for path, reason in seen.unlisted.items()])
        held = snapshot.refresh(catalog)
        if with_pixels:
            pixelfile.compact(library, held.ids())
    report.seconds = time.monotonic() - started
    return report


def _gone(seen: Scan, entries: dict[str, Entry], failures: dict[str, str], prune: bool, report: Report) -> list[str]:
    """Which pictures and failures of the catalog may be forgotten: those below the folders of this run that were not
    found, were not hidden by something that could not be looked at, and are below no folder that is missing or
    suddenly empty. Raises UsageError."""
    gone: set[str] = set()
    kept: set[str] = set()
    for root in seen.roots:
        lost = [
            path
            for path in {**entries, **failures}
            if _is_within(path, root)
            and path not in seen.found
            and not any(_is_within(path, closed) for closed in seen.unlisted)
        ]
        pictures = sum(path in entries for path in lost)
        if root in seen.missing and not lost:
            raise UsageError(f"There is no folder {root}, and the library has no pictures from it.")
        if pictures and not prune and not any(_is_within(path, root) for path in seen.found):
            state = "is missing" if root in seen.missing else "has no pictures any more"
            report.warnings.append(
                f"The folder {root} {state}: its {pictures:,} pictures are kept in the library. "
                "If they are gone for good, run again with --prune."
            )
            kept.update(lost)
        gone.update(lost)
    return sorted(gone - kept)


def _is_within(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _plan(
    catalog: Catalog, seen: Scan, entries: dict[str, Entry], failures: dict[str, str], with_pixels: bool
) -> list[_Work]:
    """The files that are new, changed, failed before, or lack a pixel vector that is wanted."""
    ids = np.array([entry.id for entry in entries.values()], np.int64)
    vectors = set(pixelfile.PixelFile(catalog.folder, ids).ids.tolist()) if with_pixels else None
    work = []
    for found in seen.found.values():
        known = entries.get(found.path)
        same = known is not None and (known.size, known.mtime_ns) == (found.size, found.mtime_ns)
        if same and known is not None and found.path not in failures and (vectors is None or known.id in vectors):
            continue
        work.append(_Work(found, known))
    return work


class _Run:
    """The part of a run that takes long: it holds the batch in hand."""

    def __init__(self, catalog: Catalog, codec: Codec, with_pixels: bool, report: Report) -> None:
        self.catalog, self.codec, self.with_pixels, self.report = catalog, codec, with_pixels, report

    def process(self, work: list[_Work], threads: int, progress: Progress) -> None:
        """Decode in the pool, encode and commit here, a batch at a time."""
        batch: list[_Decoded | Failure] = []
        done = 0
        progress(0, len(work))
        for results in _in_pool(self._decode_chunk, work, threads):
            batch += results
            while len(batch) >= BATCH:
                self._commit(batch[:BATCH])
                batch = batch[BATCH:]
            done += len(results)
            progress(done, len(work))
        if batch:
            self._commit(batch)

    def _commit(self, batch: list[_Decoded | Failure]) -> None:
        failed = [item for item in batch if isinstance(item, Failure)]
        decoded = [item for item in batch if isinstance(item, _Decoded)]
        fresh = [(item, item.picture) for item in decoded if item.picture is not None]
        same = [(item, item.known) for item in decoded if item.picture is None and item.known is not None]
        ids: list[int] = []
        if fresh or failed:
            codes: Iterable[Codes] = self.codec.encode(np.stack([picture for _, picture in fresh])) if fresh else ()
            added = [
                NewPicture(item.found.path, item.found.size, item.found.mtime_ns, item.sha256, code)
                for (item, _), code in zip(fresh, codes, strict=True)
            ]
            ids = self.catalog.record(added, failed)
        self.catalog.touch(
            [Entry(known.id, known.path, it.found.size, it.found.mtime_ns, it.sha256) for it, known in same]
        )
        if self.with_pixels:
            pairs = [*zip(ids, (item.vector for item, _ in fresh), strict=True), *((k.id, it.vector) for it, k in same)]
            vectors = [(id, vector.reshape(-1)) for id, vector in pairs if vector is not None]
            if vectors:
                pixelfile.append(self.catalog.folder, [id for id, _ in vectors], np.stack([v for _, v in vectors]))
        updated = sum(item.known is not None for item, _ in fresh)
        self.report.added += len(fresh) - updated
        self.report.updated += updated
        self.report.unchanged += len(same)
        for failure in failed:
            self.report.failed[failure.path] = failure.reason

    def _decode_chunk(self, chunk: list[_Work]) -> list[_Decoded | Failure]:
        return [self._decode(work) for work in chunk]

    def _decode(self, work: _Work) -> _Decoded | Failure:
        spec = self.codec.spec
        try:
            data = images.read(Path(work.found.path))
            sha256 = hashlib.sha256(data).digest()
            same = work.known is not None and work.known.sha256 == sha256
            picture = None if same else images.load(data, spec)
            vector = None
            if self.with_pixels:
                vector = picture if picture is not None and spec == pixels.SPEC else images.load(data, pixels.SPEC)
        except PictureError as error:
            return Failure(work.found.path, str(error), read=True)
        except OSError as error:
            return Failure(work.found.path, f"The file cannot be read: {error.strerror or error}.", read=False)
        return _Decoded(work.found, work.known, sha256, picture, vector)


def _in_pool(
    decode: Callable[[list[_Work]], list[_Decoded | Failure]], work: list[_Work], threads: int
) -> Iterator[list[_Decoded | Failure]]:
    """Chunks of results in the order of `work`, with only so many in flight that the memory stays bounded."""
    chunks = iter([work[start : start + _CHUNK] for start in range(0, len(work), _CHUNK)])
    pending: deque[Future[list[_Decoded | Failure]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    try:
        for chunk in chunks:
            pending.append(pool.submit(decode, chunk))
            if len(pending) > 2 * threads + BATCH // _CHUNK:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _full_disk_said(library: Path) -> Iterator[None]:
    """Derived files fail with OSError where the disk is full; the catalog says so itself."""
    try:
        yield
    except OSError as error:
        raise LibraryError(
            f"A file of the library {library} could not be written ({error.strerror or error}). What was indexed is "
            "kept: mend the cause and run the same command again."
        ) from error
