"""Keys at rest: what the file holds and what it does not, whoever changes it at the same time."""

import hashlib
import shutil
import stat
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from semblance.indexer.keeping import keys
from semblance.indexer.keeping.backing_up import backup
from semblance.indexer.keeping.restoring import restore
from semblance.indexer.keeping.standing import status
from semblance.indexer.keeping.verifying import verify
from semblance.retrieval.errors import LibraryError, UsageError


def test_the_file_holds_no_key_and_is_its_owners_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    key = keys.add(tmp_path, "phone", write=True)
    path = tmp_path / keys.FILE
    assert key.startswith("smb_")
    assert len(key) == 4 + 43, "256 bits in base64"
    assert key not in path.read_text()
    assert key[4:20] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (kept,) = keys.read(tmp_path)
    assert kept.sha256 == hashlib.sha256(key.encode()).hexdigest()
    assert (kept.name, kept.scopes, kept.last) == ("phone", ("read", "write"), key[-4:])


def test_two_who_add_keys_at_one_moment_both_have_theirs(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [*pool.map(lambda number: keys.add(tmp_path, f"phone {number}"), range(16))]
    assert {key.name for key in keys.read(tmp_path)} == {f"phone {number}" for number in range(16)}
    assert len(set(made)) == 16


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 65, "phone"])
def test_names_that_say_nothing_and_names_that_are_there_are_refused(tmp_path: Path, name: str) -> None:
    keys.add(tmp_path, "phone")
    with pytest.raises(UsageError):
        keys.add(tmp_path, name)
    assert [key.name for key in keys.read(tmp_path)] == ["phone"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": [1]}', '{"keys": [{"name": "a"}]}', '{"keys": {"a": 1}}'])
def test_a_damaged_file_is_said_and_never_written_over(tmp_path: Path, text: str) -> None:
    (tmp_path / keys.FILE).write_text(text)
    for do in (keys.read, lambda library: keys.add(library, "new"), lambda library: keys.remove(library, "new")):
        with pytest.raises(LibraryError, match=r"cannot be read.*semblance keys add"):
            do(tmp_path)
    assert (tmp_path / keys.FILE).read_text() == text


def test_a_backup_has_no_keys_and_restoring_it_leaves_those_there_are(library: Path, tmp_path: Path) -> None:
    """A key that was removed since the backup must not come back with it."""
    own, copy = Path(shutil.copytree(library, tmp_path / "library")), tmp_path / "backup"
    keys.add(own, "lost phone")
    backup(own, copy, derived=True)
    assert not (copy / keys.FILE).exists()
    keys.remove(own, "lost phone")
    keys.add(own, "new phone")
    restore(copy, own)
    assert [key.name for key in keys.read(own)] == ["new phone"]


def test_status_and_verify_know_the_file(library: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(library, tmp_path / "library"))
    keys.add(own, "phone")
    path = own / keys.FILE
    assert status(own)["files"][keys.FILE] == path.stat().st_size
    assert [damage.part for damage in verify(own).damage] == []
    path.write_text("{")
    assert [damage.part for damage in verify(own).damage] == ["keys"]
    assert status(own)["pictures"] == 48, "what else there is is said all the same"


def test_what_a_killed_command_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / f".{keys.FILE}.1.2.tmp").write_text("half")
    keys.add(tmp_path, "phone")
    assert sorted(path.name for path in tmp_path.iterdir()) == [keys.FILE, "keys.lock"]


def test_the_command_says_a_key_once(
    semblance: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    at = ("--library", tmp_path)
    assert "semblance keys add" in semblance("keys", *at).stderr
    added = semblance("keys", "add", "phone", *at)
    key = added.stdout.strip()
    assert (added.returncode, hashlib.sha256(key.encode()).hexdigest()) == (0, keys.read(tmp_path)[0].sha256)
    listed = semblance("keys", *at).stdout
    assert "phone" in listed
    assert f"smb_…{key[-4:]}" in listed
    assert key not in listed
    for wrong in (("add",), ("remove", "desk"), ("remove", "phone", "--write"), ("add", "phone")):
        refused = semblance("keys", *wrong, *at)
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "name a library" in semblance("keys", "add", "a", "--library", tmp_path / "nowhere").stderr
    assert semblance("keys", "remove", "phone", *at).returncode == 0
    assert keys.read(tmp_path) == []
