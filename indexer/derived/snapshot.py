"""index.faiss and copies.faiss: snapshots of the catalog's codes, of what is alike and of what is the same, so that a
service starts without reading the catalog row by row.

    index.faiss = FAISS's own file, the state as JSON, the JSON's length in 8 bytes, the SHA-256 of all that, MAGIC

A snapshot is trusted if its checksum is right and the catalog knows its generation; what came after that generation is
taken in from the catalog. Otherwise the index is built from the catalog.

The snapshot of a codec that is not current lies beside its encoder, models/<codec_id>/index.faiss, so that a switch to
it or back is two renames. A reader that comes in between finds it in one place or the other.
"""

import contextlib
import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from semblance.indexer.catalog import Catalog, Changes, CurrentCodec, Generation, Purpose, codecs
from semblance.indexer.derived import encoders
from semblance.indexer.derived.doubts import Doubt, is_wrong
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.files import open_regular, replace
from semblance.retrieval.index import CodeIndex, FlatIndex, MappedFlat
from semblance.retrieval.index.mapped import read, to_file

FILES: dict[Purpose, str] = {"alike": "index.faiss", "same": "copies.faiss"}
FILE = FILES["alike"]
_MAGIC = b"SEMBLNC2"
_TAIL = 4096  # bytes at a snapshot's end that hold its state, which is some 200 long
_CHECKSUM = slice(-32 - len(_MAGIC), -len(_MAGIC))


def load(
    catalog: Catalog, purpose: Purpose = "alike", codec: CurrentCodec | None = None
) -> tuple[FlatIndex, Generation]:
    """The index of all codes that serve a purpose, and the generation it stands for, whatever the snapshot is worth.

    They are those of the codec that is current, or of `codec`. Raises CodecMismatch where the library has none of it.
    """
    return _present(catalog, purpose, codec or _codec(catalog, purpose))[:2]


def mapped(catalog: Catalog, purpose: Purpose, codec: CurrentCodec) -> tuple[MappedFlat, Generation, Doubt]:
    """The codes of the snapshot where they lie, its generation, and the doubt about them: all is checked but the
    checksum, which takes reading them. SnapshotError where there is none to be trusted as far as that."""
    path = place(catalog, purpose, codec)
    if path is None:
        raise SnapshotError(f"{catalog.folder} has no snapshot of these codes that could be trusted.")
    size, end = _end(path)
    doubt = Doubt({path: (size + (_CHECKSUM.start or 0), bytes(end[_CHECKSUM]))})
    if _end(path)[1] != end:
        doubt.end()
        raise SnapshotError(f"{path} has made way for another.")
    with doubt.using():
        codes = MappedFlat(path, codec.bits)
    return codes, generation(catalog, path, codec, end), doubt


def place(catalog: Catalog, purpose: Purpose, codec: CurrentCodec) -> Path | None:
    """Where the snapshot of these codes lies that can be trusted, as far as its end says; None where there is none."""
    for path in _places(catalog, purpose, codec):
        with contextlib.suppress(SnapshotError):
            generation(catalog, path, codec)
            if not is_wrong(path):
                return path
    return None


def count(path: Path) -> int:
    """How many codes a snapshot says that it has; nothing of them is read. 0 where it cannot be."""
    with contextlib.suppress(OSError), open_regular(path) as file:
        return int.from_bytes(file.read(20)[12:], "little")  # see mapped.py
    return 0


def generation(catalog: Catalog, path: Path, codec: CurrentCodec, end: bytes | memoryview | None = None) -> Generation:
    """The generation that the snapshot of these codes at `path`, which ends so, is of. SnapshotError where it is none
    of this library's."""
    end = _end(path)[1] if end is None else end
    if end[-len(_MAGIC) :] != _MAGIC:
        raise SnapshotError(f"{path} is no snapshot of this version of Semblance, or it is damaged.")
    try:
        state = _says(end)
        saved = Generation(state["number"], state["token"])
    except (ValueError, LookupError, TypeError) as error:
        raise SnapshotError(f"{path} does not say what it is a snapshot of.") from error
    if state != _state(catalog, codec, saved) or not catalog.knows(saved):
        raise SnapshotError(f"{path} is of another library, of other codes or of a history that this library has not.")
    return saved


def refresh(catalog: Catalog, purpose: Purpose = "alike") -> FlatIndex:
    """Make the snapshot hold the catalog's present state; the index that it holds. Raises OSError."""
    codec = _codec(catalog, purpose)
    index, generation, saved, where = _present(catalog, purpose, codec)
    if where != catalog.folder / FILES[purpose]:
        _change_places(catalog, catalog.folder / FILES[purpose], codec)
    if saved != generation:
        _write(index, catalog.folder / FILES[purpose], _state(catalog, codec, generation))
    return index


def prepare(catalog: Catalog, purpose: Purpose, codec: CurrentCodec) -> None:
    """Make a snapshot of a codec that is to be current soon, so that whoever follows finds it there. Raises OSError."""
    index, generation, saved, _ = _present(catalog, purpose, codec)
    if saved != generation:
        _write(index, beside(catalog.folder, codec.codec_id), _state(catalog, codec, generation))


def beside(library: Path, codec_id: str) -> Path:
    """Where the snapshot of a codec that is not current lies."""
    return encoders.place(library, codec_id) / FILE


