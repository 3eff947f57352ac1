"""Colour profiles -> sRGB, as browsers do it, by LittleCMS and for perceptual rendering.

A profile that is sRGB in all but name changes nothing and costs nothing; one that is damaged, or of another space than
the picture, is passed over. What other ways there are to name colours (PNG's gAMA, cHRM and cICP, the nclx of AVIF
and HEIC) become a profile too. HDR curves (PQ, HLG) have no one rendering on a screen of 8 bits: they are left.
"""

import io
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

Chromaticities = tuple[float, float, float, float, float, float, float, float]  # x, y of white, red, green and blue

SRGB: Chromaticities = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
_PRIMARIES: dict[int, Chromaticities] = {  # ITU-T H.273, table 2
    1: SRGB,
    5: (0.3127, 0.329, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06),
    6: (0.3127, 0.329, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (0.3127, 0.329, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    9: (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    22: (0.3127, 0.329, 0.63, 0.34, 0.295, 0.605, 0.155, 0.077),
}
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_SCREEN = (2.4,)  # of video, ITU-R BT.1886: what it is shown by, not what it was taken by
_CURVES = {4: (2.2,), 5: (2.8,), 8: (1.0,), 13: _SRGB_CURVE} | dict.fromkeys((1, 6, 11, 14, 15), _SCREEN)
_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # ICC's name: Pillow's
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])


def of_picture(info: Mapping[str | tuple[int, int], Any]) -> bytes | None:
    """The profile that what Pillow read beside a picture names, if any."""
    if profile := info.get("icc_profile"):
        return bytes(profile)
    if "srgb" in info or not (gamma := info.get("gamma")) or not isinstance(gamma, float):
        return None
    if "chromaticity" not in info and abs(gamma - 0.45455) < 0.001:  # which alone is meant for sRGB
        return None
    return made(info.get("chromaticity", SRGB), (1 / gamma,))


def coded(primaries: int, transfer: int) -> bytes | None:
    """The profile of two code points of ITU-T H.273; None where they say nothing or are of no SDR picture."""
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        return None
    return made(_PRIMARIES[primaries], _CURVES[transfer])


def to_srgb(picture: Image.Image, profile: bytes | None, space: str) -> Image.Image:
    """A picture RGB, RGBA or CMYK in sRGB, as RGB or RGBA. `space`: what its profile must be of, as Pillow says;
    "L" where RGB channels hold one grey."""
    transform = _transform(profile, space) if profile else None
    if transform is None and profile and space == "L":  # a grey may have a profile of all colours
        transform, space = _transform(profile, "RGB"), "RGB"
    if transform is None:
        return picture if picture.mode in ("RGB", "RGBA") else picture.convert("RGB")
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    bare = picture.getchannel("R") if space == "L" else picture if alpha is None else picture.convert("RGB")
    shown = ImageCms.applyTransform(bare, transform)
    assert shown is not None
    if alpha is not None:
        shown.putalpha(alpha)
    return shown


@lru_cache(64)
def _transform(profile: bytes, space: str) -> ImageCms.ImageCmsTransform | None:
    """None where the profile changes nothing, or cannot be used on a picture of this space."""
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if _SPACES.get(opened.profile.xcolor_space.strip()) != space:
            return None
        target = ImageCms.createProfile("sRGB")
        # What LittleCMS makes of a grey's curve to be quick is off by up to 10 of 255 in the shadows.
        flags = ImageCms.Flags.NOOPTIMIZE if space == "L" else ImageCms.Flags.NONE
        transform = ImageCms.buildTransform(opened, target, space, "RGB", ImageCms.Intent.PERCEPTUAL, flags)
        probe = _PROBES.get(space)
        seen = ImageCms.applyTransform(probe, transform) if probe else None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if seen is None or probe is None:
        return transform
    change = np.asarray(seen).astype(int) - np.asarray(probe.convert("RGB"))
    return transform if np.abs(change).max() > 1 else None


_STEPS = np.linspace(0, 255, 18).round().astype(np.uint8)
_PROBES = {
    "RGB": Image.fromarray(np.stack(np.meshgrid(_STEPS, _STEPS, _STEPS), 3).reshape(18, -1, 3)),
    "L": Image.fromarray(np.arange(256, dtype=np.uint8)[None]),
}


def made(chromaticities: Any, curve: tuple[float, ...]) -> bytes | None:
    """An ICC profile (version 4) of primaries and of one curve: `curve` is a power, or g, a, b, c, d of ICC.1:2022,
    table 68, type 3. None where the chromaticities are of no colours."""
    x, y = np.array(chromaticities, float).reshape(4, 2).T
    with np.errstate(all="ignore"):
        white, *primaries = (np.array([x, y, 1 - x - y]) / y).T
        cones = _BRADFORD @ white
        adapt = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ _D50 / cones) @ _BRADFORD
        columns = np.array(primaries).T
        if not np.isfinite(columns).all() or not np.isfinite(adapt).all() or abs(np.linalg.det(columns)) < 1e-6:
            return None
        columns = adapt @ (columns * np.linalg.solve(columns, white))
    if not (np.isfinite(columns).all() and np.abs(columns).max() < 32000 and all(0 < abs(c) < 32000 for c in curve)):
        return None
    tags = {b"wtpt": _xyz(_D50)}
    tags |= {kind + b"XYZ": _xyz(column) for kind, column in zip((b"r", b"g", b"b"), columns.T, strict=True)}
    curve_data = b"para" + bytes(4) + struct.pack(">HH", 3 if len(curve) > 1 else 0, 0) + _fixed(curve)
    tags |= {kind + b"TRC": curve_data for kind in (b"r", b"g", b"b")}
    return _profile(tags)


def _fixed(numbers: Any) -> bytes:
    return b"".join(struct.pack(">i", round(float(number) * 65536)) for number in numbers)


def _xyz(values: Any) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _profile(tags: dict[bytes, bytes]) -> bytes:
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x04400000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    return head.ljust(68, b"\0") + _fixed(_D50) + bytes(128 - 80) + table + body
