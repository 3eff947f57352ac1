"""Cursors: the next page of a question as text, which holds all that the question was, and where its last page ended.

A service remembers nothing of them, so that they hold as long as the library does. A cursor begins with a digest keyed
by the library's identity: one that is cut, made up, or another library's is refused with a sentence. It says nothing
that its question did not.

    digest (12 bytes), a line of JSON, codes of the views, their logits (float32), the code that tells copies;
    by pixels the vector alone
"""

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import astuple, fields
from typing import Any

import numpy as np

from semblance.indexer.answers.hits import Engine
from semblance.indexer.answers.questions import Place, Question, Way
from semblance.indexer.answers.wishes import wishes
from semblance.indexer.catalog import Narrowing
from semblance.retrieval import pixels
from semblance.retrieval.errors import OtherCodec, UsageError
from semblance.retrieval.queries import CodeQuery

LONGEST = 2**16  # characters
_DIGEST = 12
_REFUSED = "cursor: it is no cursor of this library, or not whole: take it from an answer's `next` as it is."


def write(way: Way[Any], question: Question[Any], query: Any, place: Place) -> str:
    """The cursor of the page after `place`."""
    own = question.same
    if isinstance(question.by, int) and way.same:
        own = way.same.of_id(question.by)
    codes, logits = (query.codes, query.logits) if isinstance(query, CodeQuery) else (None, None)
    wished = question.wishes
    head = {
        "engine": way.name,
        "codec": way.codec.codec_id if codes is not None else "",
        "asked": question.asked,
        "wishes": [wished.within, wished.chance, wished.fold],
        "among": astuple(wished.among) if wished.among else None,
        "place": astuple(place),
        "codes": codes.shape if codes is not None else None,
        "logits": logits.shape if logits is not None else None,
        "copies": [own[0], *own[1].shape] if own else None,
    }
    body = query.tobytes() if codes is None else codes.tobytes()
    body += logits.astype("<f4").tobytes() if logits is not None else b""
    body += own[1].tobytes() if own else b""
    data = json.dumps(head, default=str, separators=(",", ":")).encode() + b"\n" + body
    return base64.urlsafe_b64encode(_digest(way.catalog.library, data) + data).decode().rstrip("=")


def read(text: str, ways: Mapping[str, Way[Any]]) -> tuple[Engine, Question[Any]]:
    """The engine and the question of a cursor's page, `k` of it still to be said. Raises UsageError where it is none
    of this library's, OtherCodec where another codec made it."""
    try:
        if len(text) > LONGEST:
            raise ValueError
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        data = sealed[_DIGEST:]
        if sealed[:_DIGEST] != _digest(ways["code"].catalog.library, data):
            raise ValueError
        line, body = data.split(b"\n", 1)
        head = json.loads(line)
        engine, codec_id = head["engine"], head["codec"]
        if engine in ways and codec_id not in ("", ways[engine].codec.codec_id):
            raise OtherCodec("cursor: the library has codes of another model now: ask anew.")
        question = _question(head, body)
    except (ValueError, TypeError, KeyError, UnicodeError) as error:
        raise UsageError(_REFUSED) from error
    return engine, question


def _question(head: dict[str, Any], body: bytes) -> Question[Any]:
    at = 0

    def taken(shape: list[int], kind: str) -> Any:
        nonlocal at
        found = np.frombuffer(body, kind, math.prod(shape), at).reshape(shape)
        at += found.nbytes
        return found.astype(found.dtype.newbyteorder("="))

    if head["codes"]:
        codes = taken(head["codes"], "u1")
        by: Any = CodeQuery(codes, taken(head["logits"], "<f4") if head["logits"] else None)
    else:
        by = taken([pixels.LENGTH], "u1")
    same = (head["copies"][0], taken(head["copies"][1:], "u1")) if head["copies"] else None
    within, chance, fold = head["wishes"]
    names = [field.name for field in fields(Narrowing)]
    narrowing = dict(zip(names, head["among"], strict=True)) if head["among"] else {}
    wished = wishes(within, chance, fold, "", **narrowing)
    last, border, most, seen, after = head["place"]
    place = Place(last, tuple(border) if border else None, most, seen, tuple(after))
    return Question(by, 1, head["codec"], same=same, wishes=wished, place=place, asked=head["asked"])


def _digest(library: str, data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST, key=library.encode()[:64]).digest()
