"""How a library stands: what it holds and whose codes they are, without opening its index or loading a model."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from semblance.indexer import pixelfile
from semblance.indexer.catalog import Catalog, KnownCodec, codecs
from semblance.retrieval.index import FlatIndex


def status(folder: Path) -> dict[str, Any]:
    """What a library holds and whose codes they are; its codec need not be at hand. Raises LibraryError."""
    with Catalog.opened(folder) as catalog:
        pictures, failed = catalog.counts()
        return {
            "pictures": pictures,
            "failed": failed,
            "codec_id": catalog.codec_id,
            "engine": FlatIndex.engine,
            "bits": catalog.bits,
            "model": catalog.model,
            "pixels": pixelfile.exists(folder),
            "codecs": [_codec(catalog, known, pictures) for known in codecs.known(catalog)],
        }


def _codec(catalog: Catalog, known: KnownCodec, pictures: int) -> dict[str, Any]:
    covered = codecs.covered(catalog, known.codec.codec_id)
    return {
        "purpose": known.purpose,
        "current": known.current,
        **asdict(known.codec),
        "pictures": covered,
        "coverage": covered / pictures if pictures else 1.0,
    }
