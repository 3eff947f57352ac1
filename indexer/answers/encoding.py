"""Codes out and in, as hexadecimal, for programs that keep codes of their own or ask with many at once."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from semblance.indexer.answers.asking import ByCodes
from semblance.indexer.answers.hits import Answer, Timings
from semblance.indexer.answers.questions import Question, Way
from semblance.indexer.answers.wishes import Wishes
from semblance.retrieval import codes as packed
from semblance.retrieval import decoding
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import Overtaken, SemblanceError, UsageError
from semblance.retrieval.images import Picture, Source
from semblance.retrieval.queries import CodeQuery

T = TypeVar("T")

_TRIES = 3  # at a library that is overtaken while it is asked


@dataclass(frozen=True)
class Code:
    """One code: whose, of how many bits, and as lower-case hexadecimal, two digits a byte in byte order."""

    codec_id: str
    bits: int
    code: str


@dataclass(frozen=True)
class Encoded(Code):
    """The code by which a picture is like others, and the one by which its copies are known; None where the library
    has none such."""

    copies: Code | None
    timings_ms: Timings


def encode(way: Way[Any], source: Source) -> Encoded:
    """The codes of one picture, by the codecs of the way `code`. Raises as decoding.load does."""
    same = way.same.codec if way.same else None
    started = time.perf_counter()
    seen = decoding.load_each(source, {way.codec.spec, *([same.spec] if same else [])})
    decoded = time.perf_counter()
    alike, copies = _code(way.codec, seen[way.codec.spec]), _code(same, seen[same.spec]) if same else None
    times = 1000 * (decoded - started), 1000 * (time.perf_counter() - decoded)
    timings = Timings(round(times[0], 3), round(times[1], 3), 0.0)
    return Encoded(alike.codec_id, alike.bits, alike.code, copies, timings)


def questions(way: Way[Any], codes: Sequence[str], k: int, wishes: Wishes) -> list[Question[Any]]:
    """A question for each code. UsageError where one is not of the way's codec."""
    if not isinstance(way, ByCodes):
        raise UsageError("engine: codes ask by code or by copies, and pixels have none.")
    made = []
    for place, text in enumerate(codes):
        code = parsed(text, way.codec.bits, place)
        own = (way.codec.codec_id, code) if way.name == "copies" else None
        query = CodeQuery(code)
        made.append(
            Question[Any](query, k, way.codec.codec_id, same=own, wishes=wishes, odds=wishes.chance is not None)
        )
    return made


def anew(ask: Callable[[], T], follow: Callable[[], object]) -> T:
    """What is found, asked anew where something had taken the place of what was asked. Raises as `ask` does."""
    for _ in range(_TRIES):
        with suppress(Overtaken):
            return ask()
        follow()
    return ask()


def sound(answers: Sequence[Answer | SemblanceError]) -> list[Answer]:
    """The answers, where all are. Raises what one is instead."""
    found = []
    for each in answers:
        if isinstance(each, SemblanceError):
            raise each
        found.append(each)
    return found


def parsed(text: str, bits: int, place: int) -> Codes:
    """One code (1, W). Raises UsageError that says which of them is wrong."""
    try:
        if len(text) != 2 * packed.width(bits):  # fromhex passes over blanks
            raise ValueError
        return packed.from_hex(text, bits)[None]
    except ValueError as error:
        digits = 2 * packed.width(bits)
        raise UsageError(
            f"codes.{place}: a code of {bits} bits is {digits} hexadecimal digits, as /encode gives it."
        ) from error


def _code(codec: Codec, picture: Picture) -> Code:
    return Code(codec.codec_id, codec.bits, packed.to_hex(codec.encode(picture[None])[0]))
