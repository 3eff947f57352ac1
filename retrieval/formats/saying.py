"""What a picture's file says of it, from its header: Facts. Hostile metadata says nothing, or something that is bounded
and printable; it never costs the picture."""

import datetime
import io
import re
from contextlib import suppress
from typing import Any

from PIL import Image

from semblance.retrieval.facts import Facts
from semblance.retrieval.formats import exif, xmp

XMP, OF_CAMERA = "semblance.xmp", "semblance.exif"  # keys of a picture's info: its packet; a raw file's own EXIF
_SIDEWAYS = (5, 6, 7, 8)  # turns that exchange width and height (EXIF 2.32, tag 274)
_DATE = re.compile(
    r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?(?:[.,](\d{1,9}))?\s*([+-]\d\d:\d\d|Z)?", re.ASCII
)
_FRACTION, _OFFSET = re.compile(r"\d{1,9}", re.ASCII), re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d", re.ASCII)
_FIRST_YEAR = 1000  # below are clocks that were never set, of computers that count from the year 1
_LONGEST = 100  # characters of a camera's name
_OF_COMPANIES = frozenset(
    "corporation corp company co co.,ltd ltd inc gmbh ag imaging electric optical".split()  # noqa: SIM905
)


def facts(image: Image.Image, turn: int) -> Facts:
    """Of a picture that was opened and not decoded yet, and its turn that is still to be applied."""
    width, height = image.size
    width, height = (height, width) if turn in _SIDEWAYS else (width, height)
    taken = camera = place = None
    with suppress(Exception):  # what is said beside a picture never costs the picture
        values, where = exif.read(_block(image))
        taken, camera, place = _taken(values), _camera(values.get(exif.MAKE), values.get(exif.MODEL)), _place(where)
    if (packet := image.info.get(XMP)) and not (taken and camera and place):
        with suppress(Exception):
            said = xmp.read(packet)
            taken = taken or next((date for name in xmp.DATES if (date := _date(said.get(name, "")))), None)
            camera = camera or _camera(said.get(xmp.MAKE), said.get(xmp.MODEL))
            place = place or _place_in_words(said)
    latitude, longitude = place or (None, None)
    return Facts(width, height, taken, camera, latitude, longitude)


def _block(image: Image.Image) -> bytes:
    if own := image.info.get(OF_CAMERA):
        return bytes(own)
    fp = getattr(image, "fp", None)
    if image.format == "TIFF" and isinstance(fp, io.BytesIO):
        return fp.getvalue()
    block = image.info.get("exif")
    return block if isinstance(block, bytes) else b""


def _taken(values: exif.Values) -> str | None:
    """When it was taken, else digitised, else last changed: the first of them that is a date."""
    for tag in (exif.ORIGINAL, exif.DIGITIZED, exif.CHANGED):
        said, fraction, offset = (values.get(of) for of in (tag, exif.FRACTIONS[tag], exif.OFFSETS[tag]))
        if isinstance(said, str) and (date := _date(said, fraction, offset)):
            return date
    return None


def _date(said: str, fraction: Any = None, offset: Any = None) -> str | None:
    """ISO 8601 of a date and time of EXIF or XMP; None where no such day or time has been."""
    if (found := _DATE.fullmatch(said.strip())) is None:
        return None
    *numbers, own_fraction, own_offset = found.groups()
    try:
        year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
        date = datetime.datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    if date.year < _FIRST_YEAR:
        return None
    fraction = own_fraction or (fraction.strip() if isinstance(fraction, str) else "")
    offset = (own_offset or (offset.strip() if isinstance(offset, str) else "")).replace("Z", "+00:00")
    fraction = f".{fraction[:6]}" if _FRACTION.fullmatch(fraction) else ""
    return f"{date.isoformat()}{fraction}{offset if _OFFSET.fullmatch(offset) else ''}"


def _camera(make: Any, model: Any) -> str | None:
    """Make and model as one name, the make not twice: "Canon" and "Canon EOS R5" are Canon EOS R5."""
    makers, words = _words(make), _words(model)
    while len(makers) > 1 and makers[-1].casefold().rstrip(".,") in _OF_COMPANIES:
        makers = makers[:-1]
    name = " ".join(words)
    named = makers and words and words[0].casefold() in [maker.casefold() for maker in makers]
    if not named and not (makers and name.casefold().startswith(makers[0].casefold())):
        name = " ".join([*makers, *words])
    return name[:_LONGEST].strip() or None


def _words(said: Any) -> list[str]:
    """Without whatever could not be printed: controls, marks of direction, halves of characters."""
    if not isinstance(said, str):
        return []
    return "".join(letter if letter.isprintable() else " " for letter in said).strip("\"' ,").split()


def _place(where: exif.Values) -> tuple[float, float] | None:
    latitude = _degrees(where.get(exif.LATITUDE), where.get(exif.SOUTH_OR_NORTH), "NS", 90)
    longitude = _degrees(where.get(exif.LONGITUDE), where.get(exif.WEST_OR_EAST), "EW", 180)
    return _sensible(latitude, longitude)


def _place_in_words(said: dict[str, str]) -> tuple[float, float] | None:
    latitude, longitude = (xmp.degrees(said.get(name, "")) for name in (xmp.LATITUDE, xmp.LONGITUDE))
    if latitude is None or longitude is None:
        return None
    return _sensible(_degrees(*latitude, "NS", 90), _degrees(*longitude, "EW", 180))


def _sensible(latitude: float | None, longitude: float | None) -> tuple[float, float] | None:
    """Both or none; nor that place in the sea where a receiver is that has not found any."""
    return None if latitude is None or longitude is None or latitude == longitude == 0 else (latitude, longitude)


def _degrees(parts: Any, half: Any, halves: str, most: int) -> float | None:
    """Degrees, minutes and seconds, as far as they are given, positive on the first of the two halves of the globe."""
    half = half.strip().upper()[:1] if isinstance(half, str) else ""
    if not isinstance(parts, list) or not half or half not in halves or None in parts:
        return None
    whole, *rest = parts
    value = sum((part / 60**power for power, part in enumerate(rest, 1)), whole)
    if not (0 <= value <= most and all(0 <= part <= 60 for part in rest)):
        return None
    return float(round(value if half == halves[0] else -value, 7))  # a centimetre
