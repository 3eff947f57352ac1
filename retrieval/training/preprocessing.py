"""What a network wants of a picture: its size, the scale of its numbers, the order of its axes and colours.

Said by options, by the network's own input shape, and by the `preprocessor_config.json` that lies beside many a
network, in this order. Nothing is guessed: scaled otherwise than in its training, a network answers still, but badly.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from semblance.retrieval.errors import ModelError, UsageError

CONFIG = "preprocessor_config.json"

Layout = Literal["nchw", "nhwc"]
Numbers = tuple[float, ...]  # one, or one a channel


@dataclass(frozen=True)
class Wanted:
    """What was asked for, by options or by a file; None leaves it to others. Mean and std are on the scale 0..255."""

    size: int | None = None
    mean: Numbers | None = None
    std: Numbers | None = None
    layout: Layout | None = None
    bgr: bool = False


@dataclass(frozen=True)
class Preprocessing:
    """A picture (S, S, 3) becomes (picture - mean) / std, both in the order of the network's channels."""

    size: int
    mean: Numbers
    std: Numbers
    layout: Layout
    bgr: bool


def numbers(text: str) -> Numbers:
    """ "127" or "123.7,116.3,103.5" -> the numbers. Raises UsageError."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) not in (1, 3) or not all(abs(number) < 1e6 for number in found):
        raise UsageError(
            f"{text!r} is neither one number nor three with commas between, as in 127 or 123.7,116.3,103.5."
        )
    return found


def settle(asked: Wanted, network: Path, shape: tuple[int | None, ...]) -> Preprocessing:
    """What all that is known comes to. `shape` is that of the network's input, None where it is open.

    Raises UsageError where something is not said, or is said in two ways, and ModelError where the input is no picture.
    """
    if len(shape) != 4:
        raise ModelError(f"{network} takes no pictures: its input has {len(shape)} axes, not 4.")
    beside = _beside(network)
    layout = _layout(asked.layout, network, shape)
    sides = shape[2:] if layout == "nchw" else shape[1:3]
    fixed = {side for side in sides if side is not None}
    if len(fixed) > 1:
        raise ModelError(
            f"{network} takes pictures of {sides[0]} x {sides[1]} pixels, and Semblance makes squares only."
        )
    size = asked.size or next(iter(fixed), None) or beside.size
    if fixed and size not in fixed:
        raise UsageError(f"{network} takes pictures of {min(fixed)} pixels a side, not of {size}.")
    mean, std = asked.mean or beside.mean, asked.std or beside.std
    if size is None:
        raise UsageError(f"{network} takes pictures of any size: say which with --size.")
    if mean is None or std is None:
        raise UsageError(
            f"How {network} wants its pictures scaled is not known: say it with --mean and --std, on the scale 0..255, "
            f"or put its {CONFIG} beside it."
        )
    if not all(std):
        raise UsageError("A picture cannot be divided by a --std of 0.")
    return Preprocessing(size, mean, std, layout, asked.bgr or beside.bgr)


def _layout(asked: Layout | None, network: Path, shape: tuple[int | None, ...]) -> Layout:
    fits: list[Layout] = [name for name, axis in zip(get_args(Layout), (1, 3), strict=True) if shape[axis] in (3, None)]
    said: list[Layout] = [name for name, axis in zip(get_args(Layout), (1, 3), strict=True) if shape[axis] == 3]
    if not fits or (asked is not None and asked not in fits):
        raise ModelError(
            f"The input of {network} has the shape ({', '.join(str(side or 'any') for side in shape)}): it has no axis "
            "for three colours where one is needed."
        )
    if asked is None and len(said) != 1:
        raise UsageError(
            f"Whether the colours are the second or the last axis of {network} is not known: say --layout."
        )
    return asked or said[0]


def _beside(network: Path) -> Wanted:
    """What the file beside the network says; nothing where there is none. Raises ModelError."""
    path = network.parent / CONFIG
    if not path.exists():
        return Wanted()
    try:
        return _read(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{path} cannot be read as the preprocessing of pictures: {error}") from error


def _read(config: dict[str, Any]) -> Wanted:
    scale = float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0
    mean, std = config.get("image_mean"), config.get("image_std")
    if not config.get("do_normalize", mean is not None):
        mean, std = 0.0, 1.0
    cropped = config.get("crop_size") if config.get("do_center_crop", "crop_size" in config) else None
    return Wanted(
        _side(cropped or config.get("size")),
        None if mean is None else _on_bytes(mean, scale),
        None if std is None else _on_bytes(std, scale),
        bgr=bool(config.get("do_flip_channel_order", False)),
    )


def _on_bytes(given: Any, scale: float) -> Numbers:
    return numbers(",".join(str(float(number) / scale) for number in (given if isinstance(given, list) else [given])))


def _side(size: Any) -> int | None:
    if not isinstance(size, dict):
        return None if size is None else int(size)
    sides = {int(size[key]) for key in ("height", "width", "shortest_edge") if key in size}
    if len(sides) != 1:
        raise ValueError(f"its size {size} is no square")
    return sides.pop()
