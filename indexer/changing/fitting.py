"""`semblance index --fit`: a library's bits fitted to its own pictures, and every picture encoded into them.

Each picture is looked into once. Its features wait in a file that has no name, so that it goes with this process
however that ends; they are kept as they are, 4 bytes a number, since codes made of rounded ones would not be those that
the fitted encoder gives. The encoder is in the library before one transaction makes it current and brings all codes.

What fits is `retrieval/training/refit.py`. A library knows no training and needs no onnx, so whoever asks hands it in.
"""

import contextlib
import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from semblance.indexer.catalog import Catalog, CurrentCodec, Entry, Writer
from semblance.indexer.derived import encoders, leftovers, snapshot
from semblance.indexer.run.pipeline import full_disk_said
from semblance.retrieval import decoding, files, storage
from semblance.retrieval.codec import CARD, ENCODER, Codec, card_bytes, from_logits
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import LibraryError, ModelError, PictureError
from semblance.retrieval.images import Picture
from semblance.retrieval.judging.linear import Floats
from semblance.retrieval.pool import in_order
from semblance.retrieval.progress import Progress, quiet
from semblance.retrieval.sessions import session

FITTED_ON = 30_000  # pictures at most, spread over the library
_CHUNK = 16  # pictures that a thread looks into at a time
_BLOCK = 256  # features that become codes at a time
_MOST_LEFT_OUT = 0.1  # of the pictures: where more cannot be read, a disk is away


class Trunk(Protocol):
    """A codec as far as its features, and the formula that fits bits to them: see refit.Trunk."""

    codec: Codec

    def check(self, pictures: int, bits: int) -> None:
        """DatasetError where so many pictures are too few."""

    def features(self, pictures: Picture) -> Floats:
        """Pictures (N, S, S, 3) -> features (N, D)."""

    def fit(self, vectors: Floats, bits: int) -> Any:
        """Bits fitted to features. Raises DatasetError."""

    def ending_in(self, tail: Any) -> bytes:
        """The encoder with these bits."""

    def alone(self, tail: Any) -> bytes:
        """These bits as a model of features."""

    def card(self, name: str, bits: int, data: dict[str, Any], words: list[str]) -> dict[str, Any]:
        """What model.json says of them."""


@dataclass
class Fitted:
    """What was done. `already`: the bits were fitted to just these pictures before. `left_out`: path and reason of the
    pictures that have no code now, until `index` finds them again."""

    codec_id: str
    pictures: int = 0
    already: bool = False
    left_out: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def fit(
    library: Path, trunk_of: Callable[[Codec], Trunk], threads: int | None = None, progress: Progress = quiet
) -> Fitted:
    """Fit the bits of a library's codec to its own pictures and encode them all; the old codes go.

    A library that was fitted before is fitted anew from the encoder that it had first. Raises LibraryMissing,
    LibraryLocked and LibraryError, TrainingError where its codec has no such bits, DatasetError where the pictures are
    too few or too much alike.
    """
    started = time.monotonic()
    with Writer.writing(library) as catalog, full_disk_said(library):
        leftovers.remove(library)
        entries = catalog.entries()
        start, checksum = _start(catalog), _checksum(entries)
        if _fitted_on(encoders.find(catalog)) == checksum and len(catalog.coded(catalog.codec_id)) == len(entries):
            return Fitted(catalog.codec_id, len(entries), already=True)
        trunk = trunk_of(start)
        trunk.check(len(entries), start.bits)
        with tempfile.TemporaryFile(dir=library) as kept:
            used, left_out = _features(trunk, entries, kept, threads, progress)
            _check(library, entries, left_out)
            trunk.check(len(used), start.bits)
            kept.flush()
            vectors: Floats = np.memmap(kept, np.float32, "r").reshape(len(used), -1)
            some = np.linspace(0, len(used) - 1, min(len(used), FITTED_ON)).astype(np.int64)
            tail = trunk.fit(np.array(vectors[some]), start.bits)
            codes = _codes(trunk, tail, vectors)
        codec = _kept(library, trunk, tail, {"name": library.resolve().name, "pictures": len(used),
                                             "sha256": _checksum(used)})  # fmt: skip
        if codec.codec_id != catalog.codec_id or left_out:
            catalog.switch(codec, np.array([entry.id for entry in used], np.int64), codes)
        encoders.tidy(catalog, {start.codec_id, codec.codec_id})
        snapshot.refresh(catalog)
    return Fitted(codec.codec_id, len(used), left_out=left_out, seconds=time.monotonic() - started)


