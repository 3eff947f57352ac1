"""Folders -> scan -> take in what was seen -> snapshots: a whole run of `index`.

The thread that calls it decides and commits while the pool's threads do the rest. What is committed stays: a kill,
Ctrl-C or a full disk loses at most the batch in flight, and the next run takes up from there.
"""

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from semblance.indexer.catalog import Catalog, Purpose, Writer, finding, placing, said
from semblance.indexer.derived import encoders, leftovers, pixelfile, snapshot
from semblance.indexer.keeping import uploads
from semblance.indexer.run.deciding import Known
from semblance.indexer.run.disks import to_remember
from semblance.indexer.run.forgetting import vanished
from semblance.indexer.run.scan import Scan, at, check, scan
from semblance.indexer.run.taking_in import Summary as Summary  # what callers know by this module
from semblance.indexer.run.taking_in import TakingIn
from semblance.retrieval import storage
from semblance.retrieval.codec import COPIES_MODEL, Codec
from semblance.retrieval.errors import LibraryError, ModelError, StorageError, UsageError
from semblance.retrieval.progress import Progress, quiet


def update(
    folders: Sequence[Path | str],
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

    `folders` are Paths, or addresses as text; only what is below them is ever forgotten, and one that is missing or has
    suddenly no picture left forgets nothing unless `prune`. `exclude` has patterns of what is left out (excluding.py).
    `with_pixels` keeps pixel vectors too, as does a library that already has them. Codes of codecs that are to be
    current are made `beside`. Raises UsageError, LibraryLocked, CodecMismatch, LibraryError, and StorageError.
    """
    started = time.monotonic()
    check(folders, library, exclude)
    if not Catalog.exists(library):
        for folder in folders:
            if not (folder.is_dir() if isinstance(folder, Path) else _is_stored(folder)):
                raise UsageError(f"There is no folder {folder}.")
    with Writer.writing(library, codec) as catalog, full_disk_said(library):
        leftovers.remove(library)
        if uploads.named(library, folders):
            uploads.bring_home(catalog)
        codecs = codecs_with(catalog, codec, beside)
        with_pixels = with_pixels or pixelfile.exists(library)
        summary = bring_up_to_date(
            catalog, scan(folders, library, exclude, progress), codecs, with_pixels, prune, threads, progress
        )
        refresh(catalog)
    summary.seconds = time.monotonic() - started
    return summary


def _is_stored(address: str) -> bool:
    """Whether there is anything below an address. Raises StorageError."""
    return next(storage.listing(storage.normal(address)), None) is not None


def look_again(
    catalog: Writer, alike: Codec, paths: Iterable[str], threads: int, progress: Progress = quiet
) -> Summary:
    """Make anew what the library lacks of pictures whose files are at these paths; nothing else is looked at, and
    nothing forgotten. A file that is another now is taken in as `update` does."""
    seen = Scan(found={found.path: found for path in paths if (found := at(path))})
    codecs, with_pixels = codecs_with(catalog, alike), pixelfile.exists(catalog.folder)
    return bring_up_to_date(catalog, seen, codecs, with_pixels, False, threads, progress)


def refresh(catalog: Writer) -> None:
    """Make what is derived of the catalog's codes and pictures stand for its present state. Raises OSError."""
    snapshot.refresh(catalog)
    if catalog.current("same"):
        snapshot.refresh(catalog, "same")
    if pixelfile.exists(catalog.folder):
        pixelfile.compact(catalog.folder, catalog.contents())


def codecs_of(catalog: Writer, alike: Codec, before: list[Codec]) -> list[Codec]:
    """The library's codecs, those of before where they still are."""
    same = catalog.current("same")
    if before and [codec.codec_id for codec in before] == [alike.codec_id, *([same.codec_id] if same else [])]:
        return before
    return codecs_with(catalog, alike)


def update_some(
    catalog: Writer, codecs: list[Codec], seen: Scan, gone: list[str], leaving: list[str], threads: int
) -> Summary:
    """Take in files that were seen one by one, and what is `gone` of files and folders; see looking.look.

    What is gone or `leaving` may be found under the paths seen; what is leaving is not forgotten yet.
    """
    within = partial(finding.within, catalog)
    entries = {entry.path: entry for path in [*seen.found, *gone] for entry in within(path)}
    failures = {at: why for path in [*seen.found, *gone] for at, why in finding.failures_within(catalog, path).items()}
    lost = vanished(seen, entries, failures, finding.folders(catalog), within, partly=True)
    left = {entry.path: entry for path in leaving for entry in within(path)}
    lost = replace(lost, leaving=[path for path in left if path not in entries and path not in seen.found])
    entries |= left
    ids = [entry.id for entry in entries.values()]
    coded = {codec.codec_id: finding.coded(catalog, codec.codec_id, ids) for codec in codecs}
    known = Known(entries, failures, coded, said.asked(catalog, ids))
    with_pixels = pixelfile.exists(catalog.folder)  # which of the others lack one, only a whole run asks
    return TakingIn(catalog, codecs, known, lost, with_pixels, None, threads, quiet).run(seen)


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
    remembered = finding.folders(catalog)
    lost = vanished(seen, known.entries, known.failures, remembered, partial(finding.within, catalog), prune)
    contents = {entry.id: entry.sha256 for entry in known.entries.values()}
    vectors = pixelfile.PixelFile(catalog.folder, contents) if with_pixels else None
    taking_in = TakingIn(catalog, codecs, known, lost, with_pixels, vectors, threads, progress)
    summary = taking_in.run(seen)
    placing.see(catalog, *to_remember(seen, remembered, lost.away, prune, finding.last(catalog)))
    return summary


def _known(catalog: Catalog, codecs: list[Codec]) -> Known:
    coded = {codec.codec_id: catalog.coded(codec.codec_id) for codec in codecs}
    return Known({entry.path: entry for entry in catalog.entries()}, catalog.failures(), coded, said.asked(catalog))


@contextlib.contextmanager
def full_disk_said(library: Path) -> Iterator[None]:
    """Derived files fail with OSError where the disk is full; the catalog says so itself."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise LibraryError(
            f"A file of the library {library} could not be written ({error.strerror or error}). What was indexed is "
            "kept: mend the cause and run the same command again."
        ) from error
