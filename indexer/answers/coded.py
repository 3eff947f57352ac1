"""The codes of one codec that a library holds, in memory, and how near two of them are the same picture's."""

import logging
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Self

import numpy as np

from semblance.indexer.answers import crowds
from semblance.indexer.answers.crowds import Crowd, Looking, Shows
from semblance.indexer.catalog import Catalog, Changes, CurrentCodec, Generation, Purpose
from semblance.indexer.derived import encoders, engines, snapshot
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import ModelError
from semblance.retrieval.index import CodeIndex
from semblance.retrieval.index.flat import find

_GROWN = 20

log = logging.getLogger("semblance.indexer")


class Coded:
    """A codec and the index of its codes, as they are at `generation`, when the library has so many `pictures`.

    `within` is the distance up to which its model.json calls two pictures the same; None where it does not say.
    """

    def __init__(
        self,
        codec: Codec,
        index: CodeIndex,
        generation: Generation,
        pictures: int = 0,
        looking: Callable[[], Shows] | None = None,
    ) -> None:
        """`looking` makes what looks at pictures, to tell crowds; without, none are told."""
        self.codec, self.index, self.generation, self.pictures = codec, index, generation, pictures
        self._looking = looking
        self._counted = 0  # codes, when crowds were looked for
        near = codec.card.get("near_duplicates")
        within = near.get("distance") if isinstance(near, dict) else None
        self.within: int | None = within if type(within) is int else None

    @classmethod
    def load(cls, catalog: Catalog, codec: Codec, purpose: Purpose, index: str = engines.AUTO) -> Self:
        """All codes that there are, in the `index` that users name. Raises CodecMismatch where the library knows none
        of this codec, and as engines.load does."""
        whose = CurrentCodec(codec.codec_id, codec.bits, codec.reference)
        loaded = cls(
            codec, *engines.load(catalog, purpose, whose, index), looking=partial(Looking, catalog, codec.spec)
        )
        loaded._take_in(catalog.changes(loaded.generation.number, codec.codec_id))
        return loaded

    def follow(self, catalog: Catalog) -> bool:
        """Take in what came since; whether that changes an answer."""
        if catalog.generation() == self.generation:
            return False
        pictures, changes = self.pictures, catalog.changes(self.generation.number, self.codec.codec_id)
        self._take_in(changes)
        return bool(len(changes.ids) or len(changes.removed) or self.pictures != pictures)

    def _take_in(self, changes: Changes) -> None:
        snapshot.take_in(self.index, changes)
        self.generation, self.pictures = changes.generation, changes.pictures
        if abs(len(self.index) - self._counted) * _GROWN >= self._counted:
            self.__dict__.pop("crowds", None)

    def share(self, count: int) -> float:
        """What share of the library's pictures so many are; 1 where it has none."""
        return count / self.pictures if self.pictures else 1.0

    @cached_property
    def crowds(self) -> list[Crowd]:
        """The crowds among these codes, none where `within` is not known. Found when first asked for, and anew when
        the library has grown or shrunk by a twentieth."""
        self._counted = len(self.index)
        if self.within is None or self._looking is None:
            return []
        ids = self.index.ids()
        return crowds.find(ids, self.index.codes(ids), self.within, self._looking())

    def crowded(self, ids: Iterable[int]) -> dict[int, int]:
        """Of these pictures those that belong to a crowd, and how large it is."""
        known = self.index.ids()
        asked = np.array([*ids], np.int64)
        asked = asked[find(asked, known)[1]]
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
