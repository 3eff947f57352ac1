"""Pictures that are not where they were: a content that turns up at another path takes its id along.

So a folder may be renamed, and whatever is known by an id (a thumbnail, a pair that people told apart) stays.
"""

import os
from collections.abc import Iterable

from semblance.indexer.catalog import Entry


class Moves:
    """Pictures whose content has left its path, and the paths that those had which were found again."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Of pictures that are no longer where they were; each can be found once."""
        self._left: dict[bytes, dict[int, Entry]] = {}
        for entry in entries:
            self._left.setdefault(entry.sha256, {})[entry.id] = entry
        self.moved: dict[int, str] = {}  # id -> old path

    def find(self, sha256: bytes, path: str) -> Entry | None:
        """The picture that was moved to `path`: of several of one content one of the same name, else the oldest."""
        left = self._left.get(sha256)
        if not left:
            return None
        name = os.path.basename(path)  # noqa: PTH119
        namesake = (entry for entry in left.values() if os.path.basename(entry.path) == name)  # noqa: PTH119
        entry = next(namesake, next(iter(left.values())))
        del left[entry.id]
        if not left:
            del self._left[sha256]
        self.moved[entry.id] = entry.path
        return entry
