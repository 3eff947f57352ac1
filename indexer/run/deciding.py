"""What a run does to a library: which files it looks into, and what each batch changes.

Nothing here reads a file or changes anything. A batch is decided when its files have been hashed, and what has vanished
is forgotten after the last batch: so at each decision the library still knows every vanished path by its hash, beside
the hashes of the files that are new.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from semblance.indexer.catalog import Entry, Failure, NewPicture
from semblance.indexer.run.disks import agrees, nearest
from semblance.indexer.run.encoding import Encoded, Work
from semblance.indexer.run.moving import Moves
from semblance.indexer.run.scan import Found, Scan
from semblance.retrieval import storage
from semblance.retrieval.codes import Codes
from semblance.retrieval.facts import Facts
from semblance.retrieval.pixels import Pixels


@dataclass(frozen=True)
class Known:
    """What the library knew when the run began: its pictures and its failures, by path, and for each codec, by its id,
    which pictures have a code of it, by their ids. `told`: those that were asked what they say of themselves; None
    where that is no matter."""

    entries: dict[str, Entry]
    failures: dict[str, str]
    coded: dict[str, set[int]]
    told: set[int] | None = None


@dataclass(frozen=True)
class Plan:
    """What a run looks into: files whose state has `changed` since they were indexed, and `other` ones, that are new,
    failed before, or lack something. `filled`: pictures whose state says more than was known, and nothing else;
    `unasked`: pictures of which only what they say of themselves is not known, as of those that were indexed before
    that was asked."""

    changed: list[Work]
    other: list[Work]
    filled: list[Entry]
    unasked: list[Entry]


@dataclass(frozen=True)
class Decision:
    """What one batch changes. `moved` are pictures under their new paths. `codes` are those that `touched` and `moved`
    lacked, by codec_id and by the pictures' ids. `vectors` are those of `added`, then of `touched` and of `moved`, None
    where none was asked for. `facts`: what `touched` and `moved` say of themselves, where that was not known."""

    added: list[NewPicture]
    touched: list[Entry]
    moved: list[Entry]
    codes: dict[str, dict[int, Codes]]
    failed: list[Failure]
    vectors: list[Pixels | None]
    facts: dict[int, Facts] = field(default_factory=dict)


def plan(seen: Scan, known: Known, vectors: set[int] | None) -> Plan:
    """The files to look into: `vectors` are the ids that have a pixel vector, and None where none are wanted."""
    result, other_inode = Plan([], [], [], []), list[tuple[Entry, Found]]()
    coded = set.intersection(*known.coded.values()) if known.coded else None

    def agreeing(entry: Entry, found: Found) -> None:
        if (
            (coded is not None and entry.id not in coded)
            or (vectors is not None and entry.id not in vectors)
            or found.path in known.failures
        ):
            result.other.append(_work(found, entry, known))
            return
        if known.told is not None and entry.id not in known.told:
            result.unasked.append(entry)
        if (found.ctime_ns or entry.ctime_ns, found.inode or entry.inode) != (entry.ctime_ns, entry.inode):
            result.filled.append(under(entry, found))

    for found in seen.found.values():
        entry = known.entries.get(found.path)
        if entry is None:
            result.other.append(Work(found, None))
        elif not agrees(entry, found):
            result.changed.append(_work(found, entry, known))
        elif entry.inode != found.inode and 0 not in (entry.inode, found.inode):
            if storage.is_address(found.path):
                result.changed.append(_work(found, entry, known))
            else:
                other_inode.append((entry, found))
        else:
            agreeing(entry, found)
    counted_anew = _disks_counted_anew(seen, known, other_inode)
    for entry, found in other_inode:
        if nearest(found.path, seen.devices) in counted_anew:
            agreeing(entry, found)
        else:
            result.changed.append(_work(found, entry, known))
    return result


def _work(found: Found, entry: Entry, known: Known) -> Work:
    lacking = frozenset(codec_id for codec_id, ids in known.coded.items() if entry.id not in ids)
    return Work(found, entry.sha256, lacking)


def _disks_counted_anew(seen: Scan, known: Known, other_inode: Sequence[tuple[Entry, Found]]) -> set[str | None]:
    """The disks of which most files have another inode and nothing else has changed: those number their files anew when
    they are mounted, as FAT and some of the network do, and their inodes say nothing."""
    if not other_inode:
        return set()
    whole = Counter(nearest(path, seen.devices) for path in seen.found if path in known.entries)
    other = Counter(nearest(found.path, seen.devices) for _, found in other_inode)
    return {disk for disk, count in other.items() if 2 * count > whole[disk]}


def under(entry: Entry, found: Found) -> Entry:
    """The picture as a file that was found."""
    return Entry(entry.id, **found._asdict(), sha256=entry.sha256)


def decide(batch: Sequence[Encoded | Failure], known: Known, moves: Moves) -> Decision:
    """What a batch changes, now that its files have been looked into."""
    added: list[tuple[NewPicture, Encoded]] = []
    touched: list[tuple[Entry, Encoded]] = []
    moved: list[tuple[Entry, Encoded]] = []
    for result in batch:
        if isinstance(result, Failure):
            continue
        found = result.work.found
        if result.same:
            entry = known.entries[found.path]
            if moves.moved.get(entry.id) != found.path:  # else it was moved, and only now is here again
                touched.append((under(entry, found), result))
        elif was := moves.find(result.sha256, found.path):
            moved.append((under(was, found), result))
        else:
            new = NewPicture(**found._asdict(), sha256=result.sha256, codes=result.codes, facts=result.facts)
            added.append((new, result))
    there = [*touched, *moved]
    codes: dict[str, dict[int, Codes]] = {}
    for entry, result in there:
        for codec_id, code in result.codes.items():
            if entry.id not in known.coded[codec_id]:
                codes.setdefault(codec_id, {})[entry.id] = code
    facts = {entry.id: each.facts for entry, each in there if each.facts and entry.id not in (known.told or ())}
    failed = [result for result in batch if isinstance(result, Failure)]
    vectors = [result.vector for _, result in [*added, *touched, *moved]]
    return Decision(
        [new for new, _ in added], [e for e, _ in touched], [e for e, _ in moved], codes, failed, vectors, facts
    )
