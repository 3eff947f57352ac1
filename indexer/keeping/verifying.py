"""Whether a library is whole, and mending it: `semblance verify`.

Everything that is kept carries a checksum or can be asked whether it fits: the catalog's rows, the snapshots, pixel
records, thumbnails, encoders. What is derived is made anew of the catalog, and the catalog of its whole rows and of the
pictures. Only what nobody kept elsewhere is lost: the rows of pictures whose paths cannot be read any more.
"""

import contextlib
import hashlib
import os
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

from semblance.indexer.catalog import Catalog, CurrentCodec, Entry, Purpose, checking, finding
from semblance.indexer.derived import built, encoders, pixelfile, snapshot, thumbnails
from semblance.indexer.keeping import keys, uploads
from semblance.retrieval import files, storage
from semblance.retrieval.errors import LibraryError, LibraryMissing, ModelError, SemblanceError, SnapshotError
from semblance.retrieval.pool import in_order
from semblance.retrieval.progress import Progress, quiet

_CHUNK = 32  # pictures that a thread hashes at a time


@dataclass(frozen=True)
class Damage:
    """What is wrong in one part of a library, and the command that mends it."""

    part: str
    said: str
    mend: str


@dataclass
class Report:
    """What was found; `mended` says what a repair did, and `damage` is then what is left."""

    pictures: int = 0
    damage: list[Damage] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    kept: str | None = None
    seconds: float = 0.0


def verify(
    library: Path, with_pictures: bool = False, threads: int = os.cpu_count() or 1, progress: Progress = quiet
) -> Report:
    """Look through all of a library; with `with_pictures` the files that it was made of are hashed too.

    A library of before is brought up to date first. Raises LibraryMissing, LibraryLocked, and LibraryError where there
    is none that could be looked through.
    """
    started = time.monotonic()
    if not Catalog.exists(library):
        raise LibraryMissing(f"There is no library at {library}: name the folder of one.")
    report = Report()
    repair = f"semblance verify --repair --library {shlex.quote(str(library))}"
    report.damage = [Damage("catalog", said, repair) for said in checking.problems(library)]
    with contextlib.suppress(LibraryError), Catalog.opened(library) as catalog:
        report.pictures = catalog.counts()[0]
        for part in (_codes, _encoders, _snapshots, _engines, _pixels):
            report.damage += [Damage(part.__name__[1:], said, repair) for said in part(catalog)]
        report.damage += _uploads(catalog)
        if with_pictures:
            report.damage += _pictures(catalog.entries(), library, threads, progress)
    if damaged := [*thumbnails.damaged(library)]:
        said = f"{_many(len(damaged), 'thumbnail')} damaged, {damaged[0]} first."
        report.damage.append(Damage("thumbnails", said, repair))
    try:
        keys.read(library)
    except LibraryError as error:  # a hash is made of nothing: no repair
        report.damage.append(Damage("keys", str(error), shlex.join(["rm", str(library / keys.FILE)])))
    report.seconds = time.monotonic() - started
    return report


def lacking(catalog: Catalog) -> dict[Purpose, set[int]]:
    """The pictures that have no code of the current codec of each purpose."""
    ids = {entry.id for entry in catalog.entries()}
    current = {purpose: catalog.current(purpose) for purpose in get_args(Purpose)}
    return {purpose: ids - catalog.coded(codec.codec_id) for purpose, codec in current.items() if codec}


def codecs(catalog: Catalog) -> Iterator[CurrentCodec]:
    """The current codec of each purpose."""
    yield from (codec for purpose in get_args(Purpose) if (codec := catalog.current(purpose)))


def _codes(catalog: Catalog) -> Iterator[str]:
    for purpose, ids in lacking(catalog).items():
        if ids:
            yield f"{_many(len(ids), 'picture')} without a code by which what is {purpose} is found."


