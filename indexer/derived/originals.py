"""The files that a library's pictures were indexed from, as they are now."""

from pathlib import Path

from semblance.indexer.catalog import Catalog, Entry
from semblance.retrieval import files, images
from semblance.retrieval.errors import Gone, UnknownPicture


def find(library: Path, id: int) -> tuple[Entry, str]:
    """A picture of the library whose file is still a picture, and its media type. Raises UnknownPicture and Gone."""
    with Catalog.opened(library) as catalog:
        entry = catalog.entry(id)
    if entry is None:
        raise UnknownPicture(f"There is no picture {id} in the library.")
    try:
        with files.open_regular(Path(entry.path)) as file:
            media_type = images.media_type(file.read(images.SNIFF_BYTES))
    except OSError as error:
        raise Gone(f"The file {entry.path} is gone: index its folder again to forget it.") from error
    if media_type is None:  # what is not a picture any more is not served to anyone
        raise Gone(f"The file {entry.path} is no picture any more: index its folder again.")
    return entry, media_type
