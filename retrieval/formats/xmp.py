"""What XMP says of a picture that its EXIF does not: found by its names, not parsed as XML, whose readers can be made
to run away. A property stands as an attribute or as an element (XMP part 1, 7.9)."""

import html
import re

_MOST = 2**20  # bytes that are looked at
DATES = ("exif:DateTimeOriginal", "photoshop:DateCreated", "xmp:CreateDate")
MAKE, MODEL, LATITUDE, LONGITUDE = "tiff:Make", "tiff:Model", "exif:GPSLatitude", "exif:GPSLongitude"
_NAMES = "|".join((*DATES, MAKE, MODEL, LATITUDE, LONGITUDE))
_VALUE = r"""(?:\s*=\s*(?:"([^"<]{1,256})"|'([^'<]{1,256})')|>([^<]{1,256})<)"""
_PROPERTY = re.compile(rf"\b({_NAMES}){_VALUE}")
_COORDINATE = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d{1,20})?)(?:,(\d{1,2}(?:\.\d{1,20})?))?([NSEW])")


def read(packet: bytes | str) -> dict[str, str]:
    """The properties that are asked for here, each as it is first said."""
    text = packet[:_MOST] if isinstance(packet, str) else packet[:_MOST].decode("utf-8", "replace")
    found: dict[str, str] = {}
    for name, *said in _PROPERTY.findall(text):
        found.setdefault(name, html.unescape("".join(said)).strip())
    return found


def degrees(said: str) -> tuple[list[float | None], str] | None:
    """Degrees, minutes and seconds, and the half of the globe, of "48,8.25N" or "48,8,15N" (XMP part 2, 1.2.7.4)."""
    if (found := _COORDINATE.fullmatch(said)) is None:
        return None
    return [float(part) for part in found.groups()[:3] if part], found[4]
