"""index.faiss: a snapshot of the catalog's codes, so that a service starts without reading the catalog row by row."""

from semblance.indexer.catalog import Catalog, Generation
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.index.flat import FlatIndex, State

FILE = "index.faiss"


def load(catalog: Catalog) -> tuple[FlatIndex, Generation]:
    """The index of all codes in the catalog and the generation it stands for.

    A snapshot that is missing, damaged or of another state is not trusted: the index is built from the catalog.
    """
    generation = catalog.generation()
    try:
        return _saved(catalog, generation), generation
    except SnapshotError:
        changes = catalog.changes(since=0)
        index = FlatIndex(catalog.bits)
        index.add(changes.ids, changes.codes)
        return index, changes.generation


def refresh(catalog: Catalog) -> FlatIndex:
    """Make the snapshot hold the catalog's present state; the index that it holds. Raises OSError."""
    try:
        return _saved(catalog, catalog.generation())
    except SnapshotError:
        index, generation = load(catalog)
        index.save(catalog.folder / FILE, _state(catalog, generation))
        return index


def _saved(catalog: Catalog, generation: Generation) -> FlatIndex:
    return FlatIndex.load(catalog.folder / FILE, catalog.bits, _state(catalog, generation))


def _state(catalog: Catalog, generation: Generation) -> State:
    return State(catalog.library, catalog.codec_id, generation.number)
