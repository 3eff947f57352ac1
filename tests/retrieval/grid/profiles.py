"""ICC profiles, put together after ICC.1:2022 and independently of `retrieval/formats/colours.py`."""

import struct
from typing import Any

import numpy as np
from PIL import ImageCms

# Columns of D50 XYZ as published: ICC's sRGB and Display P3 v4, Adobe RGB (1998), ROMM RGB.
_TO_D50 = {
    "sRGB": ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410)),
    "P3": ((0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407)),
    "Adobe": ((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457)),
    "ProPhoto": ((0.79767, 0.13519, 0.03134), (0.28804, 0.71188, 0.00009), (0.0, 0.0, 0.82491)),
}
_GAMMAS = {"P3": None, "sRGB": None, "Adobe": 2.19921875, "ProPhoto": 1.8}
_D50 = (0.9642, 1.0, 0.8249)


def _fixed(numbers: Any) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def _file(tags: dict[bytes, bytes], space: bytes, connection: bytes, version: int, kind: bytes = b"mntr") -> bytes:
    table, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4xI", 128 + len(table) + len(body), version << 24) + kind + space + connection
    return head.ljust(36, b"\0") + b"acsp" + bytes(28) + _fixed(_D50) + bytes(48) + table + body


def _curve(gamma: float | None) -> bytes:
    if gamma is None:
        return b"para" + bytes(4) + b"\0\3\0\0" + _fixed((2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
    return b"para" + bytes(4) + b"\0\0\0\0" + _fixed((gamma,))


def of_colours(name: str) -> bytes:
    """A matrix profile."""
    columns = zip(*_TO_D50[name], strict=True)
    tags = {b"wtpt": b"XYZ " + bytes(4) + _fixed(_D50)}
    tags |= {
        letter + b"XYZ": b"XYZ " + bytes(4) + _fixed(column)
        for letter, column in zip((b"r", b"g", b"b"), columns, strict=True)
    }
    tags |= {letter + b"TRC": _curve(_GAMMAS[name]) for letter in (b"r", b"g", b"b")}
    return _file(tags, b"RGB ", b"XYZ ", 4)


def of_grey(gamma: float) -> bytes:
    return _file({b"wtpt": b"XYZ " + bytes(4) + _fixed(_D50), b"kTRC": _curve(gamma)}, b"GRAY", b"XYZ ", 4)


def of_cmyk() -> bytes:
    """Inks a little lighter than full ones, as a table of 9 steps each (lut8Type)."""
    steps = np.linspace(0, 1, 9)
    cyan, magenta, yellow, black = np.meshgrid(steps, steps, steps, steps, indexing="ij")
    rgb = np.stack([1 - cyan * 0.9, 1 - magenta * 0.85, 1 - yellow * 0.8], -1) * (1 - black * 0.9)[..., None]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array(_TO_D50["sRGB"]).T / _D50
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lab = [(116 * f[..., 1] - 16) * 2.55, 500 * (f[..., 0] - f[..., 1]) + 128, 200 * (f[..., 1] - f[..., 2]) + 128]
    table = np.stack(lab, -1).round().clip(0, 255).astype(np.uint8).tobytes()
    same = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes((4, 3, 9, 0)) + _fixed((1, 0, 0, 0, 1, 0, 0, 0, 1)) + same * 4 + table + same * 3
    return _file({b"wtpt": b"XYZ " + bytes(4) + _fixed(_D50), b"A2B0": lut}, b"CMYK", b"Lab ", 2, b"prtr")


PROFILES: dict[str, bytes | None] = {
    "none": None,
    "LittleCMS's sRGB": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    **{name: of_colours(name) for name in _TO_D50},
    "grey 1.0": of_grey(1.0),
    "grey 2.2": of_grey(2.2),
    "CMYK": of_cmyk(),
    "damaged": of_colours("P3")[:200],
}