def _encoders(catalog: Catalog) -> Iterator[str]:
    for codec in codecs(catalog):
        own = encoders.place(catalog.folder, codec.codec_id)
        if encoders.has(catalog.folder, codec.codec_id):
            continue
        try:
            encoders.find(catalog, codec)
        except ModelError as error:
            yield str(error)
        else:
            if own.exists():
                yield f"The library's own copy of its encoder {codec.model}, {own}, is damaged."


def _snapshots(catalog: Catalog) -> Iterator[str]:
    for purpose in get_args(Purpose):
        path = catalog.folder / snapshot.FILES[purpose]
        if path.exists() and catalog.current(purpose):
            try:
                fits = snapshot.fits(catalog, purpose)
            except SnapshotError as error:
                yield str(error)
            else:
                if not fits:
                    yield f"{path} does not hold the codes that the catalog has."


def _engines(catalog: Catalog) -> Iterator[str]:
    for folder in built.damaged(catalog):
        yield f"{folder} is not the index that was built: searches compare all codes until it is built anew."


def _pixels(catalog: Catalog) -> Iterator[str]:
    if not pixelfile.exists(catalog.folder):
        return
    path = catalog.folder / pixelfile.FILE
    if pixelfile.is_of_before(catalog.folder):
        yield f"{path} is of an earlier version, or its beginning is damaged."
        return
    contents = catalog.contents()
    kept = pixelfile.PixelFile(catalog.folder, contents)
    if kept.damaged:
        yield f"{_many(kept.damaged, 'record')} of {path} damaged."
    elif without := len(contents) - len(kept):
        yield f"{_many(without, 'picture')} without a record in {path}."


def _uploads(catalog: Catalog) -> Iterator[Damage]:
    """The library's own pictures whose files are gone: whatever else is lost can be made again."""
    home = uploads.home(catalog.folder)
    if gone := [entry.path for entry in finding.within(catalog, home) if not os.path.lexists(entry.path)]:
        said = f"{_many(len(gone), 'upload')} gone, {gone[0]} first: put them back from a backup, or forget them."
        yield Damage("uploads", said, shlex.join(["semblance", "index", home, "--library", str(catalog.folder)]))


def _pictures(entries: list[Entry], library: Path, threads: int, progress: Progress) -> Iterator[Damage]:
    """The pictures whose files are not what was indexed."""
    chunks = (entries[start : start + _CHUNK] for start in range(0, len(entries), _CHUNK))
    done = 0
    progress(done, len(entries))
    for found in in_order(partial(map, _hashed), chunks, threads):
        for entry, said in found:
            done += 1
            if said:
                above = os.path.dirname(entry.path)  # noqa: PTH120 - a Path is none of an address
                mend = shlex.join(["semblance", "index", above, "--library", str(library)])
                yield Damage("pictures", f"{entry.path}: {said}", mend)
        progress(done, len(entries))


def _hashed(entry: Entry) -> tuple[Entry, str | None]:
    if storage.is_address(entry.path):
        return entry, _said_of_stored(entry)
    try:
        with files.open_regular(Path(entry.path)) as file:
            now = os.fstat(file.fileno())
            content = hashlib.sha256(file.read()).digest()
    except OSError as error:
        return entry, f"The file cannot be read ({error.strerror or error})."
    if content == entry.sha256:
        return entry, None
    if (now.st_size, now.st_mtime_ns) == (entry.size, entry.mtime_ns):
        return entry, (
            "Its content is another than was indexed, though its size and time are the same: it has rotted. "
            "Put it back from a backup of your pictures first."
        )
    return entry, "It has been changed since it was indexed."


def _said_of_stored(entry: Entry) -> str | None:
    """None where what lies at an address is what was indexed. A storage keeps checksums of its own: it does not rot."""
    try:
        content = hashlib.sha256(storage.read(entry.path)).digest()
    except SemblanceError as error:
        return str(error)
    return None if content == entry.sha256 else "It has been changed since it was indexed."


def _many(count: int, what: str) -> str:
    return f"1 {what} is" if count == 1 else f"{count:,} {what}s are"
