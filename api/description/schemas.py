"""The document's schemas, in the words that generators of clients understand: named, binary as such, none left over."""

import re
from typing import Any

_BINARY = {"type": "string", "format": "binary"}  # OpenAPI 3.0's words, which generators know, also in 3.1
_EXACT = 2**53 - 1  # beyond, JSON's whole numbers are others to many a reader (RFC 8259, section 6)
_REF = "#/components/schemas/"


def pictures(operation: dict[str, Any]) -> None:
    """An answer without a schema is a picture: a JPEG, where the route doesn't say which. Beside it stands what all
    generators know to be bytes. A stream of events is text to them."""
    for status in ("200", "206"):
        answer = operation["responses"].get(status)
        if "text/event-stream" in (answer or {}).get("content", {}):
            answer["content"]["text/event-stream"].setdefault("schema", {"type": "string"})
        if answer is None or any(each.get("schema") for each in answer.get("content", {}).values()):
            continue
        kinds = [*(kind for kind in answer.get("content", {}) if kind.startswith("image/"))] or ["image/jpeg"]
        operation["responses"]["304"] = {"description": "The client has it: it sent its ETag in If-None-Match"}
        answer["content"] = {kind: {"schema": dict(_BINARY)} for kind in [*kinds, "application/octet-stream"]}


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """The document with forms named after their operation, files binary, and what nothing refers to left out."""
    schemas = document["components"]["schemas"]
    renamed = {name: f"{_camel(name.removeprefix('Body_'))}Form" for name in schemas if name.startswith("Body_")}
    for old, new in renamed.items():
        schemas[new] = schemas.pop(old) | {"title": new, "additionalProperties": False}
    mended: dict[str, Any] = _mended(document, {_REF + old: _REF + new for old, new in renamed.items()})
    asked, answered = _reached(mended, "requestBody", "parameters"), _reached(mended, "responses")
    kept = mended["components"]["schemas"]
    for name in [*kept]:
        if name not in asked | answered:
            del kept[name]
        elif name not in asked and "properties" in kept[name]:  # an answer holds all that it may hold
            kept[name]["required"] = [*kept[name]["properties"]]
    return mended


def _mended(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, list):
        return [_mended(each, names) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("contentMediaType") == "application/octet-stream":
        node = {key: value for key, value in node.items() if key != "contentMediaType"} | _BINARY
    if node.get("maximum", 0) > _EXACT:
        node = node | {"maximum": _EXACT}
    if node.get("$ref") in names:
        node = node | {"$ref": names[node["$ref"]]}
    return {key: _mended(value, names) for key, value in node.items()}


def _reached(document: dict[str, Any], *parts: str) -> set[str]:
    """The names of the schemas that these parts of the operations lead to."""
    schemas = document["components"]["schemas"]
    operations = [operation for each in document["paths"].values() for operation in each.values()]
    found: set[str] = set()
    left = [operation.get(part) for operation in operations for part in parts]
    while left:
        names = {name for name in re.findall(rf"'{_REF}(\w+)'", repr(left.pop())) if name not in found}
        found |= names
        left += [schemas[name] for name in names]
    return found


def _camel(words: str) -> str:
    return "".join(word.title() for word in words.split("_"))
