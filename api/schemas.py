"""What goes over the wire, besides what a library answers. More keys may be added beside these; none is taken away."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from semblance.indexer.answers.asking import Engine
from semblance.retrieval.views import MOST as MOST_VIEWS

MAX_K = 1000


class SimilarParams(BaseModel):
    """How to search: how many pictures, and by what."""

    model_config = ConfigDict(extra="forbid")

    k: int = Field(10, ge=1, le=MAX_K, description="How many pictures to return")
    engine: Engine = Field("code", description="What is alike, what is the same, or raw pixels as the baseline")


class SearchParams(SimilarParams):
    """The same for an uploaded picture, of which more is known than its code. Neither goes with engine pixel."""

    views: int = Field(1, ge=1, le=MOST_VIEWS, description="Search with so many views of the picture: flips and crops")
    refine: bool | None = Field(
        None, description="Order the nearest by how sure the picture's bits are: by codes true unless false is said"
    )


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


class Image(BaseModel):
    """A picture of the library."""

    id: int
    path: str


class Images(BaseModel):
    """Some pictures of the library."""

    images: list[Image]


class Problem(BaseModel):
    """RFC 9457: what went wrong, with a `detail` fit to show to a person."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
