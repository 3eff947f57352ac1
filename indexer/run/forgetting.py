"""What a run may call gone, and what it keeps although it has not found it.

A disk that is away looks like pictures that were deleted, so what vanished with its whole folder is kept; what only
one of several files vanished from is forgotten. What a run did not look at it knows nothing of.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from semblance.indexer.catalog import Entry, Folder
from semblance.indexer.run import disks
from semblance.indexer.run.scan import Scan
from semblance.retrieval.errors import UsageError


class Kept(NamedTuple):
    """Paths that are not found and not forgotten, since the state of their folder says that they may come back."""

    folder: str
    state: str
    paths: list[str]


@dataclass(frozen=True)
class Vanished:
    """Paths of pictures and failures that are gone, and those that are kept; `away`: the places of disks among them.
    `leaving`: paths that are not there and not judged yet, and may be found under others. `passed`: paths where the
    run did not look, which stay as they were known."""

    gone: list[str]
    kept: list[Kept]
    away: list[str]
    leaving: list[str] = field(default_factory=list)
    passed: frozenset[str] = frozenset()

    def warnings(self, pictures: Collection[str], moved: Collection[str] = ()) -> list[str]:
        """A sentence for each folder of which pictures are kept, those not counted that were found elsewhere."""
        said = []
        for folder, state, paths in self.kept:
            if count := sum(path in pictures and path not in moved for path in paths):
                said.append(
                    f"The folder {folder} {state}: its {count:,} {'picture is' if count == 1 else 'pictures are'} kept "
                    "in the library. If they are gone for good, run again with --prune."
                )
        return said


def vanished(
    seen: Scan,
    entries: Mapping[str, Entry],
    failures: Collection[str],
    remembered: Mapping[str, Folder],
    within: disks.Within,
    prune: bool = False,
    partly: bool = False,
) -> Vanished:
    """What has become of the known paths that were not found.

    Gone is all below the folders of this run that was not hidden by something that could not be looked at, and unless
    `prune` is below no folder that is missing, suddenly empty, passed over (what a run does not look into another may
    have found) or on another disk than before. `within` gives the library's pictures below a folder; `partly` says that
    not all there is below the folders was looked at, but `entries` and `failures` alone. Raises UsageError.
    """
    missed = [path for path in {**entries, **dict.fromkeys(failures)} if path not in seen.found]
    missed = [path for path in missed if not any(_is_within(path, closed) for closed in seen.unlisted)]
    if (own := seen.uploads) and not any(_is_within(root, own) for root in seen.roots):  # even where all is pruned
        missed = [path for path in missed if not _is_within(path, own)]
    passed = frozenset() if prune else frozenset(path for path in missed if _is_passed(path, seen))
    missed = [path for path in missed if path not in passed]
    away = {} if prune else disks.away(missed, seen, remembered, within)
    kept = [Kept(place, "is not on the disk that it was on", paths) for place, paths in away.items()]
    lies_away = {path for paths in away.values() for path in paths}
    missed = [path for path in missed if path not in lies_away]
    alive = _alive(seen, {*missed} | lies_away, within if partly else None)
    gone: set[str] = set()
    for root in seen.roots:
        lost = [path for path in missed if _is_within(path, root)]
        if root in seen.missing and not lost and not partly:
            raise UsageError(f"There is no folder {root}, and the library has no pictures from it.")
        gone.update(lost)
        for emptied, paths in _by_emptied_folder(lost, root, alive).items():
            if not prune and any(path in entries for path in paths):
                state = "has no pictures any more" if os.path.isdir(emptied) else "is missing"  # noqa: PTH112
                kept.append(Kept(emptied, state, paths))
    return Vanished(sorted(gone - {path for each in kept for path in each.paths}), kept, [*away], passed=passed)


def _alive(seen: Scan, lost: set[str], within: disks.Within | None) -> Callable[[str], bool]:
    """Tells whether a folder has a file left that should be a picture: one that was found, or where not all was looked
    at, one that the library knows and that is there."""
    holding = lost and {os.path.dirname(path) for path in seen.found}  # noqa: PTH120 - as in the scan
    found = holding | {above for folder in holding for above in _above(folder)}
    asked: dict[str, bool] = {}

    def alive(folder: str) -> bool:
        if folder in found or within is None:
            return folder in found
        if folder not in asked:
            others = (entry.path for entry in within(folder) if entry.path not in lost)
            asked[folder] = any(os.path.lexists(path) for path in others)
        return asked[folder]

    return alive


def _by_emptied_folder(lost: list[str], root: str, alive: Callable[[str], bool]) -> dict[str, list[str]]:
    """The lost paths below each folder that has no file left which should be a picture: the topmost such, from `root`
    down. A disk that was mounted below the root and is not now looks just like that."""
    emptied: dict[str, list[str]] = {}
    for path in lost:
        top = None
        for folder in _above(path):
            if not _is_within(folder, root) or alive(folder):
                break
            top = folder
        if top is not None:
            emptied.setdefault(top, []).append(path)
    return emptied


def _is_passed(path: str, seen: Scan) -> bool:
    """Whether the run looked past this path: left out, or below a folder that is passed over and not named."""
    for folder in (path, *_above(path)):
        if folder in seen.passed or folder in seen.roots:
            return folder not in seen.roots
    return False


def _above(path: str) -> Iterator[str]:
    while (folder := os.path.dirname(path)) != path:  # noqa: PTH120 - a Path is none of an address
        yield folder
        path = folder


def _is_within(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)
