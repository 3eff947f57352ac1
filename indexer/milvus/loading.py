"""What a library with a catalog is searched by, when its codes are in a Milvus."""

import shlex

from semblance.indexer.catalog import Catalog, CurrentCodec, Generation, Purpose
from semblance.indexer.milvus import address, schema
from semblance.indexer.milvus.connection import Server
from semblance.indexer.milvus.searching import MilvusIndex
from semblance.indexer.milvus.steady import Renewed
from semblance.retrieval.errors import CodecMismatch, LibraryError


def load(catalog: Catalog, purpose: Purpose, codec: CurrentCodec, where: str) -> tuple[MilvusIndex, Generation]:
    """The index of the codes of `codec` in the Milvus at the address `where`, and the generation it stands for. Raises
    UsageError, IndexAway, CodecMismatch, and LibraryError where it holds nothing of this library, or not all of it."""
    named = address.parse(where)
    mend = f"run `semblance index --library {catalog.folder} --index {shlex.quote(str(named))}`"
    server = Server(named)
    there = schema.state(server)
    held = there.holds.get(purpose) if there else None
    if there is not None and there.library != catalog.library:
        raise LibraryError(f"{named} holds another library than {catalog.folder}: name another.")
    if held is not None and held.codec_id != codec.codec_id:
        raise CodecMismatch(f"{named} holds codes of {held.model}, the library's are of {codec.model}: {mend}.")
    if held is None or held.through is not None or not schema.is_ours(server, held):
        raise LibraryError(f"{named} does not hold all codes of {catalog.folder} yet: {mend}.")
    if held.codec != codec:
        raise schema.damaged(named)
    if not catalog.knows(held.generation):
        raise LibraryError(f"{named} holds what {catalog.folder}, put back perhaps, never was: {mend}.")
    if lacking := schema.lacking(server, held):
        raise LibraryError(f"{lacking}: {mend}.")
    return MilvusIndex(Renewed(server, held, catalog.library, catalog.knows)), held.generation
