"""Which index a library is searched by: exact as long as that is quick, an engine that was built of it where it is not.

Users name one (`--index`), or leave it to `auto`. What is asked for and not built yet is answered exactly, and said to
be wanted: `build` builds it, at the end of a run of `index` or in a process beside a service, and `is_overtaken` says
when there is better to be had than what was loaded. What came since an engine was built lies over it (overlay.py);
where that is more than a twentieth, it is built anew the same way.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from semblance.indexer.catalog import Catalog, CurrentCodec, Generation, Purpose
from semblance.indexer.derived import built, measured, snapshot
from semblance.indexer.derived.built import RECALL, Built
from semblance.indexer.derived.doubts import Doubt
from semblance.indexer.milvus import address, loading
from semblance.retrieval.errors import SnapshotError, UsageError
from semblance.retrieval.index import ENGINES, CodeIndex, FlatIndex, Overlay
from semblance.retrieval.index.contract import Exact

AUTO, FLAT, MAPPED, MILVUS = "auto", "flat", "mapped", "milvus"
LAID_OVER = 20  # one in so many codes that came or went since: then it is built anew
WITHIN = 20.0  # milliseconds in which exact answers are quick enough for `auto`
FEW = 2**21  # codes: 64 MB, which any machine reads in the time that `auto` allows an exact answer
COPIED = 2**19  # codes up to which a change copies them all; above, changes lie over them


@dataclass(frozen=True)
class Choice:
    """What a library's codes are searched by. `asked`: as users named it; `engine`: what answers, and `why`; `built`:
    its folder where it has one; `wanted`: what is to be built, by its name; None where nothing is. `recall` (of ten
    results) and `milliseconds` (one query) are to be expected, where they are known; `size`: codes on the disk, and
    `memory`: bytes for them."""

    asked: str
    engine: str
    why: str
    built: Built | None = None
    wanted: str | None = None
    recall: float | None = 1.0
    milliseconds: float | None = None
    size: int = 0
    memory: int = 0


@dataclass
class Loaded:
    """An index, the generation it stands for, why it is this one, and what is not known of its files yet."""

    index: CodeIndex
    generation: Generation
    choice: Choice
    doubt: Doubt | None = None

    @property
    def laid_over(self) -> int:
        """How many codes came and went since what lies below was made."""
        return self.index.laid_over if isinstance(self.index, Overlay) else 0

    @property
    def wanted(self) -> str | None:
        """What is to be built, or built anew."""
        engine = self.choice.engine
        if self.choice.wanted or engine in (FLAT, MILVUS):
            return self.choice.wanted
        return engine if is_much(self.laid_over, len(self.index)) else None

    def end(self) -> None:
        """It is not searched any more."""
        if self.doubt:
            self.doubt.end()


def names() -> list[str]:
    """What users may ask for."""
    return [AUTO, FLAT, MAPPED, *ENGINES, f"{address.SCHEMES[0]}HOST:PORT/NAME"]


def check(index: str) -> None:
    """UsageError where there is no such index."""
    if address.is_address(index):
        address.parse(index)
    elif index not in names()[:-1]:
        there = ", ".join(names()[:-1])
        said = "so called" if {":", "@"} & {*index} else repr(index)  # it may hold a password
        raise UsageError(f"There is no index {said}: there are {there} and {names()[-1]}.")


def said(choice: Choice) -> dict[str, Any]:
    """What `status` and a service say of it."""
    kept = {name: value for name, value in vars(choice).items() if name not in ("built", "wanted", "size")}
    took = choice.milliseconds
    return {**kept, "milliseconds": took if took is None else float(f"{took:.3g}")}


def is_much(laid_over: int, size: int) -> bool:
    """Whether so many changes are too many to lie over so many codes."""
    return laid_over * LAID_OVER > size


def choose(catalog: Catalog, purpose: Purpose, codec: CurrentCodec, index: str = AUTO) -> Choice:
    """What the codes of `codec` are searched by, going by what is there; none are read, but where `auto` has to know
    how quick this machine is. Raises UsageError."""
    check(index)
    if address.is_address(index):
        return Choice(str(address.parse(index)), MILVUS, "it was asked for", recall=None)  # without its password
    place = snapshot.place(catalog, purpose, codec)
    size = snapshot.count(place) if place else 0
    exact = Choice(index, FLAT, "it was asked for", size=size, memory=measured.memory(size, codec.bits))
    too_large = index != FLAT and size > FEW and not measured.fits_in_memory(size, codec.bits)
    if place and (index == MAPPED or too_large):
        exact = replace(exact, engine=MAPPED)
    if index in (FLAT, MAPPED):
        return exact
    if index == AUTO:
        return _auto(catalog, codec, exact, place, size)
    if found := built.find(catalog, codec, index):
        return _of(found[0], replace(exact, why="it was asked for"))
    return replace(exact, why=f"no index {index} is built yet, so that all codes are compared", wanted=index)


def _auto(catalog: Catalog, codec: CurrentCodec, exact: Choice, place: Path | None, size: int) -> Choice:
    """Exact where that is quick, else the quickest of what is built, else exact until something is."""
    if place is None or size <= FEW:
        return replace(exact, why="so few codes are compared at once")
    took = size * measured.a_code(codec.bits)
    exact = replace(exact, milliseconds=took)
    if took <= WITHIN:
        return replace(exact, why=f"all codes are compared within {WITHIN:g} ms")
    if found := [each for each in built.find(catalog, codec) if each.recall >= RECALL and each.milliseconds < took]:
        best = min(found, key=lambda each: each.milliseconds)
        return _of(best, replace(exact, why="the quickest that is built here and finds enough"))
    known = measured.remembered(catalog.folder, codec.codec_id, size)
    if known is not None and measured.best(known) is None:
        return replace(exact, why="of the engines tried here none was quicker and found enough")
    return replace(exact, why="no engine is built yet, so that all codes are compared", wanted=AUTO)


def _of(found: Built, exact: Choice) -> Choice:
    """The choice of an engine that is built."""
    said = replace(exact, engine=found.engine, built=found, size=found.size, memory=found.memory)
    return replace(said, recall=found.recall, milliseconds=found.milliseconds)


def load(catalog: Catalog, purpose: Purpose, codec: CurrentCodec, index: str = AUTO) -> Loaded:
    """The index of all codes of `codec` at some generation, of the kind that users name; what came since is for the
    caller to take in. Raises UsageError where there is no such kind, CodecMismatch where the library has no codes of
    it."""
    if address.is_address(index):
        elsewhere, generation = loading.load(catalog, purpose, codec, index)
        said = replace(choose(catalog, purpose, codec, index), recall=elsewhere.base.held.recall)
        return Loaded(elsewhere, generation, said)
    choice = choose(catalog, purpose, codec, index)
    below: Exact
    while choice.built or choice.engine == MAPPED:
        try:
            if choice.built:
                below, doubt = built.load(choice.built, codec)
                saved: Generation = choice.built.generation
            else:
                below, saved, doubt = snapshot.mapped(catalog, purpose, codec)
        except SnapshotError:  # and it is not found again
            choice = choose(catalog, purpose, codec, index)
            continue
        return Loaded(Overlay(below), saved, choice, doubt)
    flat, generation = snapshot.load(catalog, purpose, codec, caught_up=False)
    if index == MAPPED and len(flat):
        choice = replace(choice, why="there is no snapshot to be mapped yet, so that it was loaded", wanted=MAPPED)
    if not len(flat):
        choice = replace(choice, wanted=None)
    return Loaded(flat if len(flat) <= COPIED else Overlay(flat), generation, choice)


def is_overtaken(loaded: Loaded, catalog: Catalog, purpose: Purpose, codec: CurrentCodec) -> bool:
    """Whether there is better to be had than what was loaded: it is damaged or was written to, or what was wanted is
    there."""
    if loaded.doubt and (loaded.doubt.wrong or loaded.doubt.changed):
        return True
    if not loaded.wanted:
        return False
    if loaded.wanted == MAPPED:
        place = snapshot.place(catalog, purpose, codec)
        return place is not None and not (loaded.doubt and loaded.doubt.are(place))
    now, before = choose(catalog, purpose, codec, loaded.choice.asked).built, loaded.choice.built
    return now is not None and (before is None or now.folder != before.folder)


def compacted(index: CodeIndex) -> CodeIndex:
    """The same codes, in memory, where too much lies over those that are in memory."""
    if not isinstance(index, Overlay) or not isinstance(index.base, FlatIndex):
        return index
    if not is_much(index.laid_over, len(index)):
        return index
    ids = index.ids()
    return Overlay(FlatIndex(index.bits, ids.copy(), index.codes(ids)))
