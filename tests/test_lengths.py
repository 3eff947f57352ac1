"""A function fits on a screen, a file on a few. What is longer stands here with its reason; `make lengths` lists it."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_layers import LAYERS, ROOT

FUNCTION, FILE = 40, 250  # lines: a function with its docstring, without its decorators
KINDS = (".py", ".js", ".css", ".html")
REASONS = {
    "retrieval/training/loop.py:train": "the training loop, straight, to be read from top to bottom",
}


def lengths(path: Path, name: str) -> Iterator[tuple[str, int]]:
    """What is too long in a file, and how long it is: the file itself by its name, a function as `name:function`."""
    source = path.read_text()
    if (lines := len(source.splitlines())) > FILE:
        yield name, lines
    for node in ast.walk(ast.parse(source)) if path.suffix == ".py" else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION:
                yield f"{name}:{node.name}", lines


def too_long() -> dict[str, int]:
    """All that is too long in the project, tests and drawn scenes left out."""
    paths = [path for layer in LAYERS for path in (ROOT / layer).rglob("*.*") if path.suffix in KINDS]
    names = {path: path.relative_to(ROOT).as_posix() for path in sorted([*paths, *(ROOT / "semblance").glob("*.py")])}
    return dict(found for path, name in names.items() if "/scenes/" not in name for found in lengths(path, name))


def test_what_is_long_has_a_reason_and_what_has_a_reason_is_long() -> None:
    assert set(too_long()) == set(REASONS)


@pytest.mark.parametrize(
    ("lines", "found"), [(39, []), (40, [("a.py:f", 41)]), (250, [("a.py", 251), ("a.py:f", 251)])]
)
def test_what_is_too_long_is_found(lines: int, found: list[tuple[str, int]], tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f():\n" + lines * "    pass\n")
    assert list(lengths(tmp_path / "a.py", "a.py")) == found
    (tmp_path / "a.js").write_text(lines * "f();\n")
    assert not list(lengths(tmp_path / "a.js", "a.js"))


if __name__ == "__main__":
    long = too_long()
    for where, count in long.items():
        sys.stdout.write(f"{count:4} lines  {where}: {REASONS.get(where, 'TOO LONG')}\n")
    sys.exit(set(long) != set(REASONS))
