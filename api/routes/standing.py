"""Whether the service lives, and what it holds."""

from dataclasses import asdict

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client.exposition import choose_encoder

from semblance.api.wire.problems import problem, responses
from semblance.api.wire.standing import Audit, Health, Index, Ready
from semblance.api.workers.records import State
from semblance.api.workers.service import Service
from semblance.indexer.answers.hits import Engine
from semblance.indexer.catalog import Purpose
from semblance.indexer.derived import engines
from semblance.retrieval.errors import SemblanceError

router = APIRouter()
_OPENMETRICS = {"application/openmetrics-text": {"schema": {"type": "string"}}}


@router.get("/health", responses=responses(503))
async def health(request: Request) -> Health:
    """Whether the process answers, and the thread that searches is alive. No thread is needed to say so."""
    own: Service = request.state.service
    own.worker.check()
    return Health()


@router.get("/ready", responses=responses(503), response_model=Ready)
async def ready(request: Request) -> Ready | Response:
    """Whether there is a library to search, and what it holds; to who has no key where keys are asked for, only
    whether there is one."""
    own: Service = request.state.service
    stranger = getattr(request.state, "scopes", None) == ()
    try:
        own.worker.check()
        state = own.worker.state()
    except SemblanceError:
        if stranger:  # the sentence names the library's folder
            return problem(503, "There is no library to search at the moment.", {"Retry-After": "2"})
        raise
    if stranger:
        return JSONResponse({"status": "ready"})
    return Ready(
        pictures=state.pictures,
        codec_id=state.codec.codec_id,
        bits=state.codec.bits,
        engines=state.engines,
        generation=state.ways["code"].generation.number,
        catalog=own.settings.library is not None,
        codecs={name: way.codec.codec_id for name, way in state.ways.items() if name != "pixel"},
        coverage={name: state.ways[name].coverage for name in state.engines},
        indexes=indexes(state, own.worker.building.at_work),
        audit=Audit(**asdict(own.worker.audits.so_far)),
    )


def indexes(state: State, building: bool) -> dict[Engine, Index]:
    """What the codes of each way of asking are searched by."""
    names: dict[Purpose, Engine] = {"alike": "code", "same": "copies"}
    return {
        names[purpose]: Index(
            **engines.said(loaded.choice), laid_over=loaded.laid_over, building=building and bool(loaded.wanted)
        )
        for purpose, loaded in state.standing.items()
    }


@router.get("/metrics", response_class=PlainTextResponse, responses={200: {"content": _OPENMETRICS}})
async def metrics(request: Request) -> Response:
    """What Prometheus reads, in the format that it accepts."""
    own: Service = request.state.service
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(own.watch.metrics.registry), headers={"Content-Type": media_type})
