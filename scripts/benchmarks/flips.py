"""Single flipped bits in each file of a library: each is found by `verify`, or changes no row and no answer; nothing
ends in a traceback, and after `verify --repair` no answer is wrong.

All in this process, of which a new one would cost most. What is right is what the whole library answered, among the
pictures that are left.
"""

import contextlib
import logging
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from semblance.indexer.catalog import Catalog
from semblance.indexer.derived import thumbnails
from semblance.indexer.keeping import repairing, verifying
from semblance.indexer.keeping.standing import status
from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import SemblanceError
from semblance.scripts.benchmarks.figures import Asked, Row, row
from semblance.scripts.scenes import write_sample

BITS = 500  # in each file
GOOD = ("found", "harmless", "lost")  # the last: nothing can be read, which is said
MODEL = "cifar10-fast"  # the smallest: it is loaded some times for each bit
ENGINES = ("code", "copies", "pixel")
_ASKED = 2  # pictures that each engine is asked with

Answers = dict[tuple[str, int], list[tuple[str, float]]]


class Flips:
    """A library in `scratch`, and what it holds and answers while it is whole."""

    def __init__(self, scratch: Path, pictures: int = 40) -> None:
        self.pictures, self.whole = scratch / "pictures", scratch / "whole"
        self.flipped, self.indexed = scratch / "flipped", scratch / "indexed"
        write_sample(self.pictures, pictures)
        pipeline.update([self.pictures], self.whole, Codec(MODEL, threads=1), with_pixels=True)
        with Catalog.opened(self.whole) as catalog:
            entries = catalog.entries()
        for entry in entries[:1]:
            thumbnails.make(self.whole, entry)
        self.asked = [entry.path for entry in entries[:: len(entries) // _ASKED]][:_ASKED]
        self.rows, self.answers = _rows(self.whole), self.answers_of(self.whole)

    def files(self) -> list[Path]:
        """Those of the library, relative to it."""
        return sorted(path.relative_to(self.whole) for path in self.whole.rglob("*") if path.is_file() and _size(path))

    def trial(self, file: Path, bit: int) -> str:
        """What came of one flipped bit: "found" and mended, "lost" where nothing can be read and that is said,
        "harmless"; or, which shall not be, "missed", "wrong", "wrong after" index or repair, "lost after
        repair", or a traceback's last line."""
        shutil.rmtree(self.flipped, ignore_errors=True)
        shutil.copytree(self.whole, self.flipped)
        data = bytearray((self.flipped / file).read_bytes())
        data[bit // 8] ^= 1 << bit % 8
        (self.flipped / file).write_bytes(data)
        try:
            return self._outcome()
        except Exception as error:  # whatever it is, it is what is looked for
            return f"traceback: {type(error).__name__}: {error}"

    def _outcome(self) -> str:
        with contextlib.suppress(SemblanceError):
            status(self.flipped)
        found = self._is_found()
        with contextlib.suppress(SemblanceError):
            if not self._right(self.answers_of(self.flipped)):
                return "wrong"
        with contextlib.suppress(SemblanceError):
            shutil.rmtree(self.indexed, ignore_errors=True)
            shutil.copytree(self.flipped, self.indexed)
            self._index(self.indexed)
            if not self._right(self.answers_of(self.indexed)):
                return "wrong after index"
        if not found:  # not answering at all would be no wrong answer, and is to be found
            same = _rows(self.flipped) == self.rows and self.answers_of(self.flipped) == self.answers
            return "harmless" if same else "missed"
        try:
            repairing.repair(self.flipped, threads=1)
        except SemblanceError:
            return "lost"
        if self._is_found() or not self._right(self.answers_of(self.flipped)):
            return "wrong after repair"
        self._index(self.flipped)
        whole = {question: sorted(hits) for question, hits in self.answers_of(self.flipped).items()}
        return "found" if whole == {q: sorted(hits) for q, hits in self.answers.items()} else "lost after repair"

    def _index(self, library: Path) -> None:
        pipeline.update([self.pictures], library, Codec(MODEL, threads=1), threads=1)

    def _is_found(self) -> bool:
        try:
            return bool(verifying.verify(self.flipped, threads=1).damage)
        except SemblanceError:
            return True

    def answers_of(self, folder: Path) -> Answers:
        """Paths and distances, all of them, to each question."""
        with Library.open(folder) as library:
            return {
                (engine, place): [(hit.path, hit.distance) for hit in library.search(path, k=100, engine=engine)]
                for engine in ENGINES
                for place, path in enumerate(self.asked)
            }

    def _right(self, answers: Answers) -> bool:
        """Whether each answer is that of the whole library without the pictures that it does not have any more."""
        for question, hits in answers.items():
            held = {path for path, _ in hits}
            if sorted(hits) != sorted(hit for hit in self.answers[question] if hit[0] in held):
                return False
        return True


def _rows(folder: Path) -> list[Any]:
    with Catalog.opened(folder) as catalog:
        rows: list[Any] = [catalog.library, catalog.generation(), catalog.entries(), catalog.failures()]
        for codec in verifying.codecs(catalog):
            changes = catalog.changes(0, codec.codec_id)
            rows += [codec, changes.ids.tolist(), changes.codes.tolist(), changes.removed.tolist()]
        return rows


def _size(path: Path) -> int:
    return path.stat().st_size


def flips(asked: Asked) -> list[Row]:
    """How often each came of a flipped bit, for each file of a library."""
    chance, rows, bad = random.Random(0), list[Row](), 0
    before = logging.root.manager.disable
    logging.disable()
    trials = Flips(asked.scratch)
    for file in trials.files():
        bits = [chance.randrange(8 * _size(trials.whole / file)) for _ in range(BITS)]
        outcomes = Counter(trials.trial(file, bit) for bit in bits)
        rows += [row(f"{file}: {outcome}", count, f"of {BITS}") for outcome, count in sorted(outcomes.items())]
        bad += sum(count for outcome, count in outcomes.items() if outcome not in GOOD)
    logging.disable(before)
    return [*rows, row("neither found nor harmless, or wrong after repair", bad, "bits", "0")]
