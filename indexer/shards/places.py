"""Where shards lie: a folder, or object storage. Files appear in either whole or not at all."""

import contextlib
import errno
import os

from semblance.retrieval import files, storage
from semblance.retrieval.errors import NothingStored, ShardsError


class Folder:
    """The folder of the shards, by what a person has written."""

    def __init__(self, text: str) -> None:
        self.shown, self._folder = text, files.named(text)

    @property
    def whole(self) -> str:
        """The same for whoever works in another folder."""
        return str(self._folder.absolute())

    def begin(self) -> None:
        """Make the folder, where it is not there. Raises ShardsError."""
        try:
            files.make_folder(self._folder.resolve())
        except OSError as error:
            raise self._cannot("made", error) from error

    def sizes(self) -> dict[str, int]:
        """The names of all files, and their bytes. Raises ShardsError."""
        try:
            with os.scandir(self._folder) as listing:
                return {entry.name: _size(entry) for entry in listing if not files.TEMPORARY.match(entry.name)}
        except OSError as error:
            raise self._cannot("looked through", error) from error

    def size(self, name: str) -> int | None:
        """The bytes of a file, as it is now; None where there is none. Raises ShardsError."""
        try:
            return (self._folder / name).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._cannot("read", error) from error

    def read(self, name: str) -> bytes | None:
        """What a file holds; None where there is none. Raises ShardsError."""
        try:
            with files.open_regular(self._folder / name) as file:
                if os.fstat(file.fileno()).st_size > _most(name):
                    raise OSError(errno.EFBIG, "it is larger than Semblance makes any", name)
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._cannot("read", error) from error

    def write(self, name: str, data: bytes) -> None:
        """Put a file there, in the place of one that may be. Raises ShardsError."""
        try:
            files.replace(self._folder / name, [data])
        except OSError as error:
            raise self._cannot("written to", error) from error

    def create(self, name: str, data: bytes) -> bytes:
        """Put a file there unless there is one; what it holds then. Raises ShardsError."""
        path = self._folder / name
        draft = files.beside(path)
        try:
            files.replace(draft, [data])
            try:
                path.hardlink_to(draft)
            except FileExistsError:  # somebody else was first
                pass
            except OSError:  # a disk without links
                with contextlib.suppress(FileExistsError), open(path, "xb", opener=files.private) as file:
                    file.write(data)
            draft.unlink()
        except OSError as error:
            raise self._cannot("written to", error) from error
        return self.read(name) or b""

    def _cannot(self, what: str, error: OSError) -> ShardsError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return ShardsError(f"There is no room left in {self.shown}: {_KEPT}")
        return ShardsError(f"{self.shown} cannot be {what} ({error.strerror or error}): {_KEPT}")


class Stored:
    """The shards at an address. Its methods are those of a Folder, and raise StorageError."""

    def __init__(self, text: str) -> None:
        self.shown = self.whole = storage.normal(text)

    def begin(self) -> None:
        """Nothing: what holds objects is there already."""

    def sizes(self) -> dict[str, int]:
        """The names of all objects, and their bytes; those of what lies deeper have slashes. Such as end in one are
        none: a storage's own pages put them there for a folder."""
        try:
            start, all_ = len(self.shown) + 1, storage.listing(self.shown)
            return {each.address[start:]: each.size for each in all_ if not each.address.endswith("/")}
        except NothingStored:
            return {}

    def size(self, name: str) -> int | None:
        """The bytes of an object, as it is now; None where there is none."""
        try:
            return storage.stat(self._at(name)).size
        except NothingStored:
            return None

    def read(self, name: str) -> bytes | None:
        """What an object holds; None where there is none."""
        try:
            return storage.read(self._at(name), _most(name))
        except NothingStored:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Put an object there, in the place of one that may be."""
        storage.write(self._at(name), data)

    def create(self, name: str, data: bytes) -> bytes:
        """Put an object there unless there is one; what it holds then."""
        storage.create(self._at(name), data)
        return self.read(name) or b""

    def _at(self, name: str) -> str:
        return f"{self.shown}/{name}"


Place = Folder | Stored


def place(text: str) -> Place:
    """What a person has named to put shards in. Raises UsageError."""
    return Stored(text) if storage.is_address(text) else Folder(text)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:  # a link to nothing, or it has just gone
        return -1


def _most(name: str) -> int:
    return LARGEST if name.endswith(".list") else _LARGE


_LARGE = 2**31  # bytes of anything else
LARGEST = 2**40  # bytes of a list of paths, which is all that is ever large
_KEPT = "the shards that are whole are kept; mend that, and run the same command again."
