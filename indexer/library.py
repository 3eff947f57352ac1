"""One open library: its codec, its index, its catalog. Everything that asks or changes goes through it.

A service, a command and a notebook hold the same object. It belongs to one thread at a time; only making a question of
a picture (see asking.py) may be done by any.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack, cast

from semblance.indexer.answers import cursors, encoding, several
from semblance.indexer.answers.asking import answer
from semblance.indexer.answers.by_pixels import ByPixels
from semblance.indexer.answers.following import Coming, Opened, opened
from semblance.indexer.answers.hits import Answer
from semblance.indexer.answers.questions import Question, Way
from semblance.indexer.answers.wishes import Wished, whole, wishes
from semblance.indexer.catalog import Catalog, Purpose, Writer
from semblance.indexer.changing import choosing, replacing
from semblance.indexer.derived import encoders
from semblance.indexer.derived.engines import AUTO, Loaded
from semblance.indexer.duplicates import Duplicates, find
from semblance.indexer.duplicates.records import Stage, unwatched
from semblance.indexer.keeping import removing
from semblance.indexer.keeping.removing import Removal
from semblance.indexer.run.pipeline import Summary
from semblance.retrieval import files, storage
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import LibraryError, NoCopies, UsageError
from semblance.retrieval.formats.regions import Region
from semblance.retrieval.images import Source
from semblance.retrieval.progress import Progress, quiet
from semblance.retrieval.views import MOST as MOST_VIEWS


class Library:
    """An open library. Made by `open` or `create`; closed by `close`, or at the end of a `with`.

    Attributes: `folder`, `codec`, `ways` ("code", "copies", "pixel"), `standing` (what codes are searched by, and why).
    """

    folder: Path
    codec: Codec
    ways: dict[str, Way[Any]]
    standing: Mapping[Purpose, Loaded]

    def __init__(self, folder: str | Path, model: str | None = None, index: str = AUTO) -> None:
        """Use `Library.open` or `Library.create`."""
        self.folder, self._index, self._closed = files.named(str(folder)), index, False
        self._coming: Coming | None = None
        self._take(opened(self.folder, model, index))

    @classmethod
    def open(cls, folder: str | Path, model: str | None = None, index: str = AUTO) -> "Library":
        """Open an existing library by its own codec; `model` names the codec's folder where it is not to be found,
        `index` what finds the nearest codes (engines.py). Raises LibraryMissing, LibraryError, CodecMismatch,
        ModelError, and UsageError for an unknown `index`."""
        return cls(folder, model, index)

    @classmethod
    def create(cls, folder: str | Path, model: str | None = None) -> "Library":
        """Make an empty library for the codes of `model`, a shipped model's name or a model folder, and open it.

        Raises UsageError where there is a library already, ModelError and LibraryError.
        """
        place = files.named(str(folder))
        if Catalog.exists(place):
            raise UsageError(f"There is a library at {place} already: open it, or name another folder.")
        with Writer.writing(place, encoders.codec_for(place, model)):
            pass
        return cls(place, model)

    def follow(self, wait: bool = True) -> bool:
        """Take in what any process has changed since the last look; where another library is in its place, open that.

        Where another codec is current, or a better index there, it is loaded, and the old one answers until then.
        Without `wait` a thread loads: False until it has, and the next call looks again. Raises as `open` does.
        """
        if self._closed:
            raise LibraryError(f"The library {self.folder} was closed: open it again.")
        if self._opened.is_other():
            self._let_go()
            self._take(opened(self.folder, self._opened.model, self._index))
        elif self._opened.is_overtaken():
            self._coming = self._coming or self._opened.coming()
            if not wait and not self._coming.here:
                return False
            coming, self._coming = self._coming, None
            fresh = coming.get()
            self._let_go()
            self._take(fresh)
        self._opened.follow()
        self._take(self._opened)
        return True

    def _take(self, now: Opened) -> None:
        self._opened, self.codec, self.ways, self.standing = now, now.codec, now.ways, now.standing

    def _let_go(self) -> None:
        if self._coming is not None:
            self._coming.drop()
            self._coming = None
        self._opened.close()

    def close(self) -> None:
        """Let go of the catalog; nothing can be asked after."""
        self._closed = True
        self._let_go()

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self.ways["code"].size

    def __repr__(self) -> str:
        return f"<Library {self.folder}: {len(self):,} pictures by {self.codec.name}>"

    # ---- asking ----------------------------------------------------------------------------------------------------

    def search(
        self,
        *like: Source | int,
        unlike: Source | int | Sequence[Source | int] = (),
        k: int = 10,
        engine: str = "code",
        views: int = 1,
        refine: bool | None = None,
        region: Region | None = None,
        **wished: Unpack[Wished],
    ) -> Answer:
        """The `k` pictures that look most like a picture, or like several and unlike others.

        A picture is a path or an address, a file's bytes, a PIL picture or an array uint8 (H, W, 3), or the id of one
        of the library's, by its stored bits. `views` (1 to 10) asks with flips and crops of the picture too, `region`
        (left, top, width, height, fractions of the upright picture) by a part of it alone. By codes the nearest are
        ordered by how sure the picture's bits are, unless `refine=False`. What else may be wished for: see
        wishes.Wished. Raises PictureError, UsageError, LibraryError, and OSError.
        """
        k, views = whole("k", k, 2**31 - 1), whole("views", views, MOST_VIEWS)
        unliked = cast(Sequence[Source], unlike if isinstance(unlike, list | tuple) else [unlike])
        wanted = wishes(**wished)  # what is wrong with them is said before anything is decoded
        self.follow()
        asked = several.question(self.way(engine), like, unliked, k, views, refine, region)
        return self._asked(engine, replace(asked, wishes=wanted))[0]

    def similar(self, id: int, k: int = 10, engine: str = "code", **wished: Unpack[Wished]) -> Answer:
        """The `k` pictures that look most like one of the library, itself among them. Raises LibraryError."""
        id, k, wanted = whole("id", id, 2**63 - 1), whole("k", k, 2**31 - 1), wishes(**wished)
        self.follow()
        return self._asked(engine, Question(id, k, wishes=wanted, asked=id))[0]

    def next_page(self, cursor: str, k: int = 10) -> Answer:
        """The `k` pictures after an answer's, by its `next`. Raises as cursors.read does, and LibraryError."""
        self.follow()
        engine, question = cursors.read(cursor, self.ways)
        return self._asked(engine, replace(question, k=whole("k", k, 2**31 - 1)))[0]

    def encode(self, picture: Source) -> encoding.Encoded:
        """The codes of a picture, as hexadecimal. Raises PictureError, OSError."""
        self.follow()
        return encoding.encode(self.ways["code"], picture)

    def search_codes(
        self, codes: Sequence[str], k: int = 10, engine: str = "code", **wished: Unpack[Wished]
    ) -> list[Answer]:
        """For each code, as `encode` writes it, the `k` nearest pictures. `expected_by_chance` is said only where
        `chance` is wished for. Raises UsageError, LibraryError."""
        k, wanted = whole("k", k, 2**31 - 1), wishes(**wished)
        self.follow()
        return self._asked(engine, *encoding.questions(self.way(engine), codes, k, wanted))

    def _asked(self, engine: str, *asked: Question[Any]) -> list[Answer]:
        return encoding.anew(lambda: encoding.sound(answer(self.way(engine), asked)), self.follow)

    def duplicates(
        self, within: int | None = None, turned: bool = False, crops: bool = False, stage: Stage = unwatched
    ) -> Duplicates:
        """Which pictures are there more than once; see duplicates.find, and raises as it does. Deletes nothing."""
        self.follow()
        wanted = partial(find, within=within, turned=turned, crops=crops, stage=stage)
        return encoding.anew(lambda: wanted(*self._opened.whole()), self.follow)

    def way(self, name: str) -> Way[Any]:
        """The way of this name. Raises UsageError, and NoCopies where the library has no codes for it yet."""
        if name == "copies" and name not in self.ways:
            raise NoCopies
        if name not in self.ways:
            raise UsageError(f"There is no engine {name!r}: there are {', '.join(self.ways)}.")
        return self.ways[name]

    def remove(self, *what: int | str | Path) -> Removal:
        """Forget pictures, each named by its id, its path, or a folder above it. Uploads go with them, no other file is
        touched: one in an indexed folder comes back when that is indexed next. Raises LibraryLocked, LibraryError."""
        gone = removing.remove(self.folder, what)
        self.follow()
        return gone

    @property
    def engines(self) -> list[str]:
        """The names of the ways that this library can answer."""
        return [name for name, way in self.ways.items() if not isinstance(way, ByPixels) or way.stamp is not None]

    # ---- changing --------------------------------------------------------------------------------------------------

    def index(
        self,
        *folders: str | Path,
        model: str | None = None,
        copies: str | None = None,
        pixels: bool = False,
        prune: bool = False,
        exclude: Sequence[str] = (),
        threads: int = os.cpu_count() or 1,
        progress: Progress = quiet,
    ) -> Summary:
        """Bring the library up to date with folders, or addresses, of pictures; see pipeline.update, and raises so.

        With `model` its pictures get codes of another model, which become current when all are there; `copies` does so
        for what is the same. See replacing.py; no folder need be named then.
        """
        threads = whole("threads", threads, 1024)
        if not folders and model is None and copies is None:
            raise UsageError("There is nothing to index: name a folder, or a model.")
        self.follow()
        summary = replacing.index(
            [storage.named(str(folder)) for folder in folders],
            self.folder,
            model,
            copies,
            lambda _: contextlib.nullcontext(progress),
            with_pixels=pixels,
            prune=prune,
            exclude=exclude,
            threads=threads,
        )
        self.follow()
        return summary

    def drop(self, model: str) -> None:
        """Remove the codes of a model that is not current, by its name or the first digits of its codec_id. Raises
        UsageError, LibraryError."""
        choosing.drop(self.folder, model)
