"""The OpenAPI document holds every route, each described; clients made of it search, and look at pictures."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import jsonschema_rs
import pytest

from semblance.api.app import create_app
from semblance.api.description.names import NAMES, TAGS
from semblance.api.settings import Settings
from tests.conftest import Server

_PROBLEM = {"application/problem+json"}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return create_app(Settings(library=tmp_path_factory.mktemp("none"))).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            yield f"{path} {verb.upper()}", operation


def test_every_route_is_named_and_sorted(document: dict[str, Any]) -> None:
    """A new route needs a line in api/description/names.py where its function's name says too little."""
    said = dict(operations(document))
    assert {"/search POST", "/images/{id} GET", "/ready GET"} <= said.keys()
    ids = {name: operation["operationId"] for name, operation in said.items()}
    assert len({*ids.values()}) == len(ids)
    assert {name: id for name, id in ids.items() if name not in NAMES} == {}
    assert {name for name, operation in said.items() if len(operation["tags"]) != 1} == set()
    assert {tag for operation in said.values() for tag in operation["tags"]} <= {*TAGS}
    assert {name for name, each in said.items() if not each["summary"] or len(each["summary"]) > 90} == set()


def test_every_parameter_and_body_is_described(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), f"{name}: {parameter['name']} has no description"
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert "$ref" in content["schema"], f"{name}: its body has no name"
    for name, schema in document["components"]["schemas"].items():
        assert not name.startswith("Body_")
        for field, said in schema.get("properties", {}).items():
            if said.get("format") == "binary":
                assert said["type"] == "string"
                assert said.get("description"), f"{name}.{field} has no description"
    assert "contentMediaType" not in json.dumps(document)


def test_every_answer_is_typed(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        answers = operation["responses"]
        assert [status for status in answers if status < "300"], name
        for status, answer in answers.items():
            assert answer["description"], f"{name}: {status} has no description"
            content = answer.get("content", {})
            if status >= "400":
                assert content.keys() == _PROBLEM, f"{name}: {status} is no problem"
                assert next(iter(content.values()))["schema"] == {"$ref": "#/components/schemas/Problem"}
            elif status not in ("204", "304"):
                assert content, f"{name}: {status} says not what it holds"
                typed = [each.get("schema") or each.get("itemSchema") for each in content.values()]
                assert all(typed), f"{name}: {status} has no type"
        if name != "/health GET":
            assert {"400", "401", "403", "421", "429"} <= answers.keys()


def test_every_example_is_one(document: dict[str, Any]) -> None:
    seen = 0
    for name, operation in operations(document):
        for body in (operation.get("requestBody", {}), *operation["responses"].values()):
            for kind, content in body.get("content", {}).items():
                if kind.endswith("json"):
                    seen += 1
                    schema = content["schema"] | {"components": document["components"]}
                    assert jsonschema_rs.is_valid(schema, content["example"]), f"{name}: {content['example']}"
    assert seen > 20


def test_the_document_has_a_version_in_its_path(server: Server) -> None:
    said = httpx.get(f"{server.url}/openapi.json").json()
    assert said == httpx.get(f"{server.url}/v1/openapi.json").json()
    assert said["openapi"].startswith("3.1")
    assert said["info"]["version"].count(".") == 2


@pytest.fixture(scope="module")
def generated(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """A client made by openapi-python-client of the service's document, which had nothing to warn of."""
    pytest.importorskip("openapi_python_client")
    folder = tmp_path_factory.mktemp("generated")
    (folder / "config.yml").write_text("post_hooks: []\n")  # formatters, which may not be there
    command = [str(Path(sys.executable).with_name("openapi-python-client")), "generate", "--fail-on-warning"]
    command += ["--url", f"{server.url}/v1/openapi.json", "--meta", "none", "--config", "config.yml"]
    made = subprocess.run([*command, "--output-path", "made"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "arning" not in made.stdout
    sys.path.insert(0, str(folder))
    yield importlib.import_module("made")
    sys.path.remove(str(folder))


def test_a_generated_client_searches(generated: ModuleType, server: Server) -> None:
    search_by_upload = importlib.import_module("made.api.search.search_by_upload")
    get_picture = importlib.import_module("made.api.pictures.get_picture")
    form = importlib.import_module("made.models").SearchByUploadForm
    file = importlib.import_module("made.types").File
    client = generated.Client(base_url=server.url)
    picture = server.library_pictures[5]
    with picture.open("rb") as opened:
        answer = search_by_upload.sync(client=client, body=form(file=file(opened, "cat.jpg", "image/jpeg")), k=3)
    assert (answer.results[0].path, answer.results[0].distance, len(answer.results)) == (str(picture), 0.0, 3)
    whole = get_picture.sync(answer.results[0].id, client=client)
    assert (whole.payload if hasattr(whole, "payload") else whole).read() == picture.read_bytes()
    thumbnail = importlib.import_module("made.api.pictures.get_thumbnail")
    assert thumbnail.sync(answer.results[0].id, client=client).payload.read()[:3] == b"\xff\xd8\xff"


def test_a_generated_client_understands_errors(generated: ModuleType, server: Server) -> None:
    problem = importlib.import_module("made.models").Problem
    get_picture = importlib.import_module("made.api.pictures.get_picture")
    found = get_picture.sync(10**6, client=generated.Client(base_url=server.url))
    assert isinstance(found, problem)
    assert (found.status, found.title) == (404, "Not Found")
    assert str(10**6) in found.detail
