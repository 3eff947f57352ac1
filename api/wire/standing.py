"""What the service says about itself."""

from typing import Literal

from pydantic import BaseModel, Field

from semblance.indexer.answers.hits import Engine


class Audit(BaseModel):
    """What came of the answers that were asked again exactly."""

    answers: int
    recall: float = Field(description="The mean share of the pictures of the exact answer that was in the one given")
    short: int = Field(description="Answers that lacked a picture")
    last: str | None = Field(description="When the last was, in ISO 8601 and UTC")


class Ready(BaseModel):
    """What the service holds."""

    status: Literal["ready"] = "ready"
    pictures: int
    codec_id: str
    bits: int
    engines: list[Engine]
    generation: int
    catalog: bool = Field(True, description="Whether there are facts, facets, a map, duplicates, jobs and uploads too")
    codecs: dict[Engine, str]
    coverage: dict[Engine, float] = Field(description="The share of the pictures that each way of asking knows")
    audit: Audit


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
