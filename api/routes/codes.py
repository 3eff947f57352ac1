"""Codes out and in, for programs: what a picture's codes are, and what is nearest to many codes at once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, File, Request, UploadFile
from fastapi.responses import Response
from pydantic import TypeAdapter

from semblance.api.routes.search import sent_bytes, way_of
from semblance.api.wire.asking import Batch, Codes, Results, wished
from semblance.api.wire.problems import responses
from semblance.api.workers.sending import Flowing
from semblance.api.workers.service import Service
from semblance.api.workers.threads import CLIENT
from semblance.indexer.answers import encoding
from semblance.indexer.answers.encoding import Encoded
from semblance.indexer.answers.questions import Question, Way
from semblance.retrieval.errors import OtherCodec

router = APIRouter()

_TOGETHER = 4096  # pictures that are asked for at one time: the rest of many is looked for while the first is sent
_RESULTS = TypeAdapter(list[Results])


@router.api_route(
    "/encode", methods=["POST"], form_limits={"max_files": 1}, responses=responses(400, 411, 413, 415, 422, 503)
)
async def encode(request: Request, file: Annotated[UploadFile, File(description="The picture to encode")]) -> Encoded:
    """The codes of a picture: by which it is like others, and by which its copies are known."""
    own: Service = request.state.service
    return await own.slots.run(_encoded, file, way_of(own, "code"), own.settings.max_upload_mb)


@router.post("/search/codes", responses=responses(400, 409, 411, 415, 422, 503), response_model=Batch)
async def search_codes(request: Request, asked: Codes) -> Response:
    """For each of many codes the pictures nearest to it. `expected_by_chance` is said where `chance` is asked for."""
    own: Service = request.state.service
    way = way_of(own, asked.engine)
    if asked.codec_id is not None and asked.codec_id != way.codec.codec_id:
        raise OtherCodec(
            f"codec_id: the library's codes are of another model now ({way.codec.codec_id[:12]}): encode by that."
        )
    questions = encoding.questions(way, asked.codes, asked.k, wished(asked))
    step = max(1, _TOGETHER // asked.k)
    if len(questions) <= step:
        return Response((await _found(own, asked.engine, questions)).model_dump_json(), media_type="application/json")
    parts = _parts(own, asked.engine, questions, step)
    return Flowing(_from(await anext(parts), parts), media_type="application/json")


async def _found(own: Service, engine: str, questions: list[Question[Any]]) -> Batch:
    """What some codes found. Those of one client come one after the other, and others' questions between them."""
    async with own.worker.turns.setdefault(CLIENT.get(), asyncio.Lock()):
        futures = [own.worker.ask(engine, question) for question in questions]
        answers = await asyncio.gather(*map(asyncio.wrap_future, futures))
    first = answers[0]
    return Batch(
        codec_id=first.codec_id,
        engine=first.engine,
        library_size=first.library_size,
        timings_ms=replace(first.timings_ms, search=max(answer.timings_ms.search for answer in answers)),
        narrowed=first.narrowed,
        answers=[Results.model_construct(results=answer.results) for answer in answers],
    )


async def _parts(own: Service, engine: str, questions: list[Question[Any]], step: int) -> AsyncIterator[bytes]:
    """The same of many, `step` at one time, as one Batch in JSON, whose head and time are the first's."""
    for at in range(0, len(questions), step):
        found = await _found(own, engine, questions[at : at + step])
        head, results = found.model_dump_json(exclude={"answers"}), _RESULTS.dump_json(found.answers)
        if at == 0:
            yield head[:-1].encode() + b',"answers":' + results[:-1]
        else:
            yield b"," + results[1:-1]
    yield b"]}"


async def _from(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in others:
        yield part


def _encoded(file: UploadFile, way: Way[object], limit_mb: int) -> Encoded:
    return encoding.encode(way, sent_bytes(file, limit_mb))
