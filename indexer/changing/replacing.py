"""`semblance index --model NEW`: other codes for a library that is in use, and back.

The codes of NEW are made beside the old ones, by which searches go on, a committed batch at a time: a kill costs one,
and the next run goes on from there. When every picture that can be read has its code, one transaction makes NEW
current. Pictures of the run's folders get both codes; all others are looked up by their paths.

The old codes stay, so that going back is the same command with the old model's name and, where nothing came since, that
one transaction alone. They are not added to by runs for the current codec, which would encode every picture twice for a
way back that few go; what came since is encoded when somebody goes. `drop` removes them.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypedDict, Unpack

from semblance.indexer.catalog import Catalog, CurrentCodec, Entry, Writer, codecs
from semblance.indexer.changing.choosing import Replacement, asked
from semblance.indexer.derived import encoders, leftovers, pixelfile, snapshot
from semblance.indexer.run.pipeline import Summary, bring_up_to_date, codecs_with, full_disk_said, refresh, update
from semblance.indexer.run.scan import Found, Scan, at, check
from semblance.retrieval import storage
from semblance.retrieval.codec import DEFAULT_MODEL, Codec
from semblance.retrieval.errors import LibraryError, ModelError
from semblance.retrieval.progress import Progress, quiet

MOST_LEFT_OUT = 0.1  # of the pictures: where more cannot be read, a disk is away, and nothing is switched


class Options(TypedDict, total=False):
    """What `index` hands on to pipeline.update."""

    with_pixels: bool
    prune: bool
    exclude: Sequence[str]
    threads: int


def index(
    folders: Sequence[Path | str],
    library: Path,
    model: str | None,
    copies: str | None,
    bar: Callable[[str], AbstractContextManager[Progress]],
    say: Callable[[str], None] = lambda _: None,
    **options: Unpack[Options],
) -> Summary:
    """Bring a library up to date with folders (see pipeline.update), by the codecs that are asked for (see `asked`).

    `bar` gives a progress for each part of the work, by what it is called, and `say` takes sentences for a person.
    """
    check([*folders], library, options.get("exclude", ()))  # before the library is looked at, which may update it
    storage.warm(folders)  # while the model is loaded
    parts: list[Summary] = []
    if not Catalog.exists(library) and folders:
        with bar("Indexing") as progress:
            codec = Codec(DEFAULT_MODEL if model is None else model)
            parts.append(update([*folders], library, codec, progress=progress, **options))
        folders = ()
        if copies is None:
            return parts[0]
    wanted = asked(library, model, copies)
    if wanted.lacking and wanted.new:
        say(wanted.said)
    with Catalog.opened(library) as catalog:
        codec_now = _findable(catalog)
        first = wanted.ready or codec_now is None
    if first or not folders:
        parts.append(_completed(library, wanted, bar, say, options))
    if folders:
        with Catalog.opened(library) as catalog:
            codec_now = encoders.find(catalog)
        with bar("Indexing") as progress:
            beside = {} if first else wanted.new
            parts.append(update([*folders], library, codec_now, beside=beside, progress=progress, **options))
        if wanted.new and not first:
            parts.append(_completed(library, asked(library, model, copies), bar, say, options))
    return _together(parts)


def complete(
    library: Path, wanted: Replacement, threads: int = os.cpu_count() or 1, progress: Progress = quiet
) -> Summary:
    """Encode every picture of the library that lacks a code of what is asked for, by its path, and make that current.

    A picture whose file is gone or cannot be read has no such code, and is named in `failed`; where these are more than
    MOST_LEFT_OUT, the library goes on with the codec it has. Raises LibraryLocked, and LibraryError then.
    """
    started = time.monotonic()
    with Writer.writing(library) as catalog, full_disk_said(library):
        leftovers.remove(library)
        summary = Summary(unchanged=wanted.pictures)
        if wanted.lacking:
            all_codecs = codecs_with(catalog, _findable(catalog), wanted.asked)
            seen, gone = _by_path(catalog)
            with_pixels = pixelfile.exists(library)
            summary = bring_up_to_date(catalog, seen, all_codecs, with_pixels, False, threads, progress)
            summary.failed |= gone
        _switch(catalog, wanted, summary.failed)
        summary.switched = {purpose: codec.codec_id for purpose, codec in wanted.new.items()}
    summary.seconds = time.monotonic() - started
    return summary


def _completed(
    library: Path,
    wanted: Replacement,
    bar: Callable[[str], AbstractContextManager[Progress]],
    say: Callable[[str], None],
    options: Options,
) -> Summary:
    with Catalog.opened(library) as catalog:
        before = {known.purpose: known.codec for known in codecs.known(catalog) if known.current}
    with bar("Encoding") as progress:
        summary = complete(library, wanted, options.get("threads", os.cpu_count() or 1), progress)
    for purpose, codec in wanted.new.items():
        old, option = before.get(purpose), "--model" if purpose == "alike" else "--copies"
        way = (
            f": {option} {old.codec_id[:12]} goes back to {old.model}, --drop {old.codec_id[:12]} removes it"
            if old
            else ""
        )
        say(f"Codes by {codec.reference} ({codec.codec_id[:12]}) are current now{way}.")
    return summary


def _together(parts: Sequence[Summary]) -> Summary:
    """What several parts of one run did."""
    last = parts[-1]
    for part in parts[:-1]:
        for name in ("added", "updated", "moved", "removed", "completed", "skipped", "seconds"):
            setattr(last, name, getattr(last, name) + getattr(part, name))
        last.failed = part.failed | last.failed
        last.warnings = part.warnings + last.warnings
        last.switched = part.switched | last.switched
    return last


def _switch(catalog: Writer, wanted: Replacement, failed: Mapping[str, str]) -> None:
    pictures, _ = catalog.counts()
    for purpose, codec in wanted.new.items():
        lacking = pictures - codecs.covered(catalog, codec.codec_id)
        if lacking > MOST_LEFT_OUT * pictures:
            path, reason = next(iter(failed.items()), ("none", "all were looked into."))
            raise LibraryError(
                f"{lacking:,} of the {pictures:,} pictures of {catalog.folder} have no code by {codec.name}, {path} "
                f"first ({reason}) The library goes on with the codes it has, and what was encoded is kept: bring them "
                "back, or index their folders again (with --prune if they are gone for good), then run this again."
            )
        encoders.keep(catalog.folder, codec)
        if not encoders.has(catalog.folder, codec.codec_id):
            raise LibraryError(f"The model {codec.name} could not be written into {catalog.folder}: see to its disk.")
        snapshot.prepare(catalog, purpose, CurrentCodec(codec.codec_id, codec.bits, codec.reference))
    codecs.make_current(catalog, {purpose: codec.codec_id for purpose, codec in wanted.new.items()})
    refresh(catalog)


def _by_path(catalog: Catalog) -> tuple[Scan, dict[str, str]]:
    """All pictures of a library, as if a scan had found them, and why others were not."""
    seen, gone = Scan(), dict[str, str]()
    for entry in catalog.entries():
        if found := _as_known(entry) if storage.is_address(entry.path) else at(entry.path):
            seen.found[entry.path] = found
        else:
            gone[entry.path] = "The file is gone, or cannot be looked at."
    return seen, gone


def _as_known(entry: Entry) -> Found:
    """An object as it was indexed: whether it is still so is seen when it is read, and not asked of each before."""
    return Found(entry.path, entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode)


def _findable(catalog: Catalog) -> Codec | None:
    try:
        return encoders.find(catalog)
    except ModelError:  # a library whose encoder is lost gets other codes just so
        return None
