"""A bucket indexed as a folder is: by one listing, of what changed, with ids that stay, and nothing forgotten that may
only be away. The server is a real one."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from semblance.indexer.catalog import Catalog, Writer, finding, naming
from semblance.indexer.keeping import removing, verifying
from semblance.indexer.library import Library
from semblance.indexer.run import listing, pipeline
from semblance.indexer.run.pipeline import Summary
from semblance.indexer.run.scan import scan
from semblance.retrieval.errors import StorageError, UsageError
from tests.buckets import S3, Road
from tests.conftest import paint
from tests.indexer.conftest import CountingCodec, Shelf

Counts = Callable[[Summary], tuple[int, int, int, int, int]]


def picture(place: Path, seed: int) -> bytes:
    return paint(place / f"{seed}.png", seed).read_bytes()


class Bucketful:
    """A bucket of six pictures under `in/`, and a library of it."""

    def __init__(self, s3: S3, place: Path, name: str) -> None:
        self.s3, self.name, self.place, self.library = s3, name, place, place / "library"
        self.root = f"s3://{name}/in"
        self.shelf = Shelf(place / "beside")
        s3.put(name, **{f"in/{key}.png": picture(place, seed) for seed, key in enumerate("abcdef")})

    def put(self, key: str, body: bytes) -> None:
        self.s3.client.put_object(Bucket=self.name, Key=key, Body=body)

    def delete(self, *keys: str) -> None:
        for key in keys:
            self.s3.client.delete_object(Bucket=self.name, Key=key)

    def index(self, *folders: Path | str, prune: bool = False, exclude: tuple[str, ...] = ()) -> Summary:
        roots = [*folders] or [self.root]
        return pipeline.update(roots, self.library, self.shelf.codec, prune=prune, exclude=exclude, threads=2)

    def ids(self) -> dict[str, int]:
        with Catalog.opened(self.library) as catalog:
            return {entry.path.removeprefix(f"s3://{self.name}/"): entry.id for entry in catalog.entries()}


@pytest.fixture
def bucket(s3: S3, road: Road, tmp_path: Path, request: pytest.FixtureRequest) -> Bucketful:
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "")[:60].rstrip("-")
    return Bucketful(s3, tmp_path, name)


def test_codes_are_those_of_files(bucket: Bucketful, road: Road, counts: Counts) -> None:
    assert counts(bucket.index()) == (6, 0, 0, 0, 0)
    bucket.shelf.index()
    with Catalog.opened(bucket.library) as stored, Catalog.opened(bucket.shelf.library) as files:
        assert {e.path for e in stored.entries()} == {f"{bucket.root}/{name}.png" for name in "abcdef"}
        for entry in stored.entries():
            (other,) = finding.of_content(files, entry.sha256)
            for codec in (stored.codec_id, stored.current("same").codec_id):  # type: ignore[union-attr]
                assert finding.code(stored, entry.id, codec) == finding.code(files, other.id, codec)
        assert naming.folders(stored) == [bucket.root]
    assert sorted(road.gets()) == [f"GET /{bucket.name}/in/{name}.png" for name in "abcdef"]


def test_an_unchanged_bucket_is_one_listing(bucket: Bucketful, road: Road, counts: Counts) -> None:
    bucket.index()
    road.asked.clear()
    assert counts(bucket.index()) == (0, 0, 0, 6, 0)
    assert road.asked == [f"GET /{bucket.name}"]


def test_a_long_listing_says_how_far_it_is(bucket: Bucketful, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(listing, "_A_PAGE", 2)
    told: list[tuple[int, int]] = []
    scan([bucket.root], tmp_path / "library", progress=lambda *how_far: told.append(how_far))
    assert told == [(1, 0), (3, 0), (5, 0)], "those before each second one"


def test_what_changed_moved_or_went_is_taken_in(bucket: Bucketful, road: Road, counts: Counts) -> None:
    bucket.index()
    before = bucket.ids()
    bucket.put("in/a.png", picture(bucket.place, 30))
    bucket.put("in/elsewhere/b.png", picture(bucket.place, 1))
    bucket.delete("in/b.png", "in/c.png")
    road.asked.clear()
    summary = bucket.index()
    assert (*counts(summary), summary.moved) == (0, 1, 1, 3, 0, 1)
    now = bucket.ids()
    assert now["in/elsewhere/b.png"] == before["in/b.png"]
    assert now.keys() == {"in/a.png", "in/elsewhere/b.png", "in/d.png", "in/e.png", "in/f.png"}
    asked = {each.rpartition("/in/")[2] for each in road.gets()}
    assert asked == {"a.png", "elsewhere/b.png"}, "of the others the listing says enough"


def test_versions_alone_tell_of_changes(bucket: Bucketful, counts: Counts) -> None:
    """Of all pictures, of one size and one second: on a disk that would be one which numbers its files anew."""
    for last in (b"a", b"b"):
        for seed, name in enumerate("abcdef"):
            bucket.put(f"in/{name}.png", picture(bucket.place, seed) + 9 * last)
        if last == b"a":
            bucket.index()
    with Catalog.opened(bucket.library) as catalog:
        times = {entry.path: entry.mtime_ns for entry in catalog.entries()}
    seen = scan([bucket.root], bucket.library)
    seen.found = {path: found._replace(mtime_ns=times[path]) for path, found in seen.found.items()}
    with Writer.writing(bucket.library, bucket.shelf.codec) as catalog:
        codecs = pipeline.codecs_with(catalog, bucket.shelf.codec)
        summary = pipeline.bring_up_to_date(catalog, seen, codecs, False, False, 2, lambda *_: None)
    assert counts(summary) == (0, 6, 0, 0, 0)


def test_names_hidden_left_out_and_of_libraries_are_passed_over(bucket: Bucketful, counts: Counts) -> None:
    body = picture(bucket.place, 50)
    others = (".hidden.png", ".hidden/x.png", "raw/x.png", "@eaDir/x.png", "lib/catalog.sqlite", "lib/thumbnails/x.jpg")
    for key in (*others, "lib/x.png", "notes.txt", "noname", "folder/", "aa//b.png", "zero.png"):
        bucket.put(f"in/{key}", b"" if key in ("folder/", "zero.png") else body)
    bucket.put("inner/x.png", body)
    summary = bucket.index(exclude=("raw",))
    assert {*bucket.ids()} == {"in/aa//b.png", *(f"in/{name}.png" for name in "abcdef")}
    assert summary.failed == {f"{bucket.root}/zero.png": "The file is empty: there is no picture in it."}
    assert summary.skipped == 9
    with pytest.raises(UsageError, match="is a library"):
        bucket.index(f"{bucket.root}/lib")


@pytest.mark.parametrize("way", ["empty", "deny", "missing", "cut"])
def test_nothing_is_forgotten_that_may_only_be_away(way: str, bucket: Bucketful, road: Road) -> None:
    bucket.index()
    if way == "empty":
        bucket.delete(*(f"in/{name}.png" for name in "abcdef"))
    elif way == "missing":
        bucket.delete(*(f"in/{name}.png" for name in "abcdef"))
        bucket.s3.client.delete_bucket(Bucket=bucket.name)
    road.hinder = lambda *_: way if way in ("deny", "cut") else None
    summary = bucket.index()
    assert len(bucket.ids()) == 6
    said = " ".join([*summary.warnings, *summary.failed.values()])
    words = {"empty": "is missing", "missing": "is missing", "deny": "may not be read", "cut": "cannot be reached"}
    assert words[way] in said
    assert bucket.root in said
    if way in ("empty", "missing"):
        assert bucket.index(prune=True).removed == 6


def test_a_listing_that_breaks_off_forgets_nothing_and_takes_in_what_it_told(
    bucket: Bucketful, road: Road, counts: Counts
) -> None:
    bucket.index()
    bucket.s3.fill(bucket.name, (f"in/0/{number:04}.txt" for number in range(1_005)))
    bucket.put("in/0/0.png", picture(bucket.place, 60))
    road.hinder = lambda _, path: "deny" if "continuation-token" in path else None
    summary = bucket.index()
    assert counts(summary) == (1, 0, 0, 0, 1)
    assert len(bucket.ids()) == 7


def test_a_storage_that_goes_away_ends_the_run_and_keeps_what_is_there(bucket: Bucketful, road: Road) -> None:
    bucket.index()
    bucket.put("in/new.png", picture(bucket.place, 61))
    road.hinder = lambda _, path: "slow" if path.endswith(".png") else None
    with pytest.raises(StorageError, match="asks for fewer requests"):
        bucket.index()
    assert len(bucket.ids()) == 6
    road.hinder = lambda *_: None
    assert bucket.index().added == 1


def test_one_object_that_is_denied_is_one_that_is_left_out(bucket: Bucketful, road: Road, counts: Counts) -> None:
    road.hinder = lambda _, path: "deny" if path.endswith("c.png") else None
    summary = bucket.index()
    assert counts(summary) == (5, 0, 0, 0, 1)
    assert "may not be read" in summary.failed[f"{bucket.root}/c.png"]
    road.hinder = lambda *_: None
    assert counts(bucket.index()) == (1, 0, 0, 5, 0)


def test_what_changes_between_listing_and_reading_is_seen_by_the_next_run(
    bucket: Bucketful, road: Road, counts: Counts
) -> None:
    other = picture(bucket.place, 62)

    def change(_: str, path: str) -> None:
        if path.endswith("/a.png") and len(road.asked) < 4:
            bucket.put("in/a.png", other)

    road.hinder = change
    bucket.index()
    with Catalog.opened(bucket.library) as catalog:
        entry = next(finding.within(catalog, f"{bucket.root}/a.png"))
    road.hinder = lambda *_: None
    assert counts(bucket.index()) in ((0, 0, 0, 6, 0), (0, 1, 0, 5, 0))
    with Catalog.opened(bucket.library) as catalog:
        now = next(finding.within(catalog, f"{bucket.root}/a.png"))
    assert now.sha256 == hashlib.sha256(other).digest()
    assert now.inode != entry.inode or now.size == entry.size


def test_a_first_run_over_nothing_makes_no_library(bucket: Bucketful, road: Road) -> None:
    for folder in (f"s3://{bucket.name}/nothing", "s3://nosuchbucket/in"):
        with pytest.raises((UsageError, StorageError), match="There is no"):
            bucket.index(folder)
    with pytest.raises(UsageError, match="holds credentials"):
        bucket.index(f"s3://AKIA:x@{bucket.name}/in")
    assert not Catalog.exists(bucket.library)


def test_all_that_reads_pictures_reads_these(bucket: Bucketful, road: Road, tmp_path: Path) -> None:
    """Searching, duplicates, what they say of themselves, verifying, removing."""
    bucket.put("in/copy of a.png", picture(bucket.place, 0))
    bucket.index()
    with Library.open(bucket.library) as library:
        found = library.search(f"{bucket.root}/b.png", k=1)
        assert (found[0].path, found[0].distance) == (f"{bucket.root}/b.png", 0)
        (group,) = library.duplicates(turned=True, crops=True).groups
        assert {each.path for each in group.copies} | {group.best.path} == {
            f"{bucket.root}/a.png",
            f"{bucket.root}/copy of a.png",
        }
        assert len(library.search(f"{bucket.root}/b.png", folder=bucket.root)) == 7
    assert verifying.verify(bucket.library, with_pictures=True).damage == []
    bucket.put("in/b.png", picture(bucket.place, 63))
    (damage,) = verifying.verify(bucket.library, with_pictures=True).damage
    assert f"{bucket.root}/b.png: It has been changed" in damage.said
    assert f"semblance index {bucket.root} " in damage.mend
    gone = removing.remove(bucket.library, [f"{bucket.root}/c.png", f"{bucket.root}/nosuch.png"])
    assert ([entry.path for entry in gone.pictures], gone.unknown) == (
        [f"{bucket.root}/c.png"],
        [f"{bucket.root}/nosuch.png"],
    )
    assert len(removing.remove(bucket.library, [f"s3://{bucket.name}/"]).pictures) == 6


def test_files_beside_addresses_and_folders_of_such_names(
    bucket: Bucketful, tmp_path: Path, counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder `s3:` where the process stands is no bucket."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:" / bucket.name / "in").mkdir(parents=True)
    assert counts(bucket.index(bucket.root, bucket.shelf.folder)) == (12, 0, 0, 0, 0)
    bucket.delete("in/a.png")
    bucket.shelf.picture("b").unlink()
    assert counts(bucket.index(bucket.root, bucket.shelf.folder)) == (0, 0, 2, 10, 0)
    assert counts(bucket.index(bucket.shelf.folder)) == (0, 0, 0, 5, 0)
    assert counts(bucket.index()) == (0, 0, 0, 5, 0)


def test_headers_come_by_a_first_part(bucket: Bucketful, road: Road, codec: CountingCodec) -> None:
    from PIL import Image

    from semblance.retrieval import headers

    noise = Image.effect_noise((900, 900), 90).convert("RGB")
    made = io.BytesIO()
    noise.save(made, "JPEG", quality=95)
    assert len(made.getvalue()) > 2**18
    bucket.put("in/large.jpg", made.getvalue())
    sent: list[str] = []
    road.hinder = lambda _, path: sent.append(path)
    found = headers.read(f"{bucket.root}/large.jpg")
    assert (found.width, found.height, found.format, len(sent)) == (900, 900, "JPEG", 1)
