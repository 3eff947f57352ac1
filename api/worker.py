"""One thread owns the index. Searches reach it through a queue, and those that arrive together are one batch.

The same thread follows the catalog: it asks for the generation every second and takes in what another process indexed.
Nothing is shared, so nothing is locked.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from semblance.api.question import Hit, Hits, Question
from semblance.api.schemas import Engine
from semblance.indexer import pixelfile, snapshot
from semblance.indexer.catalog import FILE, Catalog
from semblance.indexer.pixelfile import PixelFile
from semblance.retrieval import pixels, queries
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import LibraryError, NoPixels, SemblanceError, UnknownPicture
from semblance.retrieval.index.flat import FlatIndex, Ids, search_on_one_core
from semblance.retrieval.pixels import PixelIndex, Pixels
from semblance.retrieval.queries import CodeQuery

log = logging.getLogger("semblance.api")

FOLLOW_EVERY = 1.0  # seconds

Distances = npt.NDArray[Any]  # whole bits, or Euclidean


@dataclass(frozen=True)
class State:
    """What the rest of the service may know of the open library."""

    codec: Codec
    pictures: int
    engines: tuple[Engine, ...]


@dataclass
class _Open:
    """An open library: what only the searching thread touches."""

    catalog: Catalog
    codec: Codec
    index: FlatIndex
    generation: int
    inode: int
    pixels: PixelIndex | None = None
    pixels_stamp: tuple[int, int] | None = None


class Searcher:
    """The thread and its queue."""

    def __init__(self, library: Path, find_codec: Callable[[], Codec]) -> None:
        """`find_codec` loads the codec that the library wants; it is called when a library is opened."""
        self._library, self._find_codec = library, find_codec
        self._queue: queue.SimpleQueue[tuple[Question, Future[Hits]] | None] = queue.SimpleQueue()
        self._open: _Open | None = None
        self._state: State | SemblanceError = LibraryError("The library is being loaded: ask again in a moment.")
        self._thread = threading.Thread(target=self._run, name="search", daemon=True)

    def start(self) -> None:
        """Begin to load the library, and answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what is queued, then end."""
        self._queue.put(None)
        self._thread.join()

    def state(self) -> State:
        """The open library as it was a moment ago. Raises the SemblanceError that says why there is none."""
        state = self._state
        if isinstance(state, SemblanceError):
            raise state
        return state

    def submit(self, question: Question) -> Future[Hits]:
        """Queue a search. The future fails with a SemblanceError where it cannot be answered."""
        future: Future[Hits] = Future()
        self._queue.put((question, future))
        return future

    # ---- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        search_on_one_core()
        followed = 0.0
        stopping = False
        while not stopping:
            batch = self._take(followed + FOLLOW_EVERY - time.monotonic())
            stopping = None in batch
            if time.monotonic() - followed >= FOLLOW_EVERY:
                self._follow()
                followed = time.monotonic()
            asked = [item for item in batch if item is not None and item[1].set_running_or_notify_cancel()]
            for engine in ("code", "pixel"):
                same = [item for item in asked if item[0].engine == engine]
                if same:
                    self._answer(engine, same)
        self._close()

    def _take(self, seconds: float) -> list[tuple[Question, Future[Hits]] | None]:
        """What is in the queue, after waiting at most `seconds` for the first."""
        batch = []
        try:
            batch.append(self._queue.get(timeout=max(0.0, seconds)))
            while True:
                batch.append(self._queue.get_nowait())
        except queue.Empty:
            return batch

    def _follow(self) -> None:
        """Take in what changed since the last look, and tell the others; without a library, tell them why."""
        try:
            held = self._open = self._reopen()
            if held.catalog.generation() != held.generation:
                changes = held.catalog.changes(held.generation)
                held.index.remove(changes.removed)
                held.index.add(changes.ids, changes.codes)
                held.generation, held.pixels = changes.generation, None
            stamp = pixelfile.stamp(self._library)
            if stamp != held.pixels_stamp:  # vectors come after their pictures, and may come without a new generation
                held.pixels, held.pixels_stamp = None, stamp
            engines: tuple[Engine, ...] = ("code", "pixel") if stamp else ("code",)
            self._state = State(held.codec, len(held.index), engines)
        except SemblanceError as error:
            self._close()
            self._state = error
        except Exception as error:  # whatever it is, the thread must go on: those who ask wait for it
            log.exception("the library %s cannot be followed", self._library)
            self._close()
            self._state = LibraryError(f"The library {self._library} cannot be read: {error}.")

    def _reopen(self) -> _Open:
        """The open library, opened anew where there was none or where another has taken its place."""
        if not Catalog.exists(self._library):
            Catalog.open(self._library)
        inode = (self._library / FILE).stat().st_ino
        if self._open is not None and self._open.inode == inode:
            return self._open
        self._close()
        catalog = Catalog.open(self._library)
        try:
            codec = self._find_codec()
            catalog.check(codec)
            index, generation = snapshot.load(catalog)
        except BaseException:
            catalog.close()
            raise
        return _Open(catalog, codec, index, generation, inode)

    def _close(self) -> None:
        if self._open is not None:
            self._open.catalog.close()
            self._open = None

    def _answer(self, engine: Engine, asked: list[tuple[Question, Future[Hits]]]) -> None:
        try:
            self.state()
            held = self._open
            assert held is not None
            bys: list[CodeQuery | Pixels] = []
            answerable: list[tuple[Question, Future[Hits]]] = []
            for question, future in asked:
                try:
                    bys.append(self._by(held, question))
                    answerable.append((question, future))
                except SemblanceError as error:
                    future.set_exception(error)
            if not answerable:
                return
            started = time.perf_counter()
            found = self._search(held, engine, bys, max(question.k for question, _ in answerable))
            milliseconds = 1000 * (time.perf_counter() - started)
            for (question, future), (distances, ids) in zip(answerable, found, strict=True):
                nearest = self._hits(held, engine, distances[: question.k], ids[: question.k])
                future.set_result(Hits(nearest, len(held.index), milliseconds))
        except Exception as error:  # whatever goes wrong belongs to those who asked, and the thread goes on
            for _, future in asked:
                if not future.done():
                    future.set_exception(error)

    def _by(self, held: _Open, question: Question) -> CodeQuery | Pixels:
        if question.engine == "pixel" and held.pixels is None:
            if not pixelfile.exists(self._library):
                raise NoPixels(
                    "This library keeps no pixel vectors: run `semblance index FOLDER --library DIR --pixels` first."
                )
            held.pixels = PixelFile(self._library, held.index.ids()).index()
        if not isinstance(question.by, int):
            return question.by
        try:
            if question.engine == "code":
                return CodeQuery(held.index.code(question.by)[None])
            assert held.pixels is not None
            return held.pixels.vector(question.by)
        except KeyError as error:
            if question.engine == "pixel" and held.catalog.entry(question.by):
                raise NoPixels(
                    f"Picture {question.by} has no pixel vector yet: index with --pixels to the end."
                ) from error
            raise UnknownPicture(f"There is no picture {question.by} in the library.") from error

    def _search(
        self, held: _Open, engine: Engine, bys: list[CodeQuery | Pixels], k: int
    ) -> list[tuple[Distances, Ids]]:
        """For each question distances and ids, both (min(k, N),), nearest first."""
        if engine == "code":
            return [*queries.search(held.index, cast(list[CodeQuery], bys), k)]
        assert held.pixels is not None
        return [*zip(*held.pixels.search(np.stack(cast(list[Pixels], bys)), k), strict=True)]

    def _hits(self, held: _Open, engine: Engine, distances: Distances, ids: Ids) -> list[Hit]:
        paths = held.catalog.paths(ids.tolist())
        # A picture forgotten within the last second has no path any more, and is no result either.
        found = [(id, distance) for id, distance in zip(ids.tolist(), distances.tolist(), strict=True) if id in paths]
        if engine == "code":
            return [Hit(id, paths[id], distance, 1 - distance / held.codec.bits) for id, distance in found]
        return [Hit(id, paths[id], distance, pixels.to_similarity(distance)) for id, distance in found]