def fits(catalog: Catalog, purpose: Purpose) -> bool:
    """Whether the snapshot that is there holds what the catalog had at its generation; one of another history, as of a
    catalog put back, is made anew when it is next wanted. SnapshotError where it is damaged."""
    codec = _codec(catalog, purpose)
    path = catalog.folder / FILES[purpose]
    _checked(path)
    try:
        index, saved = _read(catalog, path, codec)
    except SnapshotError:
        return True
    everything = catalog.changes(0, codec.codec_id)
    if saved != everything.generation:
        take_in(index, catalog.changes(saved.number, codec.codec_id))
    ids = index.ids()
    return np.array_equal(ids, everything.ids) and np.array_equal(index.codes(ids), everything.codes)


def take_in(index: CodeIndex, changes: Changes) -> None:
    """Make an index of the catalog's codes one of its codes after these changes."""
    index.remove(changes.removed)
    index.remove(changes.ids)  # a picture may have got another code
    index.add(changes.ids, changes.codes)


def _codec(catalog: Catalog, purpose: Purpose) -> CurrentCodec:
    codec = catalog.current(purpose) if purpose != "alike" else None
    return codec or CurrentCodec(catalog.codec_id, catalog.bits, catalog.model)


def _present(
    catalog: Catalog, purpose: Purpose, codec: CurrentCodec
) -> tuple[FlatIndex, Generation, Generation | None, Path | None]:
    """The index of all codes, its generation, and the generation and the place of the snapshot where one served.

    The catalog may move on at any time. A generation that it knew it goes on knowing, and the changes since then and
    the generation that they lead to are one state of it: so the index is of that generation, however many passed.
    """
    own = catalog.folder / FILES[purpose]
    index, saved, where = FlatIndex(codec.bits), None, None
    for path in _places(catalog, purpose, codec):
        with contextlib.suppress(SnapshotError):
            index, saved = _read(catalog, path, codec)
            where = path
            break
    if where is None and own.exists() and _whose(own) in (None, codec.codec_id):  # of a history that is not the
        catalog.check_structure()  # catalog's, which was put back: perhaps over one in use, whose log SQLite then took
    if saved == catalog.generation():
        return index, saved, saved, where
    changes = catalog.changes(saved.number if saved else 0, codec.codec_id)
    take_in(index, changes)
    return index, changes.generation, saved, where


def _places(catalog: Catalog, purpose: Purpose, codec: CurrentCodec) -> tuple[Path, ...]:
    """Where a snapshot of these codes may lie."""
    own = catalog.folder / FILES[purpose]
    return own, beside(catalog.folder, codec.codec_id), own  # again: it may have come there meanwhile


def _change_places(catalog: Catalog, own: Path, codec: CurrentCodec) -> None:
    """After a switch: what lies at `own` goes beside its encoder, and what `codec` has there comes to `own`."""
    kept = beside(catalog.folder, codec.codec_id)
    holds = _whose(own)
    with contextlib.suppress(OSError):  # what is missing is made anew
        if holds != codec.codec_id and holds in {known.codec.codec_id for known in codecs.known(catalog)}:
            own.replace(beside(catalog.folder, holds))
    with contextlib.suppress(OSError):
        if kept.exists():
            kept.replace(own)


def _whose(path: Path) -> str | None:
    """The codec_id of the codes in a snapshot, by what it says; None where it says nothing."""
    try:
        return str(_says(_end(path)[1])["codec_id"])
    except (SnapshotError, ValueError, LookupError, TypeError):
        return None


def _end(path: Path) -> tuple[int, bytes]:
    """How many bytes a file has, and its last. Raises SnapshotError."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL))
            return size, file.read()
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error}.") from error


def _says(end: bytes | memoryview) -> dict[str, Any]:
    """What the end of a snapshot says of it. Raises ValueError and TypeError where it says nothing."""
    whole = end[: _CHECKSUM.start]
    length = int.from_bytes(whole[-8:], "little")
    said = json.loads(bytes(whole[-8 - length : -8]))
    if not isinstance(said, dict):
        raise TypeError("the state of a snapshot is an object")
    return said


def _read(catalog: Catalog, path: Path, codec: CurrentCodec) -> tuple[FlatIndex, Generation]:
    """What is in the file, and of which generation. SnapshotError where it must not be trusted."""
    checksum = hashlib.sha256()
    try:
        with open_regular(path) as file:
            ids, codes = read(path, file, codec.bits, checksum.update)
            rest = file.read()
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error}.") from error
    checksum.update(rest[: _CHECKSUM.start])
    _check(path, rest, checksum.digest())
    return FlatIndex(codec.bits, ids, codes), generation(catalog, path, codec, rest)


def _checked(path: Path) -> None:
    """SnapshotError where the file's checksum is not right."""
    checksum, end = hashlib.sha256(), b""
    try:
        with open_regular(path) as file:
            while block := file.read(2**20):
                end += block
                checksum.update(end[: _CHECKSUM.start])
                end = end[_CHECKSUM.start :]
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error}.") from error
    _check(path, end, checksum.digest())


def _check(path: Path, end: bytes, digest: bytes) -> None:
    if end[-len(_MAGIC) :] != _MAGIC or end[_CHECKSUM] != digest:
        raise SnapshotError(f"{path} is no snapshot of this version of Semblance, or it is damaged.")


def _write(index: FlatIndex, path: Path, of: dict[str, str | int]) -> None:
    state = json.dumps(of).encode()
    parts = [*to_file(index), state, len(state).to_bytes(8, "little")]
    checksum = hashlib.sha256()
    for part in parts:
        checksum.update(part)
    replace(path, [*parts, checksum.digest(), _MAGIC])


def _state(catalog: Catalog, codec: CurrentCodec, generation: Generation) -> dict[str, str | int]:
    """What a snapshot is a snapshot of: which library, whose codes, at which generation."""
    return {"library": catalog.library, "codec_id": codec.codec_id, **asdict(generation)}
