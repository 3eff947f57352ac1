"""index.faiss and copies.faiss: snapshots of the catalog's codes, of what is alike and of what is the same, so that a
service starts without reading the catalog row by row.

A snapshot (sealed.py says what its file is like) is trusted if its checksum is right and the catalog knows its
generation; what came after that generation is taken in from the catalog. Otherwise the index is built from the catalog.

The snapshot of a codec that is not current lies beside its encoder, models/<codec_id>/index.faiss, so that a switch to
it or back is two renames. A reader that comes in between finds it in one place or the other.
"""

import contextlib
from dataclasses import asdict
from pathlib import Path

import numpy as np

from semblance.indexer.catalog import Catalog, Changes, CurrentCodec, Generation, Purpose, codecs
from semblance.indexer.derived import encoders, sealed
from semblance.indexer.derived.doubts import Doubt, is_wrong
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.files import open_regular
from semblance.retrieval.index import CodeIndex, FlatIndex, MappedFlat

_FEW = 2**19  # codes up to which every change is written; of more one in _FEW_OF, which readers catch up with
_FEW_OF = 1000

FILES: dict[Purpose, str] = {"alike": "index.faiss", "same": "copies.faiss"}
FILE = FILES["alike"]


def load(
    catalog: Catalog, purpose: Purpose = "alike", codec: CurrentCodec | None = None, caught_up: bool = True
) -> tuple[FlatIndex, Generation]:
    """The index of all codes that serve a purpose, and the generation it stands for, whatever the snapshot is worth.
    Not `caught_up`, a large one is as it was saved, for who lays over it what came since: to take that in copies all.

    They are those of the codec that is current, or of `codec`. Raises CodecMismatch where the library has none of it.
    """
    return _present(catalog, purpose, codec or _codec(catalog, purpose), caught_up)[:2]


def mapped(catalog: Catalog, purpose: Purpose, codec: CurrentCodec) -> tuple[MappedFlat, Generation, Doubt]:
    """The codes of the snapshot where they lie, its generation, and the doubt about them: all is checked but the
    checksum, which takes reading them. SnapshotError where there is none to be trusted as far as that."""
    path = place(catalog, purpose, codec)
    if path is None:
        raise SnapshotError(f"{catalog.folder} has no snapshot of these codes that could be trusted.")
    size, end = sealed.end(path)
    doubt = Doubt({path: sealed.sealed(end, size)})
    if sealed.end(path)[1] != end:
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


def generation(catalog: Catalog, path: Path, codec: CurrentCodec, end: bytes | None = None) -> Generation:
    """The generation that the snapshot of these codes at `path`, which ends so, is of. SnapshotError where it is none
    of this library's."""
    state = sealed.says(path, sealed.end(path)[1] if end is None else end)
    try:
        saved = Generation(state["number"], state["token"])
    except LookupError as error:
        raise SnapshotError(f"{path} does not say what it is a snapshot of.") from error
    if state != _state(catalog, codec, saved) or not catalog.knows(saved):
        raise SnapshotError(f"{path} is of another library, of other codes or of a history that this library has not.")
    return saved


def refresh(catalog: Catalog, purpose: Purpose = "alike") -> FlatIndex:
    """Make the snapshot hold the catalog's present state, or in a large library nearly so; the index of that state.
    Raises OSError."""
    codec = _codec(catalog, purpose)
    index, generation, saved, where = _present(catalog, purpose, codec)
    if where != catalog.folder / FILES[purpose]:
        _change_places(catalog, catalog.folder / FILES[purpose], codec)
    if saved and len(index) > _FEW and codecs.changed(catalog, codec.codec_id, saved.number) * _FEW_OF <= len(index):
        return index  # what it lacks is read in less time than it takes to write it
    if saved != generation:
        sealed.write(index, catalog.folder / FILES[purpose], _state(catalog, codec, generation))
    return index


def prepare(catalog: Catalog, purpose: Purpose, codec: CurrentCodec) -> None:
    """Make a snapshot of a codec that is to be current soon, so that whoever follows finds it there. Raises OSError."""
    index, generation, saved, _ = _present(catalog, purpose, codec)
    if saved != generation:
        sealed.write(index, beside(catalog.folder, codec.codec_id), _state(catalog, codec, generation))


def beside(library: Path, codec_id: str) -> Path:
    """Where the snapshot of a codec that is not current lies."""
    return encoders.place(library, codec_id) / FILE


def fits(catalog: Catalog, purpose: Purpose) -> bool:
    """Whether the snapshot that is there holds what the catalog had at its generation; one of another history, as of a
    catalog put back, is made anew when it is next wanted. SnapshotError where it is damaged."""
    codec = _codec(catalog, purpose)
    path = catalog.folder / FILES[purpose]
    sealed.check(path)
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
    catalog: Catalog, purpose: Purpose, codec: CurrentCodec, caught_up: bool = True
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
    if saved and (saved == catalog.generation() or (not caught_up and len(index) > _FEW)):
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
        return str(sealed.says(path, sealed.end(path)[1])["codec_id"])
    except (SnapshotError, LookupError):
        return None


def _read(catalog: Catalog, path: Path, codec: CurrentCodec) -> tuple[FlatIndex, Generation]:
    """What is in the file, and of which generation. SnapshotError where it must not be trusted."""
    ids, codes, end = sealed.read(path, codec.bits)
    return FlatIndex(codec.bits, ids, codes), generation(catalog, path, codec, end)


def _state(catalog: Catalog, codec: CurrentCodec, generation: Generation) -> dict[str, str | int]:
    """What a snapshot is a snapshot of: which library, whose codes, at which generation."""
    return {"library": catalog.library, "codec_id": codec.codec_id, **asdict(generation)}
