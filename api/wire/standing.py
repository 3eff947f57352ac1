"""What the service says about itself."""

from typing import Literal

from pydantic import BaseModel

from semblance.indexer.answers.hits import Engine


class Ready(BaseModel):
    """What the service holds."""

    status: Literal["ready"] = "ready"
    pictures: int
    codec_id: str
    bits: int
    engines: list[Engine]


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
