"""Shards made by one machine: what they hold, that any run makes the same bytes, and what is refused."""

import errno
import hashlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from semblance.indexer.catalog import Catalog
from semblance.indexer.keeping import importing
from semblance.indexer.keeping.exporting import export
from semblance.indexer.run import encoding as encoding_run
from semblance.indexer.run import pipeline
from semblance.indexer.shards import making, places
from semblance.indexer.shards.running import Summary, encode
from semblance.retrieval import storage
from semblance.retrieval.codec import Codec, find_model
from semblance.retrieval.errors import CodecMismatch, ShardsError, UsageError
from tests.conftest import paint, until
from tests.exif import CANON, DATED, MUNICH, exif, saved
from tests.indexer.conftest import CountingCodec
from tests.indexer.shards.conftest import below, encoding, ended, held, whole
from tests.scripts.test_cli import call, document


def made(source: Path | str, out: Path, **options: Any) -> Summary:
    return encode(str(source), str(out), **{"model": "cifar10-fast", "shard": 4, **options})


def counts(summary: Summary) -> tuple[int, int, int, int, int]:
    return summary.shards, summary.written, summary.encoded, summary.kept, len(summary.failed)


def test_shards_hold_what_an_index_of_the_same_folder_exports(pictures: Path, tmp_path: Path) -> None:
    (pictures / "one" / "05.png").write_bytes(saved("PNG", exif=exif(CANON, DATED, MUNICH)))
    shutil.copy(pictures / "two" / "00.png", pictures / "two" / "a copy.png")
    summary = made(pictures, tmp_path / "out")
    assert counts(summary) == (4, 4, 12, 0, 1)
    assert [Path(path).name for path in summary.failed] == ["03 broken.jpg"]
    tables = [parquet.read_table(file) for file in sorted((tmp_path / "out").glob("*.parquet"))]
    rows = pa.concat_tables(tables, promote_options="none").replace_schema_metadata()
    pipeline.update([pictures], tmp_path / "library", Codec("cifar10-fast"))
    export(tmp_path / "library", tmp_path / "all.parquet")
    truth = parquet.read_table(tmp_path / "all.parquet").replace_schema_metadata().drop_columns("id")
    order = [("path", "ascending"), ("codec_id", "ascending")]
    assert rows.sort_by(order).equals(truth.sort_by(order))
    assert rows["path"].to_pylist() == sorted(rows["path"].to_pylist())


