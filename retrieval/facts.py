"""What a picture says of itself beside its pixels: its size, when it was taken, by which camera, and where."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Facts:
    """Of one picture, as far as its file says. `width` and `height` in pixels, as shown: turned upright.

    `taken` is the camera's own clock, "YYYY-MM-DDTHH:MM:SS", with a fraction of the second and the clock's offset from
    UTC behind it where they are said. `latitude` and `longitude` in degrees, north and east positive; both or none.
    """

    width: int
    height: int
    taken: str | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None


FACTS = tuple(field.name for field in fields(Facts))
