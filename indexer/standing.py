"""How a library stands: what it holds and whose codes they are, without opening its index or loading a model."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from semblance.indexer import pixelfile
from semblance.indexer.catalog import Catalog, Purpose
from semblance.retrieval.index import FlatIndex


def status(folder: Path) -> dict[str, Any]:
    """What a library holds and whose codes they are; its codec need not be at hand. Raises LibraryError."""
    with Catalog.opened(folder) as catalog:
        pictures, failed = catalog.counts()
        codecs = {purpose: catalog.current(purpose) for purpose in get_args(Purpose)}
        return {
            "pictures": pictures,
            "failed": failed,
            "codec_id": catalog.codec_id,
            "engine": FlatIndex.engine,
            "bits": catalog.bits,
            "model": catalog.model,
            "pixels": pixelfile.exists(folder),
            "codecs": [
                {"purpose": purpose, **asdict(codec), "pictures": len(catalog.coded(codec.codec_id))}
                for purpose, codec in codecs.items()
                if codec
            ],
        }
