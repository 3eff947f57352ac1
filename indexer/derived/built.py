"""engines/: what takes long to build for a search, kept beside the catalog and made of it.

    engines/<codec>-<engine>-<token>/     a codec_id's first 16 digits, what users call the engine, a generation's token
        codes.faiss                       the codes that it was built of, as index.faiss has them
        ...                               what the engine wrote of them
        state.json                        of which library, codec and generation that is, how it was tuned, and the size
                                          and SHA-256 of each file

A folder is written under another name, brought to the disk and renamed, and those before it go after: whoever has one
open keeps its files. It is trusted as a snapshot is (snapshot.py): if it is of this library, these codes and a
generation that the catalog knows. Sizes are looked at when it is opened, checksums soon after (doubts.py) and by
`verify`. One is built at a time, by whoever has the lock on engines.lock, which is no writer's: the library goes on
being written to.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from semblance.indexer.catalog import Catalog, CurrentCodec, Generation, codecs, opening
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.indexer.derived import doubts
from semblance.indexer.derived.doubts import Doubt
from semblance.retrieval import arrays, files
from semblance.retrieval.errors import LibraryError, LibraryLocked, SnapshotError
from semblance.retrieval.index import ENGINES, MappedFlat, tuning
from semblance.retrieval.index.contract import Engine, Stored
from semblance.retrieval.index.mapped import to_file
from semblance.retrieval.progress import Progress

FOLDER, LOCK = "engines", "engines.lock"
CODES, STATE = "codes.faiss", "state.json"
RECALL, K = 0.99, 10  # what an engine has to reach, and for how many results
AIM = RECALL + 0.003  # what it is tuned to: of ten million codes own ones said 0.993 where new pictures' found 0.991
_FORMAT = 1
_DIGITS = 16
_TUNED = ("recall", "milliseconds", "exact_milliseconds")


@dataclass(frozen=True)
class Built:
    """An engine's folder by what it says: of how many codes (`size`), tuned to which effort, recall@10 and
    milliseconds, where an exact search of the same codes took `exact_milliseconds`, and how many bytes of `memory` make
    it quick. `files`: sizes and SHA-256."""

    folder: Path
    engine: str
    generation: Generation
    size: int
    memory: int
    effort: int
    recall: float
    milliseconds: float
    exact_milliseconds: float
    files: dict[str, tuple[int, str]]

    @property
    def seems_whole(self) -> bool:
        """Whether every file has its size, and was not found to be wrong: none is read."""
        try:
            sizes = {name: (self.folder / name).stat().st_size for name in self.files}
        except OSError:
            return False
        return all(
            sizes[name] == size and not doubts.is_wrong(self.folder / name) for name, (size, _) in self.files.items()
        )

    @property
    def is_whole(self) -> bool:
        """Whether every file is what was written: all of them are read."""
        try:
            return all(doubts.sha256(self.folder / name).hex() == sha for name, (_, sha) in self.files.items())
        except OSError:
            return False


def find(catalog: Catalog, codec: CurrentCodec, engine: str | None = None) -> list[Built]:
    """What is built here of the codes of a codec, by one engine or any, and fits this library; the newest first."""
    found = []
    for folder in (catalog.folder / FOLDER).glob(f"{codec.codec_id[:_DIGITS]}-{engine or '*'}-*"):
        with contextlib.suppress(SnapshotError):
            built = _read(catalog, codec, folder)
            if built.engine in ENGINES and built.seems_whole:
                found.append(built)
    return sorted(found, key=lambda built: -built.generation.number)


def load(built: Built, codec: CurrentCodec) -> tuple[Engine, Doubt]:
    """The engine over the codes that it was built of, and the doubt about its files. SnapshotError where they are not
    what they should be, and are not to be opened again."""
    paths = {built.folder / name: (size, bytes.fromhex(sha)) for name, (size, sha) in built.files.items()}
    doubt = Doubt(paths)
    with doubt.using():
        stored = MappedFlat(built.folder / CODES, codec.bits)
        if len(stored) != built.size:
            raise SnapshotError(f"{built.folder} has another number of codes than it says.")
        engine = ENGINES[built.engine].open(stored, built.folder)
        engine.effort = built.effort
    return engine, doubt


def write(
    catalog: Catalog, codec: CurrentCodec, engine: str, codes: Stored, generation: Generation, progress: Progress
) -> Built:
    """Build an engine of all codes (of the catalog at `generation`), tune it, and put it in the place of those before;
    for who has the lock. Raises OSError, and leaves what was there then."""
    place = catalog.folder / FOLDER / f"{codec.codec_id[:_DIGITS]}-{engine}-{generation.token[:_DIGITS]}"
    files.make_folder(place.parent)
    draft = files.beside(place)
    try:
        draft.mkdir(mode=place.parent.stat().st_mode & 0o777)
        files.replace(draft / CODES, to_file(codes))
        stored = MappedFlat(draft / CODES, codec.bits)
        ENGINES[engine].build(stored, draft, progress)
        made = ENGINES[engine].open(stored, draft)
        tuned = tuning.tune(made, recall=AIM, k=K)
        built = Built(place, engine, generation, len(codes), made.memory, **asdict(tuned), files=_summed(draft))
        _say(draft, catalog, codec, built)
        _clear(place)  # damaged, else nobody had built it anew
        draft.rename(place)
        files.sync_folder(place.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    tidy(catalog, built)
    return built


@contextlib.contextmanager
def lock(library: Path) -> Iterator[None]:
    """To build, one at a time. Raises LibraryLocked, LibraryError."""
    try:
        with sentences(library), opening.lock(library, LOCK):
            yield
    except LibraryLocked as error:
        raise LibraryLocked(
            f"Another process is building an index for {library}: try again when it is done."
        ) from error


def tidy(catalog: Catalog, newest: Built | None = None) -> None:
    """Remove what nobody will open any more: what `newest` takes the place of, and what is of codecs or of a history
    that the library does not have; drafts of builders that were killed. For who has the lock."""
    own = {known.codec.codec_id[:_DIGITS]: known.codec for known in codecs.known(catalog)}
    for folder in (catalog.folder / FOLDER).iterdir() if (catalog.folder / FOLDER).is_dir() else ():
        codec = own.get(folder.name.partition("-")[0])
        try:
            kept = codec is not None and _read(catalog, codec, folder)
        except SnapshotError:
            kept = False
        if kept and (newest is None or folder == newest.folder or not _is_before(folder, newest)):
            continue
        if folder.is_dir() or folder.is_symlink():
            with contextlib.suppress(OSError):
                _clear(folder)


def drop(library: Path, codec_id: str) -> None:
    """Remove all that was built of the codes of a codec, and what was found out for it."""
    (library / FOLDER / f"tried-{codec_id[:_DIGITS]}.json").unlink(missing_ok=True)
    for folder in (library / FOLDER).glob(f"{codec_id[:_DIGITS]}-*"):
        with contextlib.suppress(OSError):
            _clear(folder)


def damaged(catalog: Catalog) -> Iterator[Path]:
    """The folders that are not what was written: everything is read. Those of another history are passed over."""
    for known in codecs.known(catalog):
        for folder in sorted((catalog.folder / FOLDER).glob(f"{known.codec.codec_id[:_DIGITS]}-*")):
            try:
                said = _said(folder)
            except SnapshotError:
                yield folder
                continue
            with contextlib.suppress(SnapshotError):
                if not _read(catalog, known.codec, folder, said).is_whole:
                    yield folder


def sweep(library: Path) -> None:
    """Remove the drafts of builders that were killed, unless one is at work."""
    if drafts := [*(library / FOLDER).glob(".*.tmp")]:
        with contextlib.suppress(LibraryError), lock(library):
            for draft in drafts:
                shutil.rmtree(draft, ignore_errors=True)


def _clear(place: Path) -> None:
    """Remove what lies where an engine's folder belongs: of a link the link alone. Raises OSError."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _is_before(folder: Path, newest: Built) -> bool:
    return folder.name.rpartition("-")[0] == newest.folder.name.rpartition("-")[0]


