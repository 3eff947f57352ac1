"""One open library: its codec, its index, its catalog. Everything that asks or changes goes through it.

A service, a command and a notebook hold the same object. It belongs to one thread at a time; only making a question of
a picture (see asking.py) may be done by any.
"""

import operator
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, SupportsIndex, cast

from semblance.indexer import encoders, pipeline, pixelfile, removing
from semblance.indexer.asking import Answer, ByCodes, Question, Way, answer
from semblance.indexer.by_pixels import ByPixels
from semblance.indexer.catalog import Catalog, Writer
from semblance.indexer.catalog.opening import inode
from semblance.indexer.coded import Coded, known_again
from semblance.indexer.duplicates import Duplicates, find
from semblance.indexer.duplicates.records import Stage, unwatched
from semblance.indexer.pipeline import Summary
from semblance.indexer.removing import Removal
from semblance.retrieval import files
from semblance.retrieval.codec import DEFAULT_MODEL, Codec
from semblance.retrieval.errors import LibraryError, NoCopies, SemblanceError, UsageError
from semblance.retrieval.images import Source
from semblance.retrieval.progress import Progress, quiet
from semblance.retrieval.views import MOST as MOST_VIEWS


class Library:
    """An open library. Made by `open` or `create`; closed by `close`, or at the end of a `with`.

    Attributes: `folder`, `codec`, `ways` (by the names that users call them by: "code", "copies", "pixel").
    """

    folder: Path
    codec: Codec
    _inode: int | None
    ways: dict[str, Way[Any]]

    def __init__(self, folder: str | Path, model: str | None = None) -> None:
        """Use `Library.open` or `Library.create`."""
        self.folder, self._model = _folder(folder), model
        self._load()

    # ---- opening ---------------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, folder: str | Path, model: str | None = None) -> "Library":
        """Open an existing library by its own codec; `model` names the codec's folder where it is not to be found.

        Raises LibraryMissing, LibraryError, CodecMismatch and ModelError.
        """
        return cls(folder, model)

    @classmethod
    def create(cls, folder: str | Path, model: str | None = None) -> "Library":
        """Make an empty library for the codes of `model`, a shipped model's name or a model folder, and open it.

        Raises UsageError where there is a library already, ModelError and LibraryError.
        """
        place = _folder(folder)
        if Catalog.exists(place):
            raise UsageError(f"There is a library at {place} already: open it, or name another folder.")
        with Writer.writing(place, codec_for(place, model)):
            pass
        return cls(place, model)

    def _load(self) -> None:
        before = inode(self.folder)  # one that takes its place from here on has another
        catalog = Catalog.open(self.folder)
        try:
            self._inode = before
            self.codec = codec_for(self.folder, self._model)
            catalog.check(self.codec)
            self._alike = Coded(catalog, self.codec, "alike")
            self._same = known_again(catalog, self._alike)
        except BaseException:
            catalog.close()
            raise
        self._catalog, self._closed = catalog, False
        self._set_ways()

    def _set_ways(self) -> None:
        parts = (self._catalog, self._alike, self._same)
        self._pixels = ByPixels(*parts)
        self.ways = {"code": ByCodes("code", *parts)}
        if self._same:
            self.ways["copies"] = ByCodes("copies", self._catalog, self._same, self._same)
        self.ways["pixel"] = self._pixels

    def follow(self) -> None:
        """Take in what any process has changed since the last look; where another library has taken this one's place,
        open that. Raises as `open` does."""
        if self._closed:
            raise LibraryError(f"The library {self.folder} was closed: open it again.")
        replaced = self._inode is None or inode(self.folder) != self._inode
        if replaced:
            self._catalog.forget_log()
        else:
            self._catalog.look_anew()
        if not replaced and (current := self._catalog.current("alike")) and current.codec_id != self.codec.codec_id:
            replaced, self._model = True, None  # the library has been fitted to its pictures; its encoder is in it
        if not replaced and self._same and self._same is not self._alike:
            same = self._catalog.current("same")
            replaced = same is not None and same.codec_id != self._same.codec.codec_id  # whose encoder had been lost
        if replaced or not self._catalog.knows(self._alike.generation):
            self._catalog.close()
            self._inode = None  # where none can be opened now, the next look tries again
            self._load()
            return
        changed = self._alike.follow(self._catalog)
        if self._same and self._same is not self._alike:
            changed = self._same.follow(self._catalog) or changed
        elif changed and not self._same:  # codes of a new kind come with a new generation
            self._same = known_again(self._catalog, self._alike)
        if changed or pixelfile.stamp(self.folder) != self._pixels.stamp:  # vectors come after their pictures
            self._set_ways()

    def close(self) -> None:
        """Let go of the catalog; nothing can be asked after."""
        self._closed = True
        self._catalog.close()

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._alike.index)

    def __repr__(self) -> str:
        return f"<Library {self.folder}: {len(self):,} pictures by {self.codec.name}>"

    # ---- asking ----------------------------------------------------------------------------------------------------

    def search(
        self,
        *like: Source,
        unlike: Source | Sequence[Source] = (),
        k: int = 10,
        engine: str = "code",
        views: int = 1,
        refine: bool | None = None,
    ) -> Answer:
        """The `k` pictures that look most like a picture, or like several and unlike others.

        A picture is a path, the bytes of a file, a PIL picture or an array uint8 (H, W, 3). `engine` is "code",
        "copies" or "pixel"; `views` (1 to 10) asks with flips and crops of the picture too. By codes the nearest are
        ordered by how sure the picture's bits are; `refine=False` leaves them in the order of their distances. Raises
        PictureError, UsageError, LibraryError, and OSError where a path cannot be read.
        """
        if not like:
            raise UsageError("There is nothing to search with: name a picture that is liked.")
        k, views = _whole("k", k, 2**31 - 1), _whole("views", views, MOST_VIEWS)
        unliked = cast(Sequence[Source], unlike if isinstance(unlike, list | tuple) else [unlike])
        self.follow()
        way = self.way(engine)
        return _asked(way, way.of_pictures(like, unliked, k, views, refine))

    def similar(self, id: int, k: int = 10, engine: str = "code") -> Answer:
        """The `k` pictures that look most like one of the library, itself among them. Raises LibraryError."""
        question: Question[Any] = Question(_whole("id", id, 2**63 - 1), _whole("k", k, 2**31 - 1))
        self.follow()
        return _asked(self.way(engine), question)

    def duplicates(
        self, within: int | None = None, turned: bool = False, crops: bool = False, stage: Stage = unwatched
    ) -> Duplicates:
        """Which pictures are there more than once; see duplicates.find, and raises as it does. Deletes nothing."""
        self.follow()
        return find(self._catalog, self._same, self._alike, within=within, turned=turned, crops=crops, stage=stage)

    def way(self, name: str) -> Way[Any]:
        """The way of this name. Raises UsageError, and NoCopies where the library has no codes for it yet."""
        if name == "copies" and name not in self.ways:
            raise NoCopies
        if name not in self.ways:
            raise UsageError(f"There is no engine {name!r}: there are {', '.join(self.ways)}.")
        return self.ways[name]

    def remove(self, *what: int | str | Path) -> Removal:
        """Forget pictures, each named by its id, its path, or a folder above it; files are not touched. One that still
        lies in an indexed folder comes back when that is indexed next. Raises LibraryLocked, LibraryError."""
        gone = removing.remove(self.folder, what)
        self.follow()
        return gone

    @property
    def engines(self) -> list[str]:
        """The names of the ways that this library can answer."""
        return [name for name in self.ways if name != ByPixels.name or self._pixels.stamp is not None]

    # ---- changing --------------------------------------------------------------------------------------------------

    def index(
        self,
        *folders: str | Path,
        pixels: bool = False,
        prune: bool = False,
        exclude: Sequence[str] = (),
        threads: int = os.cpu_count() or 1,
        progress: Progress = quiet,
    ) -> Summary:
        """Bring the library up to date with folders of pictures; see pipeline.update, and raises as it does."""
        threads = _whole("threads", threads, 1024)
        self.follow()
        summary = pipeline.update(
            [_folder(folder) for folder in folders],
            self.folder,
            self.codec,
            with_pixels=pixels,
            prune=prune,
            exclude=exclude,
            threads=threads,
            progress=progress,
        )
        self.follow()
        return summary


def codec_for(folder: Path, model: str | None = None) -> Codec:
    """The codec to use with the library in `folder`: its own, or for a new library `model` or the default. A library
    that has no copy of its encoder yet gets one where it can be written to.

    Raises CodecMismatch where `model` is named and is not the library's, ModelError where a model cannot be found.
    """
    if not Catalog.exists(folder):
        return Codec(DEFAULT_MODEL if model is None else model)
    with Catalog.opened(folder) as catalog:
        codec = encoders.find(catalog) if model is None else Codec(model)
        catalog.check(codec)
    encoders.keep_if_possible(folder, codec)
    return codec


def _asked(way: Way[Any], question: Question[Any]) -> Answer:
    (found,) = answer(way, [question])
    if isinstance(found, SemblanceError):
        raise found
    return found


def _whole(name: str, value: SupportsIndex, most: int) -> int:
    """A number as Python's own, whose else it may be. Raises UsageError."""
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if not 1 <= number <= most:
        raise UsageError(f"{name} is a whole number from 1 to {most:,}, not {value!r}.")
    return number


def _folder(folder: str | Path) -> Path:
    return files.named(str(folder))
