"""What a run does to a library: which files it looks into, what has vanished, and what each batch changes.

Nothing here reads a file or changes anything. A batch is decided when its files have been hashed, and what has vanished
is forgotten after the last batch: so at each decision the library still knows every vanished path by its hash, beside
the hashes of the files that are new.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from semblance.indexer.catalog import Entry, Failure, NewPicture
from semblance.indexer.encoding import Encoded, Work
from semblance.indexer.scan import Scan
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import UsageError
from semblance.retrieval.pixels import Pixels


@dataclass(frozen=True)
class Known:
    """What the library knew when the run began: its pictures and its failures, by path, and for each codec, by its id,
    which pictures have a code of it, by their ids."""

    entries: dict[str, Entry]
    failures: dict[str, str]
    coded: dict[str, set[int]]


@dataclass(frozen=True)
class Decision:
    """What one batch changes. `codes` are those that `touched` lacked, by codec_id and by the pictures' ids. `vectors`
    are those of `added`, then of `touched`, None where none was asked for."""

    added: list[NewPicture]
    touched: list[Entry]
    codes: dict[str, dict[int, Codes]]
    failed: list[Failure]
    vectors: list[Pixels | None]


def plan(seen: Scan, known: Known, vectors: set[int] | None) -> list[Work]:
    """The files that are new, changed, failed before, or lack a code or a pixel vector: `vectors` are the ids that have
    one, and None where none are wanted."""
    work = []
    for found in seen.found.values():
        entry = known.entries.get(found.path)
        same = entry is not None and (entry.size, entry.mtime_ns) == (found.size, found.mtime_ns)
        lacking = frozenset(codec_id for codec_id, ids in known.coded.items() if entry and entry.id not in ids)
        whole = entry is not None and not lacking and (vectors is None or entry.id in vectors)
        if not same or not whole or found.path in known.failures:
            work.append(Work(found, entry.sha256 if entry else None, lacking))
    return work


def vanished(seen: Scan, known: Known, prune: bool) -> tuple[list[str], list[str]]:
    """Paths of pictures and failures that may be forgotten, and warnings of those that may not.

    What may: all below the folders of this run that was not found, was not hidden by something that could not be looked
    at, and unless `prune` is below no folder that is missing, suddenly empty, or passed over: what a run does not look
    into another may have found. Raises UsageError.
    """
    gone: set[str] = set()
    kept: set[str] = set()
    warnings = []
    missed = [path for path in {**known.entries, **known.failures} if path not in seen.found]
    missed = [path for path in missed if not any(_is_within(path, closed) for closed in seen.unlisted)]
    if not prune:
        missed = [path for path in missed if not _is_passed(path, seen)]
    holding = {os.path.dirname(path) for path in seen.found}  # noqa: PTH120 - as in the scan
    alive = holding | {str(above) for folder in holding for above in Path(folder).parents}
    for root in seen.roots:
        lost = [path for path in missed if _is_within(path, root)]
        if root in seen.missing and not lost:
            raise UsageError(f"There is no folder {root}, and the library has no pictures from it.")
        gone.update(lost)
        for emptied, paths in _by_emptied_folder(lost, root, alive).items():
            if prune or not (pictures := sum(path in known.entries for path in paths)):
                continue
            state = "has no pictures any more" if emptied in seen.listed else "is missing"
            said = "picture is" if pictures == 1 else "pictures are"
            warnings.append(
                f"The folder {emptied} {state}: its {pictures:,} {said} kept in the library. "
                "If they are gone for good, run again with --prune."
            )
            kept.update(paths)
    return sorted(gone - kept), warnings


def _by_emptied_folder(lost: list[str], root: str, alive: set[str]) -> dict[str, list[str]]:
    """The lost paths below each folder that has no file left which should be a picture: the topmost such, from `root`
    down. A disk that was mounted below the root and is not now looks just like that."""
    emptied: dict[str, list[str]] = {}
    for path in lost:
        within = [folder for above in Path(path).parents if _is_within(folder := str(above), root)]
        if dead := [folder for folder in within if folder not in alive]:
            emptied.setdefault(dead[-1], []).append(path)
    return emptied


def _is_passed(path: str, seen: Scan) -> bool:
    """Whether the run looked past this path: left out, or below a folder that is passed over and not named."""
    for above in (Path(path), *Path(path).parents):
        if (folder := str(above)) in seen.passed or folder in seen.roots:
            return folder not in seen.roots
    return False


def decide(batch: Sequence[Encoded | Failure], known: Known) -> Decision:
    """What a batch changes, now that its files have been looked into."""
    fresh = [result for result in batch if isinstance(result, Encoded) and not result.same]
    same = [result for result in batch if isinstance(result, Encoded) and result.same]
    added = [NewPicture(**each.work.found._asdict(), sha256=each.sha256, codes=each.codes) for each in fresh]
    touched = [
        Entry(known.entries[each.work.found.path].id, **each.work.found._asdict(), sha256=each.sha256) for each in same
    ]
    codes: dict[str, dict[int, Codes]] = {}
    for result, entry in zip(same, touched, strict=True):
        for codec_id, code in result.codes.items():
            codes.setdefault(codec_id, {})[entry.id] = code
    failed = [result for result in batch if isinstance(result, Failure)]
    return Decision(added, touched, codes, failed, [result.vector for result in [*fresh, *same]])


def _is_within(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)
