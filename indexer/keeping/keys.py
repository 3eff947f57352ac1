"""The keys by which others may ask a service of this library: LIBRARY/keys.json, which holds none of them.

Of a key is kept its SHA-256. Passwords want a slow hash, since people choose them among few; a key is 256 bits drawn at
random, and whoever holds its hash has 2^256 to try however quick each one is. So every request can be checked anew, and
the file lets nobody in who has read it, or a backup of it.

The file is replaced as a whole, so that who reads it sees it before a change or after. It is none of the catalog's: a
service that waits for its library asks for keys already. `backup` leaves it out, and `restore` leaves it alone: a key
that was removed since would come back with an old copy, and open again.
"""

import contextlib
import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from semblance.indexer.catalog import opening
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.retrieval import files
from semblance.retrieval.errors import LibraryError, UsageError

FILE = "keys.json"
PREFIX = "smb_"  # by which a key is known where it does not belong: in a mail, in a repository
READ, WRITE = "read", "write"
_BYTES = 32
_SHOWN = 4  # last letters of a key, by which its owner knows it
_LONGEST = 64  # of a name
_PATIENCE = 10.0  # seconds, for another who changes keys


@dataclass(frozen=True)
class Key:
    """What is kept of a key: its name, what it may do, when it was made (ISO, UTC), its last letters, its SHA-256."""

    name: str
    scopes: tuple[str, ...]
    made: str
    last: str
    sha256: str


def digest(key: str) -> str:
    """The SHA-256 of a key, in hexadecimal."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def fresh(name: str, write: bool = False) -> tuple[str, Key]:
    """A new key, and what may be kept of it."""
    key = PREFIX + secrets.token_urlsafe(_BYTES)
    scopes = (READ, WRITE) if write else (READ,)
    return key, Key(name, scopes, datetime.now(UTC).isoformat(timespec="seconds"), key[-_SHOWN:], digest(key))


def read(library: Path) -> list[Key]:
    """The keys of a library, in the order they were made; none where it has no such file. Raises LibraryError."""
    path = library / FILE
    try:
        kept = [
            Key(**{**each, "scopes": tuple(each["scopes"])}) for each in json.loads(files.read_regular(path))["keys"]
        ]
        if not all(isinstance(text, str) for key in kept for text in (key.name, key.sha256, *key.scopes)):
            raise ValueError("not all of it is text")
    except FileNotFoundError:
        return []
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise LibraryError(
            f"The keys in {path} cannot be read ({error}), and nobody is let in by them: remove the file and make new "
            "ones with `semblance keys add`."
        ) from error
    return kept


def add(library: Path, name: str, write: bool = False) -> str:
    """Make a key and keep its hash; the key itself is said this once. Raises UsageError and LibraryError."""
    if not name.isprintable() or not 0 < len(name) <= _LONGEST or name != name.strip():
        raise UsageError(
            f"A key's name is what you know it by, such as phone: {_LONGEST} letters at most, not {name!r}."
        )
    if not library.is_dir():
        raise UsageError(f"There is no folder {library}: name a library, or make the folder that shall be one.")
    with _changing(library):
        kept = read(library)
        if any(key.name == name for key in kept):
            raise UsageError(f"There is a key named {name} already: remove it first, or choose another name.")
        key, own = fresh(name, write)
        _write(library, [*kept, own])
    return key


def remove(library: Path, name: str) -> int:
    """Forget a key, which opens nothing from then on; how many are left. Raises UsageError and LibraryError."""
    if not any(key.name == name for key in read(library)):  # nothing is written, not a lock, where nothing is changed
        raise UsageError(f"There is no key named {name}: `semblance keys --library {library}` lists them.")
    with _changing(library):
        kept = [key for key in read(library) if key.name != name]
        _write(library, kept)
    return len(kept)


@contextlib.contextmanager
def _changing(library: Path) -> Iterator[None]:
    """One at a time: two who add a key at the same moment both have theirs. Raises LibraryError."""
    try:
        with sentences(library), opening.lock(library, "keys.lock", _PATIENCE):
            for leftover in library.glob(f".{FILE}.*.tmp"):  # of one that was killed
                leftover.unlink(missing_ok=True)
            yield
    except OSError as error:
        raise LibraryError(f"{library / FILE} cannot be written ({error.strerror}): nothing was changed.") from error


def _write(library: Path, kept: list[Key]) -> None:
    text = json.dumps({"keys": [asdict(key) for key in kept]}, indent=1)
    files.replace(library / FILE, [text.encode()], files.secret)
