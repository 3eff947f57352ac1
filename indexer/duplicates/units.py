"""Pictures of one content or one code, as one: they are compared once, and a crowd of equal codes costs one."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from semblance.indexer.answers.coded import Coded
from semblance.indexer.catalog import Entry
from semblance.retrieval.codes import Codes
from semblance.retrieval.index import Ids


@dataclass
class Units:
    """M sets of pictures that count as one each. `ids`: the pictures of each; `codes` (coded, V, W) of the V views of
    each, the first as it is: the sets behind the first `coded` have none. `row`: the set that a picture is in."""

    ids: list[list[int]]
    codes: Codes
    entries: dict[int, Entry]

    def __post_init__(self) -> None:
        self.coded = len(self.codes)
        self.row = {id: row for row, ids in enumerate(self.ids) for id in ids}

    def contents(self, rows: "list[int] | range") -> list[int]:
        """One picture of each content in these rows."""
        return [*{self.entries[id].sha256: id for row in rows for id in self.ids[row]}.values()]


def make(entries: dict[int, Entry], same: Coded | None, apart: set[tuple[int, int]]) -> Units:
    """All pictures, by id. Of those that somebody told apart from another each is alone."""
    alone = {id for pair in apart for id in pair}
    ids, codes = _codes(same)
    by_id = dict(zip(ids.tolist(), (code.tobytes() for code in codes), strict=True))
    by_content = {entry.sha256: by_id[id] for id, entry in entries.items() if id in by_id}
    sets, plain = defaultdict[tuple[int | None, bytes], list[int]](list), defaultdict[int | bytes, list[int]](list)
    for id, entry in entries.items():
        code = by_content.get(entry.sha256)
        key = id if id in alone else None
        if code is None:
            plain[key or entry.sha256].append(id)
        else:
            sets[key, code].append(id)
    stacked = np.frombuffer(b"".join(code for _, code in sets), np.uint8)
    return Units([*sets.values(), *plain.values()], stacked.reshape(len(sets), 1, codes.shape[1]), entries)


def _codes(same: Coded | None) -> tuple[Ids, Codes]:
    if same is None:
        return np.empty(0, np.int64), np.empty((0, 1), np.uint8)
    ids = same.index.ids()
    return ids, same.index.codes(ids)
