"""Building what a library is to be searched by, where it is not there yet or too much has changed since.

It takes no writer's lock: the library is searched and written to meanwhile, and goes on with what it had where this
fails or is ended.
"""

import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import get_args

from semblance.indexer.catalog import Catalog, CurrentCodec, Purpose, Writer, codecs
from semblance.indexer.derived import built, engines, measured, snapshot
from semblance.indexer.derived.engines import AUTO, MAPPED, Choice
from semblance.indexer.milvus import address, filling
from semblance.retrieval.errors import LibraryError
from semblance.retrieval.progress import Progress

_SAID: dict[Purpose, str] = {"alike": "alike", "same": "the same"}

Bar = Callable[[str], AbstractContextManager[Progress]]


def build(library: Path, index: str, bar: Bar) -> list[str]:
    """Build `index`, as users name it, of the codes of what is alike and of what is the same, where that is wanted:
    what was built, in sentences. Raises UsageError, LibraryLocked, and LibraryError where the disk hinders it."""
    engines.check(index)
    if address.is_address(index):
        with bar("Filling Milvus") as progress:
            filling.fill(library, index, progress)
        return []
    try:
        with Catalog.opened(library) as catalog:
            purposes = [(purpose, codec) for purpose in get_args(Purpose) if (codec := catalog.current(purpose))]
            if not any(_wanted(catalog, *each, index) for each in purposes):
                return []
            with built.lock(library):
                return [said for each in purposes for said in _built(catalog, *each, index, bar)]
    except OSError as error:
        raise LibraryError(
            f"The index {index} of {library} could not be built ({error.strerror or error}), and it is searched as it "
            f"was before: mend the cause, and run `semblance index --index {index} --library "
            f"{shlex.quote(str(library))}`."
        ) from error


def laid_over(catalog: Catalog, purpose: Purpose, codec: CurrentCodec, choice: Choice) -> int:
    """How many codes came and went since what lies on the disk was made of them; 0 where nothing is used as it lies."""
    if choice.built:
        saved = choice.built.generation
    elif choice.engine == MAPPED and (path := snapshot.place(catalog, purpose, codec)):
        saved = snapshot.generation(catalog, path, codec)
    else:
        return 0
    return codecs.changed(catalog, codec.codec_id, saved.number)


def _wanted(catalog: Catalog, purpose: Purpose, codec: CurrentCodec, index: str) -> str | None:
    choice = engines.choose(catalog, purpose, codec, index)
    if engines.is_much(laid_over(catalog, purpose, codec, choice), choice.size):
        return choice.engine
    if index == MAPPED and snapshot.place(catalog, purpose, codec) is None:
        return MAPPED
    return choice.wanted


def _built(catalog: Catalog, purpose: Purpose, codec: CurrentCodec, index: str, bar: Bar) -> list[str]:
    """Build what is wanted of the codes of one codec, now that nobody else does."""
    wanted = _wanted(catalog, purpose, codec, index)
    if wanted == MAPPED:
        with Writer.writing(catalog.folder) as writer:
            snapshot.refresh(writer, purpose)
    if wanted in (None, MAPPED):
        return []
    codes, generation = snapshot.load(catalog, purpose, codec)
    if not len(codes):
        return []
    if wanted == AUTO:
        with bar("Trying engines") as progress:
            known = measured.remembered(catalog.folder, codec.codec_id, len(codes))
            wanted = measured.best(known or measured.tried(catalog.folder, codec.codec_id, codes, progress))
    if wanted is None:
        return [f"Of what is {_SAID[purpose]} no engine is quicker than comparing all codes, and finds enough."]
    with bar(f"Building {wanted}") as progress:
        made = built.write(catalog, codec, wanted, codes, generation, progress)
    return [
        f"{wanted} is built of {made.size:,} codes of what is {_SAID[purpose]}: recall@{built.K} of {made.recall:.4f}, "
        f"{made.milliseconds:.3g} ms a query where all codes take {made.exact_milliseconds:.3g} ms."
    ]
