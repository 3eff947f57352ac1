"""Where pictures and folders lie, as the one writer commits it: new paths under old ids, and the folders of runs."""

from collections.abc import Iterable

from semblance.indexer.catalog.records import Entry, Folder
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.indexer.catalog.writing import Writer


def move(catalog: Writer, entries: list[Entry]) -> None:
    """Commit new paths, sizes and times of pictures that keep their ids, and forget what else was at these paths.

    All in one transaction, in which each first leaves its old path: names may be swapped, or handed on. No generation
    passes unless something is forgotten, since no code changes.
    """
    with catalog._batch() as generation:
        nowhere = [(f"\0{entry.id}", entry.id) for entry in entries]  # where no file can be
        catalog._db.executemany("UPDATE pictures SET path = ? WHERE id = ?", nowhere)
        catalog._forget([entry.path for entry in entries], generation)
        catalog._db.executemany(
            "UPDATE pictures SET path = ?, size = ?, mtime_ns = ?, ctime_ns = ?, inode = ? WHERE id = ?",
            [(e.path, e.size, e.mtime_ns, e.ctime_ns, e.inode, e.id) for e in entries],
        )


def see(catalog: Writer, folders: dict[str, Folder], gone: Iterable[str] = ()) -> None:
    """Commit what folders of runs and places of disks there are, and which are not any more."""
    with sentences(catalog.folder), catalog._transaction():
        catalog._db.executemany("DELETE FROM folders WHERE path = ?", [(path,) for path in gone])
        catalog._db.executemany(
            "INSERT OR REPLACE INTO folders (path, device, named, seen, last) VALUES (?, ?, ?, ?, ?)",
            [(path, folder.device, folder.named, folder.seen, folder.last) for path, folder in folders.items()],
        )
