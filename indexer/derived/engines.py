"""Which index a library is searched by."""

from semblance.indexer.catalog import Catalog, CurrentCodec, Generation, Purpose
from semblance.indexer.derived import snapshot
from semblance.retrieval.errors import UsageError
from semblance.retrieval.index import CodeIndex, FlatIndex

AUTO = "auto"


def load(catalog: Catalog, purpose: Purpose, codec: CurrentCodec, index: str = AUTO) -> tuple[CodeIndex, Generation]:
    """The index of all codes of `codec`, of the kind that users name, and the generation it stands for. Raises
    UsageError where there is no such kind."""
    if index not in (AUTO, FlatIndex.engine):
        raise UsageError(f"There is no index {index!r}: there are {AUTO} and {FlatIndex.engine}.")
    return snapshot.load(catalog, purpose, codec)
