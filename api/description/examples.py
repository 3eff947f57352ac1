"""Examples in the document: composed of the schemas, with values that a library might really hold.

A field that is not named here has its default, or a value of its type; so every answer has an example.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

_HEX = "9f2c417d08be35a6"
_VALUES: dict[str, Any] = {
    "id": 17,
    "path": "/home/ada/Pictures/2019/cat.jpg",
    "folder": "/home/ada/Pictures",
    "distance": 21,
    "similarity": 0.918,
    "expected_by_chance": 0.0004,
    "copy": False,
    "crowd": None,
    "folded": [],
    "library_size": 48210,
    "pictures": 48210,
    "coverage": 1.0,
    "codec_id": _HEX * 4,
    "code": _HEX * 4,
    "codes": [_HEX * 4],
    "bits": 256,
    "decode": 6.2,
    "encode": 11.8,
    "search": 0.9,
    "next": None,
    "cursor": None,
    "narrowed": None,
    "region": "0.25,0.1,0.5,0.5",
    "taken": "2019-05-04T13:02:01",
    "taken_from": "2019-05-01",
    "taken_to": "2019-05-31",
    "camera": "Pentax K-1",
    "near": "48.137,11.575,20",
    "min_pixels": 1000000,
    "within": 40,
    "chance": 1.0,
    "width": 4928,
    "height": 3264,
    "size": 6291456,
    "bytes": 6291456,
    "sha256": _HEX * 4,
    "modified": "2019-05-04T11:02:03Z",
    "latitude": 48.137,
    "longitude": 11.575,
    "format": "JPEG",
    "date": "2019-05-04",
    "detail": None,
    "done": 512,
    "total": 48210,
    "state": "running",
    "why": "near",
    "first": 17,
    "second": 23,
    "best": 17,
    "summary": None,
}
_SENTENCES = {
    "400": "The picture ends too early: it was cut short while it was copied or sent. Send the whole file.",
    "401": "This service asks for a key: send one as `Authorization: Bearer KEY`.",
    "403": "Pages of other sites may not ask this service: open its own page.",
    "404": "The library has no picture 17.",
    "408": "The request took too long to arrive: send it again.",
    "409": "Another model or library has taken the place of the one that was asked: ask again.",
    "410": "/home/ada/Pictures/2019/cat.jpg is gone since it was indexed: index its folder again.",
    "411": "The request announces a body and not its length: send Content-Length, or in chunks.",
    "412": "The picture is another than the request names.",
    "413": "The upload is over 25 MB, the limit. Send a smaller copy of the picture.",
    "415": "The file is no picture in a format that Semblance reads.",
    "416": "The file has the bytes 0 to 6291455: ask for some of these, as Range: bytes=0-99 does.",
    "421": "This service does not answer to the name 'photos.example.com': ask it by one of its own.",
    "422": "k: Input should be less than or equal to 1000.",
    "429": "Too many requests: ask again in a moment.",
    "503": "The service has too many pictures waiting to be decoded: try again in a moment.",
    "507": "The disk of the library is full: make room and send the picture again.",
}
_KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
    "array": list,
}
_BY_TYPE: dict[str, Callable[[], Any]] = {
    "string": lambda: "text",
    "integer": lambda: 1,
    "number": lambda: 1.0,
    "boolean": lambda: True,
    "null": lambda: None,
    "object": dict,
}


def sentence(status: str) -> str:
    """What a status may say in its `detail`."""
    return _SENTENCES.get(status, f"{HTTPStatus(int(status)).description or HTTPStatus(int(status)).phrase}.")


def put(document: dict[str, Any]) -> None:
    """Give every JSON body and answer of the document, and every parameter that a value stands for, an example."""
    schemas = document["components"]["schemas"]
    for operation in (one for each in document["paths"].values() for one in each.values()):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path" and parameter["name"] in _VALUES:
                parameter["example"] = _VALUES[parameter["name"]]
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in (body.get("content", {}).get("application/json", {}) for body in bodies):
            if content.get("schema"):
                content.setdefault("example", of(content["schema"], schemas))


def of(schema: dict[str, Any], schemas: dict[str, Any], name: str = "") -> Any:
    """A value that `schema` allows, of a field of this name."""
    if "$ref" in schema:
        return of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name)
    if name in _VALUES and fits(_VALUES[name], schema):
        return _VALUES[name]
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return of(schema["anyOf"][0], schemas, name)
    if schema.get("type") == "array":
        return [of(schema["items"], schemas, name)]
    if "properties" in schema:
        return {key: of(each, schemas, key) for key, each in schema["properties"].items()}
    return _BY_TYPE[schema.get("type", "object")]()


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value is of the type and among the values that a schema names, as far as our values go."""
    if "anyOf" in schema:
        return any(fits(value, each) for each in schema["anyOf"])
    right = isinstance(value, _KINDS.get(schema.get("type", ""), ())) and not (
        isinstance(value, bool) and schema["type"] != "boolean"
    )
    return right and value in schema.get("enum", [value]) and value == schema.get("const", value)
