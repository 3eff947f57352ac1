"""Codes out and in, for programs: what a picture's codes are, and what is nearest to many codes at once."""

import asyncio
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile
from fastapi.responses import Response

from semblance.api.routes.search import sent_bytes, way_of
from semblance.api.wire.asking import Batch, Codes, Results, wished
from semblance.api.wire.problems import responses
from semblance.api.work.threads import Service
from semblance.indexer.answers import encoding
from semblance.indexer.answers.encoding import Encoded
from semblance.indexer.answers.questions import Way
from semblance.retrieval.errors import OtherCodec

router = APIRouter()


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
    futures = [own.worker.ask(asked.engine, question) for question in questions]
    answers = await asyncio.gather(*map(asyncio.wrap_future, futures))
    first = answers[0]
    found = Batch(
        codec_id=first.codec_id,
        engine=first.engine,
        library_size=first.library_size,
        timings_ms=replace(first.timings_ms, search=max(answer.timings_ms.search for answer in answers)),
        narrowed=first.narrowed,
        answers=[Results.model_construct(results=answer.results) for answer in answers],
    )
    return Response(found.model_dump_json(), media_type="application/json")


def _encoded(file: UploadFile, way: Way[object], limit_mb: int) -> Encoded:
    return encoding.encode(way, sent_bytes(file, limit_mb))
