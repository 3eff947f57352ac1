"""A library that is asked from Milvus alone, by services that have no catalog: what an answer needs stands there with
the codes. It is asked as a Library is, and changed by nobody here: the indexer writes, and this follows.

What only a catalog knows is not told: pixels, crowds, cameras, places. Codecs are found by their codec_id among the
models of this machine, since a model's name, or its folder, may be another's here.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Any, cast

from semblance.indexer.answers.asking import Way
from semblance.indexer.catalog import Purpose
from semblance.indexer.derived import encoders
from semblance.indexer.derived.engines import MILVUS, Choice, Loaded
from semblance.indexer.elsewhere.asking import ByMilvus, CodedElsewhere
from semblance.indexer.elsewhere.pictures import Pictures
from semblance.indexer.milvus import address, schema
from semblance.indexer.milvus.connection import Server
from semblance.indexer.milvus.schema import Held, State
from semblance.indexer.milvus.steady import Steady
from semblance.retrieval.codec import COPIES_MODEL, Codec, find_model, id_of
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import (
    CodecMismatch,
    LibraryError,
    LibraryMissing,
    ModelError,
    NeedsCatalog,
    NoCopies,
    SemblanceError,
)
from semblance.retrieval.index import CodeIndex

_EVERY = 0.5  # seconds between two looks at the state

log = logging.getLogger("semblance.indexer")


class Elsewhere:
    """A library in Milvus. It belongs to one thread at a time, but for its pictures.

    Attributes: `codec`, `ways` (by the names that users call them by: "code", "copies"), `standing` as a Library's.
    """

    codec: Codec
    ways: dict[str, Way[Any]]
    standing: Mapping[Purpose, Loaded]
    _state = State("", {})  # what was taken in

    def __init__(self, index: str, model: str | None = None) -> None:
        """What there is at the address `index`; `model` names the folder of a codec that does not ship. Raises
        UsageError for an address that is none, IndexAway, LibraryMissing, LibraryError, ModelError, CodecMismatch."""
        self._address, self._model = address.parse(index), model
        self._server = Server(self._address)
        self._codecs, self._samples = dict[str, Codec](), dict[str, tuple[int, Codes]]()
        try:
            self._take(self._look())
        except BaseException:
            self._server.close()
            raise
        self._seen: State | SemblanceError = self._state
        self._over = threading.Event()
        threading.Thread(target=self._watch, name="milvus", daemon=True).start()

    @property
    def engines(self) -> list[str]:
        """The names of the ways that it can answer."""
        return [*self.ways]

    def way(self, name: str) -> Way[Any]:
        """The way of this name. Raises NoCopies, and NeedsCatalog for one that there cannot be here."""
        if name not in self.ways:
            raise NoCopies if name == "copies" else NeedsCatalog("the pixel baseline")
        return self.ways[name]

    def follow(self, wait: bool = True) -> bool:
        """Take in what the indexer has changed; without `wait`, as it was half a second ago. Raises as opening does."""
        said = self._look() if wait else self._seen
        if isinstance(said, SemblanceError):
            raise said
        if said != self._state:
            self._take(said)
        return True

    def close(self) -> None:
        """Let go of Milvus; nothing can be asked after."""
        self._over.set()
        self._server.close()

    def __len__(self) -> int:
        return self.ways["code"].size

    def __repr__(self) -> str:
        return f"<Elsewhere {self._address}: {len(self):,} pictures by {self.codec.name}>"

    def _watch(self) -> None:
        """A look takes Milvus a fifth of a second, for which no search shall wait: so a thread does it."""
        while not self._over.wait(_EVERY):
            try:
                self._seen = self._look()
            except SemblanceError as error:
                self._seen = error
            except Exception as error:  # whatever it is, the thread must go on
                log.exception("the state of %s cannot be read", self._address)
                self._seen = LibraryError(f"{self._address} cannot be read: {error}.")

    def _look(self) -> State:
        """What there is now. Raises SemblanceError."""
        state = schema.state(self._server)
        if state is None or "alike" not in state.holds:
            raise LibraryMissing(
                f"There is no library at {self._address}: fill it with `semblance index --library DIR --index "
                f"{self._address}`."
            )
        for held in state.holds.values():
            if held.through is not None:
                raise LibraryError(f"{self._address} is being filled: it answers when all its pictures are there.")
            if not schema.is_ours(self._server, held):
                raise LibraryMissing(
                    f"The collection {held.collection} of {self._address} is gone: fill it anew with `semblance index "
                    f"--library DIR --index {self._address}`."
                )
            known = held == self._state.holds.get(held.purpose)
            if not known and (lacking := schema.lacking(self._server, held)):
                raise LibraryError(f"{lacking}: run `semblance index --library DIR --index {self._address}`.")
        return state

    def _take(self, state: State) -> None:
        self._check_model(state)
        alike, same = self._coded(state, "alike"), self._coded(state, "same")
        assert alike is not None
        if state.holds["alike"].model == COPIES_MODEL:  # one code answers both
            same = alike
        ways: dict[str, Way[Any]] = {"code": ByMilvus("code", Pictures(state.library, alike.index), alike, same)}
        if same:
            ways["copies"] = ByMilvus("copies", Pictures(state.library, same.index), same, same)
        self.codec, self.ways, self._state = alike.codec, ways, state
        known: dict[Purpose, CodedElsewhere | None] = {"alike": alike, "same": same}
        self.standing = {purpose: coded.loaded for purpose, coded in known.items() if coded and coded.loaded}

    def _check_model(self, state: State) -> None:
        """CodecMismatch where a model was named and nothing here is of it."""
        if self._model is None:
            return
        own = id_of(find_model(self._model))
        if own not in {held.codec_id for held in state.holds.values()}:
            held = state.holds["alike"]
            raise CodecMismatch(
                f"{self._address} holds codes of the model {held.model} ({held.codec_id[:12]}), not of {self._model} "
                f"({own[:12]}): leave --model out, or name the folder of that model."
            )

    def _coded(self, state: State, purpose: Purpose) -> CodedElsewhere | None:
        """The codes of this purpose; None where there are none by which copies are known."""
        held = state.holds.get(purpose)
        if held is None:
            return None
        try:
            codec = self._codecs.get(held.codec_id) or self._codec(held)
        except ModelError as error:
            if purpose == "alike":
                raise
            log.warning("copies are not told: %s", error)
            return None
        if codec.bits != held.bits:
            raise schema.damaged(self._address)
        self._codecs[held.codec_id] = codec
        index = cast(CodeIndex, Steady(self._server, held))  # to which nobody here adds
        own = CodedElsewhere(codec, index, held.generation, state.holds["alike"].pictures, held.last)
        choice = Choice(
            str(self._address), MILVUS, "there is no catalog here to build another from", recall=held.recall
        )
        own.loaded, own.kept = Loaded(index, held.generation, choice), self._samples
        return own

    def _codec(self, held: Held) -> Codec:
        codec = encoders.named(held.codec_id, *([self._model] if self._model else []), held.model)
        if codec is None:
            raise ModelError(
                f"The codes at {self._address} are of the model {held.model} ({held.codec_id[:12]}), which is not to "
                "be found here: name its folder with --model."
            )
        return codec
