"""The service from Python, typed: a method a request, the answers and the errors of a library."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np
import numpy.typing as npt

from semblance.api.client.asking import ByAny, ByPicture, ByUpload, Narrowed
from semblance.api.client.sending import Sending, as_text, upload
from semblance.api.wire.asking import Batch
from semblance.api.wire.changing import ENDED, Group, Groups, Job, JobProgress, Jobs
from semblance.api.wire.facts import Facets, Facts, Map
from semblance.api.wire.pictures import Image, Images
from semblance.api.wire.standing import Ready
from semblance.indexer.answers.encoding import Encoded
from semblance.indexer.answers.hits import Answer, Hit
from semblance.retrieval.errors import ServiceError
from semblance.retrieval.images import Source


class Client:
    """A running service, asked over HTTP.

        with semblance.Client("http://127.0.0.1:8000") as client:
            for hit in client.search("cat.jpg", k=5):
                print(hit.path, hit.distance)

    A picture is a path of this machine, the bytes of a file, a PIL picture, or an array uint8 (H, W, 3) in RGB. Errors
    are those that a library raises, with the service's sentence, and ServiceError. One client serves several threads.
    """

    def __init__(self, url: str, key: str | None = None, timeout: float = 60.0, retries: int = 3) -> None:
        """`url`: the service's address, with the path that it is shown below, if any. `key`: one of `semblance keys`.
        `timeout`: seconds to wait for an answer. `retries`: how often a request is sent again after as many seconds as
        the service asks for (at most 30 at a time) because it is busy. Raises UsageError for what is no address."""
        self._sending = Sending(url, key, timeout, retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self._sending.http.close()

    # ---- asking ----------------------------------------------------------------------------------------------------

    def search(self, picture: Source, k: int = 10, **how: Unpack[ByUpload]) -> Answer:
        """The `k` pictures most like one that is sent."""
        return self._ask("search", {"k": k, **how}, files={"file": upload(picture)})

    def similar(self, id: int, k: int = 10, **how: Unpack[ByPicture]) -> Answer:
        """The `k` pictures most like one of the library; that one comes first, unless it has exact duplicates."""
        return self._sending.answer(Answer, "GET", f"images/{id:d}/similar", params={"k": k, **how})

    def several(
        self,
        like: Iterable[Source | int],
        unlike: Iterable[Source | int] = (),
        k: int = 10,
        **how: Unpack[ByAny],
    ) -> Answer:
        """The `k` pictures most like some and unlike others; a whole number is the id of a picture of the library."""
        form = [_part(name, picture) for name, each in (("like", like), ("unlike", unlike)) for picture in each]
        return self._ask("search/several", {"k": k, **how}, files=form)

    def search_codes(
        self,
        codes: Iterable[str | bytes | npt.NDArray[np.uint8]],
        k: int = 10,
        codec_id: str | None = None,
        **how: Unpack[ByAny],
    ) -> list[list[Hit]]:
        """The `k` nearest of each of up to 256 codes: in hex, or packed as the rows of Codec.encode are. `codec_id` is
        that of the codec that made them, and an error where the library has another."""
        asked = {"codes": [code if isinstance(code, str) else bytes(code).hex() for code in codes]}
        body = asked | {"k": k, **({"codec_id": codec_id} if codec_id else {}), **_plain(how)}
        found = self._sending.answer(Batch, "POST", "search/codes", json=body)
        return [each.results for each in found.answers]

    def encode(self, picture: Source) -> Encoded:
        """The codes of a picture by the service's codecs."""
        return self._sending.answer(Encoded, "POST", "encode", files={"file": upload(picture)})

    def pages(self, picture: Source | int, k: int = 100, **how: Unpack[ByUpload]) -> Iterator[Answer]:
        """All results, in answers of `k`, nearest first, by a picture that is sent, or one of the library by its id. No
        picture comes twice or is missed if others are added meanwhile."""
        first = {"k": k, "cursor": "", **how}
        if isinstance(picture, int):
            page = self._sending.answer(Answer, "GET", f"images/{picture:d}/similar", params=first)
        else:
            page = self._ask("search", first, files={"file": upload(picture)})
        yield page
        while page.next:
            page = self._ask("search/next", {}, json={"cursor": page.next, "k": k})
            yield page

    # ---- looking ---------------------------------------------------------------------------------------------------

    def ready(self) -> Ready:
        """What the service holds. Raises LibraryError while there is nothing to search."""
        return self._sending.answer(Ready, "GET", "ready")

    def some(self, limit: int = 12) -> list[Image]:
        """Some pictures, spread over the library."""
        return self._sending.answer(Images, "GET", "images", params={"limit": limit}).images

    def pictures(self, **narrowed: Unpack[Narrowed]) -> Iterator[Image]:
        """All pictures of the library, or those that it is narrowed to, in the order of their ids."""
        cursor: str | None = ""
        while cursor is not None:
            page = self._sending.answer(Images, "GET", "images", params={"limit": 200, "cursor": cursor, **narrowed})
            yield from page.images
            cursor = page.next

    def picture(self, id: int) -> bytes:
        """The file of a picture. Raises UnknownPicture, and Gone where it is not there any more."""
        return self._sending.send("GET", f"images/{id:d}").content

    def thumbnail(self, id: int) -> bytes:
        """A small JPEG of a picture. Raises as `picture` does."""
        return self._sending.send("GET", f"images/{id:d}/thumbnail").content

    def view(self, id: int, side: int = 2048) -> bytes:
        """A JPEG of the whole picture, upright, its longer side at most `side` pixels: 1024, 2048 or 4096."""
        return self._sending.send("GET", f"images/{id:d}/view", params={"side": side}).content

    def remembered(self, id: int) -> bytes:
        """A JPEG of what a picture's code remembers of it."""
        return self._sending.send("GET", f"images/{id:d}/remembered").content

    def facts(self, id: int) -> Facts:
        """What a picture says of itself, and the ids of its copies."""
        return self._sending.answer(Facts, "GET", f"images/{id:d}/facts")

    def facets(self) -> Facets:
        """What there is to narrow by: folders, cameras, days."""
        return self._sending.answer(Facets, "GET", "facets")

    def map(self) -> Map:
        """Where each picture lies on the map that `semblance map` computed."""
        return self._sending.answer(Map, "GET", "map")

    # ---- changing: by whoever may write ----------------------------------------------------------------------------

    def add(self, picture: Source) -> Image:
        """Keep a picture in the library; the one that is there where the library has its content already."""
        return self._sending.answer(Image, "POST", "images", changing=True, files={"file": upload(picture)})

    def remove(self, id: int) -> None:
        """Forget a picture, with its file where that was added by `add`. Raises UnknownPicture."""
        self._sending.send("DELETE", f"images/{id:d}", changing=True)

    def index(self, folder: str | Path) -> Job:
        """Begin to bring a folder of the service's machine into the library: one that it was told of, or that was
        indexed before, or one below. `events` follows the job, `finish` waits for its end."""
        asked = {"kind": "index", "folder": str(folder)}
        return self._sending.answer(Job, "POST", "jobs", changing=True, json=asked)

    def job(self, id: int) -> Job:
        """How a job stands."""
        return self._sending.answer(Job, "GET", f"jobs/{id:d}")

    def jobs(self) -> list[Job]:
        """The latest jobs, the newest first."""
        return self._sending.answer(Jobs, "GET", "jobs").jobs

    def cancel(self, id: int) -> Job:
        """End a job; what it has committed stays."""
        return self._sending.answer(Job, "DELETE", f"jobs/{id:d}", changing=True)

    def events(self, id: int) -> Iterator[JobProgress | Job]:
        """How far a job is, whenever that has changed, and at last the job as it ended."""
        for kind, data in self._sending.events(f"jobs/{id:d}/events"):
            if kind == "end":
                yield Job.model_validate_json(data)
                return
            if kind == "progress":
                yield JobProgress.model_validate_json(data)
        yield self.job(id)  # the service stops

    def finish(self, id: int) -> Job:
        """Wait for the end of a job: done, failed, cancelled or interrupted. Raises ServiceError where the service ends
        before."""
        for event in self.events(id):
            if isinstance(event, Job) and event.state in ENDED:
                return event
        raise ServiceError(f"The service ended before job {id} did: its state is told when the service is back.")

    def duplicates(self) -> Iterator[Group]:
        """Groups of copies of one picture, those first that take most. Waits while they are looked for."""
        cursor: str | None = None
        while True:
            page = self._sending.waiting(Groups, "duplicates", params={"limit": 200, "cursor": cursor})
            yield from page.groups
            if (cursor := page.next) is None:
                return

    def tell_apart(self, first: int, second: int, apart: bool = True) -> None:
        """Remember that two pictures are not the same, and belong to no group together; `apart=False` takes it back."""
        pair = {"first": first, "second": second}
        path = "duplicates/apart" if apart else "duplicates/together"
        self._sending.send("POST", path, changing=True, json=pair)

    def _ask(self, path: str, params: dict[str, Any], **options: Any) -> Answer:
        return self._sending.answer(Answer, "POST", path, params=params, **options)


def _part(name: str, picture: Source | int) -> tuple[str, Any]:
    """A part of a form: a picture to send, or the id of one."""
    return (f"{name}_id", (None, str(picture))) if isinstance(picture, int) else (name, upload(picture))


def _plain(how: Any) -> dict[str, Any]:
    """What JSON can say: numbers as they are, days and places as text."""
    text = as_text(how)
    return {name: value if isinstance(value, bool | int | float) else text[name] for name, value in how.items()}
