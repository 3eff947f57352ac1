"""What a run does to a library: which files it looks into, what has vanished, and what each batch changes.

Nothing here reads a file or changes anything. A batch is decided when its files have been hashed, and what has vanished
is forgotten after the last batch: so at each decision the library still knows every vanished path by its hash, beside
the hashes of the files that are new.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from semblance.indexer.catalog import Entry, Failure, NewPicture
from semblance.indexer.encoding import Encoded, Work
from semblance.indexer.scan import Scan
from semblance.retrieval.errors import UsageError
from semblance.retrieval.pixels import Pixels


@dataclass(frozen=True)
class Known:
    """What the library knew when the run began: its pictures and its failures, by path."""

    entries: dict[str, Entry]
    failures: dict[str, str]


@dataclass(frozen=True)
class Decision:
    """What one batch changes. `vectors` are those of `added`, then of `touched`, None where none was asked for."""

    added: list[NewPicture]
    touched: list[Entry]
    failed: list[Failure]
    vectors: list[Pixels | None]


def plan(seen: Scan, known: Known, coded: set[int], vectors: set[int] | None) -> list[Work]:
    """The files that are new, changed, failed before, or lack a code or a pixel vector: `coded` and `vectors` are the
    ids that have them, `vectors` None where none are wanted."""
    work = []
    for found in seen.found.values():
        entry = known.entries.get(found.path)
        same = entry is not None and (entry.size, entry.mtime_ns) == (found.size, found.mtime_ns)
        has_code = entry is not None and entry.id in coded
        whole = entry is not None and has_code and (vectors is None or entry.id in vectors)
        if not same or not whole or found.path in known.failures:
            work.append(Work(found, entry.sha256 if entry and has_code else None))
    return work


def vanished(seen: Scan, known: Known, prune: bool) -> tuple[list[str], list[str]]:
    """Paths of pictures and failures that may be forgotten, and warnings of those that may not.

    What may: all below the folders of this run that was not found, was not hidden by something that could not be looked
    at, and is below no folder that is missing or suddenly empty, unless `prune`. Raises UsageError.
    """
    gone: set[str] = set()
    kept: set[str] = set()
    warnings = []
    missed = [path for path in {**known.entries, **known.failures} if path not in seen.found]
    missed = [path for path in missed if not any(_is_within(path, closed) for closed in seen.unlisted)]
    for root in seen.roots:
        lost = [path for path in missed if _is_within(path, root)]
        pictures = sum(path in known.entries for path in lost)
        if root in seen.missing and not lost:
            raise UsageError(f"There is no folder {root}, and the library has no pictures from it.")
        if pictures and not prune and not any(_is_within(path, root) for path in seen.found):
            state = "is missing" if root in seen.missing else "has no pictures any more"
            warnings.append(
                f"The folder {root} {state}: its {pictures:,} pictures are kept in the library. "
                "If they are gone for good, run again with --prune."
            )
            kept.update(lost)
        gone.update(lost)
    return sorted(gone - kept), warnings


def decide(batch: Sequence[Encoded | Failure], known: Known) -> Decision:
    """What a batch changes, now that its files have been looked into."""
    fresh = [result for result in batch if isinstance(result, Encoded) and result.codes]
    same = [result for result in batch if isinstance(result, Encoded) and not result.codes]
    added = [NewPicture(*each.work.found, each.sha256, each.codes) for each in fresh]
    touched = [Entry(known.entries[each.work.found.path].id, *each.work.found, each.sha256) for each in same]
    failed = [result for result in batch if isinstance(result, Failure)]
    return Decision(added, touched, failed, [result.vector for result in [*fresh, *same]])


def _is_within(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)
