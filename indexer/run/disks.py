"""Disks that are mounted at or below the folders of a run: which are away, or have another one at their place.

The catalog remembers the number of the device that each folder of a run lay on, and the places below it where another
disk was mounted. Where a place is or was one of a disk's own, or is on another device than it was, what is not found
below it may lie on a disk that is away. Numbers alone prove nothing: they are dealt out anew when a machine starts, and
the next disk may get the same. So one picture that is still there, with the size and the times that it had, says that
the disk is the same; a copy of it on another disk has another ctime, and what was first seen there since does not
count. Only where there is none is what is missing kept, until the disk is back or a run has --prune.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from semblance.indexer.catalog import Entry, Folder
from semblance.indexer.run.scan import Found, Scan, in_64_bits, state_of
from semblance.retrieval import storage

_OF_THE_NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "fuse.", "fuseblk.", "glusterfs", "vboxsf", "virtiofs")
_ESCAPED = re.compile(r"\\([0-7]{3})")

Within = Callable[[str], Iterable[Entry]]
"""The pictures that the library has below a folder."""


def nearest(path: str, places: Mapping[str, object]) -> str | None:
    """The place that a path is, or lies below, by the shortest way."""
    while path not in places:
        above = os.path.dirname(path)  # noqa: PTH120 - as in the scan
        if above == path:
            return None
        path = above
    return path


def away(lost: Iterable[str], seen: Scan, remembered: Mapping[str, Folder], within: Within) -> dict[str, list[str]]:
    """Those of the lost paths that may lie on a disk that is away, by the place where it was mounted."""
    places = {**remembered, **seen.devices}
    by_place: dict[str, list[str]] = {}
    for path in lost:
        if place := nearest(path, places):
            by_place.setdefault(place, []).append(path)
    found = {}
    for place, paths in by_place.items():
        before = nearest(place, remembered)
        if before is not None and _looks_changed(place, before, remembered):
            those = (entry for entry in within(place) if entry.id <= remembered[before].last)
            if not _is_the_same(place, {*paths}, places, those):
                found[place] = paths
    return found


def to_remember(
    seen: Scan, remembered: Mapping[str, Folder], away: Iterable[str], prune: bool, last: int
) -> tuple[dict[str, Folder], list[str]]:
    """What the catalog shall know of the folders that a run saw, and the places that it shall know no more; `last` is
    the greatest id when it ends. A place knows one disk: while that is away, another one there is not remembered."""
    kept = {*away}
    now = time.time()
    folders = {
        place: Folder(device, place in seen.roots or (place in remembered and remembered[place].named), now, last)
        for place, device in seen.devices.items()
        if place not in kept
    }
    gone = []
    for place, folder in remembered.items():
        if place in folders or place in kept:
            continue
        if place in seen.listed and (above := nearest(place, seen.devices)):  # a disk that nothing is missed of
            if folder.named:
                folders[place] = Folder(seen.devices[above], True, now, last)
            else:
                gone.append(place)
        elif prune and not folder.named and any(nearest(place, {root: None}) for root in seen.roots):
            gone.append(place)
    return folders, gone


def mounts() -> list[tuple[str, str]]:
    """Where a disk is mounted now, and its kind; nothing where the system has no such list."""
    try:
        lines = Path("/proc/self/mounts").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    fields = (line.split(" ") for line in lines)
    return [(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), place), kind) for _, place, kind, *_ in fields]


def on_network(roots: Iterable[str]) -> bool:
    """Whether one of the folders, or something below, lies on a disk that others may change unseen."""
    kinds = dict(mounts())  # of several at one place the last is what one sees
    for root in roots:
        below = [place for place in kinds if place.startswith(root.rstrip(os.sep) + os.sep)]
        if any(kinds[place].startswith(_OF_THE_NETWORK) for place in [*below, nearest(root, kinds)] if place):
            return True
    return False


def _looks_changed(place: str, before: str, remembered: Mapping[str, Folder]) -> bool:
    device = _device(place)
    if device is None:
        return False  # what is not there at all is seen to by who asks
    above = os.path.dirname(place)  # noqa: PTH120
    outer = nearest(above, remembered)
    was_mounted = before == place and outer is not None and remembered[outer].device != remembered[place].device
    return was_mounted or device != remembered[before].device or device != _device(above)


def _is_the_same(place: str, lost: set[str], places: Mapping[str, object], entries: Iterable[Entry]) -> bool:
    """Whether a picture is there as it was. One without a known ctime, of before, counts by size and mtime."""
    for entry in entries:
        if entry.path in lost or nearest(entry.path, places) != place:
            continue
        try:
            found = state_of(entry.path, os.stat(entry.path))  # noqa: PTH116
        except OSError:
            continue
        if agrees(entry, found):
            return True
    return False


def agrees(entry: Entry, found: Found) -> bool:
    """Whether size and times are those that were known, as far as they were."""
    return (entry.size, entry.mtime_ns) == (found.size, found.mtime_ns) and (
        0 in (entry.ctime_ns, found.ctime_ns) or entry.ctime_ns == found.ctime_ns
    )


def _device(place: str) -> int | None:
    if storage.is_address(place):
        return None  # it lies on no disk
    try:
        return in_64_bits(os.stat(place).st_dev)  # noqa: PTH116
    except OSError:
        return None
