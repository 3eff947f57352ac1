"""Everything that is there more than once: exact copies by content, near ones by code, and what else was asked for."""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from semblance.indexer.answers import crowds
from semblance.indexer.answers.coded import Coded
from semblance.indexer.catalog import Catalog
from semblance.indexer.catalog.apart import told_apart
from semblance.indexer.duplicates import cropped, crowded, pairing, symmetries, units
from semblance.indexer.duplicates.records import Copy, CrowdOfPictures, Duplicates, Group, Stage, Why, unwatched
from semblance.indexer.duplicates.units import Units
from semblance.retrieval import grouping, headers, storage
from semblance.retrieval.errors import NoCopies, PictureError, UsageError
from semblance.retrieval.headers import Header
from semblance.retrieval.pairs import Pairs
from semblance.retrieval.pool import in_order
from semblance.retrieval.progress import Progress

_FEW = 1000  # sets among which a crowd makes no more pairs than memory holds


def find(
    catalog: Catalog,
    same: Coded | None,
    alike: Coded,
    *,
    within: int | None = None,
    turned: bool = False,
    crops: bool = False,
    stage: Stage = unwatched,
) -> Duplicates:
    """The groups and crowds of a library, by the codes of what is the `same`. `within`: how many bits near copies are
    apart at most, None for what the model's card says; `turned` looks for mirrored and turned copies too, `crops` for
    parts, by what is `alike`.

    Raises UsageError, NoCopies where the library has no codes that copies are known by, and LibraryError.
    """
    within = _within(same, within)
    apart = told_apart(catalog)
    search = _Search(units.make({entry.id: entry for entry in catalog.entries()}, same, apart), within)
    for pair in apart:
        rows = sorted(search.units.row[id] for id in pair if id in search.units.row)
        if len(rows) == 2:
            search.apart.add((rows[0], rows[1]))
    assert same is not None
    if turned:
        with stage("Turning pictures") as progress:
            search.turn(same, progress)
    with stage("Comparing codes") as progress:
        pairs = search.pairs(same.codec.bits, crowds.Looking(catalog, same.codec.spec), progress)
    with stage("Reading sizes") as progress:
        search.read_headers(pairs, progress)
    clusters = search.grouped(pairs)
    came = dict[int, Why]()
    if crops:
        taken = {row for rows in [*clusters, *search.crowded] for row in rows}
        singles = [[row] for row in range(search.units.coded) if row not in taken]
        with stage("Looking for crops") as progress:
            clusters, came, gone = cropped.join(clusters + singles, search.units, alike, search.apart, progress)
        search.gone |= {*gone}
    return search.found(clusters, came, len(apart))


def _within(same: Coded | None, asked: int | None) -> int:
    if same is None:
        raise NoCopies
    if asked is None and same.within is None:
        raise UsageError(
            f"The model {same.codec.name} does not say how near copies are: say --within BITS, or measure it by "
            "`semblance edits --keep`."
        )
    within = same.within if asked is None else asked
    assert within is not None
    if not 0 <= within < same.codec.bits // 2:
        raise UsageError(f"--within is from 0 to {same.codec.bits // 2 - 1} bits, not {within}.")
    return within


