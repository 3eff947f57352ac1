"""What goes over the wire. More keys may be added beside these; none is taken away."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from semblance.retrieval.views import MOST as MOST_VIEWS

MAX_K = 1000

Engine = Literal["code", "pixel"]


class SimilarParams(BaseModel):
    """How to search: how many pictures, and by what."""

    model_config = ConfigDict(extra="forbid")

    k: int = Field(10, ge=1, le=MAX_K, description="How many pictures to return")
    engine: Engine = Field("code", description="Learned codes, or raw pixels as the baseline")


class SearchParams(SimilarParams):
    """The same for an uploaded picture, of which more is known than its code. Neither goes with engine pixel."""

    views: int = Field(1, ge=1, le=MOST_VIEWS, description="Search with so many views of the picture: flips and crops")
    refine: bool = Field(False, description="Order the nearest by how sure the picture's bits are")


class Result(BaseModel):
    """One picture found. For engine code the distance is in bits, for engine pixel Euclidean on pixels in 0..1.

    Of several views the nearest counts. Refining changes the order of results and not their distances.
    """

    id: int
    path: str
    distance: float
    similarity: float


class Timings(BaseModel):
    """Milliseconds spent in each part; 0 where a part was not needed."""

    decode: float
    encode: float
    search: float


class SearchAnswer(BaseModel):
    """The nearest pictures, nearest first."""

    codec_id: str
    engine: Engine
    library_size: int
    timings_ms: Timings
    results: list[Result]


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
