"""How a library stands: what it holds and whose codes they are, without opening its index or loading a model."""

from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from semblance.indexer.catalog import FILE, Catalog, KnownCodec, Purpose, codecs, copying, naming, requests, said
from semblance.indexer.derived import building, built, encoders, engines, mapping, pixelfile, snapshot, thumbnails
from semblance.indexer.keeping import keys, uploads
from semblance.retrieval.errors import LibraryError

_OWN = (
    *snapshot.FILES.values(),
    pixelfile.FILE,
    mapping.FILE,
    built.FOLDER,
    thumbnails.FOLDER,
    encoders.FOLDER,
    uploads.FOLDER,
    requests.FILE,
    keys.FILE,
)


def status(folder: Path, index: str = engines.AUTO) -> dict[str, Any]:
    """What a library holds and whose codes they are, and what a search by `index` goes by; its codec need not be at
    hand. Raises LibraryError, and UsageError for an unknown `index`."""
    engines.check(index)
    with Catalog.opened(folder) as catalog:
        pictures, failed = catalog.counts()
        failures = catalog.failures()
        searched = {purpose: _searched(catalog, purpose, index) for purpose in snapshot.FILES}
        schema, created = copying.version(folder)
        return {
            "pictures": pictures,
            "failed": failed,
            "codec_id": catalog.codec_id,
            "engine": searched["alike"]["engine"],
            "bits": catalog.bits,
            "model": catalog.model,
            "pixels": pixelfile.exists(folder),
            "generation": catalog.generation().number,
            "schema": schema,
            "created": datetime.fromtimestamp(created, UTC).isoformat(timespec="seconds"),
            "library": catalog.library,
            "codecs": [_codec(catalog, known, pictures) for known in codecs.known(catalog)],
            "index": {purpose: said for purpose, said in searched.items() if said},
            "folders": naming.folders(catalog),
            "facts": asdict(said.counts(catalog)),
            "uploads": uploads.count(catalog),
            "files": sizes(folder),
            "reasons": [
                {"reason": reason, "count": count} for reason, count in Counter(failures.values()).most_common()
            ],
            "failures": [{"path": path, "reason": reason} for path, reason in failures.items()],
        }


def sizes(folder: Path) -> dict[str, int]:
    """How many bytes each file of a library takes, and each folder in it, by name. Not what SQLite keeps while it
    reads, nor other people's files."""
    found: Counter[str] = Counter()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).parts[0]
        if (name in _OWN or name.startswith(FILE)) and not name.endswith("-shm"):
            with suppress(OSError):  # it vanishes meanwhile
                found[name] += path.stat().st_size if path.is_file() else 0
    return {name: size for name, size in found.items() if size}


def _searched(catalog: Catalog, purpose: Purpose, index: str) -> dict[str, Any]:
    codec = catalog.current(purpose)
    if codec is None:
        return {}
    choice = engines.choose(catalog, purpose, codec, index)
    said, laid_over = engines.said(choice), building.laid_over(catalog, purpose, codec, choice)
    if choice.engine == engines.MILVUS:  # which alone knows what it finds
        try:
            loaded = engines.load(catalog, purpose, codec, index)
            said = engines.said(loaded.choice)
            laid_over = codecs.changed(catalog, codec.codec_id, loaded.generation.number)
        except LibraryError as error:
            said["why"] += f", but: {error}"
    return {**said, "wanted": choice.wanted, "laid_over": laid_over}


def _codec(catalog: Catalog, known: KnownCodec, pictures: int) -> dict[str, Any]:
    covered = codecs.covered(catalog, known.codec.codec_id)
    return {
        "purpose": known.purpose,
        "current": known.current,
        **asdict(known.codec),
        "pictures": covered,
        "coverage": covered / pictures if pictures else 1.0,
    }
