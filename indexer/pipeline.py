"""Scan -> encode in the pool -> decide -> one transaction a batch -> forget what is gone.

This thread decides and commits while the pool's threads do the rest. What is committed stays: a kill, Ctrl-C or a full
disk loses at most the batch in flight, and the next run takes up from there.
"""

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from semblance.indexer import encoders, leftovers, pixelfile, snapshot
from semblance.indexer.catalog import Catalog, Failure, Purpose, Writer
from semblance.indexer.deciding import Decision, Known, decide, plan, vanished
from semblance.indexer.encoding import Encoded, encoded
from semblance.indexer.scan import Scan, check, look, scan
from semblance.retrieval.codec import COPIES_MODEL, Codec
from semblance.retrieval.errors import LibraryError, ModelError, UsageError
from semblance.retrieval.progress import Progress, quiet

_BATCH = 256  # files that one transaction takes, and a chunk's more at most


@dataclass
class Summary:
    """What one run did. `failed`: path and reason of each file left out; `warnings`: what was not done, and why;
    `completed`: how many of the unchanged pictures got a code that they lacked; `switched`: the codec_ids of the codecs
    that became current (see replacing.py)."""

    added: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    completed: int = 0
    skipped: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    switched: dict[Purpose, str] = field(default_factory=dict)
    seconds: float = 0.0


def update(
    folders: list[Path],
    library: Path,
    codec: Codec,
    *,
    with_pixels: bool = False,
    prune: bool = False,
    exclude: Sequence[str] = (),
    beside: Mapping[Purpose, Codec] = MappingProxyType({}),
    threads: int = os.cpu_count() or 1,
    progress: Progress = quiet,
) -> Summary:
    """Bring `library` up to date with `folders`: encode what is new or changed, forget what is gone.

    Only files below `folders` are ever forgotten; a folder that is missing or has suddenly no picture left forgets
    nothing unless `prune`. `exclude` has patterns of what is left out (see excluding.py). `with_pixels` keeps pixel
    vectors too, as does a library that already has them. Codes of codecs that are to be current are made
    `beside`. Raises UsageError, LibraryLocked, CodecMismatch, LibraryError.
    """
    started = time.monotonic()
    check(folders, library, exclude)
    if not Catalog.exists(library):
        for folder in folders:
            if not folder.is_dir():
                raise UsageError(f"There is no folder {folder}.")
    with Writer.writing(library, codec) as catalog, full_disk_said(library):
        leftovers.remove(library)
        codecs = codecs_with(catalog, codec, beside)
        with_pixels = with_pixels or pixelfile.exists(library)
        summary = bring_up_to_date(
            catalog, scan(folders, library, exclude), codecs, with_pixels, prune, threads, progress
        )
        refresh(catalog)
    summary.seconds = time.monotonic() - started
    return summary


def codecs_with(
    catalog: Writer, alike: Codec | None, beside: Mapping[Purpose, Codec] = MappingProxyType({})
) -> list[Codec]:
    """The library's codecs, known to it and kept: for what is alike and, unless that one serves both, for what is the
    same, which the one that ships takes over where the library's own is not to be found any more; and those `beside`
    them, that are to be current. `alike` is None where it is not to be found: its codes are left as they are."""
    for purpose, codec in beside.items():
        catalog.know(codec, purpose)
    same = None
    with contextlib.suppress(ModelError):
        same = encoders.find_same(catalog)
    if same is None:
        same = Codec(COPIES_MODEL)
        if same.codec_id != catalog.codec_id:
            catalog.know(same, "same", instead=True)
    codecs = {codec.codec_id: codec for codec in (alike, same, *beside.values()) if codec}
    for codec in codecs.values():
        encoders.keep(catalog.folder, codec)
    return [*codecs.values()]


