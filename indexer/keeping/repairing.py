"""`semblance verify --repair`: what can be saved of a damaged library is saved, and the rest made anew."""

import contextlib
import os
import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from semblance.indexer.catalog import Purpose, Writer, salvaging
from semblance.indexer.derived import building, built, encoders, leftovers, pixelfile, thumbnails
from semblance.indexer.keeping import verifying
from semblance.indexer.keeping.verifying import Report
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import COPIES_MODEL, DEFAULT_MODEL, Codec, find_model, id_of, read_card, shipped_models
from semblance.retrieval.errors import ModelError
from semblance.retrieval.index import ENGINES
from semblance.retrieval.progress import Progress, quiet


def repair(
    library: Path, with_pictures: bool = False, threads: int = os.cpu_count() or 1, progress: Progress = quiet
) -> Report:
    """Verify a library, mend what can be mended, and verify it again.

    A damaged catalog is written anew from its whole rows, and kept under another name. Raises as `verify` does, and
    LibraryLocked where another process is writing.
    """
    before = verifying.verify(library, threads=threads)
    parts = {damage.part for damage in before.damage}
    mended, kept, paths = list[str](), None, list[str]()
    if "catalog" in parts:
        saved = salvaging.salvage(library, _at_hand(library))
        kept, paths = str(saved.kept), saved.paths
        mended.append(
            f"{saved.pictures:,} pictures and {saved.codes:,} codes are whole, and stand in a new catalog; the damaged "
            f"one is kept as {kept}."
        )
        if paths:
            mended.append(
                f"{len(paths):,} pictures' rows were damaged: index your folders again, which finds those whose paths "
                "could not be read any more."
            )
    if parts:
        with Writer.writing(library) as catalog, pipeline.full_disk_said(library):
            mended += _mend(catalog, paths, threads, progress)
    after = verifying.verify(library, with_pictures, threads, progress)
    after.mended, after.kept, after.seconds = mended, kept, before.seconds + after.seconds
    return after


def _at_hand(library: Path) -> dict[str, tuple[str, Purpose]]:
    """The name and the purpose of each codec that is in the library's folder, or ships."""
    found: dict[str, tuple[str, Purpose]] = {}
    own = [folder for folder in (library / encoders.FOLDER).glob("*") if not folder.name.startswith(".")]
    for folder in [*(find_model(name) for name in shipped_models()), *own]:
        with contextlib.suppress(ModelError):
            name = str(read_card(folder)["name"])
            found[id_of(folder)] = name, "same" if name == COPIES_MODEL else "alike"
    return found


def _mend(catalog: Writer, paths: list[str], threads: int, progress: Progress) -> list[str]:
    """Make anew what the library lacks; `paths` are files that it may have had. What was done, in sentences."""
    said = []
    leftovers.remove(catalog.folder)
    for path in thumbnails.damaged(catalog.folder):
        path.unlink(missing_ok=True)
    codec, lost = _codec(catalog)
    said += lost
    lacks = set().union(*verifying.lacking(catalog).values())
    if pixelfile.exists(catalog.folder):
        contents = catalog.contents()
        lacks |= contents.keys() - set(pixelfile.PixelFile(catalog.folder, contents).ids.tolist())
    wanted = [entry.path for entry in catalog.entries() if entry.id in lacks]
    summary = pipeline.look_again(catalog, codec, [*wanted, *paths], threads, progress)
    pipeline.refresh(catalog)
    said += _engines(catalog, progress)
    if wanted or paths:
        again = summary.added + summary.updated + len(wanted) - len(summary.failed)
        said.append(
            f"Pictures that were looked into again: {again:,}; that could not be read: {len(summary.failed):,}."
        )
    return said


def _engines(catalog: Writer, progress: Progress) -> list[str]:
    """Build anew what was damaged of what searches go by."""
    folders = [*built.damaged(catalog)]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    names = sorted({folder.name.split("-")[1] for folder in folders} & ENGINES.keys())
    return [said for name in names for said in building.build(catalog.folder, name, lambda _: nullcontext(progress))]


def _codec(catalog: Writer) -> tuple[Codec, list[str]]:
    """The library's codec, whole in the library, and what had to be done for it."""
    for known in verifying.codecs(catalog):
        own = encoders.place(catalog.folder, known.codec_id)
        if own.exists() and not encoders.has(catalog.folder, known.codec_id):
            _mend_copy(catalog, own, known.codec_id)
    try:
        codec = encoders.find(catalog)
    except ModelError:
        before, codec = catalog.model, Codec(DEFAULT_MODEL)
        none = np.empty((0, (codec.bits + 7) // 8), np.uint8)
        catalog.switch(codec, np.empty(0, np.int64), none)
        said = f"The model {before} that made the library is lost: all its pictures are encoded anew by {codec.name}."
        return codec, [said]
    return codec, []


def _mend_copy(catalog: Writer, own: Path, codec_id: str) -> None:
    """Put a whole copy of an encoder in a damaged one's place, where it can be had."""
    elsewhere = [folder for folder in map(find_model, shipped_models()) if id_of(folder) == codec_id]
    if elsewhere:
        shutil.rmtree(own, ignore_errors=True)
        encoders.keep(catalog.folder, Codec(elsewhere[0]))
    else:
        encoders.accept(own, codec_id)
