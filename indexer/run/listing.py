"""A bucket, or a folder in one -> what is there, as `scan` says it of folders: one listing, and nothing is opened.

An object that should be a picture is known by its name alone: to look at the first bytes of all others would be a
request for each, in every run. What changed is told by size, time and ETag.
"""

import posixpath
from collections.abc import Callable

from semblance.indexer.catalog import FILE
from semblance.indexer.run.excluding import Excluded
from semblance.indexer.run.seen import Found, Scan
from semblance.retrieval import images, storage
from semblance.retrieval.errors import NothingStored, StorageError, UsageError
from semblance.retrieval.progress import Progress, quiet

_A_PAGE = 1_000  # objects: what a storage tells at once


def list_into(out: Scan, root: str, excluded: Excluded, progress: Progress = quiet) -> None:
    """Take in all below an address. One of which nothing is there is `missing`; where the listing fails or breaks off,
    what it has told is found, and the address is `unlisted`. Raises UsageError where it is a library's, or a scheme
    that is not known."""
    out.roots.append(root)
    libraries, number = set[str](), 0
    start = len(root if root.endswith("/") else f"{root}/")
    within = _inside(root, start, excluded, out)
    try:
        for number, each in enumerate(storage.listing(root), 1):
            if number % _A_PAGE == 0:
                progress(len(out.found), 0)
            folder, _, name = each.address.rpartition("/")
            if name == FILE:
                libraries.add(folder)
            if not name or not within(folder):
                out.skipped += bool(name)
            elif name.startswith(".") or not _is_picture(name):
                out.skipped += 1
            elif excluded(name, each.address[start:]):
                out.skipped += 1
                out.passed.add(each.address)
            else:
                out.found[each.address] = Found(each.address, each.size, each.mtime_ns, 0, each.version)
    except NothingStored:
        out.missing.append(root)
        return
    except StorageError as error:
        out.unlisted[root] = str(error)
        return
    if root in libraries:
        raise UsageError(f"{root} is a library: name folders of pictures.")
    if number == 0 and root.startswith("s3://") and root.count("/") > 2:  # S3 knows no folders
        out.missing.append(root)
    out.devices[root] = 0
    out.listed.add(root)
    _pass_over(libraries, out)


def _is_picture(name: str) -> bool:
    return posixpath.splitext(name)[1].lower() in images.SUFFIXES


def _inside(root: str, start: int, excluded: Excluded, out: Scan) -> Callable[[str], bool]:
    """Tells of a folder below the root whether it is looked into: neither it nor one above it is hidden or excluded.
    Those that are not are `passed`."""
    known = {root: True, root.rstrip("/"): True}

    def within(folder: str) -> bool:
        if folder not in known and len(folder) >= start:
            above, _, name = folder.rpartition("/")
            known[folder] = within(above) and not name.startswith(".") and not excluded(name, folder[start:])
            if not known[folder] and known[above]:
                out.passed.add(folder)
        return known.get(folder, True)

    return within


def _pass_over(libraries: set[str], out: Scan) -> None:
    """What lies in libraries is no picture of anybody's."""
    for folder in libraries:
        out.passed.add(folder)
        for path in [path for path in out.found if storage.below(path, folder)]:
            del out.found[path]
            out.skipped += 1
