"""Whether the service lives, and what it holds."""

from fastapi import APIRouter, Request

from semblance.api.wire.problems import responses
from semblance.api.wire.standing import Health, Ready
from semblance.api.work.threads import Service

router = APIRouter()


@router.get("/health")
def health() -> Health:
    """Whether the process answers."""
    return Health()


@router.get("/ready", responses=responses(503))
def ready(request: Request) -> Ready:
    """Whether there is a library to search, and what it holds."""
    own: Service = request.state.service
    state = own.worker.state()
    return Ready(pictures=state.pictures, codec_id=state.codec.codec_id, bits=state.codec.bits, engines=state.engines)