def bring_up_to_date(
    catalog: Writer,
    seen: Scan,
    codecs: list[Codec],
    with_pixels: bool,
    prune: bool,
    threads: int,
    progress: Progress,
) -> Summary:
    """Make the library what was `seen`, with codes of all `codecs`; see `update`."""
    known = _known(catalog, codecs)
    if catalog.damaged_seen:  # what is damaged is made anew
        catalog.drop_damaged()
        known = _known(catalog, codecs)
    gone, warnings = vanished(seen, known, prune)
    contents = {entry.id: entry.sha256 for entry in known.entries.values()}
    vectors = set(pixelfile.PixelFile(catalog.folder, contents).ids.tolist()) if with_pixels else None
    work = plan(seen, known, vectors)
    summary = Summary(skipped=seen.skipped, failed=dict(seen.unlisted), warnings=warnings)
    summary.unchanged = len((seen.found.keys() - {item.found.path for item in work}) & known.entries.keys())
    done, batch = 0, list[Encoded | Failure]()
    progress(done, len(work))
    for results in encoded(work, codecs, with_pixels, threads):
        batch += results
        done += len(results)
        if len(batch) >= _BATCH or done == len(work):
            _commit(catalog, decide(batch, known), codecs, known, summary)
            batch = []
        progress(done, len(work))
    catalog.record([], [Failure(path, reason, read=False) for path, reason in seen.unlisted.items()])
    catalog.forget(gone)
    summary.removed = sum(path in known.entries for path in gone)
    return summary


def look_again(
    catalog: Writer, alike: Codec, paths: Iterable[str], threads: int, progress: Progress = quiet
) -> Summary:
    """Make anew what the library lacks of pictures whose files are at these paths; nothing else is looked at, and
    nothing forgotten. A file that is another now is taken in as `update` does."""
    seen = Scan(found={found.path: found for path in paths if (found := look(path))})
    codecs, with_pixels = codecs_with(catalog, alike), pixelfile.exists(catalog.folder)
    return bring_up_to_date(catalog, seen, codecs, with_pixels, False, threads, progress)


def refresh(catalog: Writer) -> None:
    """Make what is derived of the catalog's codes and pictures stand for its present state. Raises OSError."""
    snapshot.refresh(catalog)
    if catalog.current("same"):
        snapshot.refresh(catalog, "same")
    if pixelfile.exists(catalog.folder):
        pixelfile.compact(catalog.folder, catalog.contents())


def _known(catalog: Catalog, codecs: list[Codec]) -> Known:
    coded = {codec.codec_id: catalog.coded(codec.codec_id) for codec in codecs}
    return Known({entry.path: entry for entry in catalog.entries()}, catalog.failures(), coded)


def _commit(catalog: Writer, decision: Decision, codecs: list[Codec], known: Known, summary: Summary) -> None:
    ids = catalog.record(decision.added, decision.failed) if decision.added or decision.failed else []
    if decision.touched:
        catalog.touch(decision.touched)
        ids += [entry.id for entry in decision.touched]
    for codec in codecs:
        if codes := decision.codes.get(codec.codec_id):
            catalog.add_codes(codec, np.array([*codes], np.int64), np.stack([*codes.values()]))
    hashes = [new.sha256 for new in decision.added] + [entry.sha256 for entry in decision.touched]
    made = [each for each in zip(ids, hashes, decision.vectors, strict=True) if each[2] is not None]
    if made:
        numbers, contents, vectors = zip(*made, strict=True)
        pixelfile.append(catalog.folder, numbers, contents, np.stack(vectors))
    updated = sum(picture.path in known.entries for picture in decision.added)
    summary.added += len(decision.added) - updated
    summary.updated += updated
    summary.unchanged += len(decision.touched)
    summary.completed += len({id for codes in decision.codes.values() for id in codes})
    summary.failed |= {failure.path: failure.reason for failure in decision.failed}


@contextlib.contextmanager
def full_disk_said(library: Path) -> Iterator[None]:
    """Derived files fail with OSError where the disk is full; the catalog says so itself."""
    try:
        yield
    except OSError as error:
        raise LibraryError(
            f"A file of the library {library} could not be written ({error.strerror or error}). What was indexed is "
            "kept: mend the cause and run the same command again."
        ) from error
