"""The codecs that a library has codes of: which there are, which of them searches go by, and how that changes."""

from collections.abc import Mapping

from semblance.indexer.catalog.reading import Catalog
from semblance.indexer.catalog.records import CurrentCodec, KnownCodec, Purpose
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.indexer.catalog.writing import Writer
from semblance.retrieval.codec import COPIES_MODEL


def known(catalog: Catalog) -> list[KnownCodec]:
    """All codecs that the library knows, the current ones first."""
    rows = catalog._right("codecs", "ORDER BY NOT current, purpose, codec_id")
    return [KnownCodec(CurrentCodec(*row[:3]), row[3], bool(row[4])) for row in rows]


def covered(catalog: Catalog, codec_id: str) -> int:
    """How many pictures have a code of this codec: counted, not read."""
    return int(catalog._rows("SELECT count(*) FROM codes WHERE codec_id = ?", (codec_id,))[0][0])


def changed(catalog: Catalog, codec_id: str, since: int) -> int:
    """How many codes of a codec came after generation number `since`, and pictures went: counted, not read."""
    came = "SELECT count(*) FROM codes WHERE generation > ? AND codec_id = ?"
    went = "SELECT count(*) FROM removals WHERE generation > ?"
    return int(catalog._rows(f"SELECT ({came}) + ({went})", (since, codec_id, since))[0][0])


def make_current(writer: Writer, chosen: Mapping[Purpose, str]) -> None:
    """Commit in one that these codecs, which are known, are the current ones from now on; their codes and those of the
    ones before stay as they are, so no generation passes.

    A codec of copies that was current for what is alike goes on to tell copies.
    """
    before = writer.current("alike")
    with sentences(writer.folder), writer._transaction():
        for purpose, codec_id in chosen.items():
            writer._db.execute("UPDATE codecs SET current = 0 WHERE purpose = ?", (purpose,))
            _set(writer, codec_id, purpose)
        left = before and before.codec_id != chosen.get("alike", before.codec_id)
        if before and left and before.model == COPIES_MODEL and writer.current("same") is None:
            _set(writer, before.codec_id, "same")
    if now := writer.current("alike"):
        writer.codec_id, writer.bits, writer.model = now.codec_id, now.bits, now.model


def drop(writer: Writer, codec_id: str) -> None:
    """Commit that a codec that is not current goes, with its codes."""
    with sentences(writer.folder), writer._transaction():
        if writer._db.execute("DELETE FROM codecs WHERE codec_id = ? AND NOT current", (codec_id,)).rowcount:
            writer._db.execute("DELETE FROM codes WHERE codec_id = ?", (codec_id,))


def _set(writer: Writer, codec_id: str, purpose: Purpose) -> None:
    writer._db.execute("UPDATE codecs SET purpose = ?, current = 1 WHERE codec_id = ?", (purpose, codec_id))
