"""`semblance index --model NEW`, `--copies` and `--drop`, as a user meets them."""

import json
from pathlib import Path

from semblance.retrieval.codec import find_model, id_of
from tests.conftest import paint
from tests.scripts.test_cli import call

OLD, NEW = (id_of(find_model(name)) for name in ("cifar10-fast", "cifar10-ae"))


def test_to_another_model_back_and_rid_of_it(tmp_path: Path) -> None:
    for seed in range(12):
        paint(tmp_path / "pictures" / f"{seed}.png", seed)
    library = tmp_path / "library"
    assert call("index", tmp_path / "pictures", "--library", library, "--model", "cifar10-fast").exit_code == 0
    gone = tmp_path / "pictures/3.png"
    gone.unlink()

    over = call("index", "--library", library, "--model", "cifar10-ae", "--json")
    assert over.exit_code == 1, "one was left out"
    document = json.loads(over.stdout)
    assert (document["completed"], document["switched"]) == (11, {"alike": NEW})
    assert [failed["path"] for failed in document["failed"]] == [str(gone)]
    assert "12 codes are to be made" in over.stderr
    assert f"--model {OLD[:12]} goes back to cifar10-fast, --drop {OLD[:12]} removes it" in over.stderr

    found = call("search", tmp_path / "pictures/1.png", "--library", library)
    assert "91.7% of the library's pictures were searched" in found.stderr
    told = call("status", "--library", library).stdout
    assert f"alike      11 codes by cifar10-ae (256 bits, {NEW[:12]}), 91.7% of the pictures\n" in told
    assert f"alike      12 codes by cifar10-fast (256 bits, {OLD[:12]}), kept beside\n" in told

    refused = call("index", "--library", library, "--drop", "cifar10-ae")
    assert (refused.exit_code, "make another current with --model first" in refused.stderr) == (2, True)
    back = call("index", "--library", library, "--model", OLD[:12], "--drop", "cifar10-ae", "--json")
    assert back.exit_code == 0
    document = json.loads(back.stdout)
    assert (document["switched"], document["dropped"]["codec_id"]) == ({"alike": OLD}, NEW)
    whole = call("search", tmp_path / "pictures/1.png", "--library", library)
    assert "were searched" not in whole.stderr
    assert "cifar10-ae" not in call("status", "--library", library).stdout


def test_a_model_for_a_library_that_is_not_there(tmp_path: Path) -> None:
    for option in ("--model", "--copies", "--drop"):
        refused = call("index", "--library", tmp_path / "new", option, "copies")
        assert (refused.exit_code, "There is no library at" in refused.stderr) == (2, True)
    assert not (tmp_path / "new").exists()
