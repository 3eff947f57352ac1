"""LIBRARY/uploads: pictures that somebody gave to the library itself. They exist nowhere else, so that they are no
derived files: a backup copies them, no run over other folders forgets them, and only who removes the picture removes
the file.

    uploads/YYYY/MM/<name>-<content>.<suffix>     a safe form of the name that was given, and 16 digits of the SHA-256

A name tells the content, so that the same upload is the same file, and a copy of one that is there is whole.
"""

import contextlib
import hashlib
import os
import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from semblance.indexer.catalog import Catalog, Writer, finding, naming, placing
from semblance.indexer.run.deciding import under
from semblance.indexer.run.scan import UPLOADS, at
from semblance.retrieval import files, images

FOLDER = UPLOADS
_STEM = 160  # bytes of a given name that are kept: a disk takes 255, and a file that is being written has more
_DIGITS = 16
_SUFFIXES = {"image/jpeg": ".jpg", "image/tiff": ".tif", "image/x-dcraw": ".raw"}  # others are as their types say


def home(library: Path) -> str:
    """The folder, as pictures in it are known by."""
    return os.path.join(os.path.realpath(library), FOLDER)  # noqa: PTH118


def holds(library: Path, path: str) -> bool:
    """Whether a file is the library's own."""
    return path.startswith(home(library) + os.sep)


def write(library: Path, name: str, data: bytes, sha256: bytes) -> Path:
    """Keep an upload of this content under a safe form of its name; where that is. Raises OSError, which leaves
    nothing behind."""
    now = datetime.now(UTC)
    path = Path(home(library), f"{now:%Y}", f"{now:%m}", _safe(name, data, sha256))
    files.make_folder(path.parent)
    files.replace(path, [data])
    return path


def named(library: Path, folders: Iterable[Path | str]) -> bool:
    """Whether a run over these folders is one over uploads of this library."""
    own = home(library)
    paths = (os.path.realpath(folder) + os.sep for folder in folders if isinstance(folder, Path))
    return any(path.startswith(own + os.sep) for path in paths)


def drop(library: Path, path: str) -> None:
    """Remove the file of a picture that was forgotten, if it is the library's own; other files are not touched."""
    if holds(library, path):
        with contextlib.suppress(OSError):  # it is gone, or stays: the library knows nothing of it any more
            os.unlink(path)  # noqa: PTH108


def copy_all(origin: Path, library: Path) -> None:
    """Copy the uploads of one library to where another keeps its own, but for those that are there. Raises OSError."""
    for path in _all(origin):
        place = library / path.relative_to(origin)
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile, from the catalog first
            if not place.is_file() or place.stat().st_size != path.stat().st_size:
                files.make_folder(place.parent)
                with path.open("rb") as file:
                    files.replace(place, iter(lambda file=file: file.read(2**20), b""))  # type: ignore[misc]
                shutil.copystat(path, place)


def drop_others(origin: Path, library: Path) -> None:
    """Remove the uploads of `library` that `origin` has not, in an older backup that is brought up to date."""
    kept = {path.relative_to(origin) for path in _all(origin)}
    for path in [path for path in _all(library) if path.relative_to(library) not in kept]:
        path.unlink(missing_ok=True)


def bring_home(catalog: Writer) -> None:
    """Let pictures be found at this library's uploads where it was put back, or moved, to another place: their paths
    in the catalog are whole ones."""
    here = {str(path): path for path in _all(Path(os.path.realpath(catalog.folder)))}
    moved = {}
    for path in here.keys() - naming.named(catalog, here):
        sha256 = hashlib.sha256(files.read_regular(here[path])).digest()
        tail, found = os.path.join("", *here[path].parts[-4:]), at(path)  # noqa: PTH118
        for entry in finding.of_content(catalog, sha256):
            elsewhere = entry.path.endswith(os.sep + tail) or not os.path.lexists(entry.path)
            if found and elsewhere and entry.id not in moved:
                moved[entry.id] = under(entry, found)
                break
    if moved:
        placing.move(catalog, [*moved.values()])


def count(catalog: Catalog) -> int:
    """How many pictures lie there."""
    return sum(1 for _ in finding.within(catalog, home(catalog.folder)))


def _all(library: Path) -> Iterator[Path]:
    """Every upload; not what is being written."""
    for path in sorted((library / FOLDER).glob("*/*/*")):
        if not path.name.startswith(".") and path.is_file():
            yield path


def _safe(name: str, data: bytes, sha256: bytes) -> str:
    """A name without folders, control characters, or anything that a shell or another system takes amiss."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name.encode("utf-8", "ignore").decode()))[-1]
    stem, suffix = os.path.splitext(last)  # noqa: PTH122
    if suffix.lower() not in images.SUFFIXES:
        kind = images.media_type(data[: images.SNIFF_BYTES]) or ""
        stem, suffix = last, _SUFFIXES.get(kind, "." + kind.removeprefix("image/"))
    stem = re.sub(r"[^\w.]+", "-", stem).encode()[:_STEM].decode(errors="ignore").strip(".-_") or "picture"
    return f"{stem}-{sha256.hex()[:_DIGITS]}{suffix.lower()}"
