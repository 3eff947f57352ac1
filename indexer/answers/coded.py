"""The codes of one codec that a library holds, in memory, and how near two of them are the same picture's."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Self

import numpy as np

from semblance.indexer.answers import crowds
from semblance.indexer.answers.crowds import Crowd, Looking
from semblance.indexer.catalog import Catalog, Changes, CurrentCodec, Generation, Purpose, finding
from semblance.indexer.derived import encoders, engines, snapshot
from semblance.indexer.derived.engines import Loaded
from semblance.retrieval import queries
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import ModelError
from semblance.retrieval.index import CodeIndex, FlatIndex, Ids

FEW = 2**17  # pictures of which all are read that a sample be the one that is drawn where the codes are in memory
_GROWN = 20
_LARGE = 2**20  # codes beyond which a share of them stands for all

log = logging.getLogger("semblance.indexer")


class Coded:
    """A codec and the index of its codes, as they are at `generation`, when the library has so many `pictures`.

    `within` is the distance up to which its model.json calls two pictures the same; None where it does not say. `last`
    is the highest id that there was. `loaded` says why the index is this one; None where nobody chose it.
    """

    loaded: Loaded | None = None
    _purpose: Purpose = "alike"
    _catalog: Catalog | None = None

    def __init__(
        self,
        codec: Codec,
        index: CodeIndex,
        generation: Generation,
        pictures: int,
        last: int,
        looking: Looking | None = None,
    ) -> None:
        """Prefer `load`. `looking` is what tells crowds; there are none where nothing can be looked at."""
        self.codec, self.index, self.generation, self.pictures = codec, index, generation, pictures
        self.last, self._looking = last, looking
        self._counted = self._drawn = 0  # codes, when crowds were looked for, and when the sample was drawn
        near = codec.card.get("near_duplicates")
        within = near.get("distance") if isinstance(near, dict) else None
        self.within: int | None = within if type(within) is int else None

    @classmethod
    def load(cls, catalog: Catalog, codec: Codec, purpose: Purpose, index: str = engines.AUTO) -> Self:
        """All codes that there are, in the `index` that users name. Raises CodecMismatch where the library knows none
        of this codec, and as engines.load does."""
        whose = CurrentCodec(codec.codec_id, codec.bits, codec.reference)
        loaded = engines.load(catalog, purpose, whose, index)
        own = cls(codec, loaded.index, loaded.generation, 0, finding.last(catalog), Looking(catalog, codec.spec))
        own.loaded, own._purpose, own._catalog = loaded, purpose, catalog
        own._take_in(catalog.changes(loaded.generation.number, codec.codec_id))
        return own

    def is_overtaken(self, catalog: Catalog) -> bool:
        """Whether these codes are better searched by another index, which is there."""
        whose = CurrentCodec(self.codec.codec_id, self.codec.bits, self.codec.reference)
        return self.loaded is not None and engines.is_overtaken(self.loaded, catalog, self._purpose, whose)

    @property
    def in_files(self) -> bool:
        """Whether they are read where they lie in files."""
        return bool(self.loaded and self.loaded.doubt)

    @property
    def is_changed(self) -> bool:
        """Whether somebody has written to these files."""
        return bool(self.loaded and self.loaded.doubt and self.loaded.doubt.changed)

    @property
    def in_doubt(self) -> bool:
        """Whether they lie in files of which it is not known that they are whole."""
        return bool(self.loaded and self.loaded.doubt and not self.loaded.doubt.settled)

    def settle(self) -> bool:
        """Look whether they are whole, where that is in doubt; whether they are."""
        if self.loaded and self.loaded.doubt:
            self.loaded.doubt.settle()
        return not self.in_doubt

    def agrees(self, ids: Iterable[int]) -> bool:
        """Whether the codes of these pictures are the catalog's, where that is in doubt; the files that they lie in are
        not used any more where it is not so. What came or went since the last look is passed over."""
        if not (self.in_doubt and self._catalog and self.loaded and self.loaded.doubt):
            return True
        asked = np.array([*ids], np.int64)
        asked = asked[self.index.has(asked)]
        told = finding.codes(self._catalog, asked.tolist(), self.codec.codec_id)
        wrong = [
            id
            for id, code in zip(asked.tolist(), self.index.codes(asked), strict=True)
            if id in told and told[id][0] <= self.generation.number and told[id][1] != code.tobytes()
        ]
        if wrong and not self.loaded.doubt.wrong:
            said = (
                "the code of picture %d by %s is not the catalog's: its file is damaged, and not searched by any more"
            )
            log.error(said, wrong[0], self.codec.name)
            self.loaded.doubt.refuse()
        return not wrong

    def end(self) -> None:
        """They are not searched any more."""
        if self.loaded:
            self.loaded.end()

    def follow(self, catalog: Catalog) -> bool:
        """Take in what came since; whether that changes an answer."""
        if catalog.generation() == self.generation:
            return False
        pictures, changes = self.pictures, catalog.changes(self.generation.number, self.codec.codec_id)
        self._take_in(changes)
        return bool(len(changes.ids) or len(changes.removed) or self.pictures != pictures)

    def _take_in(self, changes: Changes) -> None:
        snapshot.take_in(self.index, changes)
        self.index = engines.compacted(self.index)
        if self.loaded:
            self.loaded.index = self.index
        self.generation, self.pictures = changes.generation, changes.pictures
        self.last = max(self.last, int(changes.ids.max(initial=0)))
        if abs(len(self.index) - self._counted) * _GROWN >= self._counted:
            self.__dict__.pop("crowds", None)
        if len(self.index) <= _LARGE or abs(len(self.index) - self._drawn) * _GROWN >= self._drawn:
            self.__dict__.pop("sample", None)

    @cached_property
    def sample(self) -> Codes:
        """Some of these codes, by which is said what is near by chance. Drawn anew with each change, in a large library
        when it has grown or shrunk by a twentieth."""
        self._drawn = len(self.index)
        return self._some(queries.SAMPLED)[1]

    def _some(self, count: int) -> tuple[Ids, Codes]:
        """At most so many ids and codes. Where the codes are elsewhere the catalog's are drawn from, which has all of
        them, so that answers are the same; fewer where it would have to read very many for that."""
        if self._catalog is None or self.loaded is None or self.loaded.choice.engine != engines.MILVUS:
            return queries.drawn(self.index, count)
        if len(self.index) <= max(count, FEW):
            all_of_them = self._catalog.changes(0, self.codec.codec_id)
            return queries.drawn(FlatIndex(self.codec.bits, all_of_them.ids, all_of_them.codes), count)
        ids = np.array([entry.id for entry in self._catalog.spread(queries.SAMPLED)], np.int64)
        ids = ids[self.index.has(ids)]
        return ids, self.index.codes(ids)

    def share(self, count: int) -> float:
        """What share of the library's pictures so many are; 1 where it has none."""
        return count / self.pictures if self.pictures else 1.0

    @cached_property
    def crowds(self) -> list[Crowd]:
        """The crowds among these codes, in a large library among some of them; none where `within` is not known. Found
        when first asked for, and anew when the library has grown or shrunk by a twentieth."""
        self._counted = len(self.index)
        if self.within is None or self._looking is None:
            return []
        ids, codes = self._some(_LARGE)
        found = crowds.find(ids, codes, self.within, self._looking)
        return [replace(crowd, size=crowd.size * len(self.index) // max(1, len(ids))) for crowd in found]

    def crowded(self, ids: Iterable[int]) -> dict[int, int]:
        """Of these pictures those that belong to a crowd, and how large it is."""
        asked = np.array([*ids], np.int64)
        asked = asked[self.index.has(asked)]
        assert self.within is not None
        sizes = crowds.sizes(self.crowds, self.index.codes(asked), self.within)
        return {id: size for id, size in zip(asked.tolist(), sizes.tolist(), strict=True) if size}

    def of_id(self, id: int) -> tuple[str, Codes] | None:
        """The codec_id, and the code (1, W) of a picture of the library; None where it has none."""
        try:
            return self.codec.codec_id, self.index.codes(np.array([id]))
        except KeyError:
            return None


def known_again(catalog: Catalog, alike: Coded, index: str = engines.AUTO) -> Coded | None:
    """The codes by which copies are known: codes of their own, or those by which pictures are alike. None where there
    are none, or their encoder is not to be found: the next run of `index` makes others."""
    try:
        codec = encoders.find_same(catalog)
    except ModelError as error:
        log.info("copies are not told: %s", error)
        return None
    if codec is None:
        return None
    return alike if codec.codec_id == alike.codec.codec_id else Coded.load(catalog, codec, "same", index)