def _start(catalog: Catalog) -> Codec:
    """The library's codec; of one that was fitted here, the one that it was made of."""
    current = encoders.find(catalog)
    first = current.card.get("from") if "fitted" in current.card else None
    if isinstance(first, dict) and isinstance(id := first.get("codec_id"), str):
        with contextlib.suppress(ModelError):  # where it is nowhere, the fitted one has to do
            begun = encoders.find(catalog, CurrentCodec(id, current.bits, str(first.get("name"))))
            if begun.bits == current.bits:
                encoders.keep(catalog.folder, begun)
                return begun
    return current


def _fitted_on(codec: Codec) -> str | None:
    fitted = codec.card.get("fitted")
    return fitted.get("sha256") if isinstance(fitted, dict) else None


def _checksum(entries: Sequence[Entry]) -> str:
    """Of the contents of these pictures, wherever they lie and in whatever order."""
    return hashlib.sha256(b"".join(sorted(entry.sha256 for entry in entries))).hexdigest()


def _check(library: Path, entries: Sequence[Entry], left_out: dict[str, str]) -> None:
    if len(left_out) > _MOST_LEFT_OUT * len(entries):
        path, reason = next(iter(left_out.items()))
        raise LibraryError(
            f"{len(left_out):,} of the {len(entries):,} pictures of {library} are not what was indexed, {path} first "
            f"({reason}) Nothing was changed: bring them back, or index their folders again and then fit."
        )


def _features(
    trunk: Trunk, entries: Sequence[Entry], kept: BinaryIO, threads: int | None, progress: Progress
) -> tuple[list[Entry], dict[str, str]]:
    """Write the features of all pictures to `kept`; the pictures whose they are, and why others have none."""
    used: list[Entry] = []
    left_out: dict[str, str] = {}
    done = 0
    progress(done, len(entries))
    for found, vectors in in_order(partial(_look, trunk), _chunks(entries), threads):
        for entry, reason in found:
            if reason is None:
                used.append(entry)
            else:
                left_out[entry.path] = reason
        kept.write(np.ascontiguousarray(vectors).data)
        progress(done := done + len(found), len(entries))
    return used, left_out


def _chunks(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    return (entries[start : start + _CHUNK] for start in range(0, len(entries), _CHUNK))


def _look(trunk: Trunk, entries: Sequence[Entry]) -> tuple[list[tuple[Entry, str | None]], Floats]:
    """Features (n, D) of the pictures that are still what was indexed, and of each picture None or why it is not."""
    found: list[tuple[Entry, str | None]] = []
    pictures: list[Picture] = []
    for entry in entries:
        reason = None
        try:
            with decoding.one() as decoder:
                if same := decoder.open(storage.place(entry.path)) == entry.sha256:
                    pictures.append(decoder.see([trunk.codec.spec])[trunk.codec.spec])
            if not same:
                reason = "The file has changed since it was indexed."
        except PictureError as error:
            reason = str(error)
        except OSError as error:
            reason = f"The file cannot be read: {error.strerror or error}."
        found.append((entry, reason))
    return found, trunk.features(np.stack(pictures)) if pictures else np.empty((0, 0), np.float32)


def _codes(trunk: Trunk, tail: Any, vectors: Floats) -> Codes:
    """The codes that the fitted encoder gives for pictures of these features."""
    run = session(trunk.alone(tail), trunk.codec.folder, 1)
    blocks = (np.array(vectors[start : start + _BLOCK]) for start in range(0, len(vectors), _BLOCK))
    return np.concatenate([from_logits(run.run(None, {"features": block})[0]) for block in blocks])


def _kept(library: Path, trunk: Trunk, tail: Any, data: dict[str, Any]) -> Codec:
    """The fitted codec, from the library's own copy of it. Raises LibraryError where that cannot be written."""
    start, draft = trunk.codec, library / encoders.FOLDER / ".fitted.tmp"
    name = f"{start.name}-fitted"
    card = trunk.card(name, start.bits, data, ["semblance", "index", "--fit", "--library", data["name"]])
    try:
        shutil.rmtree(draft, ignore_errors=True)  # of a run that was killed
        files.make_folder(draft)
        for file, part in ((ENCODER, trunk.ending_in(tail)), (CARD, card_bytes(card))):
            files.replace(draft / file, [part])
        codec = Codec(draft)
        encoders.keep(library, codec)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if not encoders.has(library, codec.codec_id):
        raise LibraryError(f"The fitted model could not be written into {library}: see to its disk.")
    return Codec(encoders.place(library, codec.codec_id), known_as=name)