def test_a_run_makes_what_is_not_there_and_the_same_bytes(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(pictures, out)
    before = held(out)
    for path in (whole(out)[1], *out.glob("shard-00000000-*.parquet")):
        path.unlink()
    times = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert counts(made(pictures, out, workers=3)) == (3, 2, 7, 4, 1)
    assert held(out) == before
    anew = [name for name in times if times[name] != (out / name).stat().st_mtime_ns]
    assert {name[:14] for name in anew} <= {"shard-00000000", "shard-00000001"}
    assert counts(made(pictures, out)) == (3, 0, 0, 11, 1)
    paint(pictures / "new.png", 50)
    own = next(out.glob("*.list"))
    assert counts(made(own, out)) == (3, 0, 0, 11, 1), "its own list goes on with it, whatever came meanwhile"


def test_a_killed_run_is_gone_on_with(pictures: Path, tmp_path: Path) -> None:
    for number in range(12, 300):
        shutil.copy(paint(tmp_path / "one.png", number), pictures / f"{number}.png")
    out = tmp_path / "out"
    process = encoding(pictures, out, "--shard", "20")
    until(lambda: len(whole(out)) > 1)
    process.kill()
    process.communicate()
    there = {path: path.read_bytes() for path in whole(out)}
    assert 1 < len(there) < 15
    summary = made(pictures, out, shard=None)
    assert (summary.shards, summary.kept + summary.encoded) == (15, 299)
    assert summary.kept >= 20 * len(there) - 1
    assert {path: path.read_bytes() for path in there} == there
    made(pictures, tmp_path / "anew", shard=20)
    assert {name: data for name, data in held(out).items() if not name.endswith(".tmp")} == held(tmp_path / "anew")


def test_ctrl_c_keeps_what_is_whole(pictures: Path, tmp_path: Path) -> None:
    for number in range(12, 200):
        paint(pictures / f"{number}.png", number)
    process = encoding(pictures, tmp_path / "out", "--shard", "10")
    until(lambda: len(whole(tmp_path / "out")) > 1)
    process.send_signal(signal.SIGINT)
    _, said = ended(process, 130)
    assert said == "Interrupted: the shards that are whole are kept; run the same command again to go on\n"


def test_two_runs_at_once_do_each_other_no_harm(pictures: Path, tmp_path: Path) -> None:
    both = [encoding(pictures, tmp_path / "out", "--shard", "2") for _ in range(2)]
    documents = [ended(process, 1)[0] for process in both]
    assert [each["encoded"] + each["kept"] for each in documents] == [11, 11]
    made(pictures, tmp_path / "alone", shard=2)
    assert held(tmp_path / "out") == held(tmp_path / "alone")


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("where", ["folder", "s3://bucket/begun-twice"])
def test_of_two_plans_that_begin_at_once_one_wins_and_the_other_writes_nothing(
    where: str, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second has looked before the first has begun."""
    out = where if "://" in where else str(tmp_path / where)
    kind = type(places.place(out))
    create, first = kind.create, [out]

    def late(self: Any, name: str, data: bytes) -> bytes:
        if first:
            encode(str(pictures), first.pop(), model="cifar10-fast", shard=4)
        return create(self, name, data)

    monkeypatch.setattr(kind, "create", late)
    with pytest.raises(ShardsError, match="was begun of 12 pictures, and these are 6, or others"):
        encode(str(pictures / "one"), out, model="cifar10-fast", shard=4)
    made(pictures, tmp_path / "alone")
    assert {*places.place(out).sizes()} == {*held(tmp_path / "alone")}


def test_a_disk_without_links_has_one_plan_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", none)
    place = places.place(str(tmp_path))
    assert [place.create("plan", text) for text in (b"one", b"two")] == [b"one", b"one"]
    assert held(tmp_path) == {"plan": b"one"}


def test_a_plan_that_is_removed_meanwhile_is_put_back(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def remove(done: int, _: int) -> None:
        if done:
            for path in (out / "manifest.json", *out.glob("*.list")):
                path.unlink(missing_ok=True)

    made(pictures, out, progress=remove)
    made(pictures, tmp_path / "alone")
    assert held(out) == held(tmp_path / "alone")
    remove(1, 1)
    assert counts(made(pictures, out))[:2] == (3, 0), "shards of its own are none of others"


def test_what_does_not_agree_with_the_plan_is_refused(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(pictures, out)
    before = held(out)
    for options, said in (
        ({"model": "cifar10"}, "begun by cifar10-fast .* not by cifar10 "),
        ({"copies": "cifar10"}, "begun by cifar10-fast "),
        ({"shard": 5}, "with 4 pictures to a shard, not 5"),
    ):
        with pytest.raises(ShardsError, match=said):
            made(pictures, out, **options)
    paint(pictures / "new.png", 50)
    with pytest.raises(ShardsError, match=r"of 12 pictures, and these are 13.*naming pictures-\w+\.list in it"):
        made(pictures, out)
    with pytest.raises(ShardsError, match="holds other files"):
        made(pictures, pictures / "one")
    with pytest.raises(UsageError, match="the folder of the pictures"):
        made(pictures, pictures)
    assert held(out) == before
    (out / "manifest.json").write_text("{}")
    with pytest.raises(ShardsError, match=r"manifest\.json is damaged"):
        made(pictures, out)


def test_a_row_says_what_was_read_of_a_file_that_changes(pictures: Path, tmp_path: Path) -> None:
    """Between the plan and the reading, and while it is read."""
    out = tmp_path / "out"
    made(pictures, out, shard=20)
    for path in out.glob("shard*"):
        path.unlink()
    listed = next(out.glob("*.list"))
    changing = paint(pictures / "two" / "00.png", 90)
    (pictures / "two" / "02.png").unlink()
    ending, restless = threading.Event(), pictures / "two" / "04.png"

    def change() -> None:
        while not ending.wait(0.001):
            os.utime(restless)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        summary = made(listed, out, shard=None)
    finally:
        ending.set()
        thread.join()
    assert {Path(path).name: reason.partition(":")[0] for path, reason in summary.failed.items()} == {
        "03 broken.jpg": summary.failed[str(pictures / "one" / "03 broken.jpg")].partition(":")[0],
        "02.png": "The file cannot be read",
        "04.png": "The file changes while it is read",
    }
    row = next(
        row for row in parquet.read_table(next(out.glob("*.parquet"))).to_pylist() if row["path"] == str(changing)
    )
    assert (row["size"], row["mtime"]) == (changing.stat().st_size, changing.stat().st_mtime_ns)


def test_a_list_is_a_source(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = pictures / "one" / "a\nb.png"
    shutil.copy(pictures / "one" / "01.png", odd)
    monkeypatch.chdir(pictures)
    (tmp_path / "link").symlink_to(pictures)
    (tmp_path / "lines").write_text(f"two/02.png\r\n\n{pictures}/two/00.png\n{tmp_path}/link/two/02.png\n")
    (tmp_path / "notepad").write_text(f"\ufeff{pictures}/two/00.png\r\n{pictures}/two/02.png\r\n")
    (tmp_path / "zeros").write_bytes(f"{odd}\0two/00.png\0".encode())
    two = ["two/00.png", "two/02.png"]
    for name, expected in (("lines", two), ("notepad", two), ("zeros", ["one/a\nb.png", "two/00.png"])):
        made(tmp_path / name, tmp_path / f"{name}.out")
        table = parquet.read_table(next((tmp_path / f"{name}.out").glob("*.parquet")))
        assert table["path"].to_pylist()[::2] == [str(pictures / path) for path in expected]
    (tmp_path / "other").write_text(f"{pictures}/two/00.png\n{pictures}/two\n{pictures}/two/00.png/x\n")
    failed = made(tmp_path / "other", tmp_path / "other.out").failed
    assert [reason.rpartition(": ")[2] for _, reason in sorted(failed.items())] == [
        "The path is not that of a file that lies on a disk.",
        "Not a directory.",
    ]
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "folders").write_text("two/\n")
    for name, said in (
        ("empty", "no pictures in"),
        ("folders", "is no file"),
        ("pictures/two/00.png", "no list of pictures"),
        ("nothing", "No such file"),
    ):
        with pytest.raises(UsageError, match=said):
            made(tmp_path / name, tmp_path / "none")
    with pytest.raises(UsageError, match="--exclude is for a folder"):
        made(tmp_path / "lines", tmp_path / "none", exclude=["x"])
    assert not (tmp_path / "none").exists()


# ---- into a library ------------------------------------------------------------------------------------------------


def test_shards_become_a_library_whose_pictures_are_not_looked_into_again(pictures: Path, tmp_path: Path) -> None:
    out, library = tmp_path / "out", tmp_path / "library"
    made(pictures, out)
    done = document(call("import", out, "--library", library, "--json"))
    assert (done["added"], done["refused"]) == (11, [])
    with Catalog.opened(library) as catalog:
        entries = sorted(catalog.entries(), key=lambda entry: entry.id)
    assert [entry.path for entry in entries] == sorted(str(path) for path in pictures.rglob("*.png"))
    counting = CountingCodec(find_model("cifar10-fast"))
    paint(pictures / "one" / "01.png", 70)
    unlooked = pictures / "two" / "00.png"
    state = unlooked.stat()
    unlooked.write_bytes(bytes(state.st_size))  # which nobody notices who does not read it
    os.utime(unlooked, ns=(state.st_atime_ns, state.st_mtime_ns))
    summary = pipeline.update([pictures], library, counting)
    assert (summary.added, summary.updated, summary.unchanged, counting.encoded) == (0, 1, 10, 1)
    assert [Path(path).name for path in summary.failed] == ["03 broken.jpg"]
    for path in pictures.rglob("*.png"):
        os.utime(path)
    shutil.copy(pictures / "two" / "02.png", unlooked)
    summary = pipeline.update([pictures], library, counting)
    assert (summary.updated, summary.unchanged, counting.encoded) == (1, 10, 1), "looked at, and decoded none"


def _replaced(name: str, by: str) -> Callable[[Path], object]:
    return lambda out: [
        shutil.copy(path, next(out.glob(f"shard-0000000{name}-*{path.suffix}")))
        for path in out.glob(f"shard-0000000{by}-*")
    ]


def _changed(pattern: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda out: [path.write_bytes(change(path.read_bytes())) for path in out.glob(pattern)]


def _told(**what: Any) -> Callable[[bytes], bytes]:
    return lambda data: (json.dumps({**json.loads(data), **what}, indent=1) + "\n").encode()


def _instead(pattern: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    def put(out: Path) -> None:
        path = next(out.glob(pattern))
        path.unlink()
        make(path)

    return put


def _sparse(pattern: str) -> Callable[[Path], object]:
    return lambda out: os.truncate(next(out.glob(pattern)), 10**11)


def _endless(data: bytes) -> bytes:
    """The plan of more pictures than anybody has, in shards of one."""
    return _told(pictures=10**15, shard=1, shards=10**15)(data)


def _rewrite(out: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Another table in the place of shard 1, which is then what its checksum says."""
    file = next(out.glob("shard-00000001-*.parquet"))
    parquet.write_table(change(parquet.read_table(file)), file, compression="zstd")
    data, said = file.read_bytes(), file.with_suffix(".json")
    told = {**json.loads(said.read_bytes()), "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    said.write_text(json.dumps(told, indent=1) + "\n")


def _with(name: str, value: object, kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    return lambda rows: rows.set_column(rows.column_names.index(name), name, pa.array(rows.num_rows * [value], kind))


def _one_for_many(rows: pa.Table) -> pa.Table:
    """Half a megabyte that stands there once, for four thousand rows that are some bytes each."""
    path = pa.DictionaryArray.from_arrays(pa.array(np.zeros(4096, np.int32)), pa.array(["/" + 500_000 * "x"]))
    others = {name: pa.array(4096 * rows[name][:1].to_pylist(), rows[name].type) for name in rows.column_names[1:]}
    return pa.table({"path": path, **others})


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (_changed("shard-00000001-*.parquet", lambda data: data[:-9]), "shard-00000001-.* is cut short"),
    "damaged": (_changed("shard-00000001-*.parquet", lambda data: data[:99] + b"?" + data[100:]), "its checksum says"),
    "its bytes gone": (lambda out: next(out.glob("shard-00000001-*.parquet")).unlink(), "cut short"),
    "twice": (_replaced("1", "0"), "shard-00000001-.* is shard 0 once more"),
    "one copied": (lambda out: shutil.copy(whole(out)[0], out / "shard-0 (2).json"), "is no shard of its plan"),
    "lacking": (lambda out: [*map(Path.unlink, whole(out)[:2])], r"lacks 2 of its 3 shards \(0, 1\)"),
    "another model": (_changed("shard-00000001-*.json", _told(codecs=["f" * 64])), r"another model \(ffffffffffff\)"),
    "a sparse one": (_changed("shard-00000001-*.json", _told(size=10**11)), "is cut short"),
    "a sparse one there": (_sparse("shard-00000001-*.parquet"), "its checksum says"),
    "a sparse word of it": (_sparse("shard-00000001-*.json"), "larger than Semblance makes any"),
    "a sparse manifest": (_sparse("manifest.json"), "larger than Semblance makes any"),
    "a link to nothing": (_instead("shard-00000001-*.parquet", lambda path: path.symlink_to("none")), "is cut short"),
    "a pipe": (_instead("shard-00000001-*.json", os.mkfifo), "no file that lies on a disk"),
    "no codecs": (_changed("shard-00000001-*.json", _told(codecs=[])), "is damaged"),
    "a number that is none": (_changed("shard-00000001-*.json", _told(encoded="4")), "is damaged"),
    "no reasons": (_changed("shard-00000001-*.json", _told(failed=["x"])), "is damaged"),
    "a plan without end": (_changed("manifest.json", _endless), "is no shard of its plan"),
    "another plan": (_changed("shard-00000001-*.json", _told(plan="f" * 64)), "is of another plan"),
    "more said": (_changed("shard-00000001-*.json", _told(encoded=3)), "is of another plan"),
    "nonsense": (_changed("shard-00000001-*.json", lambda _: b"[]"), "is damaged"),
    "depths": (_changed("shard-00000001-*.json", lambda _: 10**5 * b"["), "is damaged"),
    "depths of a plan": (_changed("manifest.json", lambda _: 10**5 * b"["), r"manifest\.json is damaged"),
    "endless": (_changed("manifest.json", _told(pictures=math.inf)), r"manifest\.json is damaged"),
    "more rows": (lambda out: _rewrite(out, lambda rows: pa.concat_tables([rows, rows])), "says that it has 24 rows"),
    "fewer rows": (lambda out: _rewrite(out, lambda rows: rows.slice(1)), "says that it has 24 rows"),
    "a time that is text": (lambda out: _rewrite(out, _with("mtime", "x", pa.string())), "mtime 'x' is no time"),
    "a time that is none": (lambda out: _rewrite(out, _with("mtime", math.nan, pa.float64())), "mtime nan is no time"),
    "a time without end": (
        lambda out: _rewrite(out, _with("mtime", 2**64 - 1, pa.uint64())),
        "mtime 1844.* is no time",
    ),
    "gigabytes": (lambda out: _rewrite(out, _with("path", "/" + "x" * 2**23, pa.string())), "its 8 rows have .* bytes"),
    "gigabytes of one": (lambda out: _rewrite(out, _one_for_many), "a path has 500,001 bytes"),
    "a code as long": (
        lambda out: _rewrite(out, _with("code", 2**22 * [0], pa.list_(pa.uint8()))),
        "its 8 rows have .* bytes",
    ),
    "a code of a fixed length": (
        lambda out: _rewrite(out, _with("code", bytes(2**16), pa.binary(2**16))),
        "codes are longer than any",
    ),
    "no plan": (lambda out: (out / "manifest.json").unlink(), r"without manifest\.json"),
    "half a plan": (_changed("manifest.json", lambda data: data[:50]), "manifest.json is damaged"),
    "a later version": (_changed("manifest.json", _told(format=2)), "another version"),
}


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three whole shards; copy them."""
    place = tmp_path_factory.mktemp("shards")
    for number in range(12):
        paint(place / "pictures" / f"{number:02}.png", number)
    made(place / "pictures", place / "out")
    return place / "out"


@pytest.mark.parametrize("name", WRONG)
def test_shards_that_are_wrong_are_one_sentence_and_change_nothing(shards: Path, tmp_path: Path, name: str) -> None:
    make, said = WRONG[name]
    out = Path(shutil.copytree(shards, tmp_path / "out"))
    make(out)
    with pytest.raises((ShardsError, UsageError), match=said) as raised:
        importing.take(out, tmp_path / "library")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "library").exists()


def test_a_part_of_the_shards_is_taken_where_that_is_said(shards: Path, tmp_path: Path) -> None:
    out, library = Path(shutil.copytree(shards, tmp_path / "out")), tmp_path / "library"
    first = whole(out)[0]
    first.rename(tmp_path / first.name)
    assert importing.take(out, library, partial=True).added == 8
    (tmp_path / first.name).rename(first)
    done = importing.take(out, library)
    assert (done.added, done.unchanged) == (4, 8)
    with pytest.raises(UsageError, match="--partial is for a folder"):
        importing.take(first, library, partial=True)


def test_shards_of_another_model_than_the_librarys(shards: Path, pictures: Path, tmp_path: Path) -> None:
    pipeline.update([pictures], tmp_path / "library", Codec("cifar10"))
    with pytest.raises(CodecMismatch, match="holds codes of a model"):
        importing.take(shards, tmp_path / "library")


@pytest.mark.usefixtures("bucket")
def test_shards_at_an_address_are_those_of_a_folder(pictures: Path, tmp_path: Path) -> None:
    made(pictures, tmp_path / "out")
    storage.write("s3://bucket/codes/", b"")  # as a storage's own pages make a folder
    for _ in range(2):
        summary = encode(str(pictures), "s3://bucket/codes/", model="cifar10-fast", shard=4)
    assert counts(summary) == (3, 0, 0, 11, 1), "the second run has nothing to do"
    stored = {storage.last(each.address): storage.read(each.address) for each in storage.listing("s3://bucket/codes")}
    stored.pop("")
    assert stored == held(tmp_path / "out")
    encode(str(pictures), "s3://bucket/codes/deeper", model="cifar10-fast", shard=9)
    with pytest.raises(ShardsError, match="begun by cifar10-fast"):
        encode(str(pictures), "s3://bucket/codes", model="cifar10", shard=4)
    done = document(call("import", "s3://bucket/codes", "--library", tmp_path / "library", "--json"))
    assert done["added"] == 11
    name = min(name for name in stored if name.endswith(".parquet"))
    storage.write(f"s3://bucket/codes/{name}", stored[name][:-5])
    refused = call("import", "s3://bucket/codes", "--library", tmp_path / "other")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert f"s3://bucket/codes/{name} is cut short" in refused.stderr
    for source, out in ((pictures, "s3://there-is-none/codes"), ("s3://there-is-none", tmp_path / "none")):
        refused = call("encode", source, "--out", out, "--model", "cifar10-fast")
        assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
        assert "s3://there-is-none" in refused.stderr
        assert "AWS_ENDPOINT_URL" in refused.stderr


@pytest.mark.usefixtures("bucket")
def test_a_whole_bucket_is_a_source(pictures: Path, tmp_path: Path) -> None:
    storage.write("s3://bucket/at the top.png", next(pictures.rglob("*.png")).read_bytes())
    there = [each.address for each in storage.listing("s3://bucket") if each.address.endswith((".png", ".jpg"))]
    done = encode("s3://bucket", str(tmp_path / "out"), model="cifar10-fast")
    assert done.encoded + len(done.failed) == len(there) > 0


# ---- what hinders --------------------------------------------------------------------------------------------------


def test_a_decoder_that_is_killed_costs_no_picture(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real decoding process is killed just after it was given its first file."""
    made(pictures, tmp_path / "alone")
    killed: list[int] = []
    plain = encoding_run.encoded

    def killing(work: Any, *how: Any) -> Any:
        if not killed:
            killed.extend(pid for pid, line in below(os.getpid()).items() if "decoding/child.py" in line)
            for pid in killed:
                os.kill(pid, signal.SIGSTOP)
                threading.Timer(0.3, os.kill, [pid, signal.SIGKILL]).start()
        return plain(work, *how)

    monkeypatch.setattr(making, "encoded", killing)
    made(pictures, tmp_path / "out")
    assert killed
    assert held(tmp_path / "out") == held(tmp_path / "alone")


def test_a_disk_that_is_away_makes_no_shards_of_failures(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(pictures, out, shard=10)
    listed = next(out.glob("*.list"))
    for path in out.glob("shard-*"):
        path.unlink()
    pictures.rename(tmp_path / "away")
    with pytest.raises(ShardsError, match=r"None of the 10 pictures of shard-00000000-\w+ can be read"):
        made(listed, out, shard=None)
    assert not [*out.glob("shard-00000000-*")]


@pytest.mark.usefixtures("mounting")
def test_a_full_disk_is_said_and_keeps_what_is_whole(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", out], check=True)
    try:
        (out / "manifest").write_bytes(bytes(20 * 1024))
        (out / "manifest").rename(out / "pictures-filler")
        with pytest.raises(ShardsError, match=r"no room left in .*: the shards that are whole are kept"):
            made(pictures, out, shard=1)
        there = len(whole(out))
        assert there < 12
        assert not [*out.glob(".*.tmp")]
        (out / "pictures-filler").unlink()
        subprocess.run(["mount", "-o", "remount,size=1m", out], check=True)
        assert counts(made(pictures, out, shard=1))[:2] == (12, 12 - there)
    finally:
        subprocess.run(["umount", "-l", out], check=True)


def test_the_command_says_what_it_did_and_what_it_does_not_know(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | Path] = ["encode", pictures, "--out", tmp_path / "out", "--model", "cifar10-fast"]
    result = call(*asked, "--json")
    done = document(result)
    assert result.exit_code == 1
    assert set(done) == {"shards", "written", "encoded", "kept", "skipped", "failed", "seconds", "encoding"}
    assert [set(each) for each in done["failed"]] == [{"path", "reason"}]  # type: ignore[attr-defined]
    for where, said in (("127.0.0.1:1", "no Ray cluster at 127.0.0.1:1"), ("somewhere", "is no address of a Ray")):
        refused = call(*asked, "--on", f"ray://{where}")
        assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
        assert said in refused.stderr
    monkeypatch.setitem(sys.modules, "ray", None)
    for on, said in (
        ("ray://someone:password@127.0.0.1:1", "--on holds a name or a password: say"),
        ("someone:password@", "--on holds a name or a password: say"),
        ("spark", "There is no cluster 'spark'"),
        ("ray://", "There is no cluster 'ray://'"),
        ("", "There is no cluster ''"),
        ("ray", "pip install 'semblance[ray]'"),
    ):
        refused = call(*asked, "--on", on)
        assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
        assert said in refused.stderr
