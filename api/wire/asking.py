"""How to search: what a request may say, and what it is answered beside answers of the library's own."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt

from semblance.api.wire.narrowing import PIXELS, NarrowingParams
from semblance.indexer.answers import wishes
from semblance.indexer.answers.cursors import LONGEST
from semblance.indexer.answers.hits import Engine, Hit, Timings
from semblance.indexer.answers.wishes import MAX_K, PLAIN, Wishes
from semblance.retrieval.formats.regions import Region
from semblance.retrieval.views import MOST as MOST_VIEWS

MOST_CODES, MOST_SEVERAL = 256, 16

# What SQLite and FAISS can hold.
Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="The picture's id in the library")]
# No text or truth value for a number in JSON; but to JSON 10.0 is a whole number too.
_WHOLE = BeforeValidator(lambda said: int(said) if isinstance(said, float) and said.is_integer() else said)
Whole = Annotated[StrictInt, _WHOLE]
Pixels = Annotated[StrictInt, Field(ge=1, le=2**62), _WHOLE]  # in this order, for the document's sake
Near = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Odds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_WITHIN = "Only results at this distance or nearer: in bits, by pixels Euclidean"
_CHANCE = "Only results with expected_by_chance of at most this"


class Narrowed(NarrowingParams):
    """Which pictures count, and how near they have to be."""

    within: Near | None = Field(None, description=_WITHIN)
    chance: Odds | None = Field(None, description=_CHANCE)


class SimilarParams(Narrowed):
    """How to search: how many pictures, by what, and which."""

    k: int = Field(10, ge=1, le=MAX_K, description="How many pictures to return")
    engine: Engine = Field("code", description="What is alike, what is the same, or raw pixels as the baseline")
    fold: bool = Field(False, description="Copies of one picture are one result, which lists the others in `folded`")
    region: str | None = Field(
        None,
        description="Ask by a part of the picture alone: left,top,width,height in fractions of it as it is shown",
        examples=["0.25,0.25,0.5,0.5"],
        json_schema_extra={"format": "region"},
    )
    cursor: str | None = Field(
        None,
        max_length=LONGEST,
        json_schema_extra={"format": "cursor"},
        description="Empty: the answer says where the next page begins, in `next`. That, given here: the next page",
    )


class SearchParams(SimilarParams):
    """The same for an uploaded picture, of which more is known than its code. Neither goes with engine pixel."""

    views: int = Field(1, ge=1, le=MOST_VIEWS, description="Search with so many views of the picture: flips and crops")
    refine: bool | None = Field(
        None, description="Order the nearest by how sure the picture's bits are: by codes true unless false is said"
    )


class NextPage(BaseModel):
    """The next page of a question of any kind."""

    model_config = ConfigDict(extra="forbid")

    cursor: str = Field(
        min_length=1,
        max_length=LONGEST,
        description="`next` of the answer before",
        json_schema_extra={"format": "cursor"},
    )
    k: Whole = Field(10, ge=1, le=MAX_K, description="How many pictures to return")


class Codes(Narrowed):
    """Many codes to ask by at once, as /encode gives them."""

    codes: list[Annotated[str, Field(json_schema_extra={"format": "code"})]] = Field(
        min_length=1, max_length=MOST_CODES, description="Codes in hexadecimal"
    )
    codec_id: str | None = Field(None, description="Whose they are: 409 where that is not the library's codec now")
    k: Whole = Field(10, ge=1, le=MAX_K, description="How many pictures to return for each")
    engine: Engine = Field(
        "code",
        description="By what is alike, or by what is the same",
        json_schema_extra={"enum": ["code", "copies"]},  # of pixels there is a sentence to say
    )
    within: Annotated[Near, Field(strict=True)] | None = Field(None, description=_WITHIN)
    chance: Annotated[Odds, Field(strict=True)] | None = Field(None, description=_CHANCE)
    min_pixels: Pixels | None = Field(None, description=PIXELS)


class Results(BaseModel):
    """What one code found."""

    results: list[Hit]


class Batch(BaseModel):
    """What many codes found, in their order."""

    codec_id: str
    engine: Engine
    library_size: int
    timings_ms: Timings
    narrowed: int | None = None
    answers: list[Results]


def wished(params: Narrowed) -> Wishes:
    """The wishes of a request. Raises UsageError for what makes no sense."""
    said = params.wished("within", "chance", "fold", "cursor")
    if said.get("cursor") is not None:
        said["cursor"] = ""  # what it says itself is read elsewhere
    return wishes.wishes(**said) if said else PLAIN


def region(params: SimilarParams) -> Region | None:
    """The part of the picture that asks. Raises UsageError."""
    return None if params.region is None else wishes.region(params.region)
