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

import numpy as np

from api.schemas import Engine, Result, SearchAnswer, Timings
from indexer import pixelfile, snapshot
from indexer.catalog import FILE, Catalog
from indexer.pixelfile import PixelFile
from retrieval import images, pixels
from retrieval.codec import Codec
from retrieval.codes import Codes
from retrieval.errors import LibraryError, NoPixels, SemblanceError
from retrieval.index import FlatIndex, search_on_one_core
from retrieval.pixels import PixelIndex, Pixels

log = logging.getLogger("semblance.api")

FOLLOW_EVERY = 1.0  # seconds


@dataclass(frozen=True)
class Hit:
    """One picture found."""

    id: int
    path: str
    distance: float
    similarity: float


@dataclass(frozen=True)
class Hits:
    """What a search gave. `milliseconds` is the batch's, without the wait in the queue."""

    nearest: list[Hit]
    library_size: int
    milliseconds: float


@dataclass(frozen=True)
class Query:
    """A question: by a code (W,), by a pixel vector (3072,), or by the id of a picture of the library."""

    engine: Engine
    k: int
    by: Codes | Pixels | int


@dataclass(frozen=True)
class Encoded:
    """A picture made ready to search with: a code (W,) or a pixel vector (3072,), and the milliseconds it took."""

    vector: Codes | Pixels
    decode_ms: float
    encode_ms: float


def encode(source: bytes | Path, codec: Codec, engine: Engine) -> Encoded:
    """Decode a picture and encode it for `engine`. Raises PictureError, and OSError where a path cannot be read."""
    started = time.perf_counter()
    picture = images.load(source, codec.spec if engine == "code" else pixels.SPEC)
    decoded = time.perf_counter()
    vector = codec.encode(picture[None])[0] if engine == "code" else picture.reshape(-1)
    return Encoded(vector, 1000 * (decoded - started), 1000 * (time.perf_counter() - decoded))


def to_answer(hits: Hits, codec: Codec, engine: Engine, encoded: Encoded | None = None) -> SearchAnswer:
    """What goes over the wire, and out of `semblance search --json`."""
    times = (encoded.decode_ms, encoded.encode_ms) if encoded else (0.0, 0.0)
    timings = {name: round(ms, 3) for name, ms in zip(Timings.model_fields, (*times, hits.milliseconds), strict=True)}
    return SearchAnswer(
        codec_id=codec.codec_id,
        engine=engine,
        library_size=hits.library_size,
        timings_ms=Timings(**timings),
        results=[Result(**vars(hit)) for hit in hits.nearest],
    )


class UnknownPicture(LibraryError):
    """The library has no picture of this id."""


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
        self._queue: queue.SimpleQueue[tuple[Query, Future[Hits]] | None] = queue.SimpleQueue()
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

    def submit(self, query: Query) -> Future[Hits]:
        """Queue a search. The future fails with a SemblanceError where it cannot be answered."""
        future: Future[Hits] = Future()
        self._queue.put((query, future))
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

    def _take(self, seconds: float) -> list[tuple[Query, Future[Hits]] | None]:
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

    def _answer(self, engine: Engine, asked: list[tuple[Query, Future[Hits]]]) -> None:
        try:
            self.state()
            held = self._open
            assert held is not None
            search = self._by_code if engine == "code" else self._by_pixels
            vectors: list[Codes | Pixels] = []
            queries: list[tuple[Query, Future[Hits]]] = []
            for query, future in asked:
                try:
                    vectors.append(self._vector(held, query))
                    queries.append((query, future))
                except SemblanceError as error:
                    future.set_exception(error)
            if not queries:
                return
            started = time.perf_counter()
            rows = search(held, np.stack(vectors), max(query.k for query, _ in queries))
            milliseconds = 1000 * (time.perf_counter() - started)
            for (query, future), row in zip(queries, rows, strict=True):
                row = row[: query.k]
                paths = held.catalog.paths(id for id, _, _ in row)
                # A picture forgotten within the last second has no path any more, and is no result either.
                nearest = [Hit(id, paths[id], distance, likeness) for id, distance, likeness in row if id in paths]
                future.set_result(Hits(nearest, len(held.index), milliseconds))
        except Exception as error:  # whatever goes wrong belongs to those who asked, and the thread goes on
            for _, future in asked:
                if not future.done():
                    future.set_exception(error)

    def _vector(self, held: _Open, query: Query) -> Codes | Pixels:
        if query.engine == "pixel" and held.pixels is None:
            if not pixelfile.exists(self._library):
                raise NoPixels(
                    "This library keeps no pixel vectors: run `semblance index FOLDER --library DIR --pixels` first."
                )
            held.pixels = PixelFile(self._library, held.index.ids()).index()
        if not isinstance(query.by, int):
            return query.by
        try:
            if query.engine == "code":
                return held.index.code(query.by)
            assert held.pixels is not None
            return held.pixels.vector(query.by)
        except KeyError as error:
            if query.engine == "pixel" and held.catalog.entry(query.by):
                raise NoPixels(
                    f"Picture {query.by} has no pixel vector yet: index with --pixels to the end."
                ) from error
            raise UnknownPicture(f"There is no picture {query.by} in the library.") from error

    def _by_code(self, held: _Open, codes: Codes, k: int) -> list[list[tuple[int, float, float]]]:
        distances, ids = held.index.search(codes, k)
        bits = held.codec.bits
        return [
            [(int(id), int(distance), 1 - int(distance) / bits) for id, distance in zip(*row, strict=True)]
            for row in zip(ids, distances, strict=True)
        ]

    def _by_pixels(self, held: _Open, vectors: Pixels, k: int) -> list[list[tuple[int, float, float]]]:
        assert held.pixels is not None
        distances, ids = held.pixels.search(vectors, k)
        return [
            [
                (int(id), float(distance), pixels.to_similarity(float(distance)))
                for id, distance in zip(*row, strict=True)
            ]
            for row in zip(ids, distances, strict=True)
        ]
