"""What was seen of some folders -> the library: encode, decide, one transaction a batch, and forget what is gone.

The order keeps ids. Files whose state has changed are hashed first, so that it is known which contents have left their
paths; then all else is looked into, and takes ids along that were moved to new paths; then names that were swapped or
handed on are changed in one transaction; what is then still another content is encoded; and what is gone goes last.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from semblance.indexer.catalog import Catalog, Entry, Failure, Purpose, Writer, placing
from semblance.indexer.derived import pixelfile
from semblance.indexer.run.contents import Contents
from semblance.indexer.run.deciding import Decision, Known, Plan, decide, plan, under
from semblance.indexer.run.encoding import Encoded, Work, encoded
from semblance.indexer.run.forgetting import Vanished
from semblance.indexer.run.hashing import hashed
from semblance.indexer.run.headers import said
from semblance.indexer.run.moving import Moves
from semblance.indexer.run.scan import Scan
from semblance.retrieval.codec import Codec
from semblance.retrieval.progress import Progress

_BATCH = 256  # files that one transaction takes, and a chunk's more at most


@dataclass
class Summary:
    """What one run did. `moved`: pictures that are found at another path and kept their ids. `failed`: path and reason
    of each file left out; `warnings`: what was not done, and why; `completed`: how many of the unchanged pictures got a
    code that they lacked; `passed_over`: pictures of the library that lie where the run did not look, for --exclude
    say, and stay; `switched`: the codec_ids of the codecs that became current (see replacing.py)."""

    added: int = 0
    updated: int = 0
    moved: int = 0
    removed: int = 0
    unchanged: int = 0
    completed: int = 0
    skipped: int = 0
    passed_over: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    switched: dict[Purpose, str] = field(default_factory=dict)
    seconds: float = 0.0


class TakingIn:
    """One run over a library: what it knew, what was moved, how far it is."""

    def __init__(
        self,
        catalog: Writer,
        codecs: list[Codec],
        known: Known,
        lost: Vanished,
        with_pixels: bool,
        vectors: pixelfile.PixelFile | None,
        threads: int,
        progress: Progress,
    ) -> None:
        """`known` is what the library knows of the files that were seen or lost. `vectors` are the pixel vectors that
        there are, None where it is not asked which are lacking."""
        self._catalog, self._codecs, self._known, self._lost = catalog, codecs, known, lost
        self._with_pixels, self._vectors, self._threads = with_pixels, vectors, threads
        self._progress = progress
        self._moves = Moves([])
        self._done = self._total = 0
        self.summary = Summary()

    def run(self, seen: Scan) -> Summary:
        """Take in all that was seen. Raises LibraryError, and OSError where a derived file cannot be written."""
        having = None if self._vectors is None else {*self._vectors.ids.tolist()}
        todo = plan(seen, self._known, having)
        self._total = len(todo.changed) + len(todo.other) + len(todo.unasked)
        self.summary.skipped, self.summary.failed = seen.skipped, dict(seen.unlisted)
        self.summary.unchanged = sum(path in self._known.entries for path in seen.found)
        self.summary.unchanged -= sum(work.found.path in self._known.entries for work in [*todo.changed, *todo.other])
        self._progress(0, self._total)
        if todo.filled:
            self._catalog.touch(todo.filled)
        with Catalog.opened(self._catalog.folder) as reader:
            self._take_in(todo, having, Contents(reader, self._codecs, self._vectors))
        self._ask(todo.unasked)
        self._forget(seen)
        return self.summary

    def _take_in(self, todo: Plan, having: set[int] | None, contents: Contents) -> None:
        rest, other = self._hash(todo.changed, having)
        entries = self._known.entries
        left = [*self._lost.gone, *self._lost.leaving, *(path for each in self._lost.kept for path in each.paths)]
        gone = [entries[path] for path in left if path in entries]
        gone += [entries[work.found.path] for work, _ in other]
        self._moves = Moves(sorted(gone, key=lambda entry: entry.id))
        self._encode(todo.other, contents)
        self._encode([*rest, *self._move(other, having)], contents)

    def _hash(self, changed: Sequence[Work], having: set[int] | None) -> tuple[list[Work], list[tuple[Work, bytes]]]:
        """Touch the pictures whose content is as it was; give back what is to be looked into all the same, and what
        has another content, with its hash."""
        rest, other, same = list[Work](), list[tuple[Work, bytes]](), list[Entry]()
        at = 0
        for results in hashed(changed, self._threads):
            for work, sha256 in zip(changed[at : at + len(results)], results, strict=True):
                entry = self._known.entries[work.found.path]
                if sha256 is not None and sha256 != entry.sha256:
                    other.append((work, sha256))
                elif sha256 is None or work.lacking or self._lacks(entry, having):
                    rest.append(work)
                else:
                    same.append(under(entry, work.found))
            at += len(results)
            if len(same) >= _BATCH or at == len(changed):
                self._commit(Decision([], same, [], {}, [], [None] * len(same)))
                self._advance(len(same))
                same = []
        return rest, other

    def _lacks(self, entry: Entry, having: set[int] | None) -> bool:
        """Whether a picture has no pixel vector where those are wanted, or was not asked what it says of itself."""
        told = self._known.told
        return (having is not None and entry.id not in having) or (told is not None and entry.id not in told)

    def _move(self, other: Sequence[tuple[Work, bytes]], having: set[int] | None) -> list[Work]:
        """Give the ids of contents that changed their names with each other; what is left to be looked into."""
        moved, rest = list[Entry](), list[Work]()
        for work, sha256 in other:
            if was := self._moves.find(sha256, work.found.path):
                entry = under(was, work.found)
                moved.append(entry)
                lacking = frozenset(id for id, ids in self._known.coded.items() if entry.id not in ids)
                if lacking or self._lacks(entry, having):
                    rest.append(Work(work.found, sha256, lacking))
            else:
                rest.append(work)
        self._commit(Decision([], [], moved, {}, [], [None] * len(moved)))
        self._known.entries.update({entry.path: entry for entry in moved})
        self._advance(len(other) - len(rest))
        return rest

    def _ask(self, pictures: Sequence[Entry]) -> None:
        """Have pictures say of themselves what is not known, and nothing else."""
        for start in range(0, len(pictures), _BATCH):
            batch = pictures[start : start + _BATCH]
            self._catalog.learn(said(batch, self._threads))
            self._advance(len(batch))

    def _encode(self, work: Sequence[Work], contents: Contents) -> None:
        done, batch = 0, list[Encoded | Failure]()
        for results in encoded(work, self._codecs, self._with_pixels, self._threads, contents):
            batch += results
            contents.take_in(results)
            done += len(results)
            if len(batch) >= _BATCH or done == len(work):
                self._commit(decide(batch, self._known, self._moves))
                contents.committed()
                batch = []
            self._advance(len(results))

    def _commit(self, decision: Decision) -> None:
        catalog, entries, moved = self._catalog, self._known.entries, self._moves.moved
        if decision.moved:
            placing.move(catalog, decision.moved)
        ids = catalog.record(decision.added, decision.failed) if decision.added or decision.failed else []
        if decision.touched:
            catalog.touch(decision.touched)
        ids += [entry.id for entry in [*decision.touched, *decision.moved]]
        if decision.facts:
            catalog.learn(decision.facts)
        for codec in self._codecs:
            if codes := decision.codes.get(codec.codec_id):
                catalog.add_codes(codec, np.array([*codes], np.int64), np.stack([*codes.values()]))
        hashes = [new.sha256 for new in decision.added] + [e.sha256 for e in [*decision.touched, *decision.moved]]
        made = [each for each in zip(ids, hashes, decision.vectors, strict=True) if each[2] is not None]
        if made:
            numbers, contents, vectors = zip(*made, strict=True)
            pixelfile.append(catalog.folder, numbers, contents, np.stack(vectors))
        updated = sum(new.path in entries and entries[new.path].id not in moved for new in decision.added)
        summary = self.summary
        summary.added += len(decision.added) - updated
        summary.updated += updated
        summary.moved += len(decision.moved)
        over = (entries.get(entry.path) for entry in decision.moved)
        summary.removed += sum(was is not None and was.id not in moved for was in over)
        summary.unchanged += len(decision.touched)
        summary.completed += len({id for codes in decision.codes.values() for id in codes})
        summary.failed |= {failure.path: failure.reason for failure in decision.failed}

    def _advance(self, count: int) -> None:
        self._done += count
        if count:
            self._progress(self._done, self._total)

    def _forget(self, seen: Scan) -> None:
        entries, moved = self._known.entries, self._moves.moved
        self._catalog.record([], [Failure(path, reason, read=False) for path, reason in seen.unlisted.items()])
        self._catalog.forget(self._lost.gone)
        self.summary.removed += sum(path in entries and entries[path].id not in moved for path in self._lost.gone)
        self.summary.passed_over = sum(path in entries for path in self._lost.passed)
        self.summary.warnings = self._lost.warnings(entries, {*moved.values()})
