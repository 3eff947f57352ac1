"""What pictures say of themselves, and what there is to narrow by."""

from datetime import UTC, datetime

from pydantic import BaseModel

from semblance.indexer import catalog as known
from semblance.indexer.catalog import Entry


class Facts(BaseModel):
    """All that is known of a picture; null where its file does not say, or was not asked yet."""

    id: int
    path: str
    size: int
    modified: str | None
    width: int | None
    height: int | None
    taken: str | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    sha256: str
    copies: list[int]


def facts(entry: Entry, said: known.Facts | None, copies: list[int]) -> Facts:
    """The same, of what the catalog knows. `modified` is ISO 8601 in UTC, `taken` the camera's own clock."""
    try:
        modified = datetime.fromtimestamp(entry.mtime_ns / 10**9, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):  # a time that was not looked at, or none of a calendar's
        modified = None
    return Facts(
        id=entry.id,
        path=entry.path,
        size=entry.size,
        modified=modified,
        width=said and said.width,
        height=said and said.height,
        taken=said and said.taken,
        camera=said and said.camera,
        latitude=said and said.latitude,
        longitude=said and said.longitude,
        sha256=entry.sha256.hex(),
        copies=copies,
    )


class FolderCount(BaseModel):
    """A folder, and how many pictures are in it or below."""

    path: str
    pictures: int


class CameraCount(BaseModel):
    """A camera, and how many pictures are by it."""

    name: str
    pictures: int


class Taken(BaseModel):
    """The first and the last day that a picture was taken."""

    first: str
    last: str


class Facets(BaseModel):
    """What there is to narrow by: the folders that were indexed and those in them, cameras, days, and how many pictures
    say where they were taken."""

    folders: list[FolderCount]
    cameras: list[CameraCount]
    taken: Taken | None
    placed: int


def facets(found: known.Facets) -> Facets:
    """The same, of what the catalog knows."""
    return Facets(
        folders=[FolderCount(path=each.name, pictures=each.pictures) for each in found.folders],
        cameras=[CameraCount(name=each.name, pictures=each.pictures) for each in found.cameras],
        taken=found.taken and Taken(first=found.taken[0], last=found.taken[1]),
        placed=found.placed,
    )


class Map(BaseModel):
    """Where each picture lies on a plane on which what is alike lies together: ids ascending, x and y from 0 to
    65535."""

    generation: int
    ids: list[int]
    x: list[int]
    y: list[int]
