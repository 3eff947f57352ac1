"""The tree that is drawn is the tree there is, and no error stands beside it."""

import ast
import re
from pathlib import Path

from semblance.retrieval import errors
from tests.test_layers import ROOT, each_source

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]


def drawn(docstring: str) -> dict[str, str]:
    """Each error of the drawing, and which it stands under."""
    above: list[str] = []
    found: dict[str, str] = {}
    for line in docstring.splitlines():
        if match := re.match(r"    ((?:\|   |    )*(?:[|`]-- )?)([A-Z]\w*) {2,}\S", line):
            depth = len(match[1]) // 4
            above[depth:] = [match[2]]
            found[match[2]] = above[depth - 1] if depth else "Exception"
    return found


def test_the_drawing_is_the_tree() -> None:
    assert drawn(errors.__doc__ or "") == {kind.__name__: kind.__bases__[0].__name__ for kind in KINDS}
    assert len(KINDS) >= 20


@each_source
def test_no_error_stands_beside_the_tree(path: Path) -> None:
    if path == ROOT / "retrieval/errors.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
            ours = bases & {kind.__name__ for kind in KINDS}
            assert not ours | {base for base in bases if base.endswith(("Error", "Exception"))}, node.name


def test_a_drawing_is_read() -> None:
    drawing = "    A   x\n    |-- B   x\n    |   `-- C   x\n    `-- D   x"
    assert drawn(f"Words.\n\n{drawing}\n\n    Not this\n") == {"A": "Exception", "B": "A", "C": "B", "D": "A"}