def _read(catalog: Catalog, codec: CurrentCodec, folder: Path, said: dict[str, Any] | None = None) -> Built:
    """What a folder says of itself. SnapshotError where that cannot be trusted, or is of something else."""
    said = said or _said(folder)
    if tuple(map(said.get, ("library", "codec_id", "format"))) != (catalog.library, codec.codec_id, _FORMAT):
        raise SnapshotError(f"{folder} is of another library, of other codes or of another version.")
    try:
        generation = Generation(said["number"], said["token"])
        named = {name: (size, sha) for name, (size, sha) in said["files"].items()}
        numbers = {name: said[name] for name in ("size", "memory", "effort", *_TUNED)}
        built = Built(folder, said["engine"], generation, **numbers, files=named)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise SnapshotError(f"{folder} does not say what it was built of.") from error
    if not catalog.knows(generation):
        raise SnapshotError(f"{folder} is of a history that this library has not.")
    return built


def _said(folder: Path) -> dict[str, Any]:
    try:
        said = json.loads(files.read_regular(folder / STATE))
        if said.pop("checksum") != _checksum(said):
            raise ValueError("nobody wrote this")
    except (OSError, *arrays.UNREADABLE) as error:
        raise SnapshotError(f"{folder} does not say what it was built of.") from error
    return dict(said)


def _say(draft: Path, catalog: Catalog, codec: CurrentCodec, built: Built) -> None:
    said = {"format": _FORMAT, "library": catalog.library, "codec_id": codec.codec_id, **asdict(built.generation)}
    said |= {name: value for name, value in asdict(built).items() if name not in ("folder", "generation")}
    said = json.loads(json.dumps(said))
    files.replace(draft / STATE, [json.dumps({**said, "checksum": _checksum(said)}, indent=1).encode()])


def _checksum(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _summed(draft: Path) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of each file, which are on the disk from then on."""
    found = {}
    for path in sorted(draft.iterdir()):
        with path.open("rb") as file:
            os.fsync(file.fileno())
        found[path.name] = path.stat().st_size, doubts.sha256(path).hex()
    return found
