"""The layers of docs/architecture.md, read from the source: what may import what, where each trade has its place."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ["retrieval", "indexer", "api", "scripts"]  # each may import itself and what stands before it
TRAINING_ONLY = {"torch", "torchvision", "onnx", "onnxscript"}
ONE_PLACE = {  # a library, and where alone it is imported
    "ray": "indexer/shards/cluster.py",
    "pymilvus": "indexer/milvus",
    "grpc": "indexer/milvus",
    **dict.fromkeys(("fsspec", "s3fs", "botocore", "boto3"), "retrieval/storage/reaching.py"),
    **dict.fromkeys(("aiobotocore", "aiohttp"), "retrieval/storage/webs.py"),
}
SOURCES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
SQL = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|PRAGMA|ATTACH|VACUUM|BEGIN|COMMIT|ROLLBACK)\b\s*(\S|$)"
)
each_source = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())


@cache
def nodes(source: str) -> list[ast.AST]:
    """Everything in a file, inside functions and `if TYPE_CHECKING` too."""
    return [*ast.walk(ast.parse(source))]


def imported(source: str, package: str) -> set[str]:
    """The modules that a file of `package` ("api", "scripts.scenes") imports, written out in full."""
    found: set[str] = set()
    for node in nodes(source):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found.update(f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called in ("__import__", "import_module", "importlib.import_module"):
                found.add(str(node.args[0].value))
    return found


def holds_sql(source: str) -> bool:
    """Whether a file holds a statement to send to a database, whole or in pieces."""
    texts = [node.value for node in nodes(source) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return any(SQL.match(text) for text in texts if text != "DELETE")  # that is a method of HTTP


def opens_pictures(source: str) -> bool:
    """Whether a file decodes pictures by Pillow or pillow_heif, under whatever name it imported them."""
    opened = {"PIL.Image.open", "PIL.Image.OPEN", "PIL.ImageFile.Parser"}
    modules = imported(source, "")
    calls = {ast.unparse(node) for node in nodes(source) if isinstance(node, ast.Attribute)}
    return bool(
        opened & modules
        or calls & {"Image.open", "Image.OPEN", "PIL.Image.open", "PIL.Image.OPEN", "ImageFile.Parser"}
        or any(module.partition(".")[0] == "pillow_heif" for module in modules)
    )


def package_of(path: Path) -> str:
    return ".".join(("semblance", *path.relative_to(ROOT).parent.parts))


def test_there_is_something_to_check() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == set(LAYERS)
    assert len(SOURCES) > 30


@each_source
def test_imports_go_down_only(path: Path) -> None:
    own = LAYERS.index(path.relative_to(ROOT).parts[0])
    above = {*(f"semblance.{layer}" for layer in LAYERS[own + 1 :]), "tests"}
    modules = imported(path.read_text(), package_of(path))
    assert not {module for module in modules for layer in above if f"{module}.".startswith(f"{layer}.")}


@each_source
def test_every_import_goes_by_the_one_name(path: Path) -> None:
    """`import retrieval` works in a checkout and nowhere else; the public names stand above all that they name."""
    modules = imported(path.read_text(), package_of(path))
    assert not {module for module in modules if module.partition(".")[0] in (*LAYERS, "models")}
    assert not {module for module in modules if module.startswith("semblance.") and module.split(".")[1] not in LAYERS}


@each_source
def test_torch_stays_inside_training(path: Path) -> None:
    if path.is_relative_to(ROOT / "retrieval/training"):
        return
    modules = imported(path.read_text(), package_of(path))
    assert not {module for module in modules if module.partition(".")[0] in TRAINING_ONLY}
    if (
        path.is_relative_to(ROOT / "retrieval")
        or path.is_relative_to(ROOT / "indexer")
        or path.is_relative_to(ROOT / "api")
    ):
        assert not {module for module in modules if module.startswith("semblance.retrieval.training")}


@each_source
def test_libraries_that_have_one_place_stay_there(path: Path) -> None:
    modules = {module.partition(".")[0] for module in imported(path.read_text(), package_of(path))}
    places = {name: place for name, place in ONE_PLACE.items() if name in modules}
    assert all(path.is_relative_to(ROOT / place) for place in places.values()), places


@each_source
def test_milvus_knows_the_catalog_and_no_other_room(path: Path) -> None:
    """All of them know it: what it knew of them would be a circle."""
    if path.parent == ROOT / "indexer/milvus":
        modules = {module for module in imported(path.read_text(), package_of(path)) if ".indexer." in module}
        assert {module.split(".")[2] for module in modules} <= {"catalog", "milvus"}


@each_source
def test_sql_stays_inside_the_catalog(path: Path) -> None:
    if path.parent != ROOT / "indexer/catalog":
        assert not holds_sql(path.read_text())
        modules = imported(path.read_text(), package_of(path))
        assert not {module for module in modules if module.partition(".")[0] == "sqlite3"}


@each_source
def test_pictures_are_decoded_in_one_place(path: Path) -> None:
    assert opens_pictures(path.read_text()) == (path == ROOT / "retrieval/images.py")


# ---- the checks themselves -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "package", "expected"),
    [
        ("import torch.nn as nn", "api", {"torch.nn"}),
        ("def f():\n    from torch import nn", "api", {"torch.nn"}),
        ("from retrieval import images, codes", "api", {"retrieval.images", "retrieval.codes"}),
        ("from . import search", "api", {"api.search"}),
        ("from .sky import sun", "scripts.scenes", {"scripts.scenes.sky.sun"}),
        ("from .. import console", "scripts.scenes", {"scripts.console"}),
        ("import importlib\nimportlib.import_module('torch')", "api", {"importlib", "torch"}),
        ("x = 'import torch'  # import torch", "api", set()),
    ],
)
def test_imports_are_found(source: str, package: str, expected: set[str]) -> None:
    assert imported(source, package) == expected


def test_sql_and_decoding_are_found() -> None:
    assert holds_sql("db.execute('SELECT 1')")
    assert holds_sql((ROOT / "indexer/catalog/writing.py").read_text())
    assert holds_sql("db.execute(f'DELETE FROM {table}')")
    assert not holds_sql("words = 'Select a picture, then create a library'")
    assert opens_pictures("from PIL import Image\ndef f(p):\n    return Image.open(p)")
    assert opens_pictures("from PIL.Image import open as look")
    assert opens_pictures("from PIL import Image\nreader, _ = Image.OPEN['JPEG']")
    assert not opens_pictures("from PIL import Image\nImage.new('RGB', (1, 1)).save('x')")
