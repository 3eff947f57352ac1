"""Single paths below the folders of a run: what a scan of the folders would see of them, without the rest."""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from semblance.indexer.catalog import FILE
from semblance.indexer.run.excluding import Excluded, excluder
from semblance.indexer.run.scan import Scan, sort_in, walk


class _Single:
    """A file by its path, as a listing gives it."""

    def __init__(self, path: str) -> None:
        self.path, self.name = path, os.path.basename(path)  # noqa: PTH119 - as in the scan

    def is_file(self) -> bool:
        return os.path.isfile(self.path)  # noqa: PTH113

    def is_symlink(self) -> bool:
        return os.path.islink(self.path)  # noqa: PTH114

    def stat(self) -> os.stat_result:
        return os.stat(self.path)  # noqa: PTH116


class _Reach:
    """Which folders a scan of the roots comes to; each is looked at once."""

    def __init__(self, own: str, excluded: Excluded) -> None:
        self._own, self._excluded = own, excluded
        self._known: dict[tuple[str, str], bool] = {}

    def __call__(self, folder: str, root: str) -> bool:
        if (folder, root) not in self._known:
            self._known[folder, root] = self._comes(folder, root)
        return self._known[folder, root]

    def _comes(self, folder: str, root: str) -> bool:
        if folder == self._own or os.path.lexists(os.path.join(folder, FILE)):  # noqa: PTH118
            return False
        return folder == root or (not self.passes(folder, root) and self(os.path.dirname(folder), root))  # noqa: PTH120

    def passes(self, path: str, root: str) -> bool:
        """Whether the scan passes over a file or folder for its name."""
        name = os.path.basename(path)  # noqa: PTH119
        return name.startswith(".") or self._excluded(name, path[len(root.rstrip(os.sep)) + 1 :])


def look(
    paths: Iterable[str], roots: Sequence[str], library: Path, exclude: Sequence[str] = ()
) -> tuple[Scan, list[str]]:
    """As `scan`, of these paths below `roots` alone, folders with all below them; and those that are not there."""
    out, excluded, own = Scan(roots=[*roots]), excluder(exclude), str(library.resolve())
    reach, gone = _Reach(own, excluded), list[str]()
    for path in paths:
        root = next((root for root in roots if (path + os.sep).startswith(root.rstrip(os.sep) + os.sep)), None)
        if root is None or (path != root and not reach(os.path.dirname(path), root)):  # noqa: PTH120
            continue
        try:
            is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            gone.append(path)
            continue
        except OSError:
            continue  # nothing is known of it
        if not is_folder and not reach.passes(path, root):
            sort_in(_Single(path), out)
        elif is_folder and reach(path, root):
            for entry in walk(path, root, own, excluded, out):
                sort_in(entry, out)
    gone += _other_spellings(out)
    return out, gone


def _other_spellings(out: Scan) -> list[str]:
    """Take out what is the same file by another case of its name, on a disk that does not tell the two apart: a scan
    finds a file by the name that is listed, and so a case that was changed is a move."""
    by_name: dict[str, list[str]] = {}
    for path in out.found:
        by_name.setdefault(path.casefold(), []).append(path)
    other = []
    for paths in by_name.values():
        if len(paths) > 1 and len({out.found[path][1:] for path in paths}) == 1:
            other += [path for path in paths if os.path.basename(path) not in os.listdir(os.path.dirname(path))]  # noqa: PTH119, PTH120, PTH208
    for path in other:
        del out.found[path]
    return other
