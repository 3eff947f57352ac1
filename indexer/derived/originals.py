"""The files that a library's pictures were indexed from: which they are, and whether one is still what was indexed."""

from pathlib import Path

from semblance.indexer.catalog import Catalog, Entry
from semblance.indexer.run.scan import in_64_bits
from semblance.retrieval import storage
from semblance.retrieval.errors import Gone, UnknownPicture


def known(library: Path, id: int) -> Entry:
    """A picture of the library. Raises UnknownPicture."""
    with Catalog.opened(library) as catalog:
        entry = catalog.entry(id)
    if entry is None:
        raise UnknownPicture(f"There is no picture {id} in the library.")
    return entry


def as_indexed(entry: Entry, size: int, *numbers: int) -> bool:
    """Whether a file of this state holds what was indexed without a look at its content: `numbers` are its mtime and
    ctime in nanoseconds since 1970 and its inode, of which the catalog may not know the last two yet (0). What lies at
    an address has no ctime, and for an inode its version, where its storage says one."""
    state = (size, *map(in_64_bits, numbers))
    known = entry.inode and (entry.ctime_ns or storage.is_address(entry.path))
    return bool(known) and state == (entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode)


def gone(entry: Entry) -> Gone:
    """What is said of a file that is not there, or is none that lies on a disk."""
    return Gone(f"The file {entry.path} is gone: index its folder again to forget it.")


def no_picture(entry: Entry) -> Gone:
    """What is said of a file that is no picture by its first bytes, which is served to nobody."""
    return Gone(f"The file {entry.path} is no picture any more: index its folder again.")


def changed(entry: Entry) -> Gone:
    """What is said of a file that is a picture, but not the one that was indexed."""
    return Gone(f"The file {entry.path} is not the picture that was indexed: index its folder again.")