@dataclass
class _Search:
    """One search for duplicates, and what is known so far. Rows are those of `units`."""

    units: Units
    within: int
    apart: set[tuple[int, int]] = field(default_factory=set)
    crowded: list[list[int]] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    read: dict[int, Header | None] = field(default_factory=dict)

    def turn(self, same: Coded, progress: Progress) -> None:
        """Give each row with a code its eight views; where the picture is gone, its own code eight times."""
        codes = np.repeat(self.units.codes, symmetries.VIEWS, axis=1)
        asked = [self.units.entries[self.units.ids[row][0]] for row in range(self.units.coded)]
        row = 0
        progress(0, len(asked))
        for made in symmetries.codes(asked, same.codec):
            for found in made:
                if found is None:
                    self.gone.add(asked[row].path)
                else:
                    codes[row, 1:] = found[1:]
                row += 1
            progress(row, len(asked))
        self.units.codes = codes

    def pairs(self, bits: int, looking: crowds.Looking, progress: Progress) -> Pairs:
        """The pairs of rows that are near, by any view, without those of crowds, which are found on the way."""
        codes, count = self.units.codes, self.units.coded
        out = np.zeros(count, np.bool_)
        if count > _FEW:  # large ones first, which would make very many pairs
            ids = np.array([ids[0] for ids in self.units.ids[:count]], np.int64)
            for crowd in crowds.find(ids, codes[:, 0], self.within, looking):
                near = ~out & (crowds.sizes([crowd], codes[:, 0], self.within) > 0)
                self.crowded.append(np.flatnonzero(near).tolist())
                out |= near
        kept = np.flatnonzero(~out)
        found = pairing.near(codes[kept], self.within, bits, progress)
        found = Pairs(kept[found.first], kept[found.second], found.distance)
        for crowd_rows in self.crowded:
            rows = np.unique(np.concatenate([found.first, found.second]))
            crowd_rows += crowded.around(self.units, crowd_rows, rows.tolist(), self.within, looking)
            out[crowd_rows] = True
            found = pairing.without(found, out)
        self.crowded += crowded.find(self.units, found, looking)
        out[[row for rows in self.crowded for row in rows]] = True
        return pairing.without(found, out)

    def read_headers(self, pairs: Pairs, progress: Progress) -> None:
        """Of all pictures that may be in a group."""
        rows = {*pairs.first.tolist(), *pairs.second.tolist()}
        ids = [id for row, ids in enumerate(self.units.ids) if len(ids) > 1 or row in rows for id in ids]
        progress(0, len(ids))
        for done, _ in enumerate(in_order(self._header, ids), 1):
            progress(done, len(ids))

    def _header(self, id: int) -> Header | None:
        if id not in self.read:
            path = self.units.entries[id].path
            self.read[id] = None
            with suppress(PictureError, OSError):
                self.read[id] = headers.read(storage.place(path))
            if self.read[id] is None:
                self.gone.add(path)
        return self.read[id]

    def rank(self, id: int) -> tuple[object, ...]:
        """The lowest is the best: see indexer/duplicates."""
        entry, header = self.units.entries[id], self._header(id)
        if header is None:
            return (math.inf, True, True, -entry.size, entry.mtime_ns, entry.path)
        pixels = header.width * header.height
        return (-pixels, not header.lossless, not header.camera, -entry.size, entry.mtime_ns, entry.path)

    def grouped(self, pairs: Pairs) -> list[list[int]]:
        """Groups of rows, the best row of each first, and single rows of one content that is there more than once."""
        rows = {*pairs.first.tolist(), *pairs.second.tolist()}
        ranks = [min(map(self.rank, self.units.ids[row])) if row in rows else () for row in range(self.units.coded)]
        together = grouping.groups(self.units.codes, pairs, self.within, ranks, self.apart)
        taken = {row for group in [*together, *self.crowded] for row in group}
        return together + [[row] for row, ids in enumerate(self.units.ids) if len(ids) > 1 and row not in taken]

    def found(self, clusters: Sequence[Sequence[int]], came: dict[int, Why], apart: int) -> Duplicates:
        """The answer, the groups that take most first."""
        groups = [self._group(rows, came) for rows in clusters if len(rows) > 1 or len(self.units.ids[rows[0]]) > 1]
        groups += [self._group_of(ids, {}) for rows in self.crowded for ids in self._exact(rows)]
        entries = self.units.entries
        lost = sorted(self.gone)
        many = [
            CrowdOfPictures(ids, [entries[id].path for id in ids])
            for ids in (sorted(id for row in rows for id in self.units.ids[row]) for rows in self.crowded)
        ]
        groups.sort(key=lambda group: (-group.bytes, group.best.path))
        return Duplicates(len(entries), self.within, groups, many, lost, apart)

    def _exact(self, rows: Sequence[int]) -> Iterator[list[int]]:
        """Those of a crowd that are one content."""
        of = dict[bytes, list[int]]()
        for id in (id for row in rows for id in self.units.ids[row]):
            of.setdefault(self.units.entries[id].sha256, []).append(id)
        return (ids for ids in of.values() if len(ids) > 1)

    def _group(self, rows: Sequence[int], came: dict[int, Why]) -> Group:
        return self._group_of([id for row in rows for id in self.units.ids[row]], came)

    def _group_of(self, ids: list[int], came: dict[int, Why]) -> Group:
        ordered = sorted(ids, key=lambda id: (came.get(self.units.row[id]) == "crop", *self.rank(id)))
        return Group([self._copy(id, ordered[0], came) for id in ordered])

    def _copy(self, id: int, best: int, came: dict[int, Why]) -> Copy:
        """A picture as a member of the group of `best`."""
        entry, header = self.units.entries[id], self._header(id)
        row, to = self.units.row[id], self.units.row[best]
        distance, view = None, 0
        if row < self.units.coded and to < self.units.coded:
            views = np.bitwise_count(self.units.codes[to, :1] ^ self.units.codes[row]).sum(axis=1, dtype=np.int64)
            view = int(views.argmin())
            if views[0] <= self.within and 2 * views[view] > views[0]:  # of what is symmetric all views are
                view = 0
            distance = int(views[view])
        why = came.get(row) or came.get(to) or "near"
        if why != "crop" and distance is not None and distance <= self.within:
            why = symmetries.why(view)
        if entry.sha256 == self.units.entries[best].sha256:
            why, distance = "exact", 0
        width, height, kind = (header.width, header.height, header.format) if header else (None, None, None)
        return Copy(
            id,
            entry.path,
            entry.size,
            width,
            height,
            kind,
            _date(entry.mtime_ns),
            distance,
            "best" if id == best else why,
        )


def _date(mtime_ns: int) -> str | None:
    """A file's time in ISO 8601; None where it is none that a calendar has."""
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(mtime_ns / 1e9, UTC).isoformat(timespec="seconds")
    return None
