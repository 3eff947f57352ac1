"""What collections are made of: their fields, in Milvus's words (schema.py says what is in them)."""

from typing import Any

from semblance.indexer.milvus.connection import Server
from semblance.retrieval.codes import width

KINDS = {  # pymilvus.DataType's
    "id": "INT64",
    "code": "BINARY_VECTOR",
    "path": "VARCHAR",
    "sha256": "VARCHAR",
    "size": "INT64",
    "mtime": "INT64",
    "taken": "INT64",
    "facts": "VARCHAR",
}
FIELDS = tuple(KINDS)
_TEXT = 65_535  # bytes that Milvus lets a text have
_LONGEST = {"path": 8_192, "sha256": 64, "facts": 2_048}  # bytes


def create(server: Server, name: str, fields: Any, vector: str, shards: int, lists: int = 0) -> None:
    """A collection of these fields, searched exactly, or by so many lists. Milvus takes some seconds to load one, which
    are not waited for here: several come together, and whoever asks too early asks again."""
    import pymilvus

    index = pymilvus.MilvusClient.prepare_index_params()
    kind: dict[str, Any] = {"index_type": "BIN_FLAT"}
    if lists:
        kind = {"index_type": "BIN_IVF_FLAT", "params": {"nlist": lists}}
    index.add_index(vector, metric_type="HAMMING", **kind)
    server.change("create_collection", name, schema=fields, num_shards=shards, consistency_level="Strong")
    server.change("create_index", name, index_params=index, sync=False)
    server.change("load_collection", name, _async=True)


def codes(description: str, bits: int) -> Any:
    """Of a collection of codes."""
    from pymilvus import DataType, MilvusClient

    fields = MilvusClient.create_schema(auto_id=False, description=description)
    fields.add_field("id", DataType.INT64, is_primary=True)
    fields.add_field("code", DataType.BINARY_VECTOR, dim=8 * width(bits))
    for name in FIELDS[2:]:
        longest = {"max_length": _LONGEST[name]} if name in _LONGEST else {}
        fields.add_field(name, DataType[KINDS[name]], **longest)
    return fields


def state(description: str) -> Any:
    """Of the one that says what the others hold."""
    from pymilvus import DataType, MilvusClient

    fields = MilvusClient.create_schema(auto_id=False, description=description)
    fields.add_field("key", DataType.VARCHAR, max_length=64, is_primary=True)
    fields.add_field("value", DataType.VARCHAR, max_length=_TEXT)
    fields.add_field("vector", DataType.BINARY_VECTOR, dim=8)  # Milvus asks for one
    return fields
