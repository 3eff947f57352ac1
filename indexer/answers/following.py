"""What a library has open at one time: its catalog, the codecs that are current in it, their codes, the ways of asking.

Three things may have happened since the last look, and each is followed in its own way:

    pictures came or went       their codes are taken in
    another codec is current    another `Opened` is made beside this one, which answers until that is whole;
                                likewise where another index is there to search by, or this one's is damaged
    another catalog is here     put back from a copy, say: nothing of this one may be used any more
"""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from semblance.indexer.answers.asking import ByCodes, Way
from semblance.indexer.answers.by_pixels import ByPixels
from semblance.indexer.answers.coded import Coded, known_again
from semblance.indexer.catalog import Catalog, Purpose
from semblance.indexer.catalog.opening import inode
from semblance.indexer.derived import encoders, engines, pixelfile
from semblance.indexer.derived.engines import Loaded
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import CodecMismatch, Overtaken

_TRIES = 3  # at a library whose codecs change while it is opened


class Opened:
    """A library as it was at the last look.

    Attributes: `folder`, `model` (where it was named), `catalog`, `codec` (of what is alike), `alike` and `same` (the
    codes by which pictures are alike, and by which copies are known; None where there are none), `pixels`, `ways` (by
    the names users know).
    """

    same: Coded | None
    ways: dict[str, Way[Any]]
    pixels: ByPixels

    def __init__(self, folder: Path, model: str | None = None, index: str = engines.AUTO) -> None:
        """Prefer `opened`, which tries again where a codec goes meanwhile."""
        self.folder, self._index, self.model = folder, index, model
        self._inode = inode(folder)  # what takes its place from here on has another
        self.catalog = Catalog.open(folder)
        try:
            self.codec = encoders.find(self.catalog) if model is None else Codec(model)
            self.catalog.check(self.codec)
            encoders.keep_if_possible(folder, self.codec)
            self.alike = Coded.load(self.catalog, self.codec, "alike", index)
            current = self.catalog.current("same")
            self._tells_copies = current and current.codec_id
            self.same = known_again(self.catalog, self.alike, index)
        except BaseException:
            self.catalog.close()
            raise
        self._set_ways()

    def close(self) -> None:
        """Let go of the catalog; from then on another is in its place."""
        self._inode = None
        for coded in self._coded():
            coded.end()
        self.catalog.close()

    def is_other(self) -> bool:
        """Whether another catalog is in this one's place, or none; this one's log is let go of then."""
        if self._inode is None or inode(self.folder) != self._inode:
            self.catalog.forget_log()
            return True
        self.catalog.look_anew()
        return not self.catalog.knows(self.alike.generation)

    def is_overtaken(self) -> bool:
        """Whether another codec is current, or there is another index to search by."""
        alike, same = self.catalog.current("alike"), self.catalog.current("same")
        if alike and alike.codec_id != self.codec.codec_id:
            return True
        if self._tells_copies and same and same.codec_id != self._tells_copies:
            return True
        return any(coded.is_overtaken(self.catalog) for coded in self._coded())

    @property
    def standing(self) -> dict[Purpose, Loaded]:
        """What the codes of each purpose are searched by."""
        both: dict[Purpose, Coded | None] = {"alike": self.alike, "same": self.same}
        return {purpose: coded.loaded for purpose, coded in both.items() if coded and coded.loaded}

    def whole(self) -> tuple[Catalog, Coded | None, Coded]:
        """What all codes are gone through by, those that are the same and alike; what is wrong with their files is
        looked for first. Raises Overtaken where something is."""
        whole = [coded.settle() for coded in self._coded()]
        if not all(whole):
            raise Overtaken
        return self.catalog, self.same, self.alike

    def coming(self) -> "Coming":
        """What takes this one's place. A codec that is another now has its encoder in the library."""
        current = self.catalog.current("alike")
        model = self.model if current and current.codec_id == self.codec.codec_id else None
        return Coming(self.folder, model, self._index)

    def follow(self) -> None:
        """Take in what came since."""
        moved = self.catalog.generation() != self.alike.generation
        changed = self.alike.follow(self.catalog)
        if self.same and self.same is not self.alike:
            changed = self.same.follow(self.catalog) or changed
        elif moved and not self.same:  # codes of a new kind come with a new generation
            self.same = known_again(self.catalog, self.alike, self._index)
            changed = changed or self.same is not None
        if changed or pixelfile.stamp(self.folder) != self.pixels.stamp:  # vectors come after their pictures
            self._set_ways()

    def _coded(self) -> set[Coded]:
        return {coded for coded in (self.alike, self.same) if coded}

    def _set_ways(self) -> None:
        parts = (self.catalog, self.alike, self.same)
        self.pixels = ByPixels(*parts)
        self.ways = {"code": ByCodes("code", *parts)}
        if self.same:
            self.ways["copies"] = ByCodes("copies", self.catalog, self.same, self.same)
        self.ways["pixel"] = self.pixels


def opened(folder: Path, model: str | None = None, index: str = engines.AUTO) -> Opened:
    """Open what there is. Raises LibraryMissing, LibraryError, CodecMismatch and ModelError."""
    for _ in range(_TRIES - 1):
        try:
            return Opened(folder, model, index)
        except CodecMismatch:
            if model is not None:
                raise
    return Opened(folder, model, index)


class Coming:
    """An `Opened` that is being made by a thread of its own."""

    def __init__(self, folder: Path, model: str | None, index: str) -> None:
        pool = ThreadPoolExecutor(1)
        self._future: Future[Opened] = pool.submit(opened, folder, model, index)
        pool.shutdown(wait=False)

    @property
    def here(self) -> bool:
        """Whether it is made, or has failed."""
        return self._future.done()

    def get(self) -> Opened:
        """What was made, after waiting for it. Raises as `opened` does."""
        return self._future.result()

    def drop(self) -> None:
        """It is not wanted any more."""
        self._future.add_done_callback(lambda done: None if done.exception() else done.result().close())
