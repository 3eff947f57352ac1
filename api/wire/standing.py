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


class Index(BaseModel):
    """What codes are searched by."""

    asked: str = Field(description="What the service was asked to search by")
    engine: str = Field(description="What answers")
    why: str
    recall: float | None = Field(description="Of ten results, as it was measured; null where it was not")
    milliseconds: float | None = Field(description="For one question, as it was measured; null where it was not")
    memory: int = Field(description="Bytes of codes and of what finds them")
    laid_over: int = Field(description="Codes that came or went since it was built")
    building: bool = Field(description="Whether another is being built, or built anew")


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
    indexes: dict[Engine, Index] = Field(description="What the codes of each way of asking are searched by")
    audit: Audit


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
